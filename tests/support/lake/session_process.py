"""The process of `lake_session.py`."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tests.support.lake.orders import obey


def _main() -> None:
    settings = {"autoinstall_known_extensions": "false", "allow_unsigned_extensions": "false"}
    connection = duckdb.connect(config=settings)
    for name in ("ducklake", "postgres_scanner", "httpfs"):
        folder = Path(sysconfig.get_path("purelib"), f"duckdb_extension_{name}")
        connection.load_extension(str(folder / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"))

    def run(*statements: str) -> Sequence[Sequence[Any]]:
        for statement in statements:
            connection.execute(statement)
        return connection.fetchall()

    obey({"run": run})


if __name__ == "__main__":
    _main()
