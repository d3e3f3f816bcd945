"""Writes data files of a lake again: small ones as one, and those with many deleted rows without them.

The gateway writes the file itself, before it waits for the lock, and adds it. So writers wait only while the rows of the old
files are marked as deleted, and DuckLake has written no file that it might delete if the answer to COMMIT is lost.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.lake.attach import CATALOG
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.data_files import FOLDER, add_file, copy_into, new_file
from gateway.store.lake.data_folder import data_place
from gateway.store.lake.file_figures import SMALL_BYTES
from gateway.store.lake.file_window import (
    DELETED_ROWS,
    DELETED_SHARE,
    DataFile,
    FileWindow,
    deleted_window,
    small_window,
)
from gateway.store.lake.lake_commit import LakeCommit
from gateway.store.lake.lake_errors import lake_error
from gateway.store.lake.postgres import CatalogSelect, PostgreSQL
from gateway.store.sql.names import quote

_log = logging.getLogger(__name__)

#: A table with more small files, those that list their deleted rows included, is merged.
SMALL_FILES_MAX = 100

_LIVE = (
    " FROM public.ducklake_table AS t JOIN public.ducklake_data_file AS f ON f.table_id = t.table_id"
    " LEFT JOIN public.ducklake_delete_file AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL"
)
_DUE = (
    "SELECT t.table_id, t.table_name, count(*) FILTER (WHERE f.file_size_bytes < %s)"
    " + count(d.data_file_id) FILTER (WHERE f.file_size_bytes < %s) AS small,"
    " count(*) FILTER (WHERE d.delete_count >= %s AND d.delete_count >= f.record_count * %s) AS deleted"
    f"{_LIVE} WHERE t.end_snapshot IS NULL AND f.end_snapshot IS NULL GROUP BY t.table_id, t.table_name"
)
#: The `_id`s of a file are in the statistics of its column, which DuckLake keeps for its own reads.
_TABLE_FILES = (
    "SELECT f.data_file_id, d.delete_file_id, f.file_size_bytes, f.record_count, coalesce(d.delete_count, 0),"
    f" s.min_value, s.max_value{_LIVE}"
    " JOIN public.ducklake_column AS c ON c.table_id = t.table_id AND c.column_name = '_id' AND c.end_snapshot IS NULL"
    " LEFT JOIN public.ducklake_file_column_stats AS s"
    " ON s.table_id = t.table_id AND s.column_id = c.column_id AND s.data_file_id = f.data_file_id"
    " WHERE t.table_id = %s AND t.table_name = %s AND t.end_snapshot IS NULL AND f.end_snapshot IS NULL"
)
_AMONG = " AND (f.data_file_id = ANY(%s) OR f.data_file_id > %s)"
_SHAPE = "SELECT max(begin_snapshot) FROM public.ducklake_schema_versions WHERE table_id = %s"


@dataclass(frozen=True, slots=True)
class DueTable:
    """A table whose files are due: its number, its name, and how many small files and files with deleted rows it has."""

    id: int
    name: str
    small: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Compacted:
    """The effect of one step.

    Attributes:
        files: The files that were replaced by one.
        bytes: Their bytes.
        rows: The rows of the new file.
        locked_seconds: How long writers could not commit.
    """

    files: int
    bytes: int
    rows: int
    locked_seconds: float


class Compaction:
    """Compacts the tables of a lake, one step after the other. The thread of the upkeep alone may call it."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, postgres: PostgreSQL, lock: CommitLock) -> None:
        """Run on a cursor of the gateway's own DuckDB, in turns of its own."""
        self._cursor = cursor
        self._postgres = postgres
        self._lock = lock
        self._place = data_place(postgres.address)
        self._commit = LakeCommit(lock, self._place, postgres.address.gateway)

    def close(self) -> None:
        """Close the cursor, and the connection of the turns."""
        self._cursor.close()
        self._lock.close()

    def due(self, small_files_max: int = SMALL_FILES_MAX) -> list[DueTable]:
        """List the tables whose files are due.

        Raises:
            GatewayError: PostgreSQL cannot be asked.
        """
        rows = self._postgres.rows(_DUE, [SMALL_BYTES, SMALL_BYTES, DELETED_ROWS, DELETED_SHARE])
        tables = [DueTable(*row) for row in rows]
        return [each for each in tables if each.small > small_files_max or each.deleted]

    def step(self, table: DueTable, small_files_max: int = SMALL_FILES_MAX) -> Compacted | None:
        """Write some files of a table again as one; None if there are none, or they are being changed.

        Raises:
            GatewayError: It failed, or its outcome is unknown; the rows are the same as before.
        """
        files = self._files(table)
        if not files:
            return None
        window = (small_window(files) if table.small > small_files_max else None) or deleted_window(files)
        place = self._postgres.rows(FOLDER, [table.name])
        if window is None or not place:
            return None
        file = new_file(place[0][0])
        with self._discarding(file):
            return self._replace(table, window, max(each.id for each in files), file)

    def _replace(self, table: DueTable, window: FileWindow, newest: int, file: str) -> Compacted | None:
        shape = self._shape(self._postgres.rows, table)
        rows = self._copy(table, window, file)
        with self._lock.turn() as turn:
            began = time.monotonic()
            is_same = self._shape(self._lock.rows, table) == shape and self._is_same(table, window, newest)
            if not is_same or not rows:
                self._place.discard(file)
                return None
            self._swap(turn, table, window, file, rows)
            seconds = time.monotonic() - began
        return Compacted(len(window.files), window.bytes, rows, seconds)

    def _copy(self, table: DueTable, window: FileWindow, file: str) -> int:
        """Write the rows of a window into a file, and return how many they are."""
        self._place.make_room(str(Path(file).parent))
        sql = copy_into(file, f"SELECT * FROM {_where(table, window)} ORDER BY _id")
        ((rows,),) = self._cursor.execute(sql).fetchall()
        self._place.sync(file)
        return int(rows)

    def _swap(self, turn: Turn, table: DueTable, window: FileWindow, file: str, rows: int) -> None:
        """Replace the rows of a window by those of the file, in one transaction."""
        began = time.monotonic()
        try:
            self._cursor.execute("BEGIN")
            self._exchange(table, window, file, rows)
            self._commit.commit(self._cursor, turn, began, {})
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self._cursor.execute("ROLLBACK")
            raise
        finally:
            self._place.forget(turn.nonce)

    def _exchange(self, table: DueTable, window: FileWindow, file: str, rows: int) -> None:
        ((deleted,),) = self._cursor.execute(f"DELETE FROM {_where(table, window)}").fetchall()
        if deleted != rows:
            message = f"{table.name}: {rows} rows were copied, but there are {deleted}"
            raise GatewayError(Code.STORE_FAILED, message)
        add_file(self._cursor, table.name, file)

    @contextlib.contextmanager
    def _discarding(self, file: str) -> Iterator[None]:
        """Delete the file if the block raises, unless the outcome of its commit is unknown."""
        try:
            yield
        except duckdb.Error as error:
            self._place.discard(file)
            raise lake_error(error) from error
        except GatewayError as error:
            if error.code is not Code.OUTCOME_UNKNOWN:
                self._place.discard(file)
            raise

    def _files(self, table: DueTable) -> list[DataFile] | None:
        """Return the files of a table, None if the `_id`s of one are unknown."""
        return _data_files(self._postgres.rows(_TABLE_FILES, [table.id, table.name]))

    def _is_same(self, table: DueTable, window: FileWindow, newest: int) -> bool:
        """Return whether the window has the same rows as when it was chosen; `newest` was the last file then."""
        ids = {file.id for file in window.files}
        files = _data_files(self._lock.rows(_TABLE_FILES + _AMONG, [table.id, table.name, list(ids), newest]))
        if files is None:
            return False
        same = FileWindow(tuple(file for file in files if file.id in ids))
        return same.state == window.state and not any(
            file.low <= window.high and file.high >= window.low for file in files if file.id not in ids
        )

    def _shape(self, ask: CatalogSelect, table: DueTable) -> list[tuple[Any, ...]]:
        """Return what changes with each change of a table's columns."""
        return ask(_SHAPE, [table.id])


def _data_files(rows: list[tuple[Any, ...]]) -> list[DataFile] | None:
    if any(None in row[2:] for row in rows):
        return None
    return [
        DataFile(id, delete_id, size, count, deleted, int(low), int(high))
        for id, delete_id, size, count, deleted, low, high in rows
    ]


def _where(table: DueTable, window: FileWindow) -> str:
    return f"{CATALOG}.{quote(table.name)} WHERE _id BETWEEN {window.low:d} AND {window.high:d}"
