"""DuckDB 1.5.5 with a lake, in a process of `.venv-lake`: what DuckLake itself does, apart from any gateway."""

from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.lake.obedient import Obedient
from tests.support.server import ROOT

#: An interpreter with the extra `lake`, for gateways, too.
PYTHON = str(ROOT / ".venv-lake/bin/python")


class LakeSession(Obedient):
    """A process with one connection. The lake is its catalog `lake` once it is attached."""

    def __init__(self) -> None:
        super().__init__("tests.support.lake.session_process", python=PYTHON)

    def run(self, *statements: str) -> list[list[Any]]:
        """Run statements, and give the rows of the last.

        Raises:
            RuntimeError: One failed, with the words of DuckDB.
        """
        return self.ask("run", *statements)

    def attach(self, catalog: str, data: str, options: str = "") -> None:
        """Attach the lake of a PostgreSQL database, with its data at a URL of S3 or in a folder."""
        text = f"ATTACH 'ducklake:postgres:{_as_words(catalog)}' AS lake (DATA_PATH '{data}'{options})"
        self.run(text)

    def use_s3(self, endpoint: str, key: str, secret: str) -> None:
        """Take credentials for S3, instead of those before."""
        self.run(
            f"CREATE OR REPLACE SECRET s3 (TYPE s3, KEY_ID '{key}', SECRET '{secret}', ENDPOINT '{endpoint}', "
            "USE_SSL false, URL_STYLE 'path', REGION 'us-east-1')"
        )


def _as_words(url: str) -> str:
    """The connection string of libpq for a URL."""
    parts = urlsplit(url)
    words = {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": parts.path[1:],
        "connect_timeout": 3,
    }
    return " ".join(f"{name}={value}" for name, value in words.items())
