"""DuckDB in a process that does what it is told: a JSON object on a line of stdin, and one on stdout for it.

`{"sql": [SQL, …], "seconds": S, "from": N}` runs the statements in turn for so many seconds, one at least and each up
to its last row, with the next number from N on, in six digits, for `{n}`. The answer is `{"times", "seconds", "last"}`.
"""

import itertools
import json
import sys
import time

import duckdb


def main(path: str, memory: str, threads: str) -> None:
    with duckdb.connect(path, config={"memory_limit": f"{memory}B", "threads": threads}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for line in sys.stdin:
            asked = json.loads(line)
            print(
                json.dumps(repeat(connection, asked["sql"], asked["seconds"], asked["from"]), default=str),
                flush=True,
            )


def repeat(connection: duckdb.DuckDBPyConnection, statements: list[str], seconds: float, first: int) -> dict:
    numbers, turns = itertools.count(first), itertools.cycle(statements)
    began = time.perf_counter()
    times, took, last = 0, 0.0, []
    while not times or took < seconds:
        last = connection.execute(next(turns).replace("{n}", f"{next(numbers):06}")).fetchall()
        times, took = times + 1, time.perf_counter() - began
    return {"times": times, "seconds": took, "last": last}


if __name__ == "__main__":
    main(*sys.argv[1:])
