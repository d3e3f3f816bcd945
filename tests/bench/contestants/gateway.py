"""The gateway, as `gateway serve` starts it: no setting is other than by default."""

from pathlib import Path

import duckdb
import httpx

from gateway import __version__
from gateway.serve.tokens import make_token
from tests.bench import tables, wrk
from tests.bench.measure import Measure, WrongAnswerError
from tests.bench.tables import Files, Table
from tests.rig import Server, put

_HEADERS = {
    "json": {"Content-Type": "application/json"},
    "ndjson": {"Content-Type": "application/x-ndjson"},
    "ndjson.gz": {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"},
}


class Gateway:
    """One gateway and one connector, written and read with a token of its own."""

    def __init__(self, directory: Path, files: Files) -> None:
        secret, line = make_token("bench")
        put(directory / "tokens.yaml", line + "\n")
        self._server = Server(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml"))
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._files = files

    @staticmethod
    def about() -> str:
        return f"gateway {__version__} with DuckDB {duckdb.__version__}, its settings left as they are"

    def start(self, table: Table, fill: int) -> None:
        self._table, self._rows = table, fill
        put(
            self._server.connectors / f"{table.name}.yaml",
            f"{table.text}access: {{ingest: [bench], read: [bench]}}\n",
        )
        self._server.start()
        if fill:
            for piece in self._files.pieces(table, fill):
                answer = self._client().post(self._path, content=piece, headers=_HEADERS["ndjson"])
                if answer.status_code != 201:
                    raise WrongAnswerError(answer.text)
            # What was taken to fill it is not what is measured.
            self._server.stop()
            self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def roots(self) -> list[int]:
        return [self._server.process.pid]

    def count(self) -> int:
        return self._client().get(self._path, params={"select": "count()"}).json()[0]["count"]

    @property
    def _path(self) -> str:
        return f"/{self._table.name}"

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._server.url, headers=self._headers, timeout=120)

    # -- measures

    def bulk(self, kind: str = "json") -> Measure:
        bodies = self._files.bodies(self._table, kind)
        headers = {**self._headers, **_HEADERS[kind]}
        return wrk.posts_of(self._server.url + self._path, headers, bodies, tables.BULK, connections=2)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        headers = {**self._headers, **_HEADERS["json"]}
        url = self._server.url + self._path
        return wrk.single_posts(url, headers, tables.AN_ORDER, connections, latency=latency)
