"""The gateway, as `gateway serve` starts it: no setting is other than by default."""

import itertools
import random
import statistics
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import duckdb
import httpx

from gateway import __version__
from gateway.auth.tokens import make_token
from gateway.settings import Settings
from tests.bench import answers, ranges, wrk
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure, Sample, WrongAnswerError
from tests.bench.queries import AGGREGATE, AGGREGATE_PARAMETERS, INSTANTS
from tests.bench.tables import AN_ORDER, Table
from tests.support.server import ROOT, Server, eventually, put

_HEADERS = {
    "json": {"Content-Type": "application/json"},
    "ndjson": {"Content-Type": "application/x-ndjson"},
    "ndjson.gz": {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
}
_ACCESS = "access: {ingest: [bench], read: [bench]}\n"


class Gateway:
    """One gateway and one connector, which is written and read with a token.

    Attributes:
        checkout: The directory whose package `gateway` runs.
    """

    checkout = ROOT

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
        )

    @staticmethod
    def about() -> str:
        loop = "uvloop" if find_spec("uvloop") else "asyncio"
        return f"gateway {__version__} with DuckDB {duckdb.__version__} on {loop}, all settings as by default"

    def prepare(self) -> None:
        secret, line = make_token("bench")
        put(self._directory / "tokens.yaml", f"{line}\n")
        put(self._server.connectors / f"{self._table.name}.yaml", self._table.text + _ACCESS)
        self._headers = {"Authorization": f"Bearer {secret}"}
        if self._rows:
            self.start()
            try:
                self._fill()
            finally:
                self.stop()

    def _fill(self) -> None:
        for piece in self._files.pieces(self._table, self._rows):
            answer = self._client.post(self._url, content=piece, headers=_HEADERS["ndjson"])
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

    def bulk(self, kind: str = "json") -> Measure:
        bodies = self._files.bodies(self._table, kind)
        return wrk.bulk_posts(self._url, {**self._headers, **_HEADERS[kind]}, bodies, BULK, connections=2)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        headers = {**self._headers, **_HEADERS["json"]}
        return wrk.single_posts(self._url, headers, AN_ORDER, connections, latency=latency)

    def ranges(self, rows: int, connections: int, *, repeat: bool = False) -> Measure:
        url = f"{self._url}?order_id=gte.%d&order_id=lt.%d"
        return ranges.gets(url, self._headers, self._files, rows, connections, of=self._rows, repeat=repeat)

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


class CrowdedGateway(Gateway):
    """A gateway of 500 connectors, one of which is changed again and again."""

    def prepare(self) -> None:
        super().prepare()
        for number in range(1, 500):
            put(self._server.connectors / f"other_{number}.yaml", self._table.text + _ACCESS)

    def change(self) -> Measure:
        """Put a changed file in place of the other; the figure is the milliseconds until its schema is served."""
        lengths, pauses = itertools.count(201), random.Random(1)
        file = self._server.connectors / f"{self._table.name}.yaml"
        schema = f"/-/connectors/{self._table.name}/schema"

        def live(length: int) -> bool:
            return self._server.client.get(schema).json()["properties"]["customer"]["maxLength"] == length

        def once() -> float:
            # The gateway looks at its directory twice a second, too: no change is to come always at the same time of that.
            time.sleep(pauses.uniform(0.5, 1))
            length = next(lengths)
            text = self._table.text.replace("max_length: 200", f"max_length: {length}") + _ACCESS
            began = time.perf_counter()
            put(file, text)
            eventually(lambda: live(length), "the change did not become live", pause=0.005)
            return (time.perf_counter() - began) * 1000

        def measure(seconds: float) -> Sample:
            ends, took = time.monotonic() + seconds, [once()]
            while time.monotonic() < ends:
                took.append(once())
            return Sample(statistics.median(took), worst=max(took))

        return measure
