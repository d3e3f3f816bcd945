"""The gateway, as `gateway serve` starts it: no setting is other than by default."""

import statistics
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import duckdb
import httpx

from gateway import __version__
from gateway.auth.tokens import make_token
from gateway.settings import Settings
from tests.bench import answered_posts, answers, ranges, wrk
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure, Sample, WrongAnswerError
from tests.bench.queries import AGGREGATE, AGGREGATE_PARAMETERS, INSTANTS
from tests.bench.tables import AN_ORDER, Table
from tests.support.server import ROOT, Server, put

_MEDIA = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
#: Of larger bodies there are too few a second for wrk, which leaves out what is under way at the end.
_MOST_FOR_WRK = 50_000
ACCESS = "access: {ingest: [bench], read: [bench], change: [bench]}\n"


def headers_of(kind: str) -> dict[str, str]:
    """Give the headers of a body of a kind of `Files`."""
    media = {"Content-Type": _MEDIA[kind.removesuffix(".gz")]}
    return media | ({"Content-Encoding": "gzip"} if kind.endswith(".gz") else {})


class Gateway:
    """One gateway and one connector, which is written and read with a token.

    Attributes:
        checkout: The directory whose package `gateway` runs.
        settings: What is not as by default.
    """

    checkout = ROOT
    settings: Mapping[str, str] = {}

    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        self._directory, self._files, self._table, self._rows = directory, files, table, rows
        # The tests' servers read even the smallest body in columns.
        fast = str(Settings.read({}).columnar_min_bytes)
        self._server = Server(
            directory,
            ("-P", "-m", "gateway", "serve"),  # Without -P the working directory's package would run.
            GATEWAY_TOKENS=str(directory / "tokens.yaml"),
            GATEWAY_FAST=fast,
            PYTHONPATH=str(self.checkout),
            **self.settings,
        )

    @staticmethod
    def about() -> str:
        loop = "uvloop" if find_spec("uvloop") else "asyncio"
        return f"gateway {__version__} with DuckDB {duckdb.__version__} on {loop}, all settings as by default"

    def prepare(self) -> None:
        self._secret, line = make_token("bench")
        put(self._directory / "tokens.yaml", f"{line}\n")
        put(self._server.connectors / f"{self._table.name}.yaml", self._table.text + ACCESS)
        self._headers = {"Authorization": f"Bearer {self._secret}"}
        if self._rows:
            self.start()
            try:
                self._fill()
            finally:
                self.stop()

    def _fill(self) -> None:
        for piece in self._files.pieces(self._table, self._rows):
            answer = self._client.post(self._url, content=piece, headers=headers_of("ndjson"))
            if answer.status_code != 201:
                raise WrongAnswerError(answer.text)

    def start(self) -> None:
        self._server.start()
        self._url = f"{self._server.url}/{self._table.name}"
        self._client = httpx.Client(headers=self._headers, timeout=120)

    def stop(self) -> None:
        self._client.close()
        self._server.stop()

    def roots(self) -> list[int]:
        return [self._server.process.pid]

    def count(self) -> int:
        return self._client.get(f"{self._url}?select=count()").json()[0]["count"]

    # -- measures

    def bulk(self, kind: str = "json", rows: int = BULK, connections: int = 2) -> Measure:
        bodies = self._files.bodies(self._table, kind, rows)
        headers = {**self._headers, **headers_of(kind)}
        posts = wrk.bulk_posts if rows <= _MOST_FOR_WRK else answered_posts.posts
        return posts(self._url, headers, bodies, rows, connections)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        headers = {**self._headers, **headers_of("json")}
        return wrk.single_posts(self._url, headers, AN_ORDER, connections, latency=latency)

    def ranges(self, rows: int, connections: int, **how: bool) -> Measure:
        url = f"{self._url}?order_id=gte.%d&order_id=lt.%d"
        return ranges.gets(url, self._headers, self._files, rows, connections, of=self._rows, **how)

    def export(self, form: str) -> Measure:
        url = f"{self._url}?format={form}"
        copy = self._directory / f"export.{form}"
        copy.write_bytes(answers.get(url, self._headers))
        counted = self._files.ask(f"SELECT count(*) AS rows FROM read_{form.replace('nd', '')}('{copy}')")
        answers.require_same(counted, [{"rows": self._rows}])
        copy.unlink()

        def measure(seconds: float) -> Sample:
            took = []
            while sum(took) < seconds:
                took.append(_download(url, self._headers))
            return Sample(self._rows / statistics.median(took))

        return measure

    def aggregate(self) -> Measure:
        url = f"{self._url}?{AGGREGATE_PARAMETERS}"
        given = self._client.get(url % 1).json()
        rows = self._files.rows(self._table, self._rows, "parquet")
        expected = self._files.ask(AGGREGATE.format(table=f"'{rows}'", n=f"{1:06}"))
        answers.require_same(
            [[row["paid"], round(row["sum"] * 100), row["count"]] for row in given],
            [[row["paid"], round(row["sum"] * 100), row["count"]] for row in expected],
        )
        return wrk.gets(url, self._headers, 1, places=INSTANTS, few=True)


def _download(url: str, headers: wrk.Headers) -> float:
    """Give the seconds that curl takes, which throws away what it gets."""
    said = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    told = ("-sS", "-o", "/dev/null", "-w", "%{http_code} %{time_total}")
    ran = subprocess.run(["curl", *told, *said, url], check=True, capture_output=True, text=True)
    status, seconds = ran.stdout.split()
    answers.require_same(status, "200")
    return float(seconds)


class RoomyGateway(Gateway):
    """A gateway that takes 500,000 rows of JSON as one body: of its settings, the two that operating.md says for that."""

    settings: Mapping[str, str] = {"GATEWAY_MAX_BODY": "128M", "GATEWAY_QUEUE": "512M"}

    @classmethod
    def said(cls) -> str:
        return " and ".join(f"`{name}={value}`" for name, value in cls.settings.items())
