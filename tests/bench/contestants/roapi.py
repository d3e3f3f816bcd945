"""ROAPI, which serves files of rows, read-only and from memory: here the Parquet file of the same rows."""

from pathlib import Path

from tests.bench import peer_python, ranges
from tests.bench.contestants.process import Process
from tests.bench.files import Files
from tests.bench.measure import Measure
from tests.bench.tables import Table
from tests.support.server import free_port


class Roapi:
    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._files, self._table, self._rows = files, table, rows
        self._log = directory / "log"

    @staticmethod
    def about() -> str:
        return f"roapi {peer_python.versions()['roapi']} with a Parquet file in memory; it asks for no token"

    def prepare(self) -> None:
        self._file = self._files.rows(self._table, self._rows, "parquet")

    def start(self) -> None:
        http, postgres, flight = free_port(), free_port(), free_port()
        self._url = f"http://127.0.0.1:{http}/api/tables/{self._table.name}"
        ports = {"--addr-http": http, "--addr-postgres": postgres, "--addr-flight-sql": flight}
        where = [word for name, port in ports.items() for word in (name, f"127.0.0.1:{port}")]
        table = ("--table", f"{self._table.name}={self._file}")
        self._process = Process([peer_python.program("roapi"), *where, *table], self._log)
        self._process.wait_for(http)

    def stop(self) -> None:
        self._process.stop()

    def roots(self) -> list[int]:
        return [self._process.pid]

    def count(self) -> int:
        return self._rows

    # -- measures

    def ranges(self, rows: int, connections: int) -> Measure:
        url = f"{self._url}?filter[order_id]gte=%d&filter[order_id]lt=%d"
        return ranges.gets(url, {}, self._files, rows, connections, of=self._rows)
