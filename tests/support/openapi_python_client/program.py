"""Writes, reads, filters, changes, and deletes rows with a client that openapi-python-client has made.

The package `shop` is in the directory where this runs. It prints what the gateway answered.
"""

import datetime
import json
import sys

from shop import AuthenticatedClient
from shop.api.orders import delete_orders, head_orders, read_orders, update_orders, write_orders
from shop.models import OrdersInsert, OrdersUpdate

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
placed = datetime.datetime(2026, 11, 23, 7, 30, tzinfo=datetime.UTC)
orders = [
    OrdersInsert(order_id=1, customer="Ada", amount=12.5, placed_at=placed),
    OrdersInsert(
        order_id=2, customer="Grace", amount=3.25, placed_at=placed, note=None, tags=["a"], extra={"any": [1]}
    ),
]
with client:
    receipt = write_orders.sync(client=client, body=orders, idempotency_key="openapi-python-client-1")
    one = write_orders.sync(
        client=client, body=OrdersInsert(order_id=3, customer="Lin", amount=1, placed_at=placed)
    )
    rows = read_orders.sync(client=client, order="order_id")
    some = read_orders.sync(
        client=client, select="order_id", amount="gte.10", field_batch=f"eq.{receipt.batch}"
    )
    renamed = read_orders.sync(client=client, select="total:amount.sum()")
    counted = head_orders.sync_detailed(client=client, prefer="count=exact")
    changed = update_orders.sync_detailed(client=client, order_id="eq.1", body=OrdersUpdate(paid=True))
    deleted = delete_orders.sync_detailed(client=client, order_id="in.(2,3)")
    left = read_orders.sync(client=client, select="order_id,paid")
    refused = write_orders.sync(
        client=client, body=OrdersInsert(order_id=4, customer="x" * 201, amount=1, placed_at=placed)
    )
    misread = read_orders.sync(client=client, select="custmer")

print(
    json.dumps(
        {
            "batch": receipt.batch,
            "stored": [receipt.stored, one.stored],
            "customers": [row.customer for row in rows],
            "placed": sorted({row.placed_at.isoformat() for row in rows}),
            "some": [row.to_dict() for row in some],
            "renamed": [row.additional_properties for row in renamed],
            "count": counted.headers["Content-Range"],
            "statuses": [int(changed.status_code), int(deleted.status_code)],
            "left": [row.to_dict() for row in left],
            "refused": [refused.code, refused.errors[0].field],
            "misread": [misread.code, misread.hint],
        }
    )
)
