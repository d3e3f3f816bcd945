"""A load balancer for TCP: each new connection goes to the next port that takes one, in a process of its own."""

import contextlib
from collections.abc import Iterator, Sequence

from tests.support.lake.obedient import Obedient
from tests.support.server import free_port


class Balancer(Obedient):
    """A balancer at a port of its own. One that frozen gateways are behind waits for them, as a client does."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.port = free_port()
        super().__init__("tests.support.lake.balancer_process", self.port)
        self.use(ports)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def use(self, ports: Sequence[int]) -> None:
        """Send new connections to these ports. Open ones stay where they are."""
        self.ask("use", list(ports))


@contextlib.contextmanager
def balancing(ports: Sequence[int]) -> Iterator[Balancer]:
    """A balancer over some ports until the end of the block."""
    with Balancer(ports) as balancer:
        yield balancer
