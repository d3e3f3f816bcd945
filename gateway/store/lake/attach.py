"""DuckDB in memory with a lake attached: the extensions, the secrets, and the settings that keep its promises."""

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from gateway.store.engine.options import Config, common_options
from gateway.store.lake.lake_address import InvalidAddress, LakeAddress, S3Access
from gateway.store.sql.names import literal

#: The catalog of DuckDB that the lake is attached as. It is called like the schema of the DuckDB file, so that the same SQL
#: reads the tables of both.
CATALOG = "rows"
#: The schema of the lake that its tables are in.
SCHEMA = "main"
#: The version of DuckDB that the extensions are built for.
DUCKDB_VERSION = "1.5.5"
#: The extensions, each with the module that its wheel installs.
_EXTENSIONS = {
    "postgres_scanner": "duckdb_extension_postgres_scanner",
    "ducklake": "duckdb_extension_ducklake",
    "httpfs": "duckdb_extension_httpfs",
}
#: The parameters of a connection string that the secret has.
_SECRET_WORDS = {"host": "HOST", "port": "PORT", "dbname": "DATABASE", "user": "USER", "password": "PASSWORD"}
#: A request to S3 is made once more, and not longer, for a commit waits for it with the lock of all gateways.
_HTTP_RETRIES = 1
#: The most connections to PostgreSQL in the pool, and the seconds until an idle one is closed. The extension counts one
#: that is lost at COMMIT or ROLLBACK as in use for ever: https://github.com/duckdb/duckdb-postgres/issues/545
_POOL_MAX, _POOL_IDLE_SECONDS = 100_000, 30


def extension_files() -> dict[str, Path]:
    """Return the file of each extension, by its name.

    Raises:
        InvalidAddress: One of them, or the DuckDB that they are built for, is not installed.
    """
    fix = "install gateway[lake] in an environment of its own"
    if duckdb.__version__ != DUCKDB_VERSION:
        raise InvalidAddress(
            f"a lake needs DuckDB {DUCKDB_VERSION}, and DuckDB {duckdb.__version__} is installed; {fix}"
        )
    files = {}
    for name, module in _EXTENSIONS.items():
        found = importlib.util.find_spec(module)
        if found is None or found.origin is None:
            raise InvalidAddress(f"the extension {name} of DuckDB is not installed; {fix}")
        folder = Path(found.origin).parent / "extensions" / f"v{DUCKDB_VERSION}"
        files[name] = folder / f"{name}.duckdb_extension"
    return files


def open_lake(
    address: LakeAddress,
    *,
    memory: int,
    spill_folder: Path,
    threads: int | None = None,
    spill: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a connection to a DuckDB in memory with the lake attached.

    Args:
        address: The lake.
        memory: The most bytes of memory.
        spill_folder: The folder for temporary files.
        threads: The threads, None for as many as there are processors.
        spill: The most bytes of temporary files, None for no limit of the gateway's own.

    Raises:
        InvalidAddress: What it needs is not installed.
        duckdb.Error: The lake cannot be attached.
    """
    config = common_options(memory, spill_folder, threads, spill)
    return _open(config, [*_settings(address), _attach(address)])


def open_files(address: LakeAddress, *, memory: int, spill_folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection to a DuckDB in memory that reads and writes files in the place of the data files.

    Raises:
        InvalidAddress: What a lake needs is not installed.
    """
    config = common_options(memory, spill_folder, None, None)
    return _open(config, _s3_settings(address), ["httpfs"] if address.s3 is not None else [])


def _open(
    config: Config, statements: Sequence[str], extensions: Collection[str] = tuple(_EXTENSIONS)
) -> duckdb.DuckDBPyConnection:
    """Return a connection to a DuckDB in memory with some extensions, after some statements."""
    files = extension_files()
    connection = duckdb.connect(config=config)
    try:
        for name in extensions:
            connection.execute(f"LOAD {literal(str(files[name]))}")
        for statement in statements:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _settings(address: LakeAddress) -> list[str]:
    """Return the statements before that which attaches the lake.

    A commit must succeed on the snapshot that it began from, or not at all, so DuckLake never retries by itself. A
    transaction never waits for a connection, for each open result of a slow client has one, and the writer needs another.
    """
    statements = [
        "SET GLOBAL TimeZone = 'UTC'",
        "SET GLOBAL ducklake_max_retry_count = 0",
        "SET GLOBAL ducklake_default_data_inlining_row_limit = 0",
        f"SET GLOBAL pg_pool_max_connections = {_POOL_MAX:d}",
        "SET GLOBAL pg_pool_acquire_mode = 'force'",
        "SET GLOBAL pg_pool_enable_reaper_thread = true",
        f"SET GLOBAL pg_pool_idle_timeout_millis = {_POOL_IDLE_SECONDS * 1000:d}",
        _catalog_secret(address),
    ]
    return statements + _s3_settings(address)


def _s3_settings(address: LakeAddress) -> list[str]:
    if address.s3 is None:
        return []
    return [_s3_secret(address.s3), f"SET GLOBAL http_retries = {_HTTP_RETRIES:d}"]


def _attach(address: LakeAddress) -> str:
    words = [
        f"{name}={_libpq_quoted(value)}"
        for name, value in address.parameters.items()
        if name not in _SECRET_WORDS
    ]
    place = literal(f"ducklake:postgres:{' '.join(words)}")
    return f"ATTACH {place} AS {CATALOG} (DATA_PATH {literal(address.data)}, META_SECRET 'catalog')"


def _catalog_secret(address: LakeAddress) -> str:
    """Return the statement that keeps the password out of the name of the catalog, which errors contain."""
    given = [
        f"{word} {literal(value)}"
        for name, value in address.parameters.items()
        if (word := _SECRET_WORDS.get(name)) is not None
    ]
    return f"CREATE OR REPLACE SECRET catalog (TYPE postgres, {', '.join(given)})"


def _s3_secret(access: S3Access) -> str:
    given = [
        f"KEY_ID {literal(access.key_id)}, SECRET {literal(access.secret)}, REGION {literal(access.region)}"
    ]
    if access.endpoint:
        given.append(
            f"ENDPOINT {literal(access.endpoint)}, URL_STYLE 'path', USE_SSL {str(access.is_tls).lower()}"
        )
    return f"CREATE OR REPLACE SECRET files (TYPE s3, {', '.join(given)})"


def _libpq_quoted(value: str) -> str:
    """Quote a value of a connection string: https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
