"""The activity of connectors as values: batches by period, and the hours of figures that are stored."""

from dataclasses import dataclass
from datetime import datetime

from gateway.figures import Additive, RequestFigures


@dataclass(frozen=True, slots=True)
class BatchCounts(Additive):
    """The batches of one connector in a period, as the ledger has them.

    Attributes:
        batches: The number of entries, of any action.
        deleted: The rows that they replaced, deleted, or expired.
        received_bytes: The bytes of their bodies.
    """

    batches: int = 0
    received: int = 0
    stored: int = 0
    rejected: int = 0
    duplicates: int = 0
    deleted: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class HourlyFigures:
    """RequestFigures of one connector that are added to those of an hour.

    Attributes:
        hour: The start of the hour, in UTC.
    """

    connector: str
    hour: datetime
    figures: RequestFigures
