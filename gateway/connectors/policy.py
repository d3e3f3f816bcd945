"""The policy of a connector: conflicts, bad rows, retention, and limits, as frozen values."""

from dataclasses import dataclass
from typing import Literal

OnConflict = Literal["reject", "ignore", "replace"]
OnInvalid = Literal["reject", "keep", "on_request"]


@dataclass(frozen=True, slots=True)
class BadRowLimit:
    """The most bad rows of a batch that are kept: a number, or a share in percent."""

    rows: int | None = None
    percent: float | None = None

    def permits(self, bad: int, received: int) -> bool:
        """Return whether a batch of `received` rows may have `bad` bad ones."""
        if self.rows is not None:
            return bad <= self.rows
        return self.percent is None or bad * 100 <= self.percent * received

    def __str__(self) -> str:
        return str(self.rows) if self.rows is not None else f"{self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Retention:
    """The rows to keep: those of the last days, the latest ones, or both; None is no bound."""

    days: float | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The rate limits of one token per second, on average; None is no limit."""

    rows_per_second: float | None = None
    requests_per_second: float | None = None


#: The limits of a file without any.
NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a connector for its rows.

    Attributes:
        on_conflict: The treatment of a row whose primary key exists.
        on_invalid: The treatment of the bad rows of a batch; `on_request` keeps them if the request says so.
        keep_at_most: The most bad rows that are kept; a batch with more is rejected.
        needs_key: A POST must have an Idempotency-Key.
        retention: The rows to keep.
        limits: The rate limits of each token.
        read_limit: The most rows of a response to a GET; None is no limit.
    """

    on_conflict: OnConflict = "reject"
    on_invalid: OnInvalid = "reject"
    keep_at_most: BadRowLimit = BadRowLimit()
    needs_key: bool = False
    retention: Retention = Retention()
    limits: Limits = NO_LIMITS
    read_limit: int | None = None

    def read_limit_below(self, bound: int | None) -> int | None:
        """Return the most rows of a response where another bound holds, too; None is no limit."""
        return min((each for each in (self.read_limit, bound) if each is not None), default=None)


#: The policy of a file without any.
DEFAULT_POLICY = Policy()
