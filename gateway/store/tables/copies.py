"""All rows of a connector, copied into another."""

from gateway.connectors.connector import Connector
from gateway.store.batch import Receipt
from gateway.store.engine.interface import Database
from gateway.store.journal.interface import Changes, LedgerEntry
from gateway.store.sql.names import literal, quote, table_of
from gateway.store.tables.commits import RolledBack


def copy(
    database: Database, source: Connector, target: Connector, token: str | None, changes: Changes
) -> Receipt:
    """Copy rows in order into an empty connector with the same fields, in the writer's transaction.

    Raises:
        RolledBack: There are none.
    """
    names = ", ".join(quote(field.name) for field in target.fields)
    first, batch = changes.sequences.id_of(target.name), changes.sequences.batch
    rows = database.insert_selected(
        table_of(target),
        f"SELECT {first - 1} + row_number() OVER (ORDER BY _id) AS _id,"
        f" CAST({literal(changes.now.isoformat())} AS TIMESTAMPTZ) AS _ingested_at, {batch} AS _batch, {names}"
        f" FROM {table_of(source)} ORDER BY _id",
    )
    if not rows:
        raise RolledBack
    receipt = Receipt(batch, rows, rows, 0, 0, first, first + rows - 1)
    changes.enter(LedgerEntry(target.name, "copy", receipt, token=token), rows)
    return receipt
