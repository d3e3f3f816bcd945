"""A server that a lake needs is away, or hangs, and what its gateways answer meanwhile and afterwards."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.support.lake.fleet import Fleet
from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.seaweedfs import SeaweedFS
from tests.support.server import DEADLINE, Server, eventually

#: Rows of this connector are changed by nothing but these questions.
CONNECTOR = "fields: {n: integer}\naccess: {read: [public], change: [editor]}\n"
_KNOWN = "?n=eq.0&select=n"


@dataclass(frozen=True)
class Outage:
    """The begin and the end of an outage.

    Attributes:
        is_readable: Whether rows that were read before can be read again.
    """

    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    is_readable: bool


def outages_of(postgres: PostgreSQL, seaweedfs: SeaweedFS) -> list[Outage]:
    """Each server killed, and frozen."""
    return [
        Outage("PostgreSQL away", postgres.kill, postgres.start, is_readable=False),
        Outage("PostgreSQL hangs", postgres.freeze, postgres.thaw, is_readable=False),
        Outage("S3 away", seaweedfs.stop, seaweedfs.start, is_readable=True),
        Outage("S3 hangs", seaweedfs.freeze, seaweedfs.thaw, is_readable=True),
    ]


@dataclass
class Questions:
    """A client of each gateway that asks during an outage, and counts the answers."""

    fleet: Fleet
    path: str
    seconds: float
    told: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Store a row that can be read, and read it at each gateway."""
        assert self._ask(self.fleet.gateways[0], "POST", 0).status_code == 201
        for gateway in self.fleet.gateways:
            eventually(lambda: self._ask(gateway, "GET").json() == [{"n": 0}])

    def ask_during(self, outage: Outage) -> None:
        """Ask until each gateway has refused each kind of change; the server stays away until then, and for `seconds`.

        Afterwards all of them work again without help.
        """
        began = time.monotonic()
        outage.begin()
        try:
            with ThreadPoolExecutor() as pool:
                refused = list(pool.map(lambda each: self._refused(each, outage), self.fleet.gateways))
            slowest = max(each for some in refused for each in some)
            eventually(lambda: time.monotonic() > began + self.seconds)
        finally:
            outage.end()
        ended = time.monotonic()
        for gateway in self.fleet.gateways:
            eventually(
                lambda: self._ask(gateway, "POST", 1).status_code == 201, f"{gateway.url} does not recover"
            )
            eventually(lambda: self._ask(gateway, "GET").status_code == 200)
        recovered = time.monotonic() - ended
        self.told.append(
            f"{outage.name} for {ended - began:.1f} s: refused after {slowest:.1f} s at most,"
            f" all well {recovered:.1f} s after it"
        )

    def _refused(self, gateway: Server, outage: Outage) -> list[float]:
        """Have each change refused, and read what can be read; give how long the answers took."""
        took = []
        for method in ("POST", "PATCH", "DELETE"):
            while True:
                began = time.monotonic()
                answer = self._ask(gateway, method, 2)
                took.append(time.monotonic() - began)
                if answer.status_code == 503:
                    assert answer.json()["code"] in ("GW404", "GW414")
                    assert "Retry-After" in answer.headers
                    break
                assert answer.status_code < 300, answer.text
        began = time.monotonic()
        answer = self._ask(gateway, "GET")
        took.append(time.monotonic() - began)
        if outage.is_readable:
            assert answer.json() == [{"n": 0}]
        else:
            assert (answer.status_code, answer.json()["code"]) == (503, "GW405"), answer.text
            assert "Retry-After" in answer.headers
        assert httpx.get(f"{gateway.url}/-/healthy", timeout=DEADLINE).status_code == 200
        return took

    def _ask(self, gateway: Server, method: str, n: int = 0) -> httpx.Response:
        """Ask a gateway; rows other than the first one come and go."""
        url = gateway.url + self.path + {"POST": "", "GET": _KNOWN}.get(method, "?n=gt.1")
        body = {"n": n} if method in ("POST", "PATCH") else None
        return httpx.request(method, url, headers=self.fleet.admin, json=body, timeout=DEADLINE)
