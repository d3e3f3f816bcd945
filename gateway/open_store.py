"""The store that the settings name: a file of this machine, or a lake that several gateways share.

With a lake the sessions of browsers are shared, too.
"""

import contextlib
from pathlib import Path

from gateway.auth.credentials import Credentials
from gateway.auth.sessions import Sessions
from gateway.auth.shared_sessions import SharedSessions
from gateway.lake_extra import require_lake_extra
from gateway.resources import Resources
from gateway.settings import Settings
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from gateway.store.tables.store import Store


def rows_directory(settings: Settings) -> Path:
    """Return a directory on the disk that rows fill up: that of the database, or that of the data files of a lake."""
    lake = settings.lake_data if settings.store == "lake" else None
    return settings.data if lake is None or "://" in lake else Path(lake)


def open_store(settings: Settings, resources: Resources) -> Store:
    """Open the store; it must be closed.

    Raises:
        Exception: It cannot be opened; the message is for the operator.
    """
    if settings.store == "lake":
        return _open_lake(settings, resources)
    file = DuckDBFile(
        settings.data, memory=resources.memory, threads=resources.threads, spill=resources.spill
    )
    return file_store(file)


def _open_lake(settings: Settings, resources: Resources) -> Store:
    require_lake_extra()
    from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415
    from gateway.store.lake.lake_store import lake_store  # noqa: PLC0415

    return lake_store(
        lake_address(settings),
        memory=resources.memory,
        spill_folder=settings.data / "spill",
        threads=resources.threads,
        spill=resources.spill,
    )


def open_sessions(settings: Settings, credentials: Credentials, closing: contextlib.ExitStack) -> Sessions:
    """Return the sessions of browsers: in memory, or with a lake those of all its gateways."""
    idle, lifetime = settings.session_idle, settings.session_lifetime
    if settings.store != "lake":
        return Sessions(credentials, idle=idle, lifetime=lifetime)
    from gateway.store.lake.lake_sessions import LakeSessions  # noqa: PLC0415
    from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415
    from gateway.store.lake.postgres import PostgreSQL  # noqa: PLC0415

    table = LakeSessions(PostgreSQL(lake_address(settings)))
    closing.callback(table.close)
    return SharedSessions(credentials, table, idle=idle, lifetime=lifetime)
