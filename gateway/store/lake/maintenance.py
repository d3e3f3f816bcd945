"""The upkeep of a lake: one gateway at a time has the turn, and performs the steps that are due, in small pieces."""

import functools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import GatewayError, trace
from gateway.store.lake.commit_lock import is_committed
from gateway.store.lake.compaction import SMALL_FILES_MAX, Compacted, Compaction, DueTable
from gateway.store.lake.data_folder import data_place
from gateway.store.lake.file_figures import connector_files, inlined_rows, snapshots_and_old_files
from gateway.store.lake.old_files import SNAPSHOTS_MAX, SNAPSHOTS_MIN, OldFiles
from gateway.store.lake.postgres import PostgreSQL
from gateway.store.lake.upkeep_runs import UpkeepRuns
from gateway.store.lake.upkeep_turn import UpkeepTurn
from gateway.store.upkeep import UpkeepReport

_log = logging.getLogger(__name__)

#: Between two pieces of work writers have the lock for as many times as long as the last piece had it.
_REST = 2.0
#: The pieces of one step in one look; the others wait for the next look.
_PIECES_MAX = 50
#: Seconds after which a step that has failed is tried again.
_RETRY_SECONDS = 60.0
#: The steps, and the seconds between two runs of those that are not part of each look; `look` is a whole look.
LOOK, FILES, LINKS, SNAPSHOTS, OLD_FILES, ORPHANS, COMMITS = (
    *("look", "files", "links", "snapshots"),
    *("old_files", "orphans", "commits"),
)
_INTERVALS = {SNAPSHOTS: 600.0, OLD_FILES: 3600.0, ORPHANS: 86400.0, COMMITS: 3600.0}

_OLD_COMMITS = "WITH old AS (DELETE FROM gw.commits WHERE at < now() - interval '1 day' RETURNING 1) SELECT count(*) FROM old"

