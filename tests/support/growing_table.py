"""Programs that read a table over HTTP and seek in it: DuckDB's httpfs and polars; and a table that grows meanwhile."""

import contextlib
import fcntl
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import polars

from tests.support.server import ROOT, Server

CONNECTOR = (
    "fields: {n: integer, s: {type: string, nullable: true}}\naccess: {read: [public], change: [ops]}\n"
)
#: How many rows a table begins with. The long one is more than `render.WHOLE_BYTES` in every format but Parquet.
SIZES = {"short": 100, "long": 30_000}
READERS = {"csv": "read_csv", "json": "read_json", "ndjson": "read_json", "parquet": "read_parquet"}
SCANS = {
    "csv": polars.scan_csv,
    "ndjson": polars.scan_ndjson,
    "parquet": polars.scan_parquet,
}


class DuckDB:
    """A DuckDB of another version than the gateway's, which has httpfs on PyPI."""

    def __init__(self) -> None:
        with Path(ROOT / "tests/clients/install").open() as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            subprocess.run([turn.name], check=True, capture_output=True)
        command = [ROOT / ".venv-duckdb/bin/python", ROOT / "tests/clients/duckdb_httpfs.py"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rows(self, sql: str) -> list[list]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(sql) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["rows"]

    def close(self) -> None:
        self._process.communicate()


def rows_of(first: int, count: int) -> str:
    return "n,s\n" + "".join(f"{n},row {n} of many{'.' * 70}\n" for n in range(first, first + count))


def growing_table(server: Server, name: str, size: str) -> tuple[str, Callable[..., int]]:
    """Give the path of a table, and what puts another hundred rows into it and gives the number of all."""
    path = server.declare(name, CONNECTOR)
    count = 0

    def grow(more: int = 100) -> int:
        nonlocal count
        kind = {"Content-Type": "text/csv"}
        answer = server.client.post(path, content=rows_of(count, more), headers=kind)
        assert answer.status_code == 201
        count += more
        return count

    grow(SIZES[size])
    return path, grow


@contextlib.contextmanager
def storing(grow: Callable[..., int]) -> Iterator[None]:
    """Store row after row, until the end of the block."""
    ended = threading.Event()

    def store() -> None:
        while not ended.is_set():
            grow(1)

    thread = threading.Thread(target=store)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
