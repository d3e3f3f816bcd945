"""The name, the options, and the opening of the DuckDB file."""

from pathlib import Path

import duckdb

from gateway.store.engine.options import Config, common_options
from gateway.store.engine.stream import RELATIONS_STREAM
from gateway.store.files import checksum_repair
from gateway.store.files.integrity_check import repair_at_start
from gateway.store.sql.names import literal

#: DuckDB names the catalog after the file; a schema of the same name would be ambiguous.
FILE = "store.duckdb"
#: The folder of the data directory for backups, the only other place that DuckDB may write to.
BACKUPS = "backup"
#: The format that DuckDB 1.5 reads, so that a downgrade stays possible.
STORAGE_VERSION = "v1.5.0"

#: The size of the WAL that a checkpoint follows. Until then rows are in memory, where they take a third more than in the
#: WAL. A checkpoint rewrites a metadata block in place, which a crash can tear: it should be rare, too.
WAL_BYTES_MAX = 32 * 2**20
#: Let the next checkpoints merge row groups, or leave all as they are; row groups without a row are dropped anyway.
MERGE, MERGE_NOTHING = "SET max_vacuum_tasks = 100", "SET max_vacuum_tasks = 0"


def open_connection(path: Path, config: Config, memory: int) -> duckdb.DuckDBPyConnection:
    """Open the file; if DuckDB cannot, repair it with `memory` bytes at most, and open it again.

    Raises:
        Unopenable: It cannot be repaired.
    """
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        text = str(error)
    repair_at_start(path, text, memory)
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        raise checksum_repair.unopenable(path, str(error).splitlines()[0][:300]) from error


def build_config(directory: Path, memory: int, threads: int | None, spill: int | None) -> Config:
    """Return the options that DuckDB takes when it opens a file."""
    config = common_options(memory, directory / "spill", threads, spill)
    # Where DuckDB itself writes a checkpoint, inside of a COMMIT: where the gateway has not done so before.
    config["checkpoint_threshold"] = f"{2 * WAL_BYTES_MAX}B"
    if RELATIONS_STREAM:
        config["storage_compatibility_version"] = STORAGE_VERSION
    return config


def configure(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Set the options that DuckDB takes once a file is open, and lock them."""
    for statement in (
        "SET GLOBAL TimeZone = 'UTC'",
        "SET GLOBAL preserve_insertion_order = true",  # "In commit order" depends on it.
        f"SET allowed_directories = [{literal(f'{directory / BACKUPS}/')}]",
        "SET enable_external_access = false",
        MERGE_NOTHING,
        # The first drops blocks from memory, the second decides what a checkpoint merges.
        "SET allowed_configs = ['memory_limit', 'max_vacuum_tasks']",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
