"""The store of the gateways that tests start: a DuckDB file, or with `TESTED_STORE=lake` a new lake for each data folder."""

import itertools
import os
from pathlib import Path
from typing import Any

#: `file` or `lake`. With `lake` pytest must run in the environment of the lake.
STORE = os.environ.get("TESTED_STORE", "file")
IS_LAKE = STORE == "lake"
#: One of as many tests is run.
SHARE = int(os.environ.get("TESTED_SHARE", "1"))


def store_settings(data: Path) -> dict[str, str]:
    """The settings that give a gateway with a data folder its store; the same folder has the same store again."""
    if not IS_LAKE:
        return {}
    # It needs a PostgreSQL, and imports this module's importers.
    from tests.support.lake.lake_copies import settings_of  # noqa: PLC0415

    return settings_of(data)


_numbers = itertools.count(1)


def renewed(text: str) -> str:
    """The text of a connector file that goes back to an earlier one: a lake applies only texts that its history has not."""
    return f"{text}\n# again {next(_numbers)}\n" if IS_LAKE else text


def commit_of(database: Any) -> tuple[Any, str]:
    """The object and the name of the method by which a database commits."""
    return (database._commit, "commit") if IS_LAKE else (database, "_commit")


def small_insert() -> tuple[type, str]:
    """The class and the method by which the store inserts a few rows.

    On a file it takes rows as Python values, on a lake as an Arrow table.
    """
    if IS_LAKE:
        # Only the environment of the lake has what it imports.
        from gateway.store.lake.ducklake import DuckLake  # noqa: PLC0415

        return DuckLake, "insert"
    from gateway.store.tables.small_inserts import SmallInserts  # noqa: PLC0415

    return SmallInserts, "insert"
