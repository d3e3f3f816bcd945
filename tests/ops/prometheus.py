"""A real Prometheus on a free port, with its data in a directory of its own."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.server import DEADLINE, eventually, free_port


class Prometheus:
    """A client of Prometheus's HTTP API."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url)
        self.close = self._client.close

    def query(self, expression: str) -> list[float]:
        """Return the values of an expression now."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        return [float(sample["value"][1]) for sample in answer.json()["data"]["result"]]

    def firing(self) -> dict[str, dict]:
        """Return the alerts that fire, by name."""
        alerts = self._client.get("/api/v1/alerts").json()["data"]["alerts"]
        return {each["labels"]["alertname"]: each for each in alerts if each["state"] == "firing"}

    def is_ready(self) -> bool:
        return self._client.get("/-/ready").status_code == 200


@contextlib.contextmanager
def running(directory: Path) -> Iterator[Prometheus]:
    """Run Prometheus with the `prometheus.yml` of a directory until the end of the block."""
    address = f"127.0.0.1:{free_port()}"
    log = directory / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'prometheus-data'}",
                f"--web.listen-address={address}",
            ],
            stdout=output,
            stderr=output,
        )
    prometheus = Prometheus(f"http://{address}")
    try:
        eventually(prometheus.is_ready, f"Prometheus is not ready: {log.read_text()[-2000:]}")
        yield prometheus
    finally:
        prometheus.close()
        process.kill()
        process.wait(DEADLINE)
