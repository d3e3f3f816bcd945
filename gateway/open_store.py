"""The store that the settings name: a file of this machine, or a lake that several gateways share."""

from pathlib import Path

from gateway.lake_extra import require_lake_extra
from gateway.query.read_pool import OPEN_PER_THREAD
from gateway.resources import Resources
from gateway.settings import Settings
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from gateway.store.tables.store import Store

#: The threads that read for pages, and the connections for reads that hold none: of the writer, jobs, and a reload.
_READERS_OF_PAGES, _SHORT_READS = 1, 4


def rows_directory(settings: Settings) -> Path:
    """Return a directory on the disk that rows fill up: that of the database, or that of the data files of a lake."""
    is_folder = settings.store == "lake" and settings.lake_data and "://" not in settings.lake_data
    return Path(settings.lake_data) if is_folder and settings.lake_data else settings.data


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
        readers=(settings.readers + _READERS_OF_PAGES) * OPEN_PER_THREAD["lake"] + _SHORT_READS,
    )
