"""Connector files that documents are made of: every type, constraint, and name that is out of the ordinary."""

import hashlib
import json

from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from tests.support.query_strategies import CONNECTOR

ORDERS = """
description: Orders exported nightly by the shop.
fields:
  order_id: integer
  customer: {type: string, max_length: 200, description: Who ordered.}
  amount: decimal(12, 2)
  paid: {type: boolean, default: false}
  placed_at: timestamp
  note: {type: string, nullable: true}
  extra: {type: json, nullable: true}
  tags: {type: "string[]", nullable: true}
primary_key: [order_id]
on_conflict: replace
access: {ingest: [etl], read: [public], change: [ops]}
"""
EVERY_TYPE = """
fields:
  s: string
  i: integer
  n: number
  d: decimal(9, 3)
  whole: decimal(18, 0)
  wide: decimal(38, 10)
  tiny: decimal(2, 2)
  b: boolean
  day: date
  clock: time
  at: timestamp
  local: datetime
  key: uuid
  j: json
  ss: string[]
  ii: integer[]
  dd: decimal(6, 2)[]
  ats: timestamp[]
access: {ingest: [etl], read: [public], change: [ops]}
"""
EVERY_RULE = """
fields:
  code: {type: string, pattern: "^[A-Z]{2}[0-9]{3}$", examples: [AB123]}
  folded: {type: string, pattern: "(?i)^abc$", examples: [ABC], nullable: true}
  short: {type: string, min_length: 2, max_length: 5}
  mail: {type: string, format: email}
  state: {type: string, enum: [open, done], default: open}
  level: {type: integer, enum: [1, 2, 3], nullable: true}
  share: {type: number, minimum: 0, exclusive_maximum: 1}
  price: {type: "decimal(9, 2)", exclusive_minimum: 0, maximum: 1000}
  days: {type: "date[]", nullable: true}
  moods: {type: "string[]", enum: [good, bad], default: []}
  since: {type: date, default: "2026-01-01"}
  any: {type: json, default: {a: [1, null]}}
primary_key: [code, short]
on_invalid: keep
idempotency: required
access: {ingest: [etl], read: [public], change: [ops]}
"""
ODD_NAMES = """
description: "Names with \\"quotes\\", <b>markup</b>, and ünïcode."
path: /odd/names~1
fields:
  select: {type: string, nullable: true}
  limit: {type: integer, nullable: true}
  "a b": {type: string, nullable: true}
  "a.b": {type: string, nullable: true}
  "a_b": {type: string, nullable: true}
  "größe": {type: number, nullable: true}
  "class": {type: string, nullable: true}
  "$ref": {type: string, nullable: true}
  "0": {type: string, nullable: true}
access: {read: [public], ingest: [etl], change: [ops]}
"""
CLASHING = "fields: {x: integer}\naccess: {read: [public]}\n"
SAMPLES = {
    "orders": ORDERS,
    "every_type": EVERY_TYPE,
    "every_rule": EVERY_RULE,
    "odd": ODD_NAMES,
    "a-b": CLASHING,
    "a_b": CLASHING,
    "a_b_2": CLASHING,
    "private": "fields: {x: integer}\n",
}
#: The connectors that schemathesis asks: those of one and the same kinds of requests once.
SCHEMATHESIS = {
    "orders": ORDERS,
    "every_type": EVERY_TYPE,
    # A pattern that only some languages have is not in a document.
    "every_rule": EVERY_RULE.replace("  folded:", "  # folded:"),
    "queries": CONNECTOR.replace("{read: [public]}", "{read: [public], ingest: [etl], change: [ops]}"),
}
#: The tokens in the `access` of the samples, and one that is in none.
TOKENS = {name: f"gw_{name:x<40}" for name in ("etl", "ops", "stranger")}


def tokens_file() -> str:
    """Return a tokens file with a digest of each token."""
    digests = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    return json.dumps({name: [f"sha256:{digest}"] for name, digest in digests.items()})


def connector_of(name: str, text: str) -> Connector:
    """Parse a connector file."""
    parsed = plan.parse_file(ConnectorFile.of(f"{name}.yaml", text.encode()))
    assert parsed.connector, parsed.findings
    return parsed.connector


def connectors() -> list[Connector]:
    """Return every sample."""
    return [connector_of(name, text) for name, text in SAMPLES.items()]
