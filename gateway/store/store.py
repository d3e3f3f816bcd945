"""Store: connectors' rows, the batches they came in, and the definitions that were applied."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from gateway import strictjson
from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.connectors.fieldtypes import FieldType
from gateway.store.batch import NO_ROWS, Batch, Receipt, StoredBatch
from gateway.store.database import Database, Stream, literal, quote
from gateway.store.reading import Reading
from gateway.strictjson import Json

_T = TypeVar("_T")

_TABLES = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE SCHEMA IF NOT EXISTS rows;
CREATE TABLE IF NOT EXISTS gateway.connectors (
    name VARCHAR, file VARCHAR, text VARCHAR, applied_at TIMESTAMPTZ, removed_at TIMESTAMPTZ
);
CREATE TABLE IF NOT EXISTS gateway.batches (
    batch BIGINT, connector VARCHAR, committed_at TIMESTAMPTZ, rows BIGINT, bytes BIGINT, token VARCHAR,
    first_id BIGINT, last_id BIGINT
);
"""

_BATCHES = pa.schema(
    [
        ("batch", pa.int64()),
        ("connector", pa.string()),
        ("committed_at", pa.timestamp("us", "UTC")),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("token", pa.string()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Definition:
    """The last version of a connector file that was applied, as it was stored with the change."""

    name: str
    file: str
    text: str
    removed_at: datetime | None


#: The number of a connector's last batch, and when it was committed in microseconds: a store that was begun
#: anew, or restored, gives the same numbers again at other times.
Version = tuple[int, int]
Select = Callable[[str, Sequence[Any]], Iterable[pa.RecordBatch]]


class _Rehearsed(Exception):  # noqa: N818  # it only ends a transaction
    """The rehearsal is over."""


@dataclass(frozen=True, slots=True)
class _Inserted:
    """What an insert gave out, which counts only once it is committed."""

    receipts: list[Receipt]
    committed_at: datetime
    next_batch: int
    next_ids: dict[str, int]


class Store:
    """Rows at rest in one DuckDB file.

    `append`, `rehearse`, `apply` and `remove` belong to the writer thread; the others may be called from any thread.
    """

    def __init__(self, directory: Path, *, memory: int, lock_seconds: float = 20.0) -> None:
        self._database = Database(directory, memory=memory, lock_seconds=lock_seconds)
        try:
            self._database.writer.execute(_TABLES)
            # Only the writer thread touches these three. The numbers come from what was committed, so that
            # one is given again only if nobody ever saw it.
            self._checkpoint_due = False
            self._next_batch: int = self._one("SELECT coalesce(max(batch), 0) + 1 FROM gateway.batches")
            self._next_ids: dict[str, int] = dict(
                self._rows("SELECT connector, max(last_id) + 1 FROM gateway.batches GROUP BY connector")
            )
            # The writer thread alone changes these two; any thread may look at them.
            self._committing: frozenset[str] = frozenset()
            self._versions: dict[str, Version] = {
                name: (batch, moment)
                for name, batch, moment in self._rows(
                    "SELECT connector, max(batch), epoch_us(max_by(committed_at, batch))"
                    " FROM gateway.batches GROUP BY connector"
                )
            }
        except BaseException:
            self._database.close()
            raise

    @property
    def broken(self) -> bool:
        """Whether what is committed is safe, but nothing more can be done before the file is opened anew."""
        return self._database.broken

    def close(self) -> None:
        """Close the file; nobody may use the store afterwards."""
        self._database.close()

    # -- definitions

    def definitions(self) -> list[Definition]:
        """List the last applied version of every connector there ever was, removed ones included."""
        rows = self._rows(
            "SELECT name, file, text, epoch_us(removed_at) FROM gateway.connectors ORDER BY name"
        )
        return [Definition(name, file, text, _instant(removed)) for name, file, text, removed in rows]

    def apply(self, connectors: Iterable[Connector], added: Mapping[str, Sequence[Field]]) -> None:
        """Make tables and columns for new versions of connectors and remember them, in one transaction."""
        with self._database.transaction() as writer:
            for name, new_fields in added.items():
                self._add_columns(name, new_fields)
            for connector in connectors:
                fields = (*SYSTEM_FIELDS, *connector.fields)
                columns = ", ".join(f"{quote(field.name)} {field.type.column}" for field in fields)
                writer.execute(f"CREATE TABLE IF NOT EXISTS {_table(connector.name)} ({columns})")
                writer.execute("DELETE FROM gateway.connectors WHERE name = ?", [connector.name])
                writer.execute(
                    "INSERT INTO gateway.connectors VALUES (?, ?, ?, now(), NULL)",
                    [connector.name, connector.file, connector.text],
                )
        # Replaying a WAL that mixes DDL and rows is where DuckDB's recovery has had its bugs.
        self._checkpoint_due = self._checkpoint_due or bool(added)
        self._checkpoint_if_due()

    def _add_columns(self, name: str, fields: Sequence[Field]) -> None:
        """Add columns, with their defaults in old rows and in batches checked before they were known.

        `ADD COLUMN … DEFAULT` with anything but a bare constant is rewritten by DuckDB 1.5 so that it fails
        under `lock_configuration`, and no ALTER may follow an UPDATE of the table in one transaction: so the
        columns come first, then their defaults, then one UPDATE.
        """
        table, writer = _table(name), self._database.writer
        defaults = {
            quote(field.name): _default(field.type, field.default)
            for field in fields
            if field.absent_value is not None
        }
        for field in fields:
            writer.execute(f"ALTER TABLE {table} ADD COLUMN {quote(field.name)} {field.type.column}")
        for column, default in defaults.items():
            writer.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}")
        if defaults:
            values = ", ".join(f"{column} = {default}" for column, default in defaults.items())
            writer.execute(f"UPDATE {table} SET {values}")

    def remove(self, names: Iterable[str]) -> None:
        """Remember that connectors are no longer served. Their rows stay."""
        with self._database.transaction() as writer:
            for name in names:
                writer.execute("UPDATE gateway.connectors SET removed_at = now() WHERE name = ?", [name])

    # -- rows

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Store batches in one transaction, all of them or none; returns after COMMIT.

        Raises:
            GatewayError: When nothing was stored.
        """
        self._committing = frozenset(batch.connector for batch in batches)
        try:
            with self._database.transaction():
                inserted = self._insert(batches)
            self._next_batch, self._next_ids = inserted.next_batch, inserted.next_ids
            for batch, receipt in zip(batches, inserted.receipts, strict=True):
                self._versions[batch.connector] = (receipt.batch or 0, _microseconds(inserted.committed_at))
        finally:
            self._committing = frozenset()
        self._checkpoint_if_due()
        return inserted.receipts

    def rehearse(self, batch: Batch, look: Callable[[Receipt, Select], _T]) -> _T:
        """Insert a batch, look at what is there then, and take it back.

        Raises:
            GatewayError: As `append` would, or `look` does.
        """
        with contextlib.suppress(_Rehearsed), self._database.transaction() as writer:
            receipt = self._insert([batch]).receipts[0] if batch.table.num_rows else NO_ROWS
            seen = look(receipt, lambda sql, parameters: Stream(writer, sql, parameters))
            raise _Rehearsed
        return seen

    def _insert(self, batches: Sequence[Batch]) -> "_Inserted":
        """Insert batches as part of the writer's transaction."""
        now = datetime.now(UTC)
        next_batch, next_ids = self._next_batch, dict(self._next_ids)
        receipts: dict[int, Receipt] = {}
        for members in _alike(batches):
            some = [batches[member] for member in members]
            name = some[0].connector
            given = _receipts(some, next_batch, next_ids.get(name, 1))
            next_batch, next_ids[name] = next_batch + len(given), _after(given)
            self._database.insert(_table(name), _rows_of(some, given, now))
            receipts.update(zip(members, given, strict=True))
        self._database.insert("gateway.batches", _ledger(batches, receipts, now))
        return _Inserted([receipts[member] for member in range(len(batches))], now, next_batch, next_ids)

    def _checkpoint_if_due(self) -> None:
        if self._checkpoint_due:
            self._checkpoint_due = not self._database.checkpoint()

    def reading(self) -> Reading:
        """Make a transaction of reading; nothing runs before its first SELECT."""
        return Reading(self._database)

    def version(self, name: str) -> Version | None:
        """Tell the last batch that a connector's rows have; None while one is being committed.

        Rows that were read between two calls that gave the same version are the rows of that version.
        """
        if name in self._committing:
            return None
        return self._versions.get(name, (0, 0))

    def count(self, name: str) -> int:
        """Count the rows of a connector."""
        return int(self._one(f"SELECT count(*) FROM {_table(name)}"))

    def batches(self, name: str, limit: int) -> list[StoredBatch]:
        """List the latest batches of a connector, newest first."""
        rows = self._rows(
            "SELECT batch, epoch_us(committed_at), rows, bytes, token, first_id, last_id FROM gateway.batches"
            " WHERE connector = ? ORDER BY batch DESC LIMIT ?",
            [name, limit],
        )
        return [StoredBatch(batch, _moment(at), *others) for batch, at, *others in rows]

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._database.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def _one(self, sql: str) -> Any:
        return self._rows(sql)[0][0]


def _table(name: str) -> str:
    return f"rows.{quote(name)}"


def table_of(connector: Connector) -> str:
    """Give the quoted name of the table that holds a connector's rows."""
    return _table(connector.name)


def _receipts(batches: Sequence[Batch], number: int, first_id: int) -> list[Receipt]:
    """Number batches of one connector, and their rows, one after another."""
    receipts = []
    for number_, batch in enumerate(batches, number):
        rows = batch.table.num_rows
        receipts.append(Receipt(number_, rows, rows, 0, 0, first_id, first_id + rows - 1))
        first_id += rows
    return receipts


def _after(receipts: Sequence[Receipt]) -> int:
    last = receipts[-1].last_id
    assert last is not None  # Batches without rows are not stored.
    return last + 1


def _rows_of(batches: Sequence[Batch], receipts: Sequence[Receipt], now: datetime) -> pa.Table:
    """Put the rows of batches together, with the gateway's own columns."""
    table = pa.concat_tables([batch.table for batch in batches])
    moment = pa.scalar(now, pa.timestamp("us", "UTC"))
    numbers = [pa.repeat(pa.scalar(receipt.batch, pa.int64()), receipt.stored) for receipt in receipts]
    columns = (
        pa.arange(receipts[0].first_id, _after(receipts)),
        pa.repeat(moment, table.num_rows),
        pa.chunked_array(numbers, pa.int64()),
    )
    for field, column in zip(SYSTEM_FIELDS, columns, strict=True):
        table = table.append_column(field.name, column)
    return table


def _ledger(batches: Sequence[Batch], receipts: Mapping[int, Receipt], now: datetime) -> pa.Table:
    """Make the lines of the batches table."""
    lines = []
    for number, batch in enumerate(batches):
        given = receipts[number]
        size, token = batch.received_bytes, batch.token
        lines.append(
            (given.batch, batch.connector, now, given.stored, size, token, given.first_id, given.last_id)
        )
    columns = zip(*lines, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _BATCHES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_BATCHES)


def _alike(batches: Sequence[Batch]) -> list[list[int]]:
    """Group the members that one INSERT can take: one connector, one set of columns."""
    groups: dict[tuple[str, pa.Schema], list[int]] = {}
    for number, batch in enumerate(batches):
        groups.setdefault((batch.connector, batch.table.schema), []).append(number)
    return list(groups.values())


def _default(field_type: FieldType, value: Json) -> str:
    """Spell a checked JSON value as an SQL constant of a type."""
    if field_type.item:
        items = ", ".join(_default(field_type.item, item) for item in value)
        return f"CAST([{items}] AS {field_type.column})"
    text = (
        value if isinstance(value, str) and field_type.column != "JSON" else strictjson.write(value).decode()
    )
    return f"CAST({literal(text)} AS {field_type.column})"


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _moment(microseconds)
