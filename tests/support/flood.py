"""A flood of requests, from a process of its own that spends as little as it can on each.

`python -m tests.support.flood URL AUTHORIZATION SECONDS CLIENTS LARGE SMALL` posts to `/flooded` so many large and small bodies
a second, whatever is answered; a number of 0 leaves them out, and one below 0 posts them as fast as they are
answered. It prints its counts as JSON.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

#: Rows of the bodies.
ROWS = {"large": 60_000, "small": 50}


def body_of(rows: int) -> bytes:
    return b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 80) for n in range(rows))


class Flood:
    """Bodies of one kind."""

    def __init__(self, url: str, authorization: str, seconds: float, kind: str, rate: float) -> None:
        self.host, self.port = urlsplit(url).hostname, urlsplit(url).port
        self.begin = time.monotonic()
        self.end = self.begin + seconds
        self.rate = rate
        self.numbers = itertools.count()
        self.statuses: Counter[str] = Counter()
        self.odd: list[str] = []
        self.wasted = self.in_time = 0
        # Large bodies wait to be asked for, as those of curl do.
        self.asks = kind == "large"
        self.body = body_of(ROWS[kind])
        self.head = (
            f"POST /flooded HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {len(self.body)}\r\n"
            + ("Expect: 100-continue\r\n" if self.asks else "")
            + "\r\n"
        ).encode()

    async def client(self) -> None:
        while time.monotonic() < self.end:
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    while await self.post(reader, writer):
                        pass
                finally:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.statuses[type(error).__name__] += 1

    async def post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        number = next(self.numbers)
        if self.rate > 0:
            await asyncio.sleep(min(self.begin + number / self.rate, self.end) - time.monotonic())
        if time.monotonic() > self.end:
            return False
        writer.write(self.head if self.asks else self.head + self.body)
        status, headers = await self.answer(reader)
        is_sent = not self.asks or status == "100"
        if status == "100":
            writer.write(self.body)
            status, headers = await self.answer(reader)
        self.statuses[status] += 1
        self.in_time += status == "201" and time.monotonic() < self.end
        self.wasted += self.asks and is_sent and status != "201"
        if status not in ("201", "429", "503") or (status != "201" and "retry-after" not in headers):
            self.odd.append(f"{status} {headers}")
        # A server cannot tell a body that is left out from one that is late: the connection has no more use.
        return is_sent and headers.get("connection") != "close"

    async def answer(self, reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        return head[0].split()[1], headers


async def main(url: str, authorization: str, seconds: str, clients: str, *rates: str) -> None:
    floods = {
        kind: Flood(url, authorization, float(seconds), kind, float(rate))
        for kind, rate in zip(ROWS, rates, strict=True)
        if float(rate)
    }
    await asyncio.gather(*(flood.client() for flood in floods.values() for _ in range(int(clients))))
    told = {
        kind: {
            "statuses": flood.statuses,
            "odd": flood.odd[:5],
            "wasted": flood.wasted,
            "per_second": flood.in_time / float(seconds),
        }
        for kind, flood in floods.items()
    }
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
