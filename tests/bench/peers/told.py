"""An engine in a process that does what it is told: a JSON object on a line of stdin, and one on stdout for it.

`{"statements": [S, …], "seconds": N, "from": N}` executes the statements in turn for so many seconds, one at least and
each up to its last row. The answer is `{"times", "seconds", "last"}`. A statement is `{"sql": SQL}`, with the next
number from N on, in six digits, for `{n}` in it; what else it has, its engine knows.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence

#: Executes a statement and returns its rows.
Execute = Callable[[dict], Sequence]


def serve(execute: Execute) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _repeat(execute, asked["statements"], asked["seconds"], asked["from"])
        print(json.dumps(answer, default=str), flush=True)


def _repeat(execute: Execute, statements: list[dict], seconds: float, first: int) -> dict:
    numbers, turns = itertools.count(first), itertools.cycle(statements)
    began = time.perf_counter()
    times, took, last = 0, 0.0, []
    while not times or took < seconds:
        statement = next(turns)
        last = execute(statement | {"sql": statement["sql"].replace("{n}", f"{next(numbers):06}")})
        times, took = times + 1, time.perf_counter() - began
    return {"times": times, "seconds": took, "last": last}
