"""The tables of rows in a file that is attached beside a lake, and the proof that a copy of them is whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from gateway.store.lake.journal_copies import COPIES, FILE_CATALOG
from gateway.store.sql.names import quote, rejected_table_name, table_name

#: From this number of rows on, a line tells that they are being copied.
_ANNOUNCED_ROWS = 1_000_000


class MoveFailed(Exception):  # noqa: N818  # the message is for the operator
    """The store was not moved; the message has the reason and the next action."""


@dataclass(frozen=True, slots=True)
class ConnectorTables:
    """A connector of a store, and its tables.

    Attributes:
        name: Its name.
        is_removed: Whether its file is gone.
        tables: The names of the table of its rows, and of that of its rejected rows if there is one.
    """

    name: str
    is_removed: bool
    tables: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The number of rows, and the sum of their hashes: equal for the same rows in any order."""

    rows: int
    hashes: int


def in_file(table: str) -> str:
    """Return the quoted name of a table of rows in the attached file."""
    return f"{FILE_CATALOG}.rows.{quote(table)}"


def in_lake(table: str) -> str:
    """Return the quoted name of a table of rows in the lake."""
    return f"rows.{quote(table)}"


def tables_of_connectors(
    versions: Sequence[tuple[str, int, bool]], tables: Sequence[str]
) -> list[ConnectorTables]:
    """Return the connectors with these names, revisions, and removals that have tables among `tables`."""
    return [
        ConnectorTables(
            name,
            is_removed,
            [each for each in (table_name(name, revision), rejected_table_name(name)) if each in tables],
        )
        for name, revision, is_removed in versions
    ]


def announce(
    connection: duckdb.DuckDBPyConnection,
    connector: ConnectorTables,
    place: Callable[[str], str],
    report: Callable[[str], None],
) -> None:
    """Report that the rows of a large connector are being copied, given `in_file` or `in_lake`."""
    if not connector.tables:
        return
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {place(connector.tables[0])}").fetchall()
    if rows >= _ANNOUNCED_ROWS:
        report(f"{connector.name}: copying {rows:,} rows")


def fingerprint(connection: duckdb.DuckDBPyConnection, rows: str) -> Fingerprint:
    """Compute the fingerprint of a quoted table, or of a SELECT in parentheses; the order of its columns counts.

    Raises:
        duckdb.Error: The rows cannot be read.
    """
    ((count, hashes),) = connection.execute(
        f"SELECT count(*), coalesce(sum(hash(each)), 0)::VARCHAR FROM {rows} AS each"
    ).fetchall()
    return Fingerprint(count, int(hashes))


def different_tables(connection: duckdb.DuckDBPyConnection, connector: ConnectorTables) -> list[str]:
    """Return the tables of a connector whose rows or columns differ between the file and the lake."""
    return [
        table
        for table in connector.tables
        if _layout(connection, in_file(table)) != _layout(connection, in_lake(table))
        or fingerprint(connection, in_file(table)) != fingerprint(connection, in_lake(table))
    ]


def different_journals(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the tables of the journal that differ between the file and the lake."""
    return [
        each.table
        for each in COPIES
        if fingerprint(connection, f"({each.file_texts})") != fingerprint(connection, f"({each.lake_texts})")
    ]


def _layout(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Return the names and types of the columns of a table; none if there is no such table."""
    try:
        return [(name, type) for name, type, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]
    except duckdb.CatalogException:
        return []
