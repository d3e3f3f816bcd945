"""What a commit costs: of how many rows, and which of its statements; and what the rows cost before it in each format.

`python -m tests.bench.commit_cost` prints CPU and wall time, the median of many, with nothing else going on. Where gateway/docs/performance.md
says why a target is missed, it has these figures.
"""

import functools
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from gateway.connectors.change import SchemaDiff
from gateway.ingest import payload
from gateway.ingest.columnar.reader import Columnar
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from gateway.store.batch import Batch
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from tests.bench.files import Files
from tests.bench.tables import AN_ORDER, EVENTS, FLIGHTS, ORDERS, TEXT_EVENTS, Table

TURNS = 60
ROW_BYTES = 2**20


def milliseconds(call: Callable[[], Any]) -> tuple[float, float]:
    """The median CPU and wall time of a call."""
    times = []
    for _ in range(TURNS):
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return tuple(statistics.median(each) * 1000 for each in zip(*times, strict=True))


def show(what: str, call: Callable[[], Any]) -> None:
    cpu, wall = milliseconds(call)
    print(f"{what}: {cpu:.2f} ms of CPU, {wall:.2f} ms", flush=True)


class Watched:
    """The writer's connection, with the wall time of each kind of statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def execute(self, sql: str, *arguments: Any) -> Any:
        began = time.perf_counter()
        done = self._connection.execute(sql, *arguments)
        self.seconds[sql.split("(", maxsplit=1)[0].split(" BY ", maxsplit=1)[0]].append(
            time.perf_counter() - began
        )
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def show_commits(table: Table, batches: dict[str, list[Batch]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = file_store(DuckDBFile(Path(directory), memory=4 * 2**30))
        (connector,) = store.apply([SchemaDiff(None, table.connector)])
        store.maintain()
        watched = store._database.writer = Watched(store._database.writer)
        for name, several in batches.items():
            some = [replace(batch, connector=connector) for batch in several]
            store.append(some)
            watched.seconds.clear()
            show(f"{table.name}: commit of {name}", lambda some=some: store.append(some))
            for statement, seconds in watched.seconds.items():
                if len(seconds) >= TURNS:
                    print(f"    {statement}: {statistics.median(seconds) * 1000:.2f} ms")
        store.close()


def parse_json(table: Table, body: bytes) -> None:
    if any(field.type.arrow.read_as is None for field in table.connector.fields):
        return  # A field of type `json` has no column of pyarrow's parser.
    lines = b"\n".join(each.strip(b", \t") for each in body.strip(b"[]\n").split(b"\n"))
    schema = pa.schema([(field.name, field.type.arrow.read_as) for field in table.connector.fields])
    options = pyarrow.json.ParseOptions(explicit_schema=schema)
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    show("        of which pyarrow", lambda: pyarrow.json.read_json(pa.BufferReader(lines), reading, options))


def parse_csv(table: Table, body: bytes) -> None:
    texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(table.columns, pa.string()))
    reading = pyarrow.csv.ReadOptions(use_threads=False, block_size=len(body) + 1)
    show(
        "        of which pyarrow",
        lambda: pyarrow.csv.read_csv(pa.BufferReader(body), reading, convert_options=texts),
    )


def parse_parquet(_: Table, body: bytes) -> None:
    show(
        "        of which pyarrow",
        lambda: pyarrow.parquet.read_table(pa.BufferReader(body), use_threads=False),
    )


#: The formats of bodies, and what their library takes of it; of an Arrow stream, that is nothing.
FORMATS: dict[str, tuple[Media, Callable[[Table, bytes], None] | None]] = {
    "json": (Media.JSON, parse_json),
    "ndjson": (Media.NDJSON, None),
    "csv": (Media.CSV, parse_csv),
    "parquet": (Media.PARQUET, parse_parquet),
    "arrow": (Media.ARROW, None),
}


def show_reading(table: Table, files: Files) -> Batch:
    """Show what each format of the same rows costs, and give them as a batch."""
    columnar, read = Columnar(table.connector), []
    for kind, (media, library) in FORMATS.items():
        body = files.bodies(table, kind)[0].read_bytes()
        parse = functools.partial(columnar.parse, body, media, ROW_BYTES)
        columns = parse()
        if columns is None:
            print(f"{table.name}: 10,000 rows as {kind} are not read in columns")
            continue
        read.append(columns)
        print(f"{table.name}: 10,000 rows as {kind}, {len(body):,} bytes")
        show("    read in columns", parse)
        if library:
            library(table, body)
    return Validator(table.connector).batch_of(read[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = Files(Path(directory))
        large = {table: show_reading(table, files) for table in (ORDERS, FLIGHTS, EVENTS, TEXT_EVENTS)}
        small = payload.parse((AN_ORDER % 1).encode(), Media.JSON, ORDERS.connector, ROW_BYTES)
        one = Validator(ORDERS.connector).check(small)
        show_commits(
            ORDERS, {"one row": [one], "64 batches of one row": [one] * 64, "10,000 rows": [large[ORDERS]]}
        )
        for table in (FLIGHTS, EVENTS, TEXT_EVENTS):
            show_commits(table, {"10,000 rows": [large[table]]})


if __name__ == "__main__":
    main()
