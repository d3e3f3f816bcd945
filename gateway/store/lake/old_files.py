"""Forgets old snapshots of a lake, and deletes the files that none needs and those of no commit.

Only credentials that may delete objects can do so on S3; the gateways' others may not.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.lake.attach import CATALOG, open_lake
from gateway.store.lake.commit_lock import CommitLock
from gateway.store.lake.data_folder import LINKS
from gateway.store.lake.data_owner import catalog_id, owner_problem, read_owner
from gateway.store.lake.lake_errors import lake_error
from gateway.store.lake.postgres import PostgreSQL

#: The most snapshots that are forgotten at once, while writers wait, and the fewest that are worth a turn.
SNAPSHOTS_MAX, SNAPSHOTS_MIN = 1000, 100
#: PERF: each read looks through all files that were replaced since the oldest snapshot: 1,000 of them take 2 ms. No read
#: needs the snapshot, for its transaction in PostgreSQL sees the catalog as it was.
_SNAPSHOT_SECONDS = 60
#: How often the files are listed until no link goes meanwhile.
_ATTEMPTS = 10
#: The memory of a DuckDB that deletes files.
_MEMORY = 128 * 2**20
#: Files of no commit are younger than this as long as their commit may still come.
_ORPHAN_SECONDS = 2 * 24 * 3600

#: The files of a lake, and the links of those of killed gateways, below the place of its data files.
_OWN = re.compile(r"(\.gateway/[0-9a-f]+/)?main/[^/]+/(gateway|ducklake)-[^/]+\.parquet")

_LAST_DUE = (
    "SELECT count(*), max(snapshot_time) FROM (SELECT snapshot_time FROM public.ducklake_snapshot"
    " WHERE snapshot_time < now() - make_interval(secs => %s) AND snapshot_id < (SELECT snapshot FROM gw.gate)"
    " ORDER BY snapshot_id LIMIT %s) AS due"
)


@dataclass(frozen=True, slots=True)
class Ages:
    """The ages after which things are forgotten or deleted, in seconds.

    Attributes:
        snapshots: Of snapshots.
        files: Of files that no snapshot needs, since that is so.
        orphans: Of files that no commit has.
    """

    snapshots: float
    files: float
    orphans: float

    @classmethod
    def of(cls, keep: float) -> "Ages":
        """Return the ages for a lake that keeps files for `keep` seconds after their last use by a snapshot."""
        return cls(_SNAPSHOT_SECONDS, keep, max(keep, _ORPHAN_SECONDS))


class OldFiles:
    """The steps that forget and delete. The thread of the upkeep alone may call it.

    Every method raises GatewayError if PostgreSQL or the place of the data files cannot be asked.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        postgres: PostgreSQL,
        lock: CommitLock,
        ages: Ages,
        spill_folder: Path,
    ) -> None:
        """Use a cursor of the gateway's own DuckDB; files are deleted by another one, with credentials that may do so."""
        self._cursor = cursor
        self._postgres = postgres
        self._lock = lock
        self._ages = ages
        self._spill_folder = spill_folder
        self._address = postgres.address

    def forget_snapshots(self, fewest: int = SNAPSHOTS_MIN) -> int:
        """Forget some of the old snapshots in one turn, and return how many; none if there are less than `fewest`."""
        asked: list[Any] = [self._ages.snapshots, SNAPSHOTS_MAX]
        if self._postgres.rows(_LAST_DUE, asked)[0][0] < fewest:
            return 0
        with self._lock.turn():
            ((due, last),) = self._lock.rows(_LAST_DUE, asked)
            if due:
                # DuckLake forgets those that are older than the instant, and never the last.
                self._run(
                    self._cursor,
                    f"SELECT count(*) FROM ducklake_expire_snapshots('{CATALOG}',"
                    " older_than => CAST($1 AS TIMESTAMPTZ) + INTERVAL 1 MICROSECOND)",
                    [last.isoformat()],
                )
        return int(due)

    def delete_old_files(self) -> int:
        """Delete the files that no snapshot needs, and return how many."""
        with self._deleting_lake() as lake:
            return self._count(lake, "ducklake_cleanup_old_files", self._ages.files)

    def delete_orphans(self) -> dict[str, int]:
        """Delete the files of no commit, or count them if this gateway may not delete."""
        if not self._address.may_delete:
            return {"found": len(self._own_orphans(self._cursor)), "deleted": 0}
        with self._deleting_lake() as lake:
            self._own_orphans(lake)
            deleted = self._count(lake, "ducklake_delete_orphaned_files", self._ages.orphans)
        return {"found": deleted, "deleted": deleted}

    def _own_orphans(self, lake: duckdb.DuckDBPyConnection) -> list[str]:
        """List the files of no commit.

        Raises:
            GatewayError: One of them is no file of a lake in this place, and DuckLake would delete it, too.
        """
        sql = (
            f"SELECT path FROM ducklake_delete_orphaned_files('{CATALOG}', older_than => now() - to_seconds($1),"
            " dry_run => true)"
        )
        files = [str(file) for (file,) in self._rows(lake, sql, [self._ages.orphans])]
        strange = [file for file in files if not _OWN.fullmatch(file.removeprefix(self._address.data))]
        if strange:
            message = f"{strange[0]} is no data file of this lake, so no file without a commit was deleted"
            hint = "move it elsewhere; each lake needs a place of its own for its data files"
            raise GatewayError(Code.STORE_FAILED, message, hint=hint)
        return files

    @contextlib.contextmanager
    def _deleting_lake(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the lake with the credentials that may delete, inside a block, if its files belong to this catalog."""
        address = replace(self._address, s3=self._address.deleting)
        try:
            lake = open_lake(address, memory=_MEMORY, spill_folder=self._spill_folder, threads=1)
        except duckdb.Error as error:
            raise lake_error(error) from error
        try:
            self._require_owner(lake)
            yield lake
        finally:
            lake.close()

    def _require_owner(self, lake: duckdb.DuckDBPyConnection) -> None:
        with self._postgres.connection() as connection:
            own = catalog_id(connection)
        try:
            owner = read_owner(lake, self._address)
        except duckdb.Error as error:
            raise lake_error(error) from error
        if problem := owner_problem(owner, own, self._address):
            message, hint = problem
            raise GatewayError(Code.STORE_FAILED, f"{message}, so no file was deleted", hint=hint)

    def _count(self, lake: duckdb.DuckDBPyConnection, function: str, age: float) -> int:
        """Run a function of DuckLake on files of an age, and return how many it names."""
        sql = f"SELECT count(*) FROM {function}('{CATALOG}', older_than => now() - to_seconds($1))"
        return self._run(lake, sql, [age])

    def _run(self, lake: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> int:
        ((count,),) = self._rows(lake, sql, parameters)
        return int(count)

    @staticmethod
    def _rows(lake: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
        attempts = 0
        while True:
            attempts += 1
            try:
                return lake.execute(sql, parameters).fetchall()
            except duckdb.Error as error:
                with contextlib.suppress(duckdb.Error):
                    lake.execute("ROLLBACK")
                # The links of a transaction may go while DuckLake lists the files.
                if f"/{LINKS}/" not in str(error) or attempts == _ATTEMPTS:
                    raise lake_error(error) from error
