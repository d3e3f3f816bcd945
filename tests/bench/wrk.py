"""wrk (https://github.com/wg/wrk): the client of every request whose rate or latency is told."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Measure, Sample, WrongAnswerError

HERE = Path(__file__).parent
#: From one place to the next that is asked for; a prime, so that all come before one comes again.
STRIDE = 7_919
#: Requests that wrk makes up beside those that it sends.
_MORE = 10
_ATTEMPTS = 5

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """What wrk counted of answers that were all right; `unanswered` is at most how many requests were not."""

    requests: int
    seconds: float
    p50_ms: float
    unanswered: int


def bulk_posts(url: str, headers: Headers, bodies: Sequence[Path], rows: int, connections: int) -> Measure:
    """POST files of so many rows each, in turn; the figure is rows a second."""

    def measure(seconds: float) -> Sample:
        result = run("bodies.lua", url, headers, connections, seconds, bodies)
        stored = result.requests * rows
        return Sample(stored / result.seconds, stored, result.unanswered * rows)

    return measure


def single_posts(
    url: str, headers: Headers, body: str, connections: int, *, latency: bool = False
) -> Measure:
    """POST one row at a time, the next number for the `%d` in it.

    The figure is requests a second, or the median latency in milliseconds.
    """
    number = 0

    def measure(seconds: float) -> Sample:
        nonlocal number
        result = run("single.lua", url, headers, connections, seconds, [body, number])
        number += result.requests + result.unanswered
        value = result.p50_ms if latency else result.requests / result.seconds
        return Sample(value, result.requests, result.unanswered)

    return measure


def gets(
    url: str,
    headers: Headers,
    connections: int,
    *,
    places: int,
    rows: int = 0,
    repeat: bool = False,
    few: bool = False,
    latency: bool = False,
) -> Measure:
    """GET a URL, one of so many places for the first `%d` in it, and the place so many rows on for the second.

    No place is asked for again before all have been, or with `repeat` always the same. `few` is for answers that
    come a few dozen times a second or less. The figure is requests a second, or the median latency in milliseconds.
    """
    asked = 0
    origin, path = re.fullmatch(r"(http://[^/]+)(/.*)", url).groups()

    def measure(seconds: float) -> Sample:
        nonlocal asked
        first, stride = asked * STRIDE % places, 0 if repeat else STRIDE
        words = [path, rows, first, stride, places, "few" if few else "many"]
        result = run("places.lua", origin, headers, connections, seconds, words)
        asked += result.requests + result.unanswered
        if asked > places and not repeat:
            raise WrongAnswerError(f"{asked} requests for {places} places: some were asked for again")
        return Sample(result.p50_ms if latency else result.requests / result.seconds)

    return measure


def run(
    script: str, url: str, headers: Headers, connections: int, seconds: float, words: Sequence[object]
) -> Result:
    """Let wrk load a URL with one of the scripts beside this module, for longer where nothing is answered in time."""
    for times in range(1, _ATTEMPTS + 1):
        told = _told(script, url, headers, connections, max(1, seconds) * 2 ** (times - 1), words)
        if any(told["errors"].values()):
            break
        if told["requests"]:
            in_flight = times * connections + _MORE
            return Result(told["requests"], told["microseconds"] / 1e6, told["p50_us"] / 1e3, in_flight)
    raise WrongAnswerError(f"wrk at {url}: {told}")


def _told(
    script: str, url: str, headers: Headers, connections: int, seconds: float, words: Sequence[object]
) -> dict:
    said = [f"--header={name}: {value}" for name, value in headers.items()]
    duration = f"--duration={round(seconds)}s"  # It takes whole seconds.
    ran = subprocess.run(
        [
            *("wrk", "--threads=1", f"--connections={connections}", duration, "--timeout=60s"),
            *(f"--script={HERE / script}", *said, url, "--", *map(str, words)),
        ],
        env={**os.environ, "LUA_PATH": f"{HERE}/?.lua"},
        capture_output=True,
        text=True,
    )
    if ran.returncode or "{" not in ran.stdout:
        raise WrongAnswerError(f"wrk at {url}: {ran.stdout}{ran.stderr}")
    return json.loads(ran.stdout[ran.stdout.index("{") :])


def version() -> str:
    return " ".join(subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout.split()[:2])
