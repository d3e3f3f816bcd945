"""Integrity check of a lake: the gate, the files of the catalog, and the rows of each connector against the journal.

All of it is read in one transaction, so gateways may commit meanwhile.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from gateway.store.errors import StoreAway
from gateway.store.files.integrity_check import IntegrityReport
from gateway.store.lake.attach import CATALOG, open_lake
from gateway.store.lake.data_folder import LINKS
from gateway.store.lake.data_owner import catalog_id, owner_problem, read_owner
from gateway.store.lake.journal_copies import SIDE_SCHEMA
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.lake_errors import lake_error
from gateway.store.lake.lake_init import (
    GO_ON,
    OPTIONS,
    TRIED,
    data_problem,
    find_problem,
    first_line,
    has_lake,
    unfinished_import,
)
from gateway.store.lake.postgres import PostgreSQL, fetch
from gateway.store.sql.names import literal, quote, rejected_table_name, table_name
from gateway.store.sql.times import moment

#: What the gate, the options, an import that is not finished, and the owner of the data files are called in a report.
GATE, OPTION, IMPORT, OWNER = "gate", "options", "import", "data files"
_INIT = "run gateway lake init, which sets it again and keeps all rows"
_RESTORE = "restore PostgreSQL and the data files of the same time: gateway docs lake"
_CATALOG_SCHEMA = "__ducklake_metadata_rows.public"
#: Files that no commit has and that are at least this old; younger ones may be of a commit that is under way.
_ORPHANS = f"CALL ducklake_delete_orphaned_files('{CATALOG}', older_than => now() - INTERVAL 1 HOUR, dry_run => true)"
#: The path of each file that the newest snapshot has.
_FILES = f"""
SELECT CASE WHEN NOT f.path_is_relative THEN f.path
    WHEN NOT t.path_is_relative THEN t.path || f.path
    WHEN NOT s.path_is_relative THEN s.path || t.path || f.path
    ELSE m.value || s.path || t.path || f.path END AS file, t.table_name
FROM (
    SELECT table_id, path, path_is_relative FROM {_CATALOG_SCHEMA}.ducklake_data_file WHERE end_snapshot IS NULL
    UNION ALL SELECT table_id, path, path_is_relative FROM {_CATALOG_SCHEMA}.ducklake_delete_file WHERE end_snapshot IS NULL
) AS f
JOIN {_CATALOG_SCHEMA}.ducklake_table AS t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
JOIN {_CATALOG_SCHEMA}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
JOIN {_CATALOG_SCHEMA}.ducklake_metadata AS m ON m.key = 'data_path'
"""
_CONNECTORS = f"""
SELECT c.name, c.revision, c.removed_at IS NOT NULL, coalesce(b.stored, 0)::BIGINT,
    coalesce(q.last_id, 0), coalesce(q.last_rejected_id, 0), coalesce(b.last_id, 0), coalesce(b.batch, 0), coalesce(h.batch, 0)
