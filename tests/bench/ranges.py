"""Ranges of orders by their numbers: one is held against the rows that a contestant was given, then wrk asks for others."""

from tests.bench import answers, wrk
from tests.bench.files import Files
from tests.bench.measure import Measure
from tests.bench.wrk import Headers

_FIRST = 777
#: With so many rows, there are few answers.
_MANY = 1_000


def gets(
    url: str,
    headers: Headers,
    files: Files,
    rows: int,
    connections: int,
    *,
    of: int,
    repeat: bool = False,
    latency: bool = False,
) -> Measure:
    """GET so many rows of a table's first `of`; the URL has two `%d`, for the first number and that after the last."""
    answer = answers.get(url % (_FIRST, _FIRST + rows), headers)
    answers.require_orders(answer, files.orders(_FIRST, rows))
    few = rows >= _MANY
    return wrk.gets(
        url, headers, connections, places=of - rows, rows=rows, repeat=repeat, few=few, latency=latency
    )
