"""The import of the store of one machine into a lake: rows by connector, then the journal, and the proof of both.

Each connector is a commit of its own, and the journal is another. A killed import goes on where it was: connectors whose
rows are in the lake are not copied again. Until the end, the gate refuses all other commits, and no gateway starts.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from gateway.errors import GatewayError
from gateway.store.files import restore
from gateway.store.files.checksum_repair import Unopenable
from gateway.store.files.integrity_check import examine_file
from gateway.store.lake.commit_lock import Turn, record
from gateway.store.lake.journal_copies import COPIES, FILE_CATALOG, JournalCopy
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.lake_init import TRIED, first_line, require_sound
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
from gateway.store.lake.other_sessions import require_no_gateways
from gateway.store.lake.postgres import Connection, PostgreSQL, execute, fetch
from gateway.store.sql.names import literal, rejected_table_name

#: The rows of the journal that are in memory at a time.
_LINES = 10_000
_AGAIN = "run gateway lake import again, which goes on where it was"
_START = "start this version of the gateway on it once, stop it, and import again"
#: The tables that the import fills, with those that are derived from them.
_SIDE_TABLES = (*(each.table for each in COPIES), "heads", "sequences")
_HEADS = (
    "INSERT INTO gw.heads SELECT DISTINCT ON (connector) connector, batch, committed_at, %s, max(committed_at)"
    " FILTER (WHERE action IN ('post', 'put')) OVER (PARTITION BY connector) FROM gw.batches"
    " ORDER BY connector, batch DESC"
)
#: The last `_id` of each connector, purged ones included.
_LAST_IDS = (
    f"SELECT connector, coalesce(max(last_id), 0), coalesce(sum(rejected), 0)::BIGINT FROM"
    f" (SELECT connector, last_id, rejected FROM {FILE_CATALOG}.gateway.batches"
    f" UNION ALL SELECT connector, last_id, 0 FROM {FILE_CATALOG}.gateway.purged) GROUP BY connector"
)
_LAST_BATCH = (
    f"SELECT coalesce(max(batch), 0) FROM (SELECT batch FROM {FILE_CATALOG}.gateway.batches"
    f" UNION ALL SELECT last_batch FROM {FILE_CATALOG}.gateway.purged)"
)
_MADE_AT = f"SELECT min(made_at)::VARCHAR FROM {FILE_CATALOG}.gateway.identity"
_VERSIONS = (
    f"SELECT name, revision, removed_at IS NOT NULL FROM {FILE_CATALOG}.gateway.connectors ORDER BY name"
)
_TABLES = (
    f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{FILE_CATALOG}' AND schema_name = 'rows'"
)


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The result of an import.

    Attributes:
        store: The id of the store.
        connectors: The number of connectors, removed ones included.
        rows: The number of their rows.
        strangers: The tables of the file that belong to no connector, which were not copied.
    """

    store: str
    connectors: int
    rows: int
    strangers: list[str]


def import_store(
    address: LakeAddress, file: Path, *, memory: int, spill_folder: Path, report: Callable[[str], None]
) -> ImportSummary:
    """Import the DuckDB file of a stopped gateway into a lake without connectors, or go on with that.

    Args:
        address: The lake.
        file: The file; the caller holds the lock of its directory.
        memory: The most bytes of memory of DuckDB.
        spill_folder: The folder for temporary files.
        report: Called with a line for each step.

    Raises:
        MoveFailed: It is not done, or not wholly.
        UnsoundLake: The gate of the lake is not sound.
        InvalidAddress: What a lake needs is not installed.
    """
    report("checking the file")
    store = _sound_store(file, memory)
    postgres = PostgreSQL(address)
    require_sound(postgres, is_import=True)
    require_no_gateways(postgres)
    try:
        lake = open_parts(address, memory=memory, spill_folder=spill_folder)
        try:
            lake.engine.writer.execute(f"ATTACH {literal(str(file))} AS {FILE_CATALOG} (READ_ONLY)")
            return _Import(lake, store, report).run()
        finally:
            lake.engine.close()
    except GatewayError as error:
        raise MoveFailed(f"the lake did not take it: {error.message}; {_AGAIN}") from error
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise MoveFailed(f"{file} lacks a table or a column: {_START}") from error
    except (duckdb.Error, psycopg.Error) as error:
        raise MoveFailed(f"it cannot be copied: {first_line(error)}; {_AGAIN}") from error


