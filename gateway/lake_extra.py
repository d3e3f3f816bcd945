"""The extra `gateway[lake]`: whether it is installed."""

import importlib.util

#: What the modules of a lake import beside DuckDB.
_MODULES = (
    "psycopg",
    "duckdb_extension_ducklake",
    "duckdb_extension_postgres_scanner",
    "duckdb_extension_httpfs",
)


class MissingExtra(Exception):  # noqa: N818  # the message is for the operator
    """The extra is not installed."""


def require_lake_extra() -> None:
    """Check that what a lake needs is installed.

    Raises:
        MissingExtra: Something is missing; the message says how to install it.
    """
    missing = [module for module in _MODULES if importlib.util.find_spec(module) is None]
    if missing:
        hint = "pip install 'gateway[lake]' in an environment of its own, because it needs DuckDB 1.5.5"
        raise MissingExtra(f"a lake needs {missing[0]}, which is not installed: {hint}")
