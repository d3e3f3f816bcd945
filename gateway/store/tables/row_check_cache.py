"""Checks of changed connectors against their stored rows, remembered while neither changes."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from gateway.connectors.change import SchemaDiff
from gateway.store.engine.interface import Database
from gateway.store.engine.stream import interrupted_after, selecting
from gateway.store.interface import Version
from gateway.store.sql.names import table_of
from gateway.store.tables import row_check


class RowCheckCache:
    """Asks stored rows about changes. Any thread may call it; no write waits for it."""

    def __init__(self, database: Database, version: Callable[[str], Version | None]) -> None:
        """Keep the function that returns the version of a connector's rows, or None during a commit."""
        self._database = database
        self._version = version
        # The last answer for each connector, and what was asked. Any thread may replace one.
        self._answers: dict[str, tuple[tuple[SchemaDiff, int, Version | None], SchemaDiff]] = {}

    def check(self, comparison: SchemaDiff) -> SchemaDiff:
        """Decide what depends on stored rows, or return the last answer if rows and question are the same.

        Raises:
            GatewayError: The rows cannot be read.
        """
        assert comparison.old is not None
        name, version = comparison.old.name, self._version(comparison.old.name)
        question = (comparison, comparison.old.revision, version)
        before, answer = self._answers.get(name, (None, comparison))
        if version is None or before != question:
            answer = self._ask(comparison)
            self._answers[name] = (question, answer)
        return answer

    def _ask(self, comparison: SchemaDiff) -> SchemaDiff:
        assert comparison.old is not None
        # An expression of a user may run forever; what the gateway asks by itself ends.
        may_run_forever = any(column.using or column.repair for column in comparison.columns)
        with self._database.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                limit = (
                    interrupted_after(row_check.SECONDS, cursor)
                    if may_run_forever
                    else contextlib.nullcontext()
                )
                with limit:
                    last = cursor.execute(f"SELECT coalesce(max(_id), 0) FROM {table_of(comparison.old)}")
                    through = int(last.fetchall()[0][0])
                    return replace(
                        row_check.check_rows(comparison, selecting(cursor)), checked_through=through
                    )
            finally:
                cursor.execute("ROLLBACK")
