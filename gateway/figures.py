"""Figures: what a connector refused and served in a period, as a frozen value."""

from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True, slots=True)
class RequestFigures:
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

    def __add__(self, other: "RequestFigures") -> "RequestFigures":
        """Return the figures of both periods together."""
        return RequestFigures(*(own + more for own, more in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "RequestFigures") -> "RequestFigures":
        """Return what was added to earlier figures."""
        return RequestFigures(*(own - less for own, less in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))


#: The names of the figures, in order.
FIGURES = tuple(field.name for field in fields(RequestFigures))
#: The figures of a period without any request.
NO_FIGURES = RequestFigures()
