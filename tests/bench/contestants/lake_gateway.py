"""Gateways on one lake: a PostgreSQL of the run, data files in a folder, and a balancer where there is more than one."""

import contextlib

import httpx

from tests.bench.contestants.gateway import Gateway
from tests.support.lake.balancer import Balancer
from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import PostgreSQL
from tests.support.server import Server


class LakeGateway(Gateway):
    """One gateway on a lake, all settings as by default but for the lake.

    Attributes:
        number: How many gateways share the lake.
    """

    number = 1

    def __init__(self, directory, files, table, rows) -> None:
        super().__init__(directory, files, table, rows)
        self._postgres = PostgreSQL()
        self._servers: list[Server] = []
        self._balancer: Balancer | None = None
        self._closing = contextlib.ExitStack()

    @staticmethod
    def about() -> str:
        return "gateway with DuckDB 1.5.5 on a lake: PostgreSQL 15 and data files on the same disk"

    def prepare(self) -> None:
        self._postgres.start()
        settings = lake_settings(self._postgres.database("lake"), self._directory / "lake")
        self._settings = {**settings, **self._server.environment}
        gateway_lake("init", **settings, GATEWAY_DATA=str(self._directory / "init"))
        self._postgres.stop()
        super().prepare()

    def start(self) -> None:
        self._postgres.start()
        command = ("-P", "-m", "gateway", "serve")
        for number in range(self.number):
            server = Server(self._directory / f"g{number}", command, python=PYTHON, **self._settings)
            server.environment["GATEWAY_CONNECTORS"] = str(self._server.connectors)
            self._servers.append(server.start())
        urls = [server.url for server in self._servers]
        self._balancer = Balancer([int(url.rpartition(":")[2]) for url in urls]) if len(urls) > 1 else None
        self._url = f"{self._balancer.url if self._balancer else urls[0]}/{self._table.name}"
        self._client = httpx.Client(headers=self._headers, timeout=120)

    def stop(self) -> None:
        self._client.close()
        if self._balancer is not None:
            self._balancer.close()
        for server in self._servers:
            server.stop()
        self._servers = []
        self._postgres.stop()

    def roots(self) -> list[int]:
        return [server.process.pid for server in self._servers]


class TwoLakeGateways(LakeGateway):
    """Two gateways on a lake, behind a balancer."""

    number = 2


class FourLakeGateways(LakeGateway):
    """Four gateways on a lake, behind a balancer."""

    number = 4