#: The age of a run that never was, and which has not failed.
_NEVER = (math.inf, False)


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of the upkeep, which tests choose themselves.

    Attributes:
        small_files_max: A table with more small files is merged.
        intervals: The seconds between two runs of each step.
    """

    small_files_max: int = SMALL_FILES_MAX
    intervals: dict[str, float] = field(default_factory=_INTERVALS.copy)


class Maintenance:
    """The upkeep as `LakeUpkeep` describes it."""

    def __init__(
        self,
        postgres: PostgreSQL,
        compaction: Compaction,
        old_files: OldFiles,
        rules: Rules | None = None,
    ) -> None:
        self._postgres = postgres
        self._compaction = compaction
        self._old_files = old_files
        self._rules = rules or Rules()
        self._turn = UpkeepTurn(postgres)
        self._runs = UpkeepRuns(postgres)
        # The tables in which nothing could be merged; they are left alone until their files have changed.
        self._vain: set[DueTable] = set()
        self._is_stopping: Callable[[], bool] = _never
        # The runs before this look, of whichever gateway.
        self._ages: dict[str, tuple[float, bool]] = {}
        self._may_delete = postgres.address.may_delete
        self._steps: dict[str, Callable[[], dict[str, Any]]] = {
            ORPHANS: old_files.delete_orphans,
            COMMITS: self._forget_commits,
        }
        if self._may_delete:
            self._steps[OLD_FILES] = self._delete_old_files

    @property
    def gateway(self) -> str:
        """The name of this gateway."""
        return self._postgres.address.gateway

    def work(self, is_stopping: Callable[[], bool]) -> None:
        """Perform the steps that are due, unless another gateway has the turn."""
        self._is_stopping = is_stopping
        try:
            if not self._turn.take():
                return
            began = time.monotonic()
            self._ages = self._runs.ages()
            self._run(LINKS, self._restore_links)
            self._run(FILES, self._compact)
            self._run(SNAPSHOTS, self._forget_snapshots)
            for step, work in self._steps.items():
                if not is_stopping() and self._is_due(step):
                    self._run(step, work)
            self._runs.note(LOOK, time.monotonic() - began, {})
            if not self._may_delete:
                self._turn.close()  # A gateway that may delete does all of it, and keeps the turn.
        except GatewayError as error:
            _log.warning("the lake could not be maintained, and is tried again: %s", error.code.code)
        except Exception as error:  # noqa: BLE001  # the next look may succeed
            _log.error("the lake could not be maintained: %s", trace(error))

    def report(self) -> UpkeepReport:
        """Return the state of the upkeep."""
        runs = self._runs.all()
        by_step = {run.step: run for run in runs}
        snapshots, old_files = snapshots_and_old_files(self._postgres)
        orphans = by_step.get(ORPHANS)
        has_turn = LOOK in by_step and self._turn.is_taken()
        return UpkeepReport(
            gateway=self.gateway,
            turn=by_step[LOOK].gateway if has_turn else None,
            may_delete=self._may_delete,
            connectors=connector_files(self._postgres),
            snapshots=snapshots,
            inlined_rows=inlined_rows(self._postgres),
            old_files=old_files,
            orphans=orphans.did.get("found") if orphans is not None else None,
            runs=runs,
        )

    def close(self) -> None:
        """Release the turn, and close what the steps use."""
        self._turn.close()
        self._compaction.close()

    def _is_due(self, step: str) -> bool:
        age, has_failed = self._ages.get(step, _NEVER)
        # A gateway that may not delete only counts the orphans, when no other one has come to delete them.
        interval = self._rules.intervals[step] * (1 if self._may_delete or step != ORPHANS else 2)
        return age >= (min(interval, _RETRY_SECONDS) if has_failed else interval)

    def _run(self, step: str, work: Callable[[], dict[str, Any]]) -> None:
        """Run a step, and note what it did or why it failed.

        A part of each look that found nothing to do is noted only if it had failed.
        """
        began = time.monotonic()
        did: dict[str, Any] = {}
        problem = None
        try:
            did = work()
        except GatewayError as error:
            _log.warning("the upkeep of the lake failed at '%s': %s", step, error.code.code)
            problem = f"{error.code.code}: {error.message}"
        except Exception as error:  # noqa: BLE001  # the other steps do not wait for it
            _log.error("the upkeep of the lake failed at '%s': %s", step, trace(error))
            problem = type(error).__name__
        _, had_failed = self._ages.get(step, _NEVER)
        if did or problem or had_failed or step in self._steps:
            self._runs.note(step, time.monotonic() - began, did, problem)
        if did:
            _log.info("upkeep of the lake: %s: %s", step, did)

    # -- steps

    def _compact(self) -> dict[str, Any]:
        """Merge small files, and leave out deleted rows, until nothing is due."""
        due = self._compaction.due(self._rules.small_files_max)
        self._vain &= set(due)
        failed: dict[int, GatewayError] = {}
        done: list[Compacted] = []
        for _ in range(_PIECES_MAX):
            tables = [table for table in due if table not in self._vain and table.id not in failed]
            if not tables or self._is_stopping():
                break
            try:
                step = self._compaction.step(tables[0], self._rules.small_files_max)
            except GatewayError as error:
                failed[tables[0].id] = error  # The other tables do not wait for it.
                continue
            if step is None:
                self._vain.add(tables[0])
                continue
            done.append(step)
            time.sleep(step.locked_seconds * _REST)
            due = self._compaction.due(self._rules.small_files_max)
        if failed:
            raise next(iter(failed.values()))
        return _sums(done)

    def _restore_links(self) -> dict[str, Any]:
        """Restore data files of committed transactions whose gateway was killed."""
        place = data_place(self._postgres.address)
        restored = place.restore_all(functools.partial(is_committed, self._postgres))
        return {"transactions": restored} if restored else {}

    def _forget_snapshots(self) -> dict[str, Any]:
        fewest = 1 if self._is_due(SNAPSHOTS) else SNAPSHOTS_MIN
        snapshots = 0
        for _ in range(_PIECES_MAX):
            began = time.monotonic()
            forgotten = self._old_files.forget_snapshots(fewest)
            snapshots += forgotten
            if forgotten < SNAPSHOTS_MAX or self._is_stopping():
                break
            time.sleep((time.monotonic() - began) * _REST)
        return {"snapshots": snapshots} if snapshots else {}

    def _delete_old_files(self) -> dict[str, Any]:
        deleted = self._old_files.delete_old_files()
        return {"files": deleted} if deleted else {}

    def _forget_commits(self) -> dict[str, Any]:
        """Forget the outcome of commits that no gateway asks for any more."""
        ((commits,),) = self._postgres.rows(_OLD_COMMITS)
        return {"commits": commits} if commits else {}


def _sums(done: list[Compacted]) -> dict[str, Any]:
    if not done:
        return {}
    return {
        "files": sum(each.files for each in done),
        "bytes": sum(each.bytes for each in done),
        "rows": sum(each.rows for each in done),
        "longest_lock_seconds": round(max(each.locked_seconds for each in done), 3),
    }


def _never() -> bool:
    return False
