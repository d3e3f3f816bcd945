"""The engine of a lake: commits in turns with other gateways, and writes the data files itself."""

import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.engine.interface import Capabilities
from gateway.store.engine.open_database import OpenDatabase
from gateway.store.errors import FatalError, OutcomeUnknown, StoreAway
from gateway.store.lake.catalog_watch import CatalogWatch
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.data_files import FOLDER, add_file, copy_into, new_file
from gateway.store.lake.data_folder import data_place
from gateway.store.lake.lake_commit import LakeCommit
from gateway.store.lake.lake_errors import lake_error, shown
from gateway.store.lake.postgres import PostgreSQL
from gateway.store.lake.s3_watch import S3Watch
from gateway.store.sql.names import quote, table_in

_log = logging.getLogger(__name__)

#: Seconds that a data file may take to be written while other gateways wait.
FILE_SECONDS = 10.0
#: The temporary table that the rows of an INSERT are staged in.
_STAGED = "staged"
_TABLES = "SELECT table_name FROM public.ducklake_table WHERE end_snapshot IS NULL"


class DuckLake(OpenDatabase):
    """One lake, as one gateway has it open."""

    capabilities = Capabilities(
        has_file=False, keeps_order=False, prepares_inserts=False, narrows_in_place=False
    )

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        postgres: PostgreSQL,
        lock: CommitLock,
        watch: CatalogWatch,
        files: S3Watch | None = None,
    ) -> None:
        """Use a connection of `open_lake` and the connections to PostgreSQL; `files` watches the S3 server, if there is one."""
        super().__init__(connection, postgres.address.shown)
        self._postgres = postgres
        self._lock = lock
        self._watch = watch
        self._files = files
        if files is not None:
            # The writer holds the lock of all gateways, and its clients send again.
            connection.execute("SET SESSION http_retries = 0")
        # DuckDB keeps the statistics and tables of snapshots by their numbers, which an older copy gives out again.
        watch.on_lost_commits(
            functools.partial(self._break, "PostgreSQL has lost commits; it is an older copy")
        )
        self._place = data_place(postgres.address)
        self._commit = LakeCommit(lock, self._place, postgres.address.gateway, self.meaning)
        # The writer thread alone touches these.
        self._turn: Turn | None = None
        self._message: dict[str, Any] = {}
        self._written: list[str] = []
        self._folders: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections. No borrowed cursor may be in use."""
        self._watch.stop()
        if self._files is not None:
            self._files.stop()
        self._cursors.close()
        self.writer.close()
        self._lock.close()
        self._postgres.close()

    def meaning(self, error: duckdb.Error) -> GatewayError:
        """Return the error of a request."""
        meant = lake_error(error)
        if isinstance(meant, FatalError):
            self._break(shown(error))
        elif meant.code is Code.FILE_DAMAGED:
            _log.critical("a data file of the lake is damaged or missing: %s", str(error)[:500])
        elif meant.code is Code.INTERNAL:
            _log.error("the lake failed: %s", shown(error))
        return meant

    def borrow(self) -> duckdb.DuckDBPyConnection:
        """Return a cursor that no other thread uses, until `give_back`.

        Raises:
            StoreAway: PostgreSQL does not answer. Each attempt to read would wait for it.
        """
        if not self._watch.is_connected:
            raise StoreAway(Code.READ_FAILED)
        return super().borrow()

    @property
    def is_reachable(self) -> bool:
        """True if PostgreSQL answers."""
        return self._watch.is_connected

    def require_answer(self) -> None:
        """Refuse what would wait for a server that does not answer.

        Raises:
            StoreAway: PostgreSQL or the S3 server does not answer.
        """
        if not self._watch.is_connected or (self._files is not None and self._files.is_away):
            raise StoreAway(Code.STORE_FAILED)

    # -- transactions

    @property
    def turn(self) -> Turn:
        """The turn of the open transaction."""
        assert self._turn is not None
        return self._turn

    def add_message(self, message: dict[str, Any]) -> None:
        """Add to the message of the commit."""
        self._message |= message

    def turn_to_commit(self) -> contextlib.AbstractContextManager[None]:
        """Wait until it is the turn of this gateway, and hold the turn for the transactions of a block.

        Raises:
            StoreAway: The turn did not come.
        """
        self.require_answer()
        return self._lock.held()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a block in one transaction of the writer, when it is the turn of this gateway.

        Raises:
            CommitRefused: Another commit came first, although it was not its turn; run the block again.
            GatewayError: What a duckdb.Error inside the block means, or PostgreSQL does not answer.
        """
        self.require_answer()
        with self._lock.turn() as turn:
            self.require_answer()  # The turn may have come late, because a server hangs.
            self._turn, self._message, self._written = turn, {}, []
            began = time.monotonic()
            try:
                self.writer.execute("BEGIN")
                yield self.writer
                self._commit.commit(self.writer, turn, began, self._message)
            except BaseException as error:
                self._roll_back(error)
                if isinstance(error, duckdb.Error):
                    raise self.meaning(error) from None
                if isinstance(error, OSError):
                    reason = f"the folder of the data files cannot be used: {error.strerror}"
                    raise StoreAway(Code.STORE_FAILED, reason) from error
                raise
            finally:
                self._turn = None
                self._place.forget(turn.nonce)

    def _roll_back(self, error: BaseException) -> None:
        with contextlib.suppress(duckdb.Error):
            self.writer.execute("ROLLBACK")
        if not isinstance(error, OutcomeUnknown):
            for file in self._written:
                self._place.discard(file)

    # -- rows

    @contextlib.contextmanager
    def registered(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Copy Arrow rows into a temporary table that the writer's statements read, inside a block.

        A statement that scans Arrow rows holds the GIL, also while it waits for PostgreSQL.
        """
        self.writer.register(f"arrow_{name}", rows)
        try:
            self.writer.execute(
                f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS SELECT * FROM {quote(f'arrow_{name}')}"
            )
        finally:
            self.writer.unregister(f"arrow_{name}")
        yield
        self.writer.execute(f"DROP TABLE temp.main.{quote(name)}")

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert Arrow rows by column name into a quoted table, in the writer's transaction.

        They become a data file of the gateway, which DuckLake never deletes. The table of an open transaction has no folder
        yet; there DuckLake writes the file.
        """
        with self.registered(_STAGED, rows):
            folder = self._folder_of(table_in(table))
            if folder is None:
                self.run_insert(f"INSERT INTO {table} BY NAME SELECT * FROM {_STAGED}", rows.num_rows)
            else:
                self._add_file(table, f"SELECT * FROM {_STAGED}", folder, rows.num_rows)

    def insert_selected(self, table: str, select: str) -> int:
        """Insert the rows of a SELECT by column name, in the writer's transaction, and return their number."""
        folder = self._folder_of(table_in(table))
        if folder is None:
            return super().insert_selected(table, select)
        return self._add_file(table, select, folder)

    def _add_file(self, table: str, select: str, folder: str, expected: int | None = None) -> int:
        """Add a file with the rows of a SELECT to a table, and return their number.

        Raises:
            GatewayError: They are not as many as expected.
        """
        file = new_file(folder)
        self._place.make_room(folder)
        self._written.append(file)
        sql = copy_into(file, f"SELECT {self._columns(table, select)} FROM ({select})")
        with self._lock.released_after(FILE_SECONDS):
            if expected is not None:
                self.run_insert(sql, expected)
                rows = expected
            else:
                ((rows,),) = self.writer.execute(sql).fetchall()
        self._place.sync(file)
        add_file(self.writer, table_in(table), file)
        return int(rows)

    def _columns(self, table: str, select: str) -> str:
        """Cast the columns of a SELECT to the types of a table; a file must have exactly these types."""
        types = {name: type for name, type, *_ in self.writer.execute(f"DESCRIBE {table}").fetchall()}
        staged = [name for name, *_ in self.writer.execute(f"DESCRIBE {select}").fetchall()]
        return ", ".join(
            f"CAST({quote(name)} AS {types[name]}) AS {quote(name)}" if name in types else quote(name)
            for name in staged
        )

    def _folder_of(self, name: str) -> str | None:
        """Return the folder of a table's data files; None if the table is not committed yet."""
        if name not in self._folders:
            found = self._lock.rows(FOLDER, [name])
            if not found:
                return None
            self._folders[name] = str(found[0][0])
        return self._folders[name]

    def tables(self) -> list[str]:
        """List the tables of connectors."""
        return [name for (name,) in self._postgres.rows(_TABLES)]

    # -- upkeep

    def note_change(self) -> None:
        """Forget the folders of tables: a table may have been dropped."""
        super().note_change()
        self._folders.clear()

    def note_rows(self, table: str, stored: int, deleted: int) -> None:
        """Ignore the rows: the upkeep of a lake is not the writer's."""

    def request_maintenance(self) -> None:
        """Ignore the request: the upkeep of a lake is not the writer's."""

    def maintain(self) -> bool:
        """Return that nothing is due."""
        return False

    def backup(self) -> BinaryIO:
        """Refuse: a lake is backed up by the tools of PostgreSQL and of the data files."""
        hint = "back up PostgreSQL and the data files: gateway docs lake"
        raise GatewayError(Code.NOT_IMPLEMENTED, "a lake has no file to download", hint=hint)
