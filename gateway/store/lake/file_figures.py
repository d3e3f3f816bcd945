"""Counts of the data files of a lake, as its catalog has them."""

from gateway.store.lake.postgres import PostgreSQL
from gateway.store.sql.names import connector_of_rejected, quote
from gateway.store.upkeep import DataFileCounts

#: A file with fewer bytes is small: it is merged with others.
SMALL_BYTES = 5_000_000

_FILES = (
    "SELECT t.table_name, count(f.data_file_id), coalesce(sum(f.file_size_bytes), 0)::bigint,"
    " count(*) FILTER (WHERE f.file_size_bytes < %s), count(d.delete_file_id)"
    " FROM public.ducklake_table AS t"
    " LEFT JOIN public.ducklake_data_file AS f ON f.table_id = t.table_id AND f.end_snapshot IS NULL"
    " LEFT JOIN public.ducklake_delete_file AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL"
    " WHERE t.end_snapshot IS NULL GROUP BY t.table_name ORDER BY t.table_name"
)
_COUNTS = (
    # PERF: their numbers are without gaps, and to count them takes long.
    "SELECT (SELECT max(snapshot_id) - min(snapshot_id) + 1 FROM public.ducklake_snapshot),"
    " (SELECT count(*) FROM public.ducklake_files_scheduled_for_deletion)"
)
_INLINED = "SELECT table_name FROM public.ducklake_inlined_data_tables"


def connector_files(postgres: PostgreSQL) -> list[DataFileCounts]:
    """Return the data files by connector.

    Raises:
        GatewayError: PostgreSQL cannot be asked.
    """
    found: dict[str, list[int]] = {}
    for table, *counts in postgres.rows(_FILES, [SMALL_BYTES]):
        name, at, _ = table.rpartition("@")
        if at:
            sums = found.setdefault(connector_of_rejected(table) or name, [0] * len(counts))
            sums[:] = map(sum, zip(sums, counts, strict=True))
    return [DataFileCounts(name, *counts) for name, counts in found.items()]


def snapshots_and_old_files(postgres: PostgreSQL) -> tuple[int, int]:
    """Count the snapshots, and the files that wait for their deletion.

    Raises:
        GatewayError: PostgreSQL cannot be asked.
    """
    ((snapshots, old_files),) = postgres.rows(_COUNTS)
    return snapshots, old_files


def inlined_rows(postgres: PostgreSQL) -> int:
    """Count the rows that are in the catalog instead of in data files.

    Raises:
        GatewayError: PostgreSQL cannot be asked.
    """
    tables = [name for (name,) in postgres.rows(_INLINED)]
    if not tables:
        return 0
    counts = [f"SELECT count(*) FROM public.{quote(name)} WHERE end_snapshot IS NULL" for name in tables]
    ((rows,),) = postgres.rows(f"SELECT sum(count)::bigint FROM ({' UNION ALL '.join(counts)}) AS counts")
    return int(rows)
