"""How many examples a property is tried with: few in every run, all of them under `pytest -m torture`."""

import random
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import HealthCheck, settings

_Value = TypeVar("_Value")

#: By what the number of examples is divided in every run; each run draws others.
QUICK_SHARE = 10
#: How many examples a property has that does not name a number.
DEFAULT_EXAMPLES = 100


class _Size:
    is_full = False


def use_full_size(*, is_full: bool) -> None:
    """Decide the size before any test is imported."""
    _Size.is_full = is_full
    name = "full" if is_full else "quick"
    settings.register_profile(
        name,
        max_examples=scaled(DEFAULT_EXAMPLES),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    settings.load_profile(name)


def is_full_size() -> bool:
    """Return whether this run is one of the full sizes."""
    return _Size.is_full


def examples(count: int) -> settings:
    """Return settings for `count` examples at full size, and for a tenth of them in other runs."""
    return settings(max_examples=scaled(count))


def scaled(count: int) -> int:
    """Return `count` at full size, and a tenth of it in other runs."""
    return count if _Size.is_full else max(count // QUICK_SHARE, 5)


def drawn(values: Iterable[_Value]) -> list[_Value]:
    """Return all values at full size, and a tenth of them in other runs, but five at least."""
    every = list(values)
    return random.sample(every, min(scaled(len(every)), len(every)))
