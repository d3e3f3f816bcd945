"""FastAPI, pydantic, asyncpg and PostgreSQL: what a team would write by hand, in `peers/fastapi_app.py`."""

from pathlib import Path

from tests.bench import peer_python, ranges, wrk
from tests.bench.contestants.postgres import SETTINGS, Postgres
from tests.bench.contestants.process import Process
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure
from tests.bench.tables import AN_ORDER, Table
from tests.support.server import ROOT, free_port

_TOKEN = "bench-7c1f0a52e6"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}

#: Where many rows are posted, and their type.
_BULK = {"json": ("bulk", "application/json"), "csv": ("csv/checked", "text/csv")}


class FastapiPostgres:
    """The app and its database.

    Attributes:
        has_checks: The table of PostgreSQL has the constraints of the connector, beside those of the app.
    """

    has_checks = False

    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        self._files, self._table, self._rows = files, table, rows
        self._log = directory / "log"
        self._postgres = Postgres(directory / "postgres")

    @staticmethod
    def about() -> str:
        names = ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "asyncpg", "orjson")
        by = ", ".join(f"{name} {peer_python.versions()[name]}" for name in names)
        version = peer_python.output(Postgres.program("postgres"), "--version")
        settings = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
        return f"{by}, one worker, 10 connections; {version} with {settings}"

    def prepare(self) -> None:
        self._postgres.prepare(self._table, self._rows, self._files, has_checks=self.has_checks)

    def start(self) -> None:
        self._postgres.start()
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/{self._table.name}"
        app = ("fastapi_app:app", "--app-dir", ROOT / "tests/bench/peers")
        dsn = f"postgresql://postgres@/postgres?host={self._postgres.directory}"
        self._process = Process(
            [peer_python.program("python"), "-m", "uvicorn", *app, "--port", str(port)],
            self._log,
            environment={"DSN": dsn, "TOKEN": _TOKEN},
        )
        try:
            self._process.wait_for(port)
        except BaseException:
            self._postgres.stop()
            raise

    def stop(self) -> None:
        self._process.stop()
        self._postgres.stop()

    def roots(self) -> list[int]:
        return [self._process.pid, self._postgres.pid]

    def count(self) -> int:
        return int(self._postgres.run(f"SELECT count(*) FROM {self._table.name}"))

    # -- measures

    def bulk(self, kind: str = "json", connections: int = 2) -> Measure:
        path, media = _BULK[kind]
        headers = {**_HEADERS, "Content-Type": media}
        bodies = self._files.bodies(self._table, kind)
        return wrk.bulk_posts(f"{self._url}/{path}", headers, bodies, BULK, connections)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        return wrk.single_posts(self._url, _HEADERS, AN_ORDER, connections, latency=latency)

    def ranges(self, rows: int, connections: int, *, repeat: bool = False) -> Measure:
        url = f"{self._url}?first=%d&end=%d"
        return ranges.gets(url, _HEADERS, self._files, rows, connections, of=self._rows, repeat=repeat)


class FastapiCopy(FastapiPostgres):
    """The same app, with CSV that goes into PostgreSQL's COPY as it arrives. PostgreSQL alone checks it."""

    has_checks = True

    @staticmethod
    def about() -> str:
        return "the same, but no cell is read by Python: PostgreSQL checks them, by its types and CHECK constraints"

    def bulk(self) -> Measure:
        bodies = self._files.bodies(self._table, "csv")
        headers = {**_HEADERS, "Content-Type": "text/csv"}
        return wrk.bulk_posts(f"{self._url}/csv", headers, bodies, BULK, connections=2)
