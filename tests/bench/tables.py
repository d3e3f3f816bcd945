"""The tables of the workloads: connectors, and SQL that makes their rows, the same in every run."""

from dataclasses import dataclass
from functools import cached_property

from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import parse_connector
from tests.support.server import ROOT

_ORDERS = """\
fields:
  order_id: integer
  customer: {type: string, max_length: 200}
  amount: decimal(12, 2)
  paid: {type: boolean, default: false}
  placed_at: timestamp
  note: {type: string, nullable: true}
"""
_AN_ORDER = """
  i AS order_id,
  'customer ' || hash(i) % 50000 AS customer,
  (hash(i + 1) % 1000000)::DECIMAL(10, 0) * 0.01::DECIMAL(3, 2) AS amount,
  hash(i + 2) % 3 > 0 AS paid,
  strftime(TIMESTAMP '2025-01-01' + to_seconds(i * 6), '%Y-%m-%dT%H:%M:%SZ') AS placed_at,
  CASE WHEN hash(i + 3) % 4 > 0 THEN 'left at door ' || hash(i + 4) % 1000 END AS note
"""
#: One order as JSON, with a place for its number.
AN_ORDER = (
    '{"order_id":%d,"customer":"customer 8352","amount":757.88,"paid":true,'
    '"placed_at":"2025-01-01T00:00:06Z","note":"left at door 146"}'
)


@dataclass(frozen=True)
class Table:
    """A table: its connector file without `access`, and SQL that makes its rows from `{first}` to before `{end}`."""

    name: str
    text: str
    sql: str

    @cached_property
    def connector(self) -> Connector:
        return parse_connector(self.text.encode(), f"{self.name}.yaml")[0]

    @cached_property
    def columns(self) -> dict[str, str]:
        """The columns and their types as the gateway's own table has them."""
        return {field.name: field.type.sql.column for field in self.connector.fields}


ORDERS = Table("orders", _ORDERS, f"SELECT {_AN_ORDER} FROM range({{first}}, {{end}}) t(i)")
KEYED_ORDERS = Table("orders", f"{_ORDERS}primary_key: [order_id]\n", ORDERS.sql)
#: The object of a webhook, as small as most are.
_AN_EVENT = """json_object(
    'event', 'order.' || ['created', 'paid', 'shipped'][1 + (hash(i + 5) % 3)::INTEGER],
    'id', 'evt_' || printf('%016x', hash(i + 6)),
    'created', 1735689600 + i * 6,
    'live', true,
    'customer', json_object('id', hash(i) % 50000, 'email', 'customer' || hash(i) % 50000 || '@example.com'),
    'items', json_array(json_object('sku', 'A-' || hash(i + 7) % 1000, 'quantity', 1 + hash(i + 8) % 4, 'price', 19.99)),
    'discount', NULL
  )"""
EVENTS = Table(
    "events",
    _ORDERS.replace("note: {type: string, nullable: true}", "payload: json"),
    f"SELECT * EXCLUDE (i, note), {_AN_EVENT} AS payload FROM (SELECT i, {_AN_ORDER} FROM range({{first}}, {{end}}) t(i))",
)
TEXT_EVENTS = Table(
    "text_events",
    _ORDERS.replace("note: {type: string, nullable: true}", "payload: string"),
    f"SELECT * REPLACE (payload::VARCHAR AS payload) FROM ({EVENTS.sql})",
)
#: Its rows are in a table of that name, which `Files` loads.
FLIGHTS = Table(
    "flights",
    (ROOT / "connectors.d/flights.yaml").read_text().partition("access:")[0],
    "SELECT * FROM flights LIMIT {end} - {first} OFFSET {first}",
)
