"""The export of a lake into the DuckDB file of one machine: everything at one moment, proved, and then put in place."""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg

from gateway.errors import GatewayError
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.engine.open_file import FILE, STORAGE_VERSION
from gateway.store.files import saved_files
from gateway.store.files.checksum_repair import Unopenable
from gateway.store.files.integrity_check import IntegrityReport, examine_file
from gateway.store.journal.duckdb_journal import DuckDBJournal
from gateway.store.lake.journal_copies import COPIES, FILE_CATALOG, SIDE_SCHEMA
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.lake_init import first_line, require_sound
from gateway.store.lake.lake_store import OpenLake, open_parts
from gateway.store.lake.moved_tables import (
    ConnectorTables,
    MoveFailed,
    announce,
    different_journals,
    different_tables,
    in_file,
    in_lake,
    tables_of_connectors,
)
from gateway.store.lake.postgres import PostgreSQL
from gateway.store.sql.names import literal

#: The folder of the data directory in which the file is made.
PART = "export.part"
_AGAIN = "run gateway lake export again, which begins from the start"
_VERSIONS = f"SELECT name, revision, removed_at IS NOT NULL FROM {SIDE_SCHEMA}.connectors ORDER BY name"
_TABLES = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = 'rows'"
_NUMBER = f"SELECT number FROM {SIDE_SCHEMA}.gate"


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """The result of an export.

    Attributes:
        found: The check of the file.
        later: The number of commits to the lake since the moment of the export.
    """

    found: IntegrityReport
    later: int


def export_store(
    address: LakeAddress, directory: Path, *, memory: int, spill_folder: Path, report: Callable[[str], None]
) -> ExportSummary:
    """Write a lake into a data directory without a store. A killed export leaves none; it begins from the start again.

    Args:
        address: The lake.
        directory: The data directory; the caller holds its lock.
        memory: The most bytes of memory of DuckDB.
        spill_folder: The folder for temporary files.
        report: Called with a line for each step.

    Raises:
        MoveFailed: It is not done.
        UnsoundLake: The gate of the lake is not sound.
        InvalidAddress: What a lake needs is not installed.
    """
    if there := saved_files.siblings(directory / FILE):
        names = ", ".join(each.name for each in there)
        raise MoveFailed(f"{directory} has a store already: {names}; name a new directory by --to")
    with contextlib.closing(PostgreSQL(address)) as checked:
        require_sound(checked)
    part = directory / PART
    shutil.rmtree(part, ignore_errors=True)
    try:
        _make_file(part, memory)
        later = _filled(address, part / FILE, memory, spill_folder, report)
        report("copied; checking the file")
        found = examine_file(part / FILE, memory=memory, is_thorough=True, repair_in=None)
        if not found.is_sound:
            raise MoveFailed(
                f"the file is not sound, and was removed: {found.harm}; gateway lake doctor checks the lake"
            )
        _put(part, directory)
    except (duckdb.Error, psycopg.Error) as error:
        raise MoveFailed(f"it cannot be copied: {first_line(error)}; {_AGAIN}") from error
    except (GatewayError, Unopenable) as error:
        raise MoveFailed(f"the file cannot be written: {error}; {_AGAIN}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ExportSummary(found, later)


def _make_file(part: Path, memory: int) -> None:
    """Create a file with the empty tables of a journal, in a format that every gateway opens."""
    part.mkdir(mode=0o700)
    with duckdb.connect() as connection:
        file = literal(str(part / FILE))
        connection.execute(f"ATTACH {file} AS {FILE_CATALOG} (STORAGE_VERSION '{STORAGE_VERSION}')")
    file_engine = DuckDBFile(part, memory=memory)
    try:
        DuckDBJournal(file_engine)
    finally:
        file_engine.close()


def _filled(
    address: LakeAddress, file: Path, memory: int, spill_folder: Path, report: Callable[[str], None]
) -> int:
    """Copy the lake of one moment into the file, and return how many commits came since that moment."""
    lake = open_parts(address, memory=memory, spill_folder=spill_folder)
    try:
        writer = lake.engine.writer
        writer.execute(f"ATTACH {literal(str(file))} AS {FILE_CATALOG}")
        writer.execute("BEGIN")
        # The tables beside those of DuckLake are read in the same transaction of PostgreSQL.
        ((number,),) = writer.execute(_NUMBER).fetchall()
        connectors = _copied(lake, report)
        _require_equal(writer, connectors)
        writer.execute("COMMIT")
        writer.execute(f"CHECKPOINT {FILE_CATALOG}")
        writer.execute(f"DETACH {FILE_CATALOG}")
        ((now,),) = lake.postgres.rows("SELECT number FROM gw.gate")
        return int(now) - int(number)
    finally:
        lake.engine.close()


def _copied(lake: OpenLake, report: Callable[[str], None]) -> list[ConnectorTables]:
    """Copy the tables of all connectors, and the journal."""
    writer = lake.engine.writer
    tables = [name for (name,) in writer.execute(_TABLES).fetchall()]
    connectors = tables_of_connectors(writer.execute(_VERSIONS).fetchall(), tables)
    for each in connectors:
        announce(writer, each, in_lake, report)
        rows = 0
        for table in each.tables:
            # The file keeps the order of its rows, which is that of their `_id`s.
            copied = writer.execute(
                f"CREATE TABLE {in_file(table)} AS SELECT * FROM {in_lake(table)} ORDER BY _id"
            ).fetchall()
            rows = rows or copied[0][0]
        report(f"{each.name}: {rows:,} rows copied")
    for journal in COPIES:
        writer.execute(journal.restoring)
    writer.execute(f"DELETE FROM {FILE_CATALOG}.gateway.identity")
    writer.execute(
        f"INSERT INTO {FILE_CATALOG}.gateway.identity (id, made_at) SELECT id, made_at FROM {SIDE_SCHEMA}.store"
    )
    return connectors


def _require_equal(writer: duckdb.DuckDBPyConnection, connectors: list[ConnectorTables]) -> None:
    """Check that the file has what the lake has.

    Raises:
        MoveFailed: They differ.
    """
    different = [name for each in connectors for name in different_tables(writer, each)]
    different += different_journals(writer)
    if different:
        raise MoveFailed(f"these differ from the lake: {', '.join(different)}; {_AGAIN}")


def _put(part: Path, directory: Path) -> None:
    """Rename the file into its place, durably."""
    with (part / FILE).open("rb") as file:
        saved_files.sync(Path(file.name))
    (part / FILE).rename(directory / FILE)
    saved_files.sync(directory)
