"""The text of new connector files."""

from gateway.connectors.file_edit.edit import model_of
from gateway.connectors.file_edit.new_text import write_new

ORDERS = """\
description: Orders exported nightly by the shop.
fields:
  order_id: integer
  customer: {type: string, max_length: 200}
  amount: decimal(12, 2)
  tax: {type: "decimal(12, 2)", nullable: true}
  paid: {type: boolean, default: false}
  placed_at: timestamp
  status: {type: string, enum: [open, paid, "no", "012"], description: "One of them: open at first."}
access: {ingest: [etl], read: [public]}
primary_key: [order_id]
on_conflict: replace
"""


def test_new_file_looks_as_people_write_it():
    assert write_new(model_of(ORDERS.encode(), "orders.yaml")).decode() == ORDERS
