"""wrk (https://github.com/wg/wrk): the client of every request whose rate or latency is told."""

import itertools
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Measure, Sample, WrongAnswerError

HERE = Path(__file__).parent
#: Of ranges that never come again: the place of the next is so far on. It divides no number of rows here.
STRIDE = 7_919
#: Ids of single rows, and places of ranges, go on where the last measurement ended, with much room.
_runs = itertools.count(1)
_RUN = 10_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """What wrk counted of answers that were all right."""

    requests: int
    seconds: float
    p50_ms: float


def posts_of(
    url: str, headers: Mapping[str, str], bodies: Sequence[Path], rows: int, connections: int
) -> Measure:
    """POST files of so many rows in turn; the figure is rows a second."""

    def measure(seconds: float) -> Sample:
        result = run("bodies.lua", url, headers, connections, seconds, bodies)
        return Sample(result.requests * rows / result.seconds, result.requests * rows, connections * rows)

    return measure


def single_posts(
    url: str, headers: Mapping[str, str], body: str, connections: int, *, latency: bool = False
) -> Measure:
    """POST bodies of one row each, with a number that never comes again for the `%d` in it.

    The figure is requests a second, or the median latency in milliseconds.
    """

    def measure(seconds: float) -> Sample:
        result = run("single.lua", url, headers, connections, seconds, [body, next(_runs) * _RUN])
        value = result.p50_ms if latency else result.requests / result.seconds
        return Sample(value, result.requests, connections)

    return measure


def gets(
    url: str,
    headers: Mapping[str, str],
    path: str,
    rows: int,
    connections: int,
    *,
    of: int,
    repeat: bool = False,
) -> Measure:
    """GET a path with two `%d`, for the first of a range of rows and what comes after it; the figure is requests a second.

    Of the table's `of` rows no range is asked for twice, or `repeat` the same one always.
    """

    def measure(seconds: float) -> Sample:
        first = 0 if repeat else next(_runs) * _RUN % of
        words = [path, rows, first, 0 if repeat else STRIDE, of - rows]
        result = run("ranges.lua", url, headers, connections, seconds, words)
        return Sample(result.requests / result.seconds)

    return measure


def run(
    script: str,
    url: str,
    headers: Mapping[str, str],
    connections: int,
    seconds: float,
    words: Sequence[object],
) -> Result:
    """Let wrk load a URL with one of the scripts beside this module."""
    said = [f"--header={name}: {value}" for name, value in headers.items()]
    command = [
        "wrk",
        "--threads=1",
        f"--connections={connections}",
        f"--duration={max(1, round(seconds))}s",
        "--timeout=60s",
    ]
    ran = subprocess.run(
        [*command, f"--script={HERE / script}", *said, url, "--", *map(str, words)],
        env={**os.environ, "LUA_PATH": f"{HERE}/?.lua"},
        capture_output=True,
        text=True,
    )
    if ran.returncode or "{" not in ran.stdout:
        raise WrongAnswerError(f"wrk at {url}: {ran.stdout}{ran.stderr}")
    told = json.loads(ran.stdout[ran.stdout.index("{") :])
    if any(told["errors"].values()) or not told["requests"]:
        raise WrongAnswerError(f"wrk at {url}: {told}")
    return Result(told["requests"], told["microseconds"] / 1e6, told["p50_us"] / 1e3)
