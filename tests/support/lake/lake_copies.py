"""A lake for each data folder, copied from one that is made at the first use in a process: `gateway lake init` takes a second."""

import atexit
import functools
import tempfile
import threading
from pathlib import Path

from gateway.store.lake.data_folder import MARKER
from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.postgres import PostgreSQL, running_postgres

_TEMPLATE = "template"


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
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).touch()  # As `gateway lake init` does.
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
