"""What a primary key costs: commits into a table of ten million rows, with a key and without one, in turns.

`python -m tests.bench.key_cost [ROWS]` prints the medians; gateway/docs/writing.md has those of ten million.
"""

import random
import statistics
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import parse_connector
from gateway.store.batch import Batch
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from gateway.store.sql.names import table_of
from gateway.store.tables.store import Store

TURNS = 9
#: Of each type of key, SQL that makes the keys of the rows that are there, and what makes a new one.
KEYS = {
    "integer": ("i * 7919 % 1000000007", lambda: random.randrange(10**12, 10**15)),
    "uuid": ("md5(i::VARCHAR)::UUID", lambda: str(uuid.uuid4())),
}


def fill(store: Store, name: str, type: str, more: str, rows: int) -> Connector:
    """Make a connector of so many rows, as if they had come by POST."""
    text = f"fields: {{id: {type}, a: string, b: number}}\n{more}"
    (connector,) = store.apply([SchemaDiff(None, parse_connector(text.encode(), f"{name}.yaml")[0])])
    store._database.writer.execute(
        f"INSERT INTO {table_of(connector)} (_id, _ingested_at, _batch, id, a, b) SELECT i + 1, now(), 1,"
        f" {KEYS[type][0]}, 'name ' || i, random() FROM range({rows}) t(i)"
    )
    store._database.checkpoint()
    store._numbers = replace(store._numbers, ids={**store._numbers.ids, name: rows + 1})
    return connector


def batch(connector: Connector, type: str, rows: int) -> Batch:
    keys = [KEYS[type][1]() for _ in range(rows)]
    return Batch(
        connector, pa.table({"id": keys, "a": ["x"] * rows, "b": [1.0] * rows}), on_conflict="replace"
    )


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = file_store(DuckDBFile(Path(directory), memory=4 * 2**30))
        for type in KEYS:
            keyed = fill(store, f"keyed_{type}", type, "primary_key: [id]\non_conflict: replace\n", rows)
            plain = fill(store, f"plain_{type}", type, "", rows)
            for size in (1, 100, 10_000):
                seconds = {connector.name: [] for connector in (plain, keyed)}
                for _ in range(TURNS):
                    for connector in (plain, keyed):
                        made = batch(connector, type, size)
                        began = time.perf_counter()
                        store.append([made])
                        seconds[connector.name].append(time.perf_counter() - began)
                without, with_key = (statistics.median(each) * 1000 for each in seconds.values())
                print(
                    f"{type} key, {rows:,} rows there, {size:,} a commit: {without:.1f} ms without a key,"
                    f" {with_key:.1f} ms with it: {with_key / without:.1f} times,"
                    f" {(with_key - without) * 1000 / size:.1f} us more a row",
                    flush=True,
                )
        store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
