"""Conflicts of primary keys: which of the new rows are stored, and which stored rows they replace.

The key is no index: DuckDB's have lost entries in recovery, take memory that cannot be spilled, and block
changes of the table. Instead the key columns are scanned once for all the rows that are stored together.
https://github.com/duckdb/duckdb/issues/23788
"""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError, RowErrors
from gateway.store.batch import MAX_LISTED, Batch, KeyConflicts, Rows, joined
from gateway.store.engine.interface import Database
from gateway.store.sql.names import quote, table_of
from gateway.store.tables.definitions import hidden_columns

#: The most characters of a value that are shown.
MAX_SHOWN = 100
#: The most bytes of a text of a key by which a scan may skip rows.
_PUSHED_BYTES_MAX = 4096
#: The column with the position of a row among the rows of one insert.
_PLACE = "_place"


@dataclass(frozen=True, slots=True)
class Member:
    """The rows that are stored of one batch among several.

    Attributes:
        rows: The rows without ignored ones; each gets an `_id`.
        absent: The positions in `rows` of rows that a later batch replaces in the same transaction.
        deleted: The number of rows that they replace, including rows of earlier batches of the transaction.
        error: The reason for which nothing of it is stored, or None.
    """

    rows: Rows
    absent: frozenset[int] = frozenset()
    deleted: int = 0
    error: GatewayError | None = None


