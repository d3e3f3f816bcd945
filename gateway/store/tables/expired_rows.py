"""Rows that retention no longer keeps: deleted a limited number at a time."""

from datetime import datetime, timedelta

from gateway.connectors.connector import Connector
from gateway.connectors.policy import Retention
from gateway.store.batch import Receipt
from gateway.store.engine.interface import Database
from gateway.store.interface import EXPIRED_ROWS_MAX
from gateway.store.journal.interface import Changes, LedgerEntry
from gateway.store.sql.names import table_of
from gateway.store.tables.commits import RolledBack
from gateway.store.tables.rejected import Rejected


class ExpiredRows:
    """Deletes them. It belongs to the writer thread and its transaction."""

    def __init__(self, database: Database, rejected: Rejected) -> None:
        self._database = database
        self._rejected = rejected

    def delete(self, connector: Connector, retention: Retention, now: datetime, changes: Changes) -> int:
        """Delete some rows and rejected rows, and return the larger number of both.

        Rejected rows expire after as many days as rows do.

        Raises:
            RolledBack: Nothing is expired.
        """
        rejected = rows = 0
        table, conditions, parameters = table_of(connector), self._beyond(connector, retention), []
        if retention.days is not None:
            before = now - timedelta(days=retention.days)
            conditions.append("_ingested_at < $1::TIMESTAMPTZ")
            parameters = [before.isoformat()]
            rejected = self._rejected.expire(connector, before, EXPIRED_ROWS_MAX)
        if conditions:
            ((rows,),) = self._database.writer.execute(
                f"DELETE FROM {table} WHERE _id IN (SELECT _id FROM {table} WHERE {' OR '.join(conditions)}"
                f" LIMIT {EXPIRED_ROWS_MAX})",
                parameters,
            ).fetchall()
        if rows:
            receipt = Receipt(changes.sequences.batch, 0, 0, 0, 0, None, None, deleted=rows)
            changes.enter(LedgerEntry(connector.name, "retention", receipt))
            self._database.request_maintenance()  # Only a checkpoint gives the space back.
        elif not rejected:
            raise RolledBack
        return max(rows, rejected)

    def _beyond(self, connector: Connector, retention: Retention) -> list[str]:
        """Return the condition of the oldest rows beyond the number that is kept, if there are any."""
        if retention.rows is None:
            return []
        table = table_of(connector)
        ((rows,),) = self._database.writer.execute(f"SELECT count(*) FROM {table}").fetchall()
        beyond = min(rows - retention.rows, EXPIRED_ROWS_MAX)
        if beyond <= 0:
            return []
        return [f"_id <= (SELECT max(_id) FROM (SELECT _id FROM {table} ORDER BY _id LIMIT {beyond}))"]
