"""The table of all metrics under `/-/metrics`: names, labels, and meanings. The documentation has it, too.

The names follow https://prometheus.io/docs/practices/naming: base units, and `_total` for counters. An age is a
timestamp, because a gauge of seconds would be wrong between two scrapes.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """One metric: its name, kind, meaning, and labels."""

    name: str
    kind: Kind
    help: str
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
    _gauge("readers_limit", "The most results that may be open: 16 for each of GATEWAY_READERS."),
    _histogram("reader_wait_seconds", "How long a step of a query waits for a thread."),
    _counter("query_timeouts", "The queries that were interrupted after GATEWAY_QUERY_TIMEOUT."),
    _counter("repeats", "The GETs like an earlier one that were answered before they were parsed."),
    _counter("cache_hits", "The other GETs that were answered from the response cache."),
    _counter("cache_misses", "The GETs that the response cache could not answer."),
    _gauge("cache_bytes", "The bytes of the response cache."),
    _gauge("spool_bytes", "The bytes of results in files for byte ranges."),
    # DuckDB and the disk
    _gauge("duckdb_memory_bytes", "The memory that DuckDB uses, at most 15 seconds old."),
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
    _gauge("findings", "The findings about connector files and tokens, by level.", "level"),
    # connections and tokens
    _gauge("connections", "The open connections."),
    _gauge("connections_limit", "The most connections that may be open: GATEWAY_MAX_CONNECTIONS."),
    _counter("connections_refused", "The connections that were refused above the limit."),
    _gauge("tokens_expiring", "The digests of tokens that expire within 14 days, or have expired."),
    _counter("token_failures", "The requests with an unknown token."),
    _counter("token_failures_throttled", "Those of them that were answered with 429."),
)
BY_NAME = {metric.name: metric for metric in METRICS}