FROM {SIDE_SCHEMA}.connectors AS c
LEFT JOIN (
    SELECT connector, sum(rows) - sum(deleted) AS stored, max(last_id) AS last_id, max(batch) AS batch
    FROM {SIDE_SCHEMA}.batches GROUP BY connector
) AS b ON b.connector = c.name
LEFT JOIN {SIDE_SCHEMA}.sequences AS q ON q.connector = c.name
LEFT JOIN {SIDE_SCHEMA}.heads AS h ON h.connector = c.name
ORDER BY c.name
"""
_KEYS = f"""
SELECT k.connector, count(*) FROM {SIDE_SCHEMA}.keys AS k WHERE k.batch IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM {SIDE_SCHEMA}.batches AS b WHERE b.batch = k.batch AND b.connector = k.connector
) GROUP BY k.connector ORDER BY k.connector
"""


class NotExamined(Exception):  # noqa: N818  # the message is for the operator
    """Nothing was checked, because there is no lake, or it does not answer."""


@dataclass(frozen=True, slots=True)
class _Ledger:
    """A connector as the journal of the lake knows it."""

    name: str
    revision: int
    is_removed: bool
    rows: int
    last_id: int
    last_rejected_id: int
    ledger_id: int
    batch: int
    head: int


def examine_lake(
    address: LakeAddress, *, memory: int, spill_folder: Path, is_thorough: bool
) -> IntegrityReport:
    """Check a lake; nothing is changed, and gateways may serve it.

    Args:
        address: The lake.
        memory: The most bytes of memory of DuckDB.
        spill_folder: The folder for temporary files.
        is_thorough: Whether every row is read.

    Raises:
        NotExamined: There is no lake, or it does not answer.
        InvalidAddress: What a lake needs is not installed.
    """
    found = IntegrityReport(is_thorough)
    try:
        with contextlib.closing(PostgreSQL(address)) as postgres:
            own = _examine_gate(found, postgres)
        lake = open_lake(address, memory=memory, spill_folder=spill_folder)
    except (psycopg.Error, duckdb.Error) as error:
        raise NotExamined(f"{address.shown} cannot be asked: {first_line(error)}") from error
    with contextlib.closing(lake):
        try:
            if problem := owner_problem(read_owner(lake, address), own, address):
                found.add(OWNER, *problem)
            lake.execute("BEGIN TRANSACTION READ ONLY")
            _Check(found, lake, address).run()
        except duckdb.Error as error:
            if isinstance(lake_error(error), StoreAway):
                raise NotExamined(f"{address.data} cannot be read: {first_line(error)}") from error
            found.add("catalog", f"it cannot be read: {first_line(error)}", _RESTORE)
    return found


def _examine_gate(found: IntegrityReport, postgres: PostgreSQL) -> str:
    """Check the gate, and return the id of the catalog."""
    with postgres.connect() as connection:
        if not has_lake(connection):
            raise NotExamined(f"there is no lake in {postgres.address.shown}: gateway lake init makes it")
        if problem := data_problem(connection, postgres.address):
            raise NotExamined(problem)
        if problem := find_problem(connection):
            found.add(GATE, *problem.rsplit("; ", 1))
        ((store,),) = fetch(connection, "SELECT id FROM gw.store")
        found.store = str(store)
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            if unfinished := unfinished_import(connection):
                found.add(IMPORT, f"that of the store {unfinished} is not finished", GO_ON)
        return catalog_id(connection)


class _Check:
    """One check, in the open transaction of a connection."""

    def __init__(self, found: IntegrityReport, lake: duckdb.DuckDBPyConnection, address: LakeAddress) -> None:
        self._found = found
        self._lake = lake
        self._address = address

    def run(self) -> None:
        """Check everything; the gate was checked before."""
        found = self._found
        # The first statement fixes the moment of the transaction, before the files are listed.
        known = [_Ledger(*row) for row in self._rows(_CONNECTORS)]
        ((last,),) = self._rows(f"SELECT epoch_us(max(committed_at)) FROM {SIDE_SCHEMA}.batches")
        found.last_commit = None if last is None else moment(last)
        self._options()
        self._files()
        tables = self._tables()
        for each in known:
            self._connector(each, tables)
        own = {table_name(each.name, each.revision) for each in known}
        own |= {rejected_table_name(each.name) for each in known}
        for table in sorted(tables - own - {TRIED}):
            hint = "keep it if rows are lost, because it may have them; the gateway does not read it"
            found.add(f"rows.{table}", "no connector is known that it belongs to", hint, is_harmless=True)
        for name, count in self._rows(_KEYS):
            found.add(
                str(name), f"{count:,} of its idempotency keys are of batches that are not there", _RESTORE
            )

    def _options(self) -> None:
        """Check that DuckLake writes no rows into PostgreSQL, and the other options."""
        stored = self._rows(
            f"SELECT key, value, coalesce(scope, '') FROM {_CATALOG_SCHEMA}.ducklake_metadata"
        )
        of_all = {key: value for key, value, scope in stored if not scope}
        for option, value in OPTIONS.items():
            if of_all.get(option) != value:
                message = f"{option} is {of_all.get(option, 'not set')} instead of {value}"
                self._found.add(OPTION, message, _INIT, is_harmless=option != "data_inlining_row_limit")
        if any(key == "data_inlining_row_limit" and value != "0" and scope for key, value, scope in stored):
            self._found.add(
                OPTION, "data_inlining_row_limit is set for a table or schema", "remove it in PostgreSQL"
            )

    def _files(self) -> None:
        """Check that the files of the newest snapshot exist, and count those that no commit has."""
        wanted: dict[str, str] = dict(self._rows(_FILES))
        present = {
            file for (file,) in self._rows(f"SELECT file FROM glob({literal(self._address.data + '**')})")
        }
        missing: dict[str, list[str]] = {}
        for file, table in wanted.items():
            if file not in present:
                missing.setdefault(table, []).append(file)
        for table, files in sorted(missing.items()):
            message = f"{len(files):,} of its data files are not there, such as {files[0]}"
            self._found.add(f"rows.{table}", message, _RESTORE)
        orphans = [file for (file, *_) in self._rows(_ORPHANS) if f"/{LINKS}/" not in file]
        if orphans:
            message = f"{len(orphans):,} files belong to no commit; a gateway was killed before it committed"
            self._found.add("files", message, "leave them: the maintenance deletes them", is_harmless=True)

    def _tables(self) -> set[str]:
        sql = f"SELECT table_name FROM {_CATALOG_SCHEMA}.ducklake_table WHERE end_snapshot IS NULL"
        return {str(name) for (name,) in self._rows(sql)}

    def _connector(self, known: _Ledger, tables: set[str]) -> None:
        found = self._found
        found.rows[known.name] = 0
        if known.is_removed:
            found.removed.add(known.name)
        if known.ledger_id > known.last_id:
            message = f"its next _id is {known.last_id + 1}, and its batches end at {known.ledger_id}"
            found.add(known.name, message, _RESTORE)
        if known.head != known.batch:
            message = f"its head is batch {known.head}, and its ledger ends at batch {known.batch}"
            found.add(known.name, message, _RESTORE)
        table = table_name(known.name, known.revision)
        if table not in tables:
            found.add(known.name, f"its table rows.{table} is not there", _RESTORE)
            return
        with self._reading(known.name):
            self._rows_of(known, f"rows.{quote(table)}")
        rejected = rejected_table_name(known.name)
        if rejected in tables:
            with self._reading(known.name):
                self._rejected(known, f"rows.{quote(rejected)}")

    def _rows_of(self, known: _Ledger, table: str) -> None:
        found = self._found
        ((rows, last),) = self._rows(f"SELECT count(*), coalesce(max(_id), 0) FROM {table}")
        found.rows[known.name] = rows
        if rows != known.rows:
            found.add(known.name, f"it has {rows:,} rows, and its batches have {known.rows:,}", _RESTORE)
        self._last_id(known.name, last, known.last_id)
        if found.is_thorough:
            self._unique(known.name, table)
            ((strange,),) = self._rows(
                f"SELECT count(*) FROM {table} AS r WHERE NOT EXISTS (SELECT 1 FROM {SIDE_SCHEMA}.batches AS b"
                f" WHERE b.batch = r._batch AND b.connector = {literal(known.name)})"
            )
            if strange:
                found.add(
                    known.name,
                    f"{strange:,} of its rows are of batches that its ledger does not have",
                    _RESTORE,
                )
            self._rows(f"SELECT sum(hash(each)) FROM {table} AS each")

    def _rejected(self, known: _Ledger, table: str) -> None:
        ((last,),) = self._rows(f"SELECT coalesce(max(_id), 0) FROM {table}")
        self._last_id(f"{known.name}, rejected rows", last, known.last_rejected_id)
        if self._found.is_thorough:
            self._unique(f"{known.name}, rejected rows", table)
            self._rows(f"SELECT sum(hash(each)) FROM {table} AS each")

    def _last_id(self, about: str, last: int, known: int) -> None:
        if last > known:
            self._found.add(about, f"it has a row with _id {last}, and its next _id is {known + 1}", _RESTORE)

    def _unique(self, about: str, table: str) -> None:
        ((double,),) = self._rows(f"SELECT count(*) - count(DISTINCT _id) FROM {table}")
        if double:
            self._found.add(about, f"{double:,} of its rows have the _id of another one", _RESTORE)

    @contextlib.contextmanager
    def _reading(self, about: str) -> Iterator[None]:
        """Report rows that cannot be read, and go on with the next table."""
        try:
            yield
        except duckdb.Error as error:
            self._found.add(about, f"some of its rows cannot be read: {first_line(error)}", _RESTORE)
            with contextlib.suppress(duckdb.Error):
                self._lake.execute("ROLLBACK")
            self._lake.execute("BEGIN TRANSACTION READ ONLY")

    def _rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self._lake.execute(sql).fetchall()
