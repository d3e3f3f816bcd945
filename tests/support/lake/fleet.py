"""Gateways side by side on one lake, behind a balancer: what a client talks to when a team has outgrown one machine."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.lake.balancer import Balancer, balancing
from tests.support.lake.gateways import gateway_lake
from tests.support.lake.lake_session import PYTHON
from tests.support.server import Server, put

#: The admin token of all of them.
TOKEN = "admin-token-of-all-gateways-of-a-fleet"


class Fleet:
    """Gateways that are alike. A client may take them all for one `Server`: they have a URL and an admin token."""

    def __init__(self, gateways: list[Server], balancer: Balancer) -> None:
        self.gateways = gateways
        self.url = balancer.url
        self.admin = {"Authorization": f"Bearer {TOKEN}"}
        self._balancer = balancer
        self._spread()

    def restart(self, gateway: Server) -> None:
        """Start a gateway that was killed, at a port of its own, and send connections there, too."""
        gateway.start()
        self._spread()

    def _spread(self) -> None:
        self._balancer.use([int(gateway.url.rpartition(":")[2]) for gateway in self.gateways])

    def tails(self) -> str:
        """The ends of the logs."""
        return "\n".join(f"{gateway.log}:\n{gateway.tail()}" for gateway in self.gateways)


@contextlib.contextmanager
def serving_fleet(
    directory: Path, connectors: Mapping[str, str], each_settings: Sequence[Mapping[str, str]]
) -> Iterator[Fleet]:
    """One gateway for each settings, all on one lake, which is made here; they have the same files from their start on."""
    gateway_lake("init", **each_settings[0], GATEWAY_DATA=str(directory / "init"))
    gateways = [
        _gateway(directory / f"g{number}", connectors, settings)
        for number, settings in enumerate(each_settings, 1)
    ]
    with contextlib.ExitStack() as stack:
        for gateway in gateways:
            stack.callback(_end, gateway)
        # The first applies the files; the others find them applied.
        gateways[0].start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Server.start, gateways[1:]))
        yield Fleet(gateways, stack.enter_context(balancing([])))


def _gateway(directory: Path, connectors: Mapping[str, str], settings: Mapping[str, str]) -> Server:
    server = Server(directory, is_forked=True, python=PYTHON, **settings, GATEWAY_NAME=directory.name)
    for name, text in connectors.items():
        put(server.connectors / f"{name}.yaml", text)
    server.data.mkdir()
    put(server.data / "admin-token", f"{TOKEN}\n")
    return server


def _end(gateway: Server) -> None:
    if gateway.process is not None and gateway.process.poll() is None:
        gateway.client.close()
        gateway.kill()
