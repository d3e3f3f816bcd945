"""A lake for each data folder, copied from one that is made at the first use in a process: `gateway lake init` takes a second."""

import atexit
import functools
import tempfile
import threading
from pathlib import Path

import psycopg

from gateway.store.lake.data_folder import MARKER
from gateway.store.lake.data_owner import catalog_id
from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.postgres import PostgreSQL, running_postgres

_TEMPLATE = "template"


def give_owner(folder: Path, url: str) -> None:
    """Let a folder of data files belong to the catalog in a database, as `gateway lake init` does."""
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(url, autocommit=True) as connection:
        (folder / MARKER).write_text(f"catalog\n{catalog_id(connection)}\n")


class _LakeCopies:
    """The PostgreSQL of one process of pytest, and the lakes in it. Any thread may ask."""

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres
        self._lock = threading.Lock()
        self._settings: dict[Path, dict[str, str]] = {}
        with tempfile.TemporaryDirectory() as folder:
            settings = lake_settings(postgres.database(_TEMPLATE), f"{folder}/lake")
            gateway_lake("init", **settings, GATEWAY_DATA=f"{folder}/data")

    def settings_of(self, data: Path) -> dict[str, str]:
        """The settings of the lake of a data folder."""
        with self._lock:
            if data not in self._settings:
                self._settings[data] = self._copied(data.resolve().parent / "lake")
            return self._settings[data]

    def _copied(self, folder: Path) -> dict[str, str]:
        url = self._postgres.database(template=_TEMPLATE)
        place = str(folder).replace("'", "''")
        give_owner(folder, url)
        self._postgres.ask(
            url, f"UPDATE public.ducklake_metadata SET value = '{place}/' WHERE key = 'data_path'"
        )
        self._postgres.ask(url, "UPDATE gw.store SET id = gen_random_uuid()::text")
        return lake_settings(url, folder)


@functools.cache
def _copies() -> _LakeCopies:
    postgres = running_postgres()
    copies = _LakeCopies(postgres.__enter__())
    atexit.register(postgres.__exit__, None, None, None)
    return copies


def settings_of(data: Path) -> dict[str, str]:
    """The settings of the lake of a data folder, which is made if it is new."""
    return _copies().settings_of(data)
