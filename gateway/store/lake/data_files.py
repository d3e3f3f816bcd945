"""The data files that a gateway writes itself and adds to a lake, so that DuckLake never deletes them."""

import uuid

import duckdb

from gateway.store.lake.attach import CATALOG, SCHEMA
from gateway.store.sql.names import literal

#: The rows of a row group of a data file: a point read decodes one of them.
ROW_GROUP_ROWS = 10_240
#: Finds the folder of a table's data files, with a slash at its end.
FOLDER = (
    "SELECT m.value || s.path || t.path FROM public.ducklake_table t JOIN public.ducklake_schema s USING (schema_id)"
    " JOIN public.ducklake_metadata m ON m.key = 'data_path'"
    " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND t.table_name = %s"
    " AND t.path_is_relative AND s.path_is_relative"
)


def new_file(folder: str) -> str:
    """Return the name of a data file in the folder of a table, which no other file has."""
    return f"{folder}gateway-{uuid.uuid4().hex}.parquet"


def copy_into(file: str, select: str) -> str:
    """Return the statement that writes the rows of a SELECT into a data file; its result is their number."""
    form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
    return f"COPY ({select}) TO {literal(file)} ({form})"


def add_file(connection: duckdb.DuckDBPyConnection, table: str, file: str) -> None:
    """Add a written file to a table, in the open transaction of a connection; columns that it lacks are null."""
    connection.execute(
        f"CALL ducklake_add_data_files('{CATALOG}', {literal(table)}, {literal(file)},"
        f" schema => '{SCHEMA}', allow_missing => true)"
    )
