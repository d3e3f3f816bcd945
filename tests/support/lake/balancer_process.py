"""The process of `balancer.py`."""

import asyncio
import contextlib
import sys

from tests.support.lake.orders import serve


class _Balancer:
    def __init__(self) -> None:
        #: The port that had the last connection is the last.
        self.ports: list[int] = []

    def use(self, ports: list[int]) -> None:
        self.ports = list(ports)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on both ways to the next living port, or close the connection if all are dead."""
        with contextlib.closing(writer):
            for _ in range(len(self.ports)):
                self.ports = [*self.ports[1:], self.ports[0]]
                with contextlib.suppress(OSError):
                    there = await asyncio.open_connection("127.0.0.1", self.ports[-1])
                    break
            else:
                return
            with contextlib.closing(there[1]):
                await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on until the end, and the end, too; what broke one way breaks the other."""
    try:
        while data := await reader.read(2**18):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


if __name__ == "__main__":
    balancer = _Balancer()
    serve(int(sys.argv[1]), balancer.accept, {"use": balancer.use})