class Conflicts:
    """The conflicts of some batches of one connector that share one `on_conflict`.

    It runs in the writer's transaction, on the writer thread.
    """

    def __init__(self, database: Database, batches: Sequence[Batch]) -> None:
        self._database = database
        self._connector = batches[0].connector
        self._table = table_of(self._connector)
        self._batches = batches
        sizes = [batch.rows.num_rows for batch in batches]
        self._starts = [sum(sizes[:number]) for number in range(len(sizes) + 1)]
        rows = joined(batch.rows for batch in batches)
        self._rows = rows.append_column(_PLACE, pa.arange(0, rows.num_rows))

    def resolve(self) -> list[Member]:
        """Decide each batch, and delete the stored rows that are replaced."""
        word = self._batches[0].on_conflict
        keys = self._rows.select([*self._connector.primary_key, _PLACE])
        with self._database.registered("meeting", keys):
            stored, groups = self._stored(keys), self._alike()
        if self._batches[0].replaces_all:  # All stored rows are deleted anyway.
            stored = stored.slice(0, 0)
        if word == "reject":
            return self._rejected(stored, groups)
        if word == "ignore":
            return self._ignored(stored, groups)
        if word == "merge":
            self._merge(stored)
        return self._replaced(stored, groups)

    # -- finding conflicts

    def _keys(self) -> str:
        """Select the keys of the rows, cast to the types of the table."""
        return _select_keys(self._connector, "meeting")

    def _stored(self, keys: pa.Table) -> pa.Table:
        """Return the positions of rows whose key is stored already, each with the stored `_id`."""
        same = _same_key(self._connector, keys)
        sql = f"SELECT m.{_PLACE}, t._id FROM {self._table} t JOIN ({self._keys()}) m ON {same}"
        return self._database.table(sql)

    def _alike(self) -> list[list[int]]:
        """Return the positions of the rows of each key that occurs more than once, in order."""
        names = ", ".join(quote(name) for name in self._connector.primary_key)
        sql = f"SELECT list({_PLACE} ORDER BY {_PLACE}) FROM ({self._keys()}) GROUP BY {names} HAVING count(*) > 1"
        return [places for (places,) in self._database.writer.execute(sql).fetchall()]

    def _member_of(self, place: int) -> int:
        return bisect.bisect_right(self._starts, place) - 1

    def _by_member(self, places: Iterable[int]) -> list[list[int]]:
        """Group positions by batch, counted from the first row of each batch."""
        shared: list[list[int]] = [[] for _ in self._batches]
        for place in sorted(places):
            member = self._member_of(place)
            shared[member].append(place - self._starts[member])
        return shared

    # -- resolving conflicts

    def _rejected(self, stored: pa.Table, groups: list[list[int]]) -> list[Member]:
        """Refuse each batch with a key that is stored, occurs twice in it, or occurs in an earlier batch."""
        before = {place: group[:number] for group in groups for number, place in enumerate(group)}
        shared = self._by_member({*stored.column(_PLACE).to_pylist(), *before})
        known = set(stored.column(_PLACE).to_pylist())
        accepted: set[int] = set()
        members = []
        for number, batch in enumerate(self._batches):
            start = self._starts[number]
            bad = [
                place
                for place in shared[number]
                if place + start in known
                or any(each >= start or self._member_of(each) in accepted for each in before[place + start])
            ]
            if bad:
                members.append(Member(batch.rows, error=_conflict(batch, bad)))
            else:
                accepted.add(number)
                members.append(Member(batch.rows))
        return members

    def _ignored(self, stored: pa.Table, groups: list[list[int]]) -> list[Member]:
        """Ignore each row whose key is stored, or occurs in an earlier row."""
        over = {*stored.column(_PLACE).to_pylist(), *(place for group in groups for place in group[1:])}
        return [Member(without(self._own(number), own)) for number, own in enumerate(self._by_member(over))]

    def _replaced(self, stored: pa.Table, groups: list[list[int]]) -> list[Member]:
        """Replace all rows of a key by the last one."""
        if stored.num_rows:
            with self._database.registered("replaced", stored.select(["_id"])):
                self._database.writer.execute(
                    f"DELETE FROM {self._table} WHERE _id IN (SELECT _id FROM replaced)"
                )
        over: set[int] = set()
        absent: set[int] = set()
        deleted = [0] * len(self._batches)
        for group in groups:
            last_of = {self._member_of(place): place for place in group}
            first, *later = sorted(last_of)
            over |= set(group) - set(last_of.values())
            absent |= {last_of[member] for member in (first, *later)[:-1]}
            for member in later:  # Each batch replaces the row of the batch before it.
                deleted[member] += 1
        met = sorted(zip(*(stored.column(name).to_pylist() for name in (_PLACE, "_id")), strict=True))
        firsts = {id: place for place, id in reversed(met)}
        for place in firsts.values():
            deleted[self._member_of(place)] += 1
        members = []
        for number, (own, gone) in enumerate(
            zip(self._by_member(over), self._by_member(absent), strict=True)
        ):
            places_left = frozenset(place - bisect.bisect_left(own, place) for place in gone)
            members.append(Member(without(self._own(number), own), places_left, deleted[number]))
        return members

    def _merge(self, stored: pa.Table) -> None:
        """Fill the fields that new rows do not name from the stored rows."""
        named = self._batches[0].named
        if not stored.num_rows:
            return
        columns = [f"t.{name}" for name in self._hidden()]
        for field in self._connector.fields:
            own, old = f"m.{quote(field.name)}", field.type.sql.export.format(f"t.{quote(field.name)}")
            kept = f"CASE WHEN t._id IS NULL THEN {own} ELSE {old} END"
            columns.append(f"{own if field.name in named else kept} AS {quote(field.name)}")
        with (
            self._database.registered("merging", self._rows),
            self._database.registered("met", stored),
        ):
            rows = self._database.table(
                f"SELECT {', '.join(columns)}, m.{_PLACE} FROM merging m LEFT JOIN met s USING ({_PLACE})"
                f" LEFT JOIN (SELECT * FROM {self._table} WHERE _id IN (SELECT _id FROM met)) t ON t._id = s._id"
                f" ORDER BY m.{_PLACE}"
            )
        known = rows.select(self._rows.column_names).cast(self._rows.schema)
        for name in (each for each in rows.column_names if each not in known.column_names):
            known = known.append_column(name, rows.column(name))
        self._rows = known

    def _hidden(self) -> list[str]:
        """Return the quoted columns that are not fields; merged rows keep their hidden values."""
        described = self._database.writer.execute(f"DESCRIBE {self._table}").fetchall()
        return [quote(name) for name in hidden_columns(self._connector, described)]

    def _own(self, number: int) -> pa.Table:
        start, end = self._starts[number], self._starts[number + 1]
        return self._rows.slice(start, end - start).drop_columns([_PLACE])


