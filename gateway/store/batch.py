"""Batch and Receipt: the rows of one request, and what is remembered about them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from gateway.connectors.connector import Connector
from gateway.strictjson import Json

#: What becomes of a row whose primary key is there already; `merge` keeps what the new row does not name.
OnConflict = Literal["reject", "ignore", "replace", "merge"]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An Idempotency-Key and the SHA-256 of the body that came with it.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that failed its schema and is kept for repair and replay.

    Attributes:
        row: Its number in the batch, from 1.
        line: The line it begins in, where the body has lines.
        raw: Its text.
        errors: What is wrong with it, as the JSON of a list as a 422 has it, at most `MAX_LISTED` errors.
        decoding: How the text was decoded, as JSON: its format, the CSV header before it, the fields that were taken.
    """

    row: int
    line: int | None
    raw: str
    errors: str
    decoding: str

    @property
    def size(self) -> int:
        """How many bytes it takes to keep, nearly."""
        return len(self.raw) + len(self.errors) + len(self.decoding) + 100


@dataclass(frozen=True)
class SmallRows:
    """Rows that are few, as values: to make one table of those of many batches takes little longer than of one's.

    Attributes:
        connector: What they were checked for.
        values: Rows that satisfy its schema, by the present names of fields.
        nbytes: The size of their text.
    """

    connector: Connector
    values: Sequence[Mapping[str, Json]]
    nbytes: int

    @property
    def num_rows(self) -> int:
        """How many they are."""
        return len(self.values)

    @cached_property
    def table(self) -> pa.Table:
        """Their declared fields, one Arrow column each."""
        arrays = []
        for field in self.connector.fields:
            name, absent = field.name, field.absent_value
            arrays.append(field.type.arrow.build([value.get(name, absent) for value in self.values]))
        return pa.Table.from_arrays(arrays, names=[field.name for field in self.connector.fields])


#: The rows of a batch; both tell how many they are, and of how many bytes.
Rows: TypeAlias = pa.Table | SmallRows


def joined(several: Iterable[Rows]) -> pa.Table:
    """Give rows of one connector, of which there are some, as one table."""
    tables: list[pa.Table] = []
    for are_few, some in itertools.groupby(several, lambda rows: isinstance(rows, SmallRows)):
        if are_few:
            few = list(some)
            values = [value for each in few for value in each.values]
            tables.append(SmallRows(few[0].connector, values, 0).table)
        else:
            tables += some
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables)


@dataclass(frozen=True, slots=True)
class Batch:
    """Checked rows of one request, stored or refused together. Only `ingest/validation.py` makes one.

    Attributes:
        connector: What they were checked for; its revision tells its table.
        rows: Their declared fields.
        received_bytes: The size of the body as it came over the wire.
        token: The name of the token that sent them, or None.
        key: What tells a batch that is sent again, or None.
        bad: The rows that are kept as rejected rows.
        errors: What is wrong with them, as much of it as an answer lists.
        error_count: How many errors they have in all.
        places: The number and the line of every one of `rows`, where there is a primary key.
        on_conflict: What becomes of a row whose primary key is there already.
        named: The fields that rows name, where they are merged.
        replaces_all: Whether they take the place of all the rows there are.
    """

    connector: Connector
    rows: Rows
    received_bytes: int = 0
    token: str | None = None
    key: IdempotencyKey | None = None
    bad: tuple[BadRow, ...] = ()
    errors: tuple[dict[str, Any], ...] = ()
    error_count: int = 0
    places: pa.Table | None = None
    on_conflict: OnConflict = "reject"
    named: frozenset[str] = frozenset()
    replaces_all: bool = False

    @property
    def table(self) -> pa.Table:
        """The rows, one Arrow column for each field."""
        return self.rows.table if isinstance(self.rows, SmallRows) else self.rows

    @property
    def received(self) -> int:
        """How many rows came, good and bad."""
        return int(self.rows.num_rows) + len(self.bad)

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to store, to delete or to remember."""
        return not (self.received or self.replaces_all or self.key)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway answers about a committed batch, and remembers.

    Attributes:
        batch: Its number; None for a batch without rows, of which nothing is stored.
        received: How many rows came: as many as the three that follow together.
        stored: How many of them are rows now.
        rejected: How many were bad, and are kept as rejected rows.
        duplicates: How many were passed over for another with the same primary key.
        first_id: The `_id` of the first row that was stored, None where none was.
        last_id: That of the last; all between are rows of the batch.
        errors: What is wrong with the bad rows, as a 422 lists it.
        deleted: How many rows it took away.
        replaces_all: Whether its rows took the place of all others; `deleted` is told then.
        status: The HTTP status it was answered with.
        is_replayed: Whether the batch had been stored before.
    """

    batch: int | None
    received: int
    stored: int
    rejected: int
    duplicates: int
    first_id: int | None
    last_id: int | None
    errors: tuple[dict[str, Any], ...] = ()
    deleted: int = 0
    replaces_all: bool = False
    status: int = 201
    is_replayed: bool = False

    def body(self) -> dict[str, Any]:
        """Give it as the JSON of a reply."""
        told = {name: getattr(self, name) for name in self.__slots__[:7]}
        told |= {"deleted": self.deleted} if self.replaces_all else {}
        return told | ({"errors": list(self.errors)} if self.rejected else {})


def remembered(status: int, body: dict[str, Any]) -> Receipt:
    """Give the receipt that was answered once, from its body."""
    told = {name: body[name] for name in Receipt.__slots__[:7]}
    deleted = body.get("deleted")
    return Receipt(
        **told,
        errors=tuple(body.get("errors", ())),
        deleted=deleted or 0,
        replaces_all=deleted is not None,
        status=status,
        is_replayed=True,
    )


#: How many bad values an answer lists.
MAX_LISTED = 100


#: The receipt of a batch without rows.
NO_ROWS = Receipt(None, 0, 0, 0, 0, None, None)


def rehearsed(receipt: Receipt) -> Receipt:
    """Give the receipt of a batch that was taken back: nothing is stored, and no number was given out."""
    return replace(receipt, batch=None, stored=0, first_id=None, last_id=None, status=200)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One line of the batches table.

    Attributes:
        action: `post`, `put`, `patch`, `delete`, `copy`, `replay` or `retention`.
        deleted: How many rows it took away: replaced, deleted or too old.
    """

    batch: int
    committed_at: datetime
    action: str
    received: int
    rows: int
    rejected: int
    duplicates: int
    deleted: int
    bytes: int
    token: str | None
    first_id: int | None
    last_id: int | None
