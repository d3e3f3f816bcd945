"""A store in a lake: rows in DuckLake, journal in PostgreSQL, one of many gateways."""

import contextlib
import functools
import logging
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gateway.store.lake.attach import open_lake
from gateway.store.lake.catalog_watch import CatalogWatch
from gateway.store.lake.commit_lock import CommitLock, is_committed
from gateway.store.lake.compaction import Compaction
from gateway.store.lake.data_folder import data_place
from gateway.store.lake.data_owner import catalog_id, owner_problem, read_owner
from gateway.store.lake.ducklake import DuckLake
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.lake_init import UnsoundLake, first_line, require_sound
from gateway.store.lake.lake_journal import LakeJournal
from gateway.store.lake.maintenance import Maintenance
from gateway.store.lake.old_files import Ages, OldFiles
from gateway.store.lake.postgres import PostgreSQL
from gateway.store.lake.s3_watch import s3_watch
from gateway.store.tables.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenLake:
    """An open lake, without a journal."""

    postgres: PostgreSQL
    lock: CommitLock
    watch: CatalogWatch
    engine: DuckLake


def lake_store(
    address: LakeAddress,
    *,
    memory: int,
    spill_folder: Path,
    threads: int | None = None,
    spill: int | None = None,
) -> Store:
    """Open a lake that `gateway lake init` has made.

    Args:
        address: The lake.
        memory: The most bytes of memory of DuckDB.
        spill_folder: The folder for temporary files.
        threads: The threads of DuckDB.
        spill: The most bytes of temporary files.

    Raises:
        UnsoundLake: It is not made, or its gate is not sound.
        InvalidAddress: What it needs is not installed.
    """
    with contextlib.closing(PostgreSQL(address)) as checked:
        require_sound(checked)
    opened = open_parts(address, memory=memory, spill_folder=spill_folder, threads=threads, spill=spill)
    postgres, engine = opened.postgres, opened.engine
    return Store(
        engine,
        lambda: LakeJournal(postgres, opened.lock, opened.watch, engine),
        _upkeep(opened, spill_folder),
    )


def _upkeep(opened: OpenLake, spill_folder: Path) -> Maintenance:
    postgres = opened.postgres
    cursor, lock = opened.engine.writer.cursor(), CommitLock(postgres)
    ages = Ages.of(postgres.address.keep)
    return Maintenance(
        postgres,
        Compaction(cursor, postgres, lock),
        OldFiles(cursor, postgres, lock, ages, spill_folder),
    )


def open_parts(
    address: LakeAddress,
    *,
    memory: int,
    spill_folder: Path,
    threads: int | None = None,
    spill: int | None = None,
) -> OpenLake:
    """Open a lake whose gate the caller has checked; the arguments are those of `lake_store`.

    Raises:
        UnsoundLake: Its data files belong to another catalog.
        InvalidAddress: What it needs is not installed.
    """
    postgres = PostgreSQL(address)
    connection = open_lake(address, memory=memory, spill_folder=spill_folder, threads=threads, spill=spill)
    files = s3_watch(address)
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        if files is not None:
            # Before the first question to the S3 server, which it ends if that server hangs.
            files.start()
            undo.callback(files.stop)
        _require_owner(connection, postgres)
        undo.pop_all()
    data_place(address).restore_all(functools.partial(is_committed, postgres))
    watch = CatalogWatch(postgres)
    watch.start()
    lock = CommitLock(postgres)
    return OpenLake(postgres, lock, watch, DuckLake(connection, postgres, lock, watch, files))


def _require_owner(connection: duckdb.DuckDBPyConnection, postgres: PostgreSQL) -> None:
    """Check that the data files belong to this catalog; a server of files that is away does not hold up the start."""
    address = postgres.address
    with postgres.connect() as asked:
        own = catalog_id(asked)
    try:
        owner = read_owner(connection, address)
    except duckdb.Error as error:
        _log.warning(
            "%s cannot be read yet, so its owner is not checked: %s", address.data, first_line(error)
        )
        return
    if problem := owner_problem(owner, own, address):
        raise UnsoundLake(f"the lake in {address.shown} may not be written: {'; '.join(problem)}")