def _sound_store(file: Path, memory: int) -> str:
    """Return the id of the store in a file.

    Raises:
        MoveFailed: The file is not sound, or of an earlier gateway.
    """
    try:
        restore.require_finished(file.parent)
        found = examine_file(file, memory=memory, is_thorough=True, repair_in=None)
    except Unopenable as error:
        raise MoveFailed(f"{file} cannot be opened: {error}") from error
    if not found.is_sound:
        raise MoveFailed(f"{file} is damaged: {found.harm}; gateway doctor says what can be done")
    if found.store is None:
        raise MoveFailed(f"{file} was written by an earlier gateway: {_START}")
    return found.store


class _Import:
    """One run of an import, on the thread that has opened the lake."""

    def __init__(self, lake: OpenLake, store: str, report: Callable[[str], None]) -> None:
        self._lake = lake
        self._store = store
        self._report = report
        self._writer = lake.engine.writer
        tables = [name for (name,) in self._writer.execute(_TABLES).fetchall()]
        self._connectors = tables_of_connectors(self._writer.execute(_VERSIONS).fetchall(), tables)
        self._own = {each for connector in self._connectors for each in connector.tables}
        self._strangers = sorted(set(tables) - self._own)

    def run(self) -> ImportSummary:
        """Copy what is missing, check all of it, and open the lake for gateways."""
        self._begin()
        done = {name for (name,) in self._lake.postgres.rows("SELECT connector FROM gw.imported")}
        if done:
            self._report(f"going on: the rows of {len(done)} connectors are in the lake already")
        for connector in self._connectors:
            if connector.name not in done:
                announce(self._writer, connector, in_file, self._report)
                rows = self._copy(connector)
                self._report(f"{connector.name}: {rows:,} rows copied")
        self._copy_journal()
        self._report("the ledger, the keys, and the history are copied; checking all of it")
        rows = self._checked()
        self._finish()
        return ImportSummary(self._store, len(self._connectors), rows, self._strangers)

    # -- the steps

    def _begin(self) -> None:
        """Reserve an empty lake for this import, or an unfinished one of the same store."""
        with self._committing() as (connection, turn):
            found = fetch(connection, "SELECT store, finished_at FROM gw.imports")
            if found == [(self._store, None)]:
                self._record(connection, turn)
                return
            _require_empty(connection, found)
            execute(connection, "INSERT INTO gw.imports (store, began_at) VALUES (%s, now())", [self._store])
            self._record(connection, turn)

    def _copy(self, connector: ConnectorTables) -> int:
        """Copy the rows of a connector and its rejected rows, in one commit, and return how many rows it has."""
        with self._lake.engine.transaction() as writer:
            counts = [0]
            for table in connector.tables:
                writer.execute(f"DROP TABLE IF EXISTS {in_lake(table)}")
                copied = writer.execute(
                    f"CREATE TABLE {in_lake(table)} AS SELECT * FROM {in_file(table)}"
                ).fetchall()
                counts.append(copied[0][0])
            self._lake.engine.add_message({"import": self._store, "imported": connector.name})
        return counts[1] if len(counts) > 1 else 0

    def _copy_journal(self) -> None:
        """Copy the journal in one commit, in place of what an earlier run has copied."""
        with self._committing() as (connection, turn):
            self._record(connection, turn)
            for table in _SIDE_TABLES:
                execute(connection, f"DELETE FROM gw.{table}")
            for each in COPIES:
                self._copy_lines(connection, each)
            execute(connection, _HEADS, [turn.number + 1])
            with connection.cursor().copy("COPY gw.sequences FROM STDIN") as copy:
                for line in self._sequences():
                    copy.write_row(line)
            last = self._writer.execute(_LAST_BATCH).fetchall()[0][0]
            execute(
                connection,
                "UPDATE gw.gate SET batch = %s, at = greatest(at, (SELECT max(committed_at) FROM gw.batches))",
                [last],
            )
            made = self._writer.execute(_MADE_AT).fetchall()[0][0]
            execute(connection, "UPDATE gw.store SET id = %s, made_at = %s", [self._store, made])

    def _copy_lines(self, connection: Connection, each: JournalCopy) -> None:
        columns = list(each.columns)
        constant: tuple[Any, ...] = ()
        if each.table == "batches":
            # The rows of all batches are in the lake, so any snapshot from this one on has them.
            columns.append("snapshot")
            constant = fetch(connection, "SELECT snapshot FROM gw.gate")[0]
        reader = self._writer.cursor()
        lines = reader.execute(each.file_texts)
        with connection.cursor().copy(f"COPY gw.{each.table} ({', '.join(columns)}) FROM STDIN") as copy:
            while some := lines.fetchmany(_LINES):
                for line in some:
                    copy.write_row((*line, *constant))
        reader.close()

    def _sequences(self) -> Iterator[tuple[str, int, int]]:
        """Yield the last `_id`s of each connector: those of its rows, and of its rejected rows."""
        for name, last, rejected in self._writer.execute(_LAST_IDS).fetchall():
            highest, table = 0, rejected_table_name(name)
            if table in self._own:
                sql = f"SELECT coalesce(max(_id), 0) FROM {in_file(table)}"
                ((highest,),) = self._writer.execute(sql).fetchall()
            yield name, last, max(rejected, highest)

    def _checked(self) -> int:
        """Compare every row of the file with that of the lake, and return how many there are.

        Raises:
            MoveFailed: They differ; the connectors that do are copied again by the next run.
        """
        different = [
            connector.name
            for connector in self._connectors
            if different_tables(self._writer, connector) or not self._is_whole(connector)
        ]
        strange = set(self._lake.engine.tables()) - self._own - {TRIED}
        if different or strange:
            for name in different:
                self._lake.postgres.run("DELETE FROM gw.imported WHERE connector = %s", [name])
            for table in sorted(strange):
                self._drop(table)
            names = ", ".join([*different, *sorted(strange)])
            raise MoveFailed(
                f"these differ from the file, which may have changed meanwhile: {names}; {_AGAIN}"
            )
        if journals := different_journals(self._writer):
            raise MoveFailed(
                f"these tables of the journal differ from the file: {', '.join(journals)}; {_AGAIN}"
            )
        return sum(self._rows(connector) for connector in self._connectors)

    def _is_whole(self, connector: ConnectorTables) -> bool:
        """Return whether a connector has as many rows in the lake as its ledger says."""
        sql = "SELECT coalesce(sum(rows) - sum(deleted), 0)::bigint FROM gw.batches WHERE connector = %s"
        return self._lake.postgres.rows(sql, [connector.name]) == [(self._rows(connector),)]

    def _rows(self, connector: ConnectorTables) -> int:
        if not connector.tables:
            return 0
        counted = self._writer.execute(f"SELECT count(*) FROM {in_lake(connector.tables[0])}").fetchall()
        return int(counted[0][0])

    def _drop(self, table: str) -> None:
        """Drop a table that an earlier run has made, and that is not in the file."""
        with self._lake.engine.transaction() as writer:
            writer.execute(f"DROP TABLE {in_lake(table)}")
            self._lake.engine.add_message({"import": self._store})

    def _finish(self) -> None:
        """Open the lake for gateways, which then see its connectors."""
        with self._committing() as (connection, turn):
            self._record(connection, turn, {"definitions": {}})
            execute(connection, "UPDATE gw.imports SET finished_at = now()")
            execute(connection, "DELETE FROM gw.imported")

    # -- commits that change no table of the lake

    @contextlib.contextmanager
    def _committing(self) -> Iterator[tuple[Connection, Turn]]:
        """Run a block in a transaction of PostgreSQL, when it is the turn of this process."""
        with (
            self._lake.lock.turn() as turn,
            self._lake.postgres.connect() as connection,
            connection.transaction(),
        ):
            yield connection, turn

    def _record(self, connection: Connection, turn: Turn, more: dict[str, Any] | None = None) -> None:
        """Pass the gate; another commit that came first makes it fail."""
        gateway = self._lake.postgres.address.gateway
        record(connection, turn.message(gateway, {"import": self._store, **(more or {})}))


def _require_empty(connection: Connection, imports: list[tuple[Any, ...]]) -> None:
    """Check that a lake has no connector.

    Raises:
        MoveFailed: It has one, or had one.
    """
    fresh = "import into a new lake: an empty database and gateway lake init"
    for store, finished_at in imports:
        if finished_at is None:
            raise MoveFailed(f"the import of the store {store} into this lake is not finished; {fresh}")
        raise MoveFailed(
            f"the store {store} was imported into this lake at {finished_at:%Y-%m-%d %H:%M}; {fresh}"
        )
    sql = "SELECT name FROM gw.connectors UNION SELECT connector FROM gw.history ORDER BY 1 LIMIT 3"
    if found := [str(name) for (name,) in fetch(connection, sql)]:
        raise MoveFailed(f"the lake has connectors already: {', '.join(found)}; {fresh}")
    sql = (
        "SELECT table_name FROM public.ducklake_table WHERE end_snapshot IS NULL AND table_name <> %s LIMIT 3"
    )
    if found := [str(name) for (name,) in fetch(connection, sql, [TRIED])]:
        raise MoveFailed(f"the lake has tables already: {', '.join(found)}; {fresh}")
