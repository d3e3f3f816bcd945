"""Fast path for small inserts, without Arrow."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import TypeGuard

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.store.batch import Rows, SmallRows
from gateway.store.engine import prepared_insert
from gateway.store.engine.interface import Database
from gateway.store.engine.prepared_insert import PreparedInsert, TextColumn
from gateway.store.sql.names import table_of

#: PERF: beyond this number of rows, writing them takes longer than planning an INSERT.
MAX_ROWS = 300
#: The number of connectors, last written first, whose statement stays prepared.
_KEPT = 100

_OWN = dict(
    zip(
        (field.name for field in SYSTEM_FIELDS),
        (prepared_insert.BIGINT, prepared_insert.TIMESTAMPTZ, prepared_insert.BIGINT),
        strict=True,
    )
)


class SmallInserts:
    """Inserts small batches of rows. It belongs to the writer thread and its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # By table, with the fields that a statement was prepared for; the last used is the last.
        self._kept: OrderedDict[str, tuple[Sequence[Field], PreparedInsert]] = OrderedDict()

    @staticmethod
    def are(several: Sequence[tuple[int, Rows]]) -> TypeGuard[Sequence[tuple[int, SmallRows]]]:
        """Return whether these rows of one connector, each with the number of their batch, are few enough."""
        return sum(rows.num_rows for _, rows in several) <= MAX_ROWS and all(
            isinstance(rows, SmallRows) for _, rows in several
        )

    def insert(
        self, connector: Connector, several: Sequence[tuple[int, SmallRows]], first_id: int, now: datetime
    ) -> None:
        """Insert rows with the system columns that `with_own_columns` adds to a table."""
        names = [(field.name, field.absent_value) for field in connector.fields]
        written = [
            [value.get(name, absent) for name, absent in names] + [None, now, batch]
            for batch, rows in several
            for value in rows.values
        ]
        for id, line in enumerate(written, first_id):
            line[-3] = id
        self._of(connector).insert(written)

    def _of(self, connector: Connector) -> PreparedInsert:
        table = table_of(connector)
        fields, kept = self._kept.pop(table, (None, None))
        if kept is None or fields != connector.fields:
            kept = PreparedInsert(self._database, table, _columns(connector))
        self._kept[table] = connector.fields, kept
        if len(self._kept) > _KEPT:
            _, (_, oldest) = self._kept.popitem(last=False)
            oldest.forget()
        return kept


def _columns(connector: Connector) -> dict[str, TextColumn]:
    return {
        field.name: TextColumn(
            f"CAST({field.type.sql.from_text} AS {field.type.sql.column})", field.type.text.normalize
        )
        for field in connector.fields
    } | _OWN
