"""Terms: how a connector takes rows and how long it keeps them, as frozen values."""

from dataclasses import dataclass
from typing import Literal

OnConflict = Literal["reject", "ignore", "replace"]
OnInvalid = Literal["reject", "keep", "on_request"]


@dataclass(frozen=True, slots=True)
class BadRowLimit:
    """How many bad rows a batch may have: so many, or such a share of it in percent."""

    rows: int | None = None
    percent: float | None = None

    def permits(self, bad: int, received: int) -> bool:
        """Tell whether a batch of `received` rows may have `bad` bad ones."""
        if self.rows is not None:
            return bad <= self.rows
        return self.percent is None or bad * 100 <= self.percent * received

    def __str__(self) -> str:
        return str(self.rows) if self.rows is not None else f"{self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept: for so many days, the latest so many, or both; None is no bound."""

    days: float | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one token may do in a second, on the average; None is no bound."""

    rows_per_second: float | None = None
    requests_per_second: float | None = None


#: Those of a file that says nothing.
NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Policy:
    """How rows are taken and kept.

    Attributes:
        on_conflict: What becomes of a row whose primary key is there already.
        on_invalid: What becomes of the bad rows of a batch; `on_request` keeps them where the request says so.
        keep_at_most: How many of them may be kept; a batch with more is refused.
        needs_key: Whether a POST must have an Idempotency-Key.
        retention: How long rows are kept.
        limits: How much each token may do here.
        read_limit: How many rows an answer to a GET may have; None is no bound.
    """

    on_conflict: OnConflict = "reject"
    on_invalid: OnInvalid = "reject"
    keep_at_most: BadRowLimit = BadRowLimit()
    needs_key: bool = False
    retention: Retention = Retention()
    limits: Limits = NO_LIMITS
    read_limit: int | None = None


#: The terms of a file that says nothing.
DEFAULT_POLICY = Policy()
