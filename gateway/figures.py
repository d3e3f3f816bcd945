"""Figures: what a connector refused and served in a period, as a frozen value."""

from dataclasses import astuple, dataclass, fields
from typing import Any, Self


class Additive:
    """A dataclass of integers that count what happened in a period. The counts of two periods add up."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:
        """Return the counts of both periods together."""
        return type(self)(*(own + more for own, more in zip(_counts(self), _counts(other), strict=True)))

    def __sub__(self, other: Self) -> Self:
        """Return what was added to earlier counts."""
        return type(self)(*(own - less for own, less in zip(_counts(self), _counts(other), strict=True)))

    def __bool__(self) -> bool:
        return any(_counts(self))


def _counts(value: Any) -> tuple[int, ...]:
    return astuple(value)


@dataclass(frozen=True, slots=True)
class RequestFigures(Additive):
    """The requests to one connector in a period that the ledger of batches knows nothing of.

    Attributes:
        refused_batches: The POSTs, PUTs, PATCHes, and DELETEs that were refused.
        refused_rows: Their rows that were read before.
        refused_bytes: The bytes of their bodies that were received.
        reads: The GETs that were answered with rows, or with 304.
        served_rows: Their rows.
        served_bytes: The bytes of their bodies.
    """

    refused_batches: int = 0
    refused_rows: int = 0
    refused_bytes: int = 0
    reads: int = 0
    served_rows: int = 0
    served_bytes: int = 0


#: The names of the figures, in order.
FIGURES = tuple(field.name for field in fields(RequestFigures))
#: The figures of a period without any request.
NO_FIGURES = RequestFigures()
