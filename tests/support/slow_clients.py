"""Slow clients, in a process of their own: they must not slow down the client that measures.

`python -m tests.support.slow_clients` takes its orders as JSON on stdin, and tells on stdout what became of each kind.
"""

import asyncio
import collections
import json
import socket
import sys

KINDS = ("idle", "half headers", "kept alive, half headers", "1 B/s", "never reading")
#: How long any of them waits to be cut off before it says that it was not.
PATIENCE = 40.0


async def main(orders: dict) -> dict[str, dict[str, int]]:
    found = collections.defaultdict(collections.Counter)

    async def be(number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        await asyncio.sleep(orders["ramp"] * number / orders["count"])
        try:
            found[kind][await asyncio.wait_for(one(kind, orders), PATIENCE)] += 1
        except (TimeoutError, OSError) as error:
            found[kind][type(error).__name__] += 1

    await asyncio.gather(*(be(number) for number in range(orders["count"])))
    return {kind: dict(counts) for kind, counts in found.items()}


async def one(kind: str, orders: dict) -> str:
    """Be one of them, and give the status it was told, or how it ended."""
    if kind == "never reading":
        return await never_reading(orders)
    reader, writer = await asyncio.open_connection(orders["host"], orders["port"])
    try:
        if kind == "kept alive, half headers":
            writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"}")
        if "half headers" in kind:
            writer.write(b"GET /-/healthy HTTP/1.1\r\nHo")
        if kind == "1 B/s":
            writer.write(
                f"POST {orders['post']} HTTP/1.1\r\nHost: x\r\nAuthorization: {orders['authorization']}\r\n"
                "Content-Length: 10000\r\n\r\n".encode()
            )
        answering = asyncio.ensure_future(reader.read())
        while not answering.done():
            await asyncio.wait([answering], timeout=1)
            if kind == "1 B/s" and not answering.done():
                writer.write(b" ")
        return (await answering).decode().partition("\r\n")[0][9:12] or "closed"
    finally:
        writer.close()


async def never_reading(orders: dict) -> str:
    loop = asyncio.get_running_loop()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        await loop.sock_connect(connection, (orders["host"], orders["port"]))
        await loop.sock_sendall(connection, f"GET {orders['get']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await asyncio.sleep(orders["silence"])
        begin = end = b""
        while piece := await loop.sock_recv(connection, 2**20):
            begin = begin or piece
            end = (end + piece)[-5:]
        if begin[9:12] != b"200":
            return begin[9:12].decode()
        return "all of it" if end == b"0\r\n\r\n" else "cut"


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.stdin.read())))))
