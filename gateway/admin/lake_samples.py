"""Reads the samples of a lake, most of which are the same at each gateway."""

import logging
import threading
import time
from collections.abc import Collection, Iterator

from gateway.admin.metric_table import Sample
from gateway.admin.stored_figures import FRESH_SECONDS
from gateway.errors import GatewayError
from gateway.store.interface import StoreReader
from gateway.store.upkeep import LakeUpkeep, UpkeepReport

_log = logging.getLogger(__name__)


class LakeSamples:
    """Yields samples of a report that is at most `FRESH_SECONDS` old, or none of a catalog that cannot be asked.

    Any thread may call it; one thread asks at a time.
    """

    def __init__(self, lake: LakeUpkeep, store: StoreReader) -> None:
        self._lake = lake
        self._store = store
        # The thread that asks holds the lock; it alone changes the next two.
        self._lock = threading.Lock()
        self._report: UpkeepReport | None = None
        self._read_at = -FRESH_SECONDS

    def read(self, connectors: Collection[str]) -> Iterator[Sample]:
        """Yield the samples, those of connectors for live ones alone."""
        yield Sample("gateway_lake_info", 1, (self._lake.gateway,))
        yield Sample("gateway_lake_catalog_up", int(self._store.is_reachable))
        report = self._fresh()
        if report is None:
            return
        for each in report.connectors:
            if each.connector in connectors:
                yield Sample("gateway_lake_files", each.files, (each.connector,))
                yield Sample("gateway_lake_file_bytes", each.bytes, (each.connector,))
                yield Sample("gateway_lake_small_files", each.small_files, (each.connector,))
                yield Sample("gateway_lake_delete_files", each.delete_files, (each.connector,))
        yield Sample("gateway_lake_snapshots", report.snapshots)
        yield Sample("gateway_lake_inlined_rows", report.inlined_rows)
        yield Sample("gateway_lake_old_files", report.old_files)
        if report.orphans is not None:
            yield Sample("gateway_lake_orphans", report.orphans)
        yield Sample("gateway_lake_upkeep_turn", int(report.turn == report.gateway))
        for run in report.runs:
            if run.succeeded_at is not None:
                seconds = run.succeeded_at.timestamp()
                yield Sample("gateway_lake_upkeep_last_success_timestamp_seconds", seconds, (run.step,))
            yield Sample("gateway_lake_upkeep_failed", int(run.error is not None), (run.step,))

    def _fresh(self) -> UpkeepReport | None:
        if self._is_due and self._lock.acquire(blocking=False):
            try:
                self._read_at = time.monotonic()
                self._report = self._lake.report()
            except GatewayError as error:
                self._report = None
                _log.debug("the metrics have no figures of the lake: %s", error)
            finally:
                self._lock.release()
        return self._report

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._read_at >= FRESH_SECONDS
