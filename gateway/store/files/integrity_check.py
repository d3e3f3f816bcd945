"""Integrity check: whether the tables of a store agree with each other, and every row can be read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from gateway.store.files import checksum_repair
from gateway.store.files.checksum_repair import Repair
from gateway.store.sql.names import quote, rejected_table, rejected_table_name, table_name, table_named
from gateway.store.sql.times import instant

_log = logging.getLogger(__name__)

#: The gateway's own tables, without which a file is no store.
_OWN = ("batches", "connectors")

#: The columns of each table, by its schema and its name.
_Tables = dict[tuple[str, str], set[str]]

_RESTORE = (
    "restore a backup by gateway restore; what was stored after it is in this file only, so keep the file"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that the check found.

    Attributes:
        about: The connector, the table, or the file.
        message: The problem.
        hint: The next action.
        is_harmless: Whether no row is lost and no response is wrong.
    """

    about: str
    message: str
    hint: str
    is_harmless: bool = False

    def body(self) -> dict[str, Any]:
        """Return it as JSON."""
        level = "warning" if self.is_harmless else "error"
        return {"level": level, "about": self.about, "message": self.message, "hint": self.hint}


@dataclass(slots=True)
class IntegrityReport:
    """The result of the check of a store.

    Attributes:
        rows: The number of rows of each connector.
        removed: The connectors whose files are gone.
        last_commit: The time of the last commit; None if there is no batch.
        store: The id of the store; None if no gateway that assigns one ever opened it.
        flaws: The problems.
        is_thorough: Whether every row was read.
        repair: The repair that preceded the opening of the file, or None.
    """

    is_thorough: bool
    rows: dict[str, int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    last_commit: datetime | None = None
    store: str | None = None
    flaws: list[Problem] = field(default_factory=list)
    repair: Repair | None = None

    @property
    def is_sound(self) -> bool:
        """True if no row is missing, as far as rows were read."""
        return all(flaw.is_harmless for flaw in self.flaws)

    @property
    def harm(self) -> str:
        """The problems by which it is not sound, in one line."""
        return "; ".join(f"{each.about}: {each.message}" for each in self.flaws if not each.is_harmless)

    def add(self, about: str, message: str, hint: str = _RESTORE, *, is_harmless: bool = False) -> None:
        """Add a problem."""
        self.flaws.append(Problem(about, message, hint, is_harmless))


@dataclass(frozen=True, slots=True)
class _Known:
    """A connector as the store knows it, with the totals of its batches."""

    name: str
    revision: int
    is_removed: bool
    rows: int
    last_id: int


def examine_file(file: Path, *, memory: int, is_thorough: bool, repair_in: Path | None) -> IntegrityReport:
    """Open a closed store file and check it; only a repair changes the file.

    Args:
        file: The DuckDB file. If it is in a data directory, the caller holds the lock of the directory.
        memory: The most bytes that DuckDB may use.
        is_thorough: Whether every row is read, which takes as long as reading the whole file.
        repair_in: The directory for copies of the files before a repair; None forbids a repair.

    Raises:
        Unopenable: It cannot be opened.
    """
    with _connected(file, memory, repair_in) as (connection, repair):
        found = examine(connection, is_thorough=is_thorough)
        found.repair = repair
        return found


def repair_at_start(file: Path, text: str, memory: int) -> None:
    """Repair a file that could not be opened, if all rows are there afterwards; else leave it as it was.

    Args:
        file: The closed DuckDB file. The caller holds the lock of its data directory.
        text: The error of DuckDB.
        memory: The most bytes that DuckDB may use.

    Raises:
        Unopenable: It cannot be repaired, or rows would be missing.
    """
    if not checksum_repair.is_torn(text):
        raise checksum_repair.unopenable(file, text.splitlines()[0][:300])
    found = examine_file(file, memory=memory, is_thorough=False, repair_in=file.parent)
    if found.is_sound:
        rows = sum(found.rows.values())
        _log.warning(
            "%s: %s; all %d connectors have the %d rows of their batches",
            *(file, found.repair or "it opens at a second try", len(found.rows), rows),
        )
        return
    if found.repair is not None:
        checksum_repair.take_back(file, found.repair)
    raise checksum_repair.unopenable(
        file, f"{found.repair}, but then {found.harm}. The repair was taken back"
    )


def examine(connection: duckdb.DuckDBPyConnection, *, is_thorough: bool) -> IntegrityReport:
    """Check an open store."""
    found = IntegrityReport(is_thorough)
    try:
        tables = _tables(connection)
        if not _is_store(found, tables):
            return found
        known = _known(connection, tables)
        if ("gateway", "identity") in tables:
            found.store = _one(connection, "SELECT max(id) FROM gateway.identity")
        found.last_commit = instant(
            _one(connection, "SELECT epoch_us(max(committed_at)) FROM gateway.batches")
        )
    except duckdb.Error as error:
        found.add("file", f"the gateway's own tables cannot be read: {_told(error)}")
        return found
    _look_for_strangers(found, known, tables)
    for each in known:
        _examine_connector(found, each, tables, connection)
    if is_thorough:
        for name in sorted(table for schema, table in tables if schema == "gateway"):
            _read_all(found, f"gateway.{name}", f"gateway.{quote(name)}", connection)
    return found


def _is_store(found: IntegrityReport, tables: _Tables) -> bool:
    """Return whether the tables are those of a known version of gateway."""
    if missing := [f"gateway.{name}" for name in _OWN if ("gateway", name) not in tables]:
        found.add("file", f"{' and '.join(missing)} is not there: this is not the file of a gateway")
        return False
    if "revision" not in tables["gateway", "connectors"]:
        hint = "start the gateway on it once, then examine it again"
        message = "it was written by gateway 0.1.0, so nothing but that it opens was checked"
        found.add("file", message, hint, is_harmless=True)
        return False
    return True


def _examine_connector(
    found: IntegrityReport, known: _Known, tables: _Tables, connection: duckdb.DuckDBPyConnection
) -> None:
    found.rows[known.name] = 0
    if known.is_removed:
        found.removed.add(known.name)
    table = table_named(known.name, known.revision)
    if ("rows", table_name(known.name, known.revision)) not in tables:
        found.add(known.name, f"its table {table} is not there")
        return
    try:
        _examine_rows(found, known, table, connection)
    except duckdb.Error as error:
        found.add(known.name, f"some of its rows cannot be read: {_told(error)}")
    else:
        if found.is_thorough:
            _read_all(found, known.name, table, connection)
    if found.is_thorough and ("rows", rejected_table_name(known.name)) in tables:
        _read_all(found, known.name, rejected_table(known.name), connection)


def _examine_rows(
    found: IntegrityReport, known: _Known, table: str, connection: duckdb.DuckDBPyConnection
) -> None:
    rows = found.rows[known.name] = _one(connection, f"SELECT count(*) FROM {table}")
    if rows != known.rows:
        found.add(known.name, f"it has {rows:,} rows, and its batches have {known.rows:,}")
    if found.is_thorough:
        # One pass in the order of the scan; ids that grow are unique as well.
        unordered, last = connection.execute(
            "SELECT count(*) FILTER (before >= _id), max(_id)"
            f" FROM (SELECT _id, lag(_id) OVER () AS before FROM {table})"
        ).fetchall()[0]
        if unordered:
            found.add(known.name, f"{unordered:,} of its rows have an _id that is not above the one before")
    else:
        last = _one(connection, f"SELECT max(_id) FROM {table}")
    if last is not None and last > known.last_id:
        found.add(known.name, f"it has a row with _id {last}, and its batches end at {known.last_id}")


def _read_all(found: IntegrityReport, about: str, table: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Read every value of a table, and keep only a hash."""
    try:
        connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {table}").fetchall()
    except duckdb.Error as error:
        found.add(about, f"some of its rows cannot be read: {_told(error)}")


def _look_for_strangers(found: IntegrityReport, known: list[_Known], tables: _Tables) -> None:
    names = {table_name(each.name, each.revision) for each in known}
    names |= {rejected_table_name(each.name) for each in known}
    for schema, table in sorted(tables):
        if schema == "rows" and table not in names:
            hint = "keep it if rows are lost, because it may have them; the gateway does not read it"
            found.add(f"rows.{table}", "no connector is known that it belongs to", hint, is_harmless=True)


def _known(connection: duckdb.DuckDBPyConnection, tables: _Tables) -> list[_Known]:
    taken_out = " - coalesce(sum(deleted), 0)" if "deleted" in tables["gateway", "batches"] else ""
    rows = connection.execute(
        "SELECT name, revision, removed_at IS NOT NULL, coalesce(stored, 0)::BIGINT, coalesce(last_id, 0)"
        f" FROM gateway.connectors LEFT JOIN (SELECT connector, sum(rows){taken_out} AS stored,"
        " max(last_id) AS last_id FROM gateway.batches GROUP BY connector) ON connector = name ORDER BY name"
    ).fetchall()
    return [_Known(*row) for row in rows]


def _tables(connection: duckdb.DuckDBPyConnection) -> _Tables:
    rows = connection.execute(
        "SELECT schema_name, table_name, list(column_name) FROM duckdb_columns()"
        " WHERE NOT internal AND database_name = current_database() GROUP BY ALL"
    ).fetchall()
    return {(schema, table): set(columns) for schema, table, columns in rows}


@contextmanager
def _connected(
    file: Path, memory: int, repair_in: Path | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Repair | None]]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory}B",
        "temp_directory": f"{file}.spill",
    }
    connection, repair = checksum_repair.open_or_repair(
        file, lambda: duckdb.connect(str(file), read_only=True, config=config), where=repair_in
    )
    try:
        yield connection, repair
    finally:
        connection.close()


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return connection.execute(sql).fetchall()[0][0]


def _told(error: duckdb.Error) -> str:
    """Return the first line of an error, which names blocks and files, no values."""
    return str(error).splitlines()[0][:300]
