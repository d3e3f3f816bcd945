"""Lakes of the tests in this process, where DuckDB has the extensions of a lake."""

import importlib.util
from pathlib import Path

from tests.support.lake.postgres import PostgreSQL

#: Whether this is the environment of the lake.
IS_HERE = importlib.util.find_spec("duckdb_extension_ducklake") is not None


def open_lake_store(postgres: PostgreSQL, directory: Path):
    """Open the lake whose data lie in a directory, and make it if it is new."""
    # Only the environment of the lake has what they import.
    from gateway.store.lake.lake_address import LakeAddress  # noqa: PLC0415
    from gateway.store.lake.lake_init import init_lake  # noqa: PLC0415
    from gateway.store.lake.lake_store import lake_store  # noqa: PLC0415

    place, spill = directory / "url", directory / "spill"
    is_new = not place.exists()
    if is_new:
        place.write_text(postgres.database())
    address = LakeAddress.of(place.read_text(), str(directory / "lake"), None, "tested")
    if is_new:
        init_lake(address, spill)
    return lake_store(address, memory=2**28, spill_folder=spill)
