"""What contestants answer, held against the rows that they were given: a fast wrong answer counts for nothing."""

import datetime
import json
from collections.abc import Iterable

import httpx

from tests.bench.measure import WrongAnswerError
from tests.bench.wrk import Headers


def get(url: str, headers: Headers) -> bytes:
    answer = httpx.get(url, headers=headers, timeout=120)
    if answer.status_code != 200:
        raise WrongAnswerError(f"{url}: {answer.status_code} {answer.text[:1000]}")
    return answer.content


def require_orders(answer: bytes, expected: Iterable[dict]) -> None:
    """Compare a JSON array of orders, whatever order they came in and however their values are spelled."""
    if sorted(map(_order, json.loads(answer))) != sorted(map(_order, expected)):
        raise WrongAnswerError(f"these are not the orders that were asked for: {answer[:1000]}")


def _order(row: dict) -> tuple:
    at = datetime.datetime.fromisoformat(row["placed_at"])
    at = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
    # ROAPI leaves out what is null.
    return (row["order_id"], row["customer"], float(row["amount"]), row["paid"], at, row.get("note"))


def require_same(answer: object, expected: object) -> None:
    if answer != expected:
        raise WrongAnswerError(f"{answer!r:.1000} instead of {expected!r:.1000}")
