"""FastAPI, pydantic, asyncpg and PostgreSQL: the service that a team would write by hand (`peers/fastapi_app.py`)."""

from pathlib import Path

from tests.bench import peer_python, tables, wrk
from tests.bench.contestants.postgres import SETTINGS, Postgres
from tests.bench.contestants.process import Process
from tests.bench.measure import Measure
from tests.bench.tables import Files, Table
from tests.rig import ROOT, free_port

_TOKEN = "bench-7c1f0a52e6"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}


class FastapiPostgres:
    def __init__(self, directory: Path, files: Files) -> None:
        self._files, self._directory = files, directory
        self._postgres = Postgres(directory / "postgres")

    @staticmethod
    def about() -> str:
        has = peer_python.versions()
        names = ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "asyncpg", "orjson")
        postgres = ", ".join(f"{name}={value}" for name, value in SETTINGS.items() if value)
        return f"{', '.join(f'{name} {has[name]}' for name in names)}; one worker; PostgreSQL of pgserver {has['pgserver']} with {postgres}"

    def start(self, table: Table, fill: int) -> None:
        self._table, self._rows = table, fill
        self._postgres.start()
        self._postgres.create(table)
        if fill:
            self._postgres.fill(table, fill, self._files)
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/{table.name}"
        app = ("fastapi_app:app", "--app-dir", ROOT / "tests/bench/peers")
        self._process = Process(
            [peer_python.program("python"), "-m", "uvicorn", *app, "--port", str(port)],
            self._directory / "log",
            environment={
                "DSN": f"postgresql://postgres@/postgres?host={self._postgres.directory}",
                "TOKEN": _TOKEN,
            },
        )
        self._process.wait_for(port)

    def stop(self) -> None:
        self._process.stop()
        self._postgres.stop()

    def roots(self) -> list[int]:
        return [self._process.pid, self._postgres.pid]

    def count(self) -> int:
        return int(self._postgres.run(f"SELECT count(*) FROM {self._table.name}"))

    # -- measures

    def bulk(self) -> Measure:
        bodies = self._files.bodies(self._table, "json")
        return wrk.posts_of(f"{self._url}/bulk", _HEADERS, bodies, tables.BULK, connections=2)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        return wrk.single_posts(self._url, _HEADERS, tables.AN_ORDER, connections, latency=latency)
