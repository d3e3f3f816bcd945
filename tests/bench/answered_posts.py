"""POSTs that are all answered before a measurement ends: by Python's own client, where wrk would leave some under way.

That is for bodies so large that a few are answered a second, and for rows that are deleted after each measurement.
"""

import contextlib
import http.client
import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.measure import Measure, Sample, WrongAnswerError
from tests.bench.wrk import Headers

_TIMEOUT = 120


def posts(url: str, headers: Headers, bodies: Sequence[Path], rows: int, connections: int) -> Measure:
    """POST files of so many rows each, in turn, over several connections that each send one after another.

    The figure is the sum of what the connections do a second, each up to its last answer: none ends with half a body.
    """
    address = urlsplit(url)
    contents = [path.read_bytes() for path in bodies]

    def over_one(first: int, seconds: float) -> tuple[int, float]:
        """Post for so many seconds, one body at least; give how many there were, and how long they took."""
        began, took = time.perf_counter(), 0.0
        with contextlib.closing(http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT)) as connection:
            for times in itertools.count(1):
                body = contents[(first + times) % len(contents)]
                connection.request("POST", address.path, body, dict(headers))
                answer = connection.getresponse()
                said = answer.read()
                if not 200 <= answer.status < 300:
                    raise WrongAnswerError(f"{url}: {answer.status} {said[:1000]!r}")
                took = time.perf_counter() - began
                if took >= seconds:
                    return times, took
        raise AssertionError

    def measure(seconds: float) -> Sample:
        with ThreadPoolExecutor(connections) as threads:
            turns = list(threads.map(lambda first: over_one(first, seconds), range(connections)))
        return Sample(
            sum(times * rows / took for times, took in turns), sum(times * rows for times, _ in turns)
        )

    return measure
