"""DuckDB in a process of its own, which does what it is told: a JSON object on a line of stdin, one on stdout for it.

`{"sql": [SQL, …], "seconds": S, "from": N}` runs the statements in turn for so many seconds, each at least up to
its last row, with the next number from N on for every `{n}` in it, and answers `{"times", "seconds", "last"}`.
"""

import itertools
import json
import sys
import time

import duckdb


def main(path: str, memory: str, threads: str) -> None:
    config = {"memory_limit": f"{memory}B", "threads": threads}
    with duckdb.connect(path, config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(repeat(connection, asked["sql"], asked["seconds"], asked["from"])), flush=True)


def repeat(connection: duckdb.DuckDBPyConnection, statements: list[str], seconds: float, first: int) -> dict:
    began = time.perf_counter()
    times, last = 0, []
    for number, statement in zip(itertools.count(first), itertools.cycle(statements), strict=False):
        last = connection.execute(statement.replace("{n}", str(number))).fetchall()
        times += 1
        if (took := time.perf_counter() - began) >= seconds:
            return {"times": times, "seconds": took, "last": last}


if __name__ == "__main__":
    main(*sys.argv[1:])
