"""The table of all metrics under `/-/metrics`: names, labels, and meanings. The documentation has it, too.

The names follow https://prometheus.io/docs/practices/naming: base units, and `_total` for counters. An age is a
timestamp, because a gauge of seconds would be wrong between two scrapes.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.metrics import HistogramCounts

Kind = Literal["gauge", "counter", "histogram"]


#: How the names of the metrics of a lake begin.
LAKE = "gateway_lake_"


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One metric: its name, kind, meaning, and labels. Only a gateway on a lake shows one that is of a lake."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def is_of_lake(self) -> bool:
        """True if it is of a lake."""
        return self.name.startswith(LAKE)


class Sample(NamedTuple):
    """One value of a metric, with the values of its labels in their order."""

    metric: str
    value: float | HistogramCounts
    labels: tuple[str, ...] = ()


def _gauge(name: str, help: str, *labels: str) -> MetricFamily:
    return MetricFamily(f"gateway_{name}", "gauge", help, labels)


def _counter(name: str, help: str, *labels: str) -> MetricFamily:
    return MetricFamily(f"gateway_{name}_total", "counter", help, labels)


def _histogram(name: str, help: str, *labels: str) -> MetricFamily:
    return MetricFamily(f"gateway_{name}", "histogram", help, labels)


#: All metrics, in the order of the scrape. `process_*` is added by the client library.
METRICS = (
    _gauge("build_info", "1, with the versions of the gateway and of DuckDB.", "version", "duckdb"),
    # connectors
    _gauge("connector_info", "1 for each connector, with its path and file.", "connector", "path", "file"),
    _gauge(
        "connector_state",
        "1 for the state of a connector file, 0 for the others. A file without a connector has an empty name.",
        *("connector", "file", "state"),
    ),
    _gauge("connector_rows", "The stored rows, at most 15 seconds old.", "connector"),
    _gauge(
        "connector_rejected_rows",
        "The rejected rows by state, at most 15 seconds old.",
        *("connector", "state"),
    ),
    _gauge(
        "connector_last_batch_timestamp_seconds",
        "When the last POST or PUT was committed; no sample before the first.",
        "connector",
    ),
    # requests
    _counter(
        "http_requests",
        "The requests by connector, method, and status. One that is malformed has neither of the first two.",
        "connector",
        "method",
        "code",
    ),
    _histogram("http_request_duration_seconds", "The durations of requests by operation.", "operation"),
    _gauge("http_requests_in_flight", "The requests that are being served.", "operation"),
    _counter("http_received_bytes", "The bytes of request bodies.", "connector"),
    _counter("http_sent_bytes", "The bytes of response bodies.", "connector"),
    # rows
    _counter("rows_received", "The rows of POST and PUT, stored or not.", "connector"),
    _counter("rows_stored", "The rows that POST, PUT, replays, and copies have stored.", "connector"),
    _counter("rows_rejected", "The rows of POST and PUT that were kept as rejected rows.", "connector"),
    _counter("rows_refused", "The rows of refused batches that were read before.", "connector"),
    _counter("rows_served", "The rows in responses to GET.", "connector"),
    _counter("rows_deleted", "The rows that were deleted, replaced, or expired.", "connector", "action"),
    _counter(
        "batches",
        "The committed batches by action: `post`, `put`, `patch`, `delete`, `copy`, `replay`, or `retention`.",
        *("connector", "action"),
    ),
    _counter(
        "batches_refused",
        "The POSTs, PUTs, PATCHes, and DELETEs that were refused, by the code of the error.",
        *("connector", "code"),
    ),
    # the write queue, and commits
    _gauge("queue_bytes", "The bytes of bodies that are received or wait to be stored."),
    _gauge("queue_limit_bytes", "The most bytes that they may have: GATEWAY_QUEUE."),
    _gauge("queue_batches", "The batches and other changes that wait for the writer."),
    _gauge("queue_oldest_seconds", "How long the oldest of them has waited, the running one included."),
    _histogram("commit_duration_seconds", "The duration of transactions that were committed."),
    _histogram("commit_batches", "The number of batches in one transaction."),
    _counter("commits_failed", "The transactions that the database could not commit."),
    # reads
    _gauge("readers", "The open results."),
    _gauge(
        "readers_limit", "The most results that may be open: 16 for each of GATEWAY_READERS, on a lake 4."
    ),
    _histogram("reader_wait_seconds", "How long a step of a query waits for a thread."),
    _counter("query_timeouts", "The queries that were interrupted after GATEWAY_QUERY_TIMEOUT."),
    _counter("repeats", "The GETs like an earlier one that were answered before they were parsed."),
    _counter("cache_hits", "The other GETs that were answered from the response cache."),
    _counter("cache_misses", "The GETs that the response cache could not answer."),
    _gauge("cache_bytes", "The bytes of the response cache."),
    _gauge("spool_bytes", "The bytes of results in files for byte ranges."),
    # DuckDB and the disk
    _gauge("duckdb_memory_bytes", "The memory that DuckDB uses, at most 15 seconds old."),
    _gauge(
        "duckdb_cached_bytes",
        "The part of that memory that caches blocks of the file. DuckDB frees it when it needs memory.",
    ),
    _gauge("duckdb_memory_limit_bytes", "The most memory that DuckDB may use: GATEWAY_MEMORY."),
    _gauge(
        "duckdb_temporary_bytes",
        "The temporary files of queries that need more memory, at most 15 seconds old.",
    ),
    _gauge("duckdb_file_bytes", "The size of the database file, at most 15 seconds old."),
    _gauge("duckdb_wal_bytes", "The size of its write-ahead log, at most 15 seconds old."),
    _gauge("disk_free_bytes", "The free bytes of the disk of the data."),
    _gauge("disk_reserve_bytes", "The free bytes below which writes are refused: GATEWAY_DISK_RESERVE."),
    # reloads
    _gauge("snapshot_generation", "The number of the live snapshot."),
    _counter(
        "reloads",
        "The reloads by result: `success`, `refused` if a file is not served as written, `failed` if the directory"
        " could not be read.",
        "result",
    ),
    _gauge("reload_last_successful", "1 if the last reload could read the directory, else 0."),
    _gauge("reload_last_success_timestamp_seconds", "When the directory was last read and applied."),
    _gauge("findings", "The findings in /-/status about connector files and tokens, by level.", "level"),
    # connections, sessions, and tokens
    _gauge("connections", "The open connections."),
    _gauge("connections_limit", "The most connections that may be open: GATEWAY_MAX_CONNECTIONS."),
    _counter("connections_refused", "The connections that were refused above the limit."),
    _gauge("sessions", "The browsers that are signed in."),
    _gauge("tokens_expiring", "The digests of tokens that expire within 14 days, or have expired."),
    _counter("token_failures", "The requests with an unknown token."),
    _counter("token_failures_throttled", "Those of them that were answered with 429."),
    # a lake: all gateways have the same figures, except for the first two and `upkeep_turn`
    _gauge(
        "lake_info",
        "1, with the name of this gateway: GATEWAY_NAME. Only with a lake, as all that follow.",
        "gateway",
    ),
    _gauge(
        "lake_catalog_up", "1 if PostgreSQL answers this gateway, else 0; the figures that follow are of it."
    ),
    _gauge(
        "lake_files",
        "The data files of a connector and of its rejected rows, at most 15 seconds old.",
        "connector",
    ),
    _gauge("lake_file_bytes", "The bytes of these files.", "connector"),
    _gauge(
        "lake_small_files",
        "Those of them that are to be merged, because they have less than 5 MB.",
        "connector",
    ),
    _gauge("lake_delete_files", "The files that list their deleted rows.", "connector"),
    _gauge("lake_snapshots", "The snapshots that are kept: one for each of the last commits."),
    _gauge("lake_inlined_rows", "The rows in the catalog instead of in data files. There should be none."),
    _gauge("lake_old_files", "The files that no snapshot needs, and that wait for their deletion."),
    _gauge("lake_orphans", "The files of no commit, when they were last counted; no sample before."),
    _gauge("lake_upkeep_turn", "1 if this gateway has the turn to maintain the lake, else 0."),
    _gauge(
        "lake_upkeep_last_success_timestamp_seconds",
        "When a step of the upkeep last succeeded, at whichever gateway; `look` is each look at all steps.",
        "step",
    ),
    _gauge("lake_upkeep_failed", "1 if the last run of a step has failed, else 0.", "step"),
)
BY_NAME = {metric.name: metric for metric in METRICS}
