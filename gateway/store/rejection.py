"""Rejected rows as values: their fields, and the values that writes and reads of them pass."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

import pyarrow as pa

from gateway.connectors.connector import Access, Connector, Field
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.store.batch import BadRow, Batch
from gateway.store.sql.names import rejected_name

State = Literal["kept", "replayed", "discarded"]
#: Every state, in the order in which counts are shown.
STATES: tuple[State, ...] = get_args(State)

FIELDS = (
    Field("row", SCALARS["integer"], description="The number of the row in its batch, from 1."),
    Field("line", SCALARS["integer"], nullable=True, description="The line it began in."),
    Field("raw", SCALARS["string"], description="Its text."),
    Field(
        "errors", SCALARS["json"], description="What is wrong with it, as a 422 lists it; at most 100 errors."
    ),
    Field("state", SCALARS["string"], description="kept, replayed or discarded."),
    Field("reason", SCALARS["string"], nullable=True, description="Why it was discarded."),
    Field("token", SCALARS["string"], nullable=True, description="Whose token sent it."),
    Field(
        "settled_at", SCALARS["timestamp"], nullable=True, description="When it was replayed or discarded."
    ),
    Field(
        "settled_batch", SCALARS["integer"], nullable=True, description="The batch that it became a row in."
    ),
    Field("reading", SCALARS["json"], description="How its text was read."),
)


def rejected_of(connector: Connector) -> Connector:
    """Return the connector whose rows are the rejected rows of another connector."""
    name = rejected_name(connector.name)
    path = f"/-/connectors/{connector.name}/rejected"
    return Connector(
        name,
        path,
        FIELDS,
        Access(),
        None,
        "",
        "",
        revision=1,
        is_stored_in_order=connector.is_stored_in_order,
    )


@dataclass(frozen=True, slots=True)
class Amendment:
    """The text and the errors of a rejected row that was tried again and is still bad."""

    id: int
    bad: BadRow


@dataclass(frozen=True, slots=True)
class RepairedRows:
    """Rejected rows that satisfy the schema now, as a batch, with their `_id`s as rejected rows."""

    batch: Batch
    ids: Sequence[int]

    def without(self, places: Collection[int]) -> "RepairedRows":
        """Return the rows except those at some positions."""
        left = [place for place in range(len(self.ids)) if place not in places]
        chosen, numbers = pa.array(left, pa.int64()), self.batch.places
        batch = replace(
            self.batch,
            rows=self.batch.table.take(chosen),
            places=numbers.take(chosen) if numbers is not None else None,
        )
        return RepairedRows(batch, [self.ids[place] for place in left])


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A rejected row that is read for another try."""

    id: int
    row: int
    line: int | None
    raw: str
    decoding: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RejectedExcerpt:
    """A rejected row for a person: the beginning of its text, and its first errors.

    Attributes:
        id: Its `_id`.
        batch: The batch that it arrived with.
        arrived_at: When it arrived.
        row: Its number in the batch, from 1.
        line: The line it began in, or None.
        text: The beginning of its text.
        text_bytes: The size of its whole text.
        errors: Its first errors, as a 422 lists them.
        error_count: The number of its errors that are stored.
        state: Whether it is kept, replayed, or discarded.
        reason: Why it was discarded, or None.
        token: The name of the token that sent it, or None.
        settled_at: When it was replayed or discarded, or None.
        settled_batch: The batch that it became a row in, or None.
        decoding: How its text was decoded.
    """

    id: int
    batch: int
    arrived_at: datetime
    row: int
    line: int | None
    text: str
    text_bytes: int
    errors: Sequence[Mapping[str, Any]]
    error_count: int
    state: State
    reason: str | None
    token: str | None
    settled_at: datetime | None
    settled_batch: int | None
    decoding: Mapping[str, Any]
