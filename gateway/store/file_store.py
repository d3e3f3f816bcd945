"""A store in one DuckDB file: the rows and the journal of one machine."""

from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.journal.duckdb_journal import DuckDBJournal
from gateway.store.tables.store import Store


def file_store(database: DuckDBFile) -> Store:
    """Return the store of an open file, which owns it; the file is closed if that fails."""
    return Store(database, lambda: DuckDBJournal(database))
