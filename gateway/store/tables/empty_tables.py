"""Check expressions against empty tables, where the stored rows cannot be read."""

from dataclasses import replace

import duckdb

from gateway.connectors.change import SchemaDiff, Verdict
from gateway.connectors.plan import UnknownTables
from gateway.store.engine.stream import selecting
from gateway.store.tables import migration, row_check


class EmptyTables(UnknownTables):
    """Refuses the `using` that no row could be converted by, and leaves the rest to the rows."""

    def check_rows(self, comparison: SchemaDiff) -> SchemaDiff | None:
        """Return the comparison unchanged, or with the `using` refused that fails without a row."""
        assert comparison.old is not None
        with duckdb.connect(config={"enable_external_access": "false"}) as connection:
            connection.execute("CREATE SCHEMA rows")
            for statement in migration.create(comparison.old):
                connection.execute(statement)
            # The values as they are satisfy a field where there are none; so what would repair them is tried.
            repaired = [
                replace(each, using=each.using or each.repair, repair=None) for each in comparison.columns
            ]
            settled = row_check.check_rows(
                replace(comparison, columns=tuple(repaired)), selecting(connection)
            )
        changes = (
            tried if tried.verdict is Verdict.REFUSED else change
            for change, tried in zip(comparison.changes, settled.changes, strict=True)
        )
        return replace(comparison, changes=tuple(changes))
