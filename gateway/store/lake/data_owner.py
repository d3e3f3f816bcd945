"""The owner of a place of data files: the database with their catalog, which the marker in the place names.

A restored copy of a catalog names the place of the original, whose later files are of no commit for it. Served beside the
original, it would delete them.
"""

import duckdb
import psycopg

from gateway.store.lake.data_folder import MARKER
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.postgres import Connection, fetch
from gateway.store.sql.names import literal

_COLUMN = "catalog"
_TAKE_OVER = (
    "give a copy of a catalog a copy of the files, and name their place as gateway docs lake says; or, if the other catalog"
    " is gone for good, run gateway lake init --take-over"
)


def catalog_id(connection: Connection) -> str:
    """Return the id of a database. A restored dump has another one; a physical copy of the cluster has the same.

    Raises:
        psycopg.Error: PostgreSQL cannot be asked.
    """
    ((database,),) = fetch(connection, "SELECT oid::text FROM pg_database WHERE datname = current_database()")
    try:
        ((cluster,),) = fetch(connection, "SELECT system_identifier::text FROM pg_control_system()")
    except psycopg.errors.InsufficientPrivilege:  # A hosted PostgreSQL may keep it to itself.
        cluster = "unknown"
    return f"{cluster}-{database}"


def read_owner(files: duckdb.DuckDBPyConnection, address: LakeAddress) -> str | None:
    """Return the id of the catalog that owns the place of the data files, None if it has no marker.

    Raises:
        duckdb.Error: The place cannot be read.
    """
    # The place is listed, for an S3 server answers a missing object like a failure.
    pattern = literal(f"{address.data}{MARKER}*")
    if files.execute(f"SELECT count(*) FROM glob({pattern})").fetchall() == [(0,)]:
        return None
    ((text,),) = files.execute(f"SELECT content FROM read_text({_marker(address)})").fetchall()
    column, _, owner = text.strip().partition("\n")
    return owner if column == _COLUMN and owner else None


def write_owner(files: duckdb.DuckDBPyConnection, address: LakeAddress, owner: str) -> None:
    """Write the marker, and read it.

    Raises:
        duckdb.Error: The place cannot be written or read.
    """
    files.execute(f"COPY (SELECT {literal(owner)} AS {_COLUMN}) TO {_marker(address)} (FORMAT csv, HEADER)")
    read_owner(files, address)


def owner_problem(owner: str | None, own: str, address: LakeAddress) -> tuple[str, str] | None:
    """Return that the data files do not belong to the catalog with the id `own`, and the fix."""
    if owner is None:
        return f"{address.data} has no {MARKER}", "run gateway lake init"
    if owner != own:
        return f"the data files at {address.data} belong to another catalog", _TAKE_OVER
    return None


def _marker(address: LakeAddress) -> str:
    return literal(f"{address.data}{MARKER}")
