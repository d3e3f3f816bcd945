"""The rows of one request, and the receipt that is stored about them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.strictjson import Json

#: What happens to a row whose primary key is stored already; `merge` keeps the fields that the new row does not name.
OnConflict = Literal["reject", "ignore", "replace", "merge"]
#: The most characters of an idempotency key.
MAX_KEY_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key and the SHA-256 of its body.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that failed its schema and is stored for repair and replay.

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
        """The approximate number of bytes that it takes on disk."""
        return len(self.raw) + len(self.errors) + len(self.decoding) + 100


@dataclass(frozen=True)
class SmallRows:
    """A small number of rows, as values.

    PERF: one table of the rows of many batches is built nearly as fast as one of a single batch.

    Attributes:
        connector: The connector whose schema the rows satisfy.
        values: The rows, by the current names of fields.
        nbytes: The size of their text.
    """

    connector: Connector
    values: Sequence[Mapping[str, Json]]
    nbytes: int

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return len(self.values)

    @cached_property
    def table(self) -> pa.Table:
        """The declared fields, one Arrow column each."""
        arrays = []
        for field in self.connector.fields:
            name, absent = field.name, field.absent_value
            arrays.append(field.type.arrow.build([value.get(name, absent) for value in self.values]))
        return pa.Table.from_arrays(arrays, names=[field.name for field in self.connector.fields])


#: The rows of a batch; both forms have `num_rows` and `nbytes`.
Rows: TypeAlias = pa.Table | SmallRows


def joined(several: Iterable[Rows]) -> pa.Table:
    """Join rows of one connector, at least one, into one table."""
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
    """Checked rows of one request, stored or refused together. Only `ingest/validation.py` builds one.

    Attributes:
        connector: The connector whose schema the rows satisfy; its revision names the table.
        rows: The declared fields of the rows.
        received_bytes: The size of the body as it was received.
        token: The name of the token that sent them, or None.
        key: The idempotency key, or None.
        bad: The rows that are stored as rejected rows.
        errors: The errors of the bad rows, as many as a response lists.
        error_count: The number of all their errors.
        places: The number and the line of each of `rows`, if there is a primary key.
        on_conflict: What happens to a row whose primary key is stored already.
        named: The fields that the rows name, if they are merged.
        replaces_all: Whether they replace all stored rows.
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
        """The number of received rows, good and bad."""
        return int(self.rows.num_rows) + len(self.bad)

    @property
    def changes_nothing(self) -> bool:
        """True if there is nothing to store, to delete, or to remember."""
        return not (self.received or self.replaces_all or self.key)


@dataclass(frozen=True, slots=True)
class KeyConflicts:
    """The rows of a batch that conflict with a stored row, or with an earlier row of the batch.

    Attributes:
        places: Their positions in the batch, ascending.
        errors: The error of each of them, as a response lists it.
    """

    places: tuple[int, ...]
    errors: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The response to a committed batch, as it is also stored under its idempotency key.

    Attributes:
        batch: Its number; None for a batch without rows, of which nothing is stored.
        received: The number of received rows: the sum of the three that follow.
        stored: The number of rows that were stored.
        rejected: The number of bad rows, which are stored as rejected rows.
        duplicates: The number of rows left out because of another row with the same primary key.
        first_id: The `_id` of the first stored row, None if no row was stored.
        last_id: The `_id` of the last stored row; all between belong to the batch.
        errors: The errors of the bad rows, as a 422 lists them.
        deleted: The number of rows that it deleted.
        replaces_all: Whether its rows replaced all others; the response then includes `deleted`.
        status: The HTTP status of the response.
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
        """Return it as the JSON of a response."""
        values = {name: getattr(self, name) for name in self.__slots__[:7]}
        values |= {"deleted": self.deleted} if self.replaces_all else {}
        return values | ({"errors": list(self.errors)} if self.rejected else {})


def remembered(status: int, body: dict[str, Any]) -> Receipt:
    """Build the receipt of an earlier response from its body."""
    values = {name: body[name] for name in Receipt.__slots__[:7]}
    deleted = body.get("deleted")
    return Receipt(
        **values,
        errors=tuple(body.get("errors", ())),
        deleted=deleted or 0,
        replaces_all=deleted is not None,
        status=status,
        is_replayed=True,
    )


def receipt_of(key: IdempotencyKey, found: tuple[bytes, Receipt] | None) -> Receipt | GatewayError | None:
    """Return the receipt that was found under a key, or the error that its digest is that of another body."""
    if found is None or found[0] == key.digest:
        return found and found[1]
    return GatewayError(Code.KEY_REUSED, hint="send the body that belongs to it, or another key")


#: The most errors that a response lists.
MAX_LISTED = 100


#: The receipt of a batch without rows.
NO_ROWS = Receipt(None, 0, 0, 0, 0, None, None)


def rehearsed(receipt: Receipt) -> Receipt:
    """Return the receipt of a batch that was rolled back: without a batch number, `_id`s, or stored rows."""
    return replace(receipt, batch=None, stored=0, first_id=None, last_id=None, status=200)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One entry of the ledger.

    Attributes:
        action: `post`, `put`, `patch`, `delete`, `copy`, `replay` or `retention`.
        deleted: The number of rows that it replaced, deleted, or expired.
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
