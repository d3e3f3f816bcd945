"""What a commit costs: of how many rows, and which of its statements; and what the rows of a batch cost before it.

`python -m tests.bench.commit_cost` prints CPU and wall time, the median of many, with nothing else going on. Where gateway/docs/performance.md
says why a target is missed, it has these figures.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json

from gateway.connectors.change import SchemaDiff
from gateway.ingest import payload
from gateway.ingest.columnar.reader import Columnar
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from gateway.store.batch import Batch
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.tables.store import Store
from tests.bench.files import Files
from tests.bench.tables import AN_ORDER, FLIGHTS, ORDERS, Table

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
        store = Store(DuckDBFile(Path(directory), memory=4 * 2**30))
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


def _read_schema(table: Table) -> pa.Schema:
    return pa.schema([(field.name, field.type.arrow.read_as) for field in table.connector.fields])


def show_reading(table: Table, body: bytes) -> Batch:
    columnar, validator = Columnar(table.connector), Validator(table.connector)
    print(f"{table.name}: a batch of 10,000 rows, {len(body):,} bytes")
    show("    read in columns", lambda: columnar.parse(body, Media.JSON, ROW_BYTES))
    lines = b"\n".join(each.strip(b", \t") for each in body.strip(b"[]\n").split(b"\n"))
    options = pyarrow.json.ParseOptions(explicit_schema=_read_schema(table))
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    show(
        "    of which pyarrow's parser",
        lambda: pyarrow.json.read_json(pa.BufferReader(lines), reading, options),
    )
    columns = columnar.parse(body, Media.JSON, ROW_BYTES)
    assert columns is not None
    return validator.batch_of(columns)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        files = Files(Path(directory))
        large = {
            table: show_reading(table, files.bodies(table, "json")[0].read_bytes())
            for table in (ORDERS, FLIGHTS)
        }
        small = payload.parse((AN_ORDER % 1).encode(), Media.JSON, ORDERS.connector, ROW_BYTES)
        one = Validator(ORDERS.connector).check(small)
        show_commits(
            ORDERS, {"one row": [one], "64 batches of one row": [one] * 64, "10,000 rows": [large[ORDERS]]}
        )
        show_commits(FLIGHTS, {"10,000 rows": [large[FLIGHTS]]})


if __name__ == "__main__":
    main()
