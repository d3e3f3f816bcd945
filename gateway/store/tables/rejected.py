"""Rejected rows: rows that failed their schema and are stored, one table for each connector.

The table is that of a connector like any other, so that the same dialect reads it. Its name is that of the rows'
connector with a suffix. `_batch` is the batch that the row arrived with.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.store.batch import Batch
from gateway.store.engine.interface import Database
from gateway.store.journal.interface import Changes, Journal
from gateway.store.rejection import (
    Amendment,
    RejectedExcerpt,
    RejectedRow,
    State,
    rejected_of,
)
from gateway.store.selection import Selection
from gateway.store.sql.names import (
    connector_of_rejected,
    literal,
    quote,
    rejected_table,
    rejected_table_name,
)
from gateway.store.sql.times import instant, moment
from gateway.store.tables import migration

_ARROW = pa.schema(
    [
        ("_id", pa.int64()),
        ("_ingested_at", pa.timestamp("us", "UTC")),
        ("_batch", pa.int64()),
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("raw", pa.string()),
        ("errors", pa.string()),
        ("state", pa.string()),
        ("token", pa.string()),
        ("reading", pa.string()),
    ]
)
_AMENDED = pa.schema(
    [("_id", pa.int64()), ("raw", pa.string()), ("errors", pa.string()), ("reading", pa.string())]
)


class Rejected:
    """The rejected rows.

    `ensure`, `keep`, `settle`, `amend`, and `expire` belong to the writer thread and its transaction; any thread may call the
    others.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def ensure(self, connector: Connector) -> None:
        """Create the table of a connector's rejected rows if it is missing."""
        for statement in migration.create(rejected_of(connector)):
            self._database.writer.execute(statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1))

    def keep(self, batch: Batch, number: int, changes: Changes) -> None:
        """Store the bad rows of a batch, given its number."""
        if not batch.bad:
            return
        name = batch.connector.name
        self.ensure(batch.connector)
        if name not in changes.rejected_ids:
            changes.rejected_ids[name] = self._journal.last_rejected_id(name)
        first = changes.rejected_ids[name] + 1
        changes.rejected_ids[name] += len(batch.bad)
        lines = [
            (
                *(id, changes.now, number, each.row, each.line, each.raw),
                *(each.errors, "kept", batch.token, each.decoding),
            )
            for id, each in enumerate(batch.bad, first)
        ]
        self._database.insert_values(rejected_table(name), _ARROW, lines)

    def settle(
        self,
        connector: Connector,
        ids: Sequence[int],
        state: State,
        now: datetime,
        *,
        batch: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Mark kept rows as replayed or discarded.

        Raises:
            GatewayError: One of them is no longer kept.
        """
        table = rejected_table(connector.name)
        with self._database.registered("settled", pa.table({"_id": pa.array(ids, pa.int64())})):
            ((done,),) = self._database.writer.execute(
                f"UPDATE {table} SET state = $1, settled_at = $2::TIMESTAMPTZ, settled_batch = $3, reason = $4"
                " WHERE state = 'kept' AND _id IN (SELECT _id FROM settled)",
                [state, now.isoformat(), batch, reason],
            ).fetchall()
        if done != len(ids):
            hint = "list the rejected rows, and choose again"
            raise GatewayError(Code.REJECTED_CHANGED, hint=hint)

    def amend(self, connector: Connector, amendments: Iterable[Amendment]) -> None:
        """Update the text and the errors of rows that are still bad."""
        lines = [(each.id, each.bad.raw, each.bad.errors, each.bad.decoding) for each in amendments]
        if not lines:
            return
        table = rejected_table(connector.name)
        arrays = zip(*lines, strict=True)
        rows = pa.table([pa.array(each) for each in arrays], names=_AMENDED.names).cast(_AMENDED)
        with self._database.registered("amended", rows):
            self._database.writer.execute(
                f"UPDATE {table} AS r SET raw = a.raw, errors = a.errors, reading = a.reading FROM amended a"
                " WHERE r._id = a._id AND r.state = 'kept'"
            )

    def expire(self, connector: Connector, before: datetime, most: int) -> int:
        """Delete up to `most` rejected rows that are older than `before`, and return their number."""
        if not self.exists(connector):
            return 0
        table = rejected_table(connector.name)
        ((done,),) = self._database.writer.execute(
            f"DELETE FROM {table} WHERE _id IN (SELECT _id FROM {table} WHERE _ingested_at < $1::TIMESTAMPTZ LIMIT $2)",
            [before.isoformat(), most],
        ).fetchall()
        return int(done)

    def exists(self, connector: Connector) -> bool:
        """Return whether a connector has a table of rejected rows."""
        return rejected_table_name(connector.name) in self._database.tables()

    def counts(self, names: Collection[str], token: str | None = None) -> dict[str, int]:
        """Count the rejected rows of connectors that are kept, or those of one token, by connector name."""
        if not names:
            return {}
        each = [
            f"SELECT {literal(name)}, count(*) FROM {rejected_table(name)} WHERE state = 'kept'{_of(token)}"
            for table in self._database.tables()
            if (name := connector_of_rejected(table)) is not None and name in names
        ]
        return dict(self._database.rows(" UNION ALL ".join(each))) if each else {}

    def all_states(self) -> dict[tuple[str, str], int]:
        """Count the rejected rows of all connectors in one query, by connector name and state."""
        each = [
            f"SELECT {literal(name)}, state, count(*) FROM {rejected_table(name)} GROUP BY state"
            for table in self._database.tables()
            if (name := connector_of_rejected(table)) is not None
        ]
        rows = self._database.rows(" UNION ALL ".join(each)) if each else []
        return {(name, state): count for name, state, count in rows}

    def states(self, connector: Connector, token: str | None = None) -> dict[str, int]:
        """Count the rejected rows of a connector, or those of one token, by their state."""
        table = rejected_table(connector.name)
        sql = f"SELECT state, count(*) FROM {table} WHERE TRUE{_of(token)} GROUP BY state"
        return dict(self._database.rows(sql))

    def summary(self, connector: Connector, selection: Selection) -> list[Mapping[str, Any]]:
        """Count selected rows by field and code of their errors."""
        rows = self._database.rows(
            "SELECT e ->> 'field' AS field, e ->> 'code' AS code, count(DISTINCT _id) AS rows,"
            " min(_id), max(_id), arg_min(e ->> 'message', _id)"
            f" FROM ({_selected(connector, selection, '_id, unnest(CAST(errors AS JSON[])) AS e')})"
            " GROUP BY field, code ORDER BY rows DESC, field, code",
            selection.parameters,
        )
        names = ("field", "code", "rows", "first_id", "last_id", "message")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def measure(self, connector: Connector, selection: Selection, limit: int | None) -> tuple[int, int]:
        """Return how many rows `find` would return, and their size in bytes."""
        rows = _in_order(connector, selection, "raw, reading", limit)
        sql = f"SELECT count(*), coalesce(sum(strlen(raw) + strlen(reading)), 0)::BIGINT FROM ({rows})"
        ((count, size),) = self._database.rows(sql, selection.parameters)
        return count, size

    def find(self, connector: Connector, selection: Selection, limit: int | None) -> list[RejectedRow]:
        """Return selected rows, ordered by `_id`."""
        sql = _in_order(connector, selection, _COLUMNS, limit)
        return [
            RejectedRow(id, row, line, raw, json.loads(reading))
            for id, row, line, raw, reading in self._database.rows(sql, selection.parameters)
        ]

    def find_ids(self, connector: Connector, selection: Selection, limit: int | None) -> list[int]:
        """Return the `_id`s of selected rows, in order."""
        sql = _in_order(connector, selection, "_id", limit)
        return [id for (id,) in self._database.rows(sql, selection.parameters)]

    def excerpts(
        self, connector: Connector, selection: Selection, *, characters: int, errors: int
    ) -> list[RejectedExcerpt]:
        """Return selected rows, ordered by `_id`, with the beginnings of their texts and their first errors."""
        columns = (
            "_id, _batch, epoch_us(_ingested_at), row, line,"
            f" substr(raw, 1, {characters:d}), strlen(raw),"
            f" CAST(CAST(errors AS JSON[])[1:{errors:d}] AS JSON)::VARCHAR, json_array_length(errors),"
            " state, reason, token, epoch_us(settled_at), settled_batch, reading"
        )
        sql = _in_order(connector, selection, columns, None)
        return [_excerpt(row) for row in self._database.rows(sql, selection.parameters)]


def _excerpt(row: tuple[Any, ...]) -> RejectedExcerpt:
    """Return the excerpt of a row of the query in `excerpts`."""
    id, batch, arrived, number, line, text, size, errors, error_count, *settled, decoding = row
    state, reason, token, settled_at, settled_batch = settled
    return RejectedExcerpt(
        id,
        batch,
        moment(arrived),
        number,
        line,
        text,
        size,
        json.loads(errors),
        error_count,
        state,
        reason,
        token,
        instant(settled_at),
        settled_batch,
        json.loads(decoding),
    )


#: The columns of a RejectedRow, in their order.
_COLUMNS = ", ".join(map(quote, ("_id", "row", "line", "raw", "reading")))


def _of(token: str | None) -> str:
    """Return the condition for rejected rows of a token, to append to another one."""
    return "" if token is None else f" AND token = {literal(token)}"


def _selected(connector: Connector, selection: Selection, columns: str) -> str:
    """Select columns of selected rows."""
    return f"SELECT {columns} FROM {rejected_table(connector.name)} WHERE _id IN ({selection.sql})"


def _in_order(connector: Connector, selection: Selection, columns: str, limit: int | None) -> str:
    """Select columns of selected rows, ordered by `_id`, at most `limit`."""
    text = f"{_selected(connector, selection, columns)} ORDER BY _id"
    return text if limit is None else f"{text} LIMIT {limit:d}"