def find_conflicts(database: Database, batch: Batch) -> KeyConflicts:
    """Return the rows of a batch whose key is stored, or occurs in an earlier row of it. Any thread may call it."""
    connector, rows = batch.connector, batch.table
    if not connector.primary_key:
        return KeyConflicts((), ())
    keys = rows.select(list(connector.primary_key)).append_column(_PLACE, pa.arange(0, rows.num_rows))
    names, keys_sql = ", ".join(map(quote, connector.primary_key)), _select_keys(connector, "checked")
    same = _same_key(connector, keys)
    with database.cursor() as cursor:
        cursor.register("checked", keys)
        try:
            found = cursor.execute(
                f"SELECT m.{_PLACE} FROM {table_of(connector)} t JOIN ({keys_sql}) m ON {same}"
                f" UNION SELECT unnest(list({_PLACE} ORDER BY {_PLACE})[2:]) FROM ({keys_sql}) GROUP BY {names}"
            ).fetchall()
        finally:
            cursor.unregister("checked")
    places = sorted(place for (place,) in found)
    return KeyConflicts(tuple(places), tuple(_conflicts_of(batch, places)))


def _select_keys(connector: Connector, source: str) -> str:
    """Select the keys of registered rows, cast to the types of the table."""
    columns = [
        f"CAST({quote(field.name)} AS {field.type.sql.column}) AS {quote(field.name)}"
        for field in connector.fields
        if field.name in connector.primary_key
    ]
    return f"SELECT {', '.join(columns)}, {_PLACE} FROM {source}"


def _same_key(connector: Connector, keys: pa.Table) -> str:
    """Return the condition that a stored row `t` has the key of a row `m`."""
    lengths = {
        name: pc.max(pc.binary_length(keys.column(name))).as_py() or 0
        for name in connector.primary_key
        if keys.schema.field(name).type in (pa.string(), pa.large_string())
    }
    return " AND ".join(
        f"{key_column(f't.{quote(name)}', lengths.get(name, 0))} = m.{quote(name)}"
        for name in connector.primary_key
    )


def key_column(column: str, longest: int) -> str:
    """Return the SQL of a column that is compared with texts of a key, the longest of that many bytes.

    PERF: DuckDB hands the texts of a join to the scan. DuckLake makes SQL of them, in time quadratic in their apostrophes:
    16 s for a text of a megabyte. It sees no texts behind an operator.
    """
    return f"{column} || ''" if longest > _PUSHED_BYTES_MAX else column


def without(table: pa.Table, places: Iterable[int]) -> pa.Table:
    """Return the rows of a table except those at some positions."""
    out = list(places)
    if not out:
        return table
    return table.filter(pc.invert(pc.is_in(pa.arange(0, table.num_rows), pa.array(out, pa.int64()))))


def _conflict(batch: Batch, places: Sequence[int]) -> GatewayError:
    listed = _conflicts_of(batch, places[:MAX_LISTED])
    first = listed[0]
    where = f"row {first['row']}" + (f", line {first['line']}" if first["line"] else "")
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return GatewayError(
        Code.KEY_CONFLICT,
        f"{where}: {first['message']}{more}",
        details=first["message"],
        hint="nothing was stored; leave the rows out, or write on_conflict: ignore or replace in the connector's file",
        row_errors=RowErrors(listed, len(places), len(places), batch.received),
    )


def _conflicts_of(batch: Batch, places: Sequence[int]) -> list[dict[str, Any]]:
    """Return the errors of the rows at some positions."""
    assert batch.places is not None
    key = list(batch.connector.primary_key)
    chosen = pa.array(places, pa.int64())
    numbers = batch.places.take(chosen).to_pylist()
    rows = batch.table.select(key).take(chosen).to_pylist()
    shared = {"field": ", ".join(key), "code": Code.KEY_CONFLICT.code, "value": None}
    return [{**each, **shared, "message": key_exists(row)} for each, row in zip(numbers, rows, strict=True)]


def key_exists(row: dict[str, Any]) -> str:
    """Return the message for a duplicate key, in PostgreSQL's words."""
    names, values = ", ".join(row), ", ".join(str(value)[:MAX_SHOWN] for value in row.values())
    return f"Key ({names})=({values}) already exists."
