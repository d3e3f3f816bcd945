"""Reads the samples of all metrics from the parts of the gateway that count them."""

import importlib.metadata
from collections.abc import Iterator

from gateway import __version__
from gateway.admin.finding_counts import count_findings
from gateway.admin.lake_samples import LakeSamples
from gateway.admin.metric_table import Sample
from gateway.admin.request_samples import request_samples
from gateway.admin.stored_figures import StoredFigures
from gateway.connectors.plan import FileState
from gateway.endpoints.live import Snapshot
from gateway.endpoints.services import Services
from gateway.reload.reload import Reload
from gateway.resources import Resources
from gateway.server.connection_counts import CONNECTIONS
from gateway.store.rejection import STATES

#: The states of a connector file; the series of a removed connector end.
_STATES = (FileState.LIVE, FileState.LAST_GOOD, FileState.REFUSED)
_LEVELS = ("error", "warning")


class MetricSamples:
    """Reads plain integers of their owners. Any thread may call it, because each owner replaces or adds in one step."""

    def __init__(self, services: Services, resources: Resources, reload: Reload) -> None:
        self._services = services
        self._resources = resources
        self._reload = reload
        self._figures = StoredFigures(services.storage.reader)
        lake = services.storage.lake
        self._lake = LakeSamples(lake, services.storage.reader) if lake is not None else None
        self._duckdb = importlib.metadata.version("duckdb")

    def read(self) -> Iterator[Sample]:
        """Yield all samples; those of connectors are of the live snapshot alone."""
        snapshot = self._services.live.snapshot
        yield Sample("gateway_build_info", 1, (__version__, self._duckdb))
        yield from self._states(snapshot)
        yield from self._rows(snapshot)
        yield from self._requests(snapshot)
        yield from self._writes()
        yield from self._reads()
        yield from self._disk()
        yield from self._reloads(snapshot)
        yield from self._access()
        if self._lake is not None:
            yield from self._lake.read(snapshot.endpoints)

    def _states(self, snapshot: Snapshot) -> Iterator[Sample]:
        for name, endpoint in snapshot.endpoints.items():
            connector = endpoint.connector
            yield Sample("gateway_connector_info", 1, (name, connector.path, connector.file))
        for outcome in snapshot.outcomes:
            for state in _STATES if outcome.state is not FileState.REMOVED else ():
                labels = (outcome.name or "", outcome.file, state.value)
                yield Sample("gateway_connector_state", int(outcome.state is state), labels)

    def _rows(self, snapshot: Snapshot) -> Iterator[Sample]:
        figures = self._figures.read([each.connector for each in snapshot.endpoints.values()])
        last_sent = self._services.storage.reader.commit_counts.last_sent
        for name in snapshot.endpoints:
            if name in figures.rows:
                yield Sample("gateway_connector_rows", figures.rows[name], (name,))
                for state in STATES:
                    count = figures.rejected.get((name, state), 0)
                    yield Sample("gateway_connector_rejected_rows", count, (name, state))
            if name in last_sent:
                seconds = last_sent[name] / 1e6
                yield Sample("gateway_connector_last_batch_timestamp_seconds", seconds, (name,))

    def _requests(self, snapshot: Snapshot) -> Iterator[Sample]:
        batches = self._services.storage.reader.commit_counts.by_connector
        return request_samples(self._services.observed.traffic, CONNECTIONS, batches, snapshot.endpoints)

    def _writes(self) -> Iterator[Sample]:
        backlog, commits = (
            self._services.storage.writer.backlog(),
            self._services.storage.reader.commit_counts,
        )
        yield Sample("gateway_queue_bytes", backlog.held_bytes)
        yield Sample("gateway_queue_limit_bytes", backlog.max_bytes)
        yield Sample("gateway_queue_batches", backlog.queued)
        yield Sample("gateway_queue_oldest_seconds", backlog.oldest_seconds)
        yield Sample("gateway_commit_duration_seconds", commits.seconds.read())
        yield Sample("gateway_commit_batches", commits.batches.read())
        yield Sample("gateway_commits_failed_total", commits.failed)

    def _reads(self) -> Iterator[Sample]:
        pool, caches = self._services.storage.read_pool, self._services.caches
        yield Sample("gateway_readers", pool.open_results)
        yield Sample("gateway_readers_limit", pool.max_open)
        yield Sample("gateway_reader_wait_seconds", pool.waits.read())
        yield Sample("gateway_query_timeouts_total", pool.timeouts)
        yield Sample("gateway_repeats_total", caches.responses.repeats)
        yield Sample("gateway_cache_hits_total", caches.responses.hits)
        yield Sample("gateway_cache_misses_total", caches.responses.misses)
        yield Sample("gateway_cache_bytes", caches.responses.bytes)
        yield Sample("gateway_spool_bytes", caches.spool.used_bytes)

    def _disk(self) -> Iterator[Sample]:
        disk, usage = self._services.intake.disk, self._figures.usage
        if usage is not None:
            yield Sample("gateway_duckdb_memory_bytes", usage.memory)
            yield Sample("gateway_duckdb_cached_bytes", usage.cached)
            yield Sample("gateway_duckdb_temporary_bytes", usage.temporary)
            yield Sample("gateway_duckdb_file_bytes", usage.file)
            yield Sample("gateway_duckdb_wal_bytes", usage.wal)
        yield Sample("gateway_duckdb_memory_limit_bytes", self._resources.memory)
        yield Sample("gateway_disk_free_bytes", disk.free)
        yield Sample("gateway_disk_reserve_bytes", disk.reserve)

    def _reloads(self, snapshot: Snapshot) -> Iterator[Sample]:
        counts = self._reload.counts
        yield Sample("gateway_snapshot_generation", snapshot.generation)
        for result, number in counts.by_result.items():
            yield Sample("gateway_reloads_total", number, (result,))
        yield Sample("gateway_reload_last_successful", int(counts.last_result != "failed"))
        yield Sample("gateway_reload_last_success_timestamp_seconds", counts.last_applied)
        levels = count_findings(snapshot, self._services.auth.credentials)
        for level in _LEVELS:
            yield Sample("gateway_findings", levels[level], (level,))

    def _access(self) -> Iterator[Sample]:
        credentials = self._services.auth.credentials
        yield Sample("gateway_connections", CONNECTIONS.opened)
        yield Sample("gateway_connections_limit", self._services.intake.settings.max_connections)
        yield Sample("gateway_connections_refused_total", CONNECTIONS.refused)
        yield Sample("gateway_sessions", len(self._services.auth.askers.sessions))
        yield Sample("gateway_tokens_expiring", len(credentials.expiring))
        yield Sample("gateway_token_failures_total", credentials.throttle.failures)
        yield Sample("gateway_token_failures_throttled_total", credentials.throttle.throttled)
