"""Load: clients that must not notice what happens to connectors, and such as send again until they are answered."""

import itertools
import threading
import time
from typing import Self

import httpx

from tests.support.server import Server

#: Nothing was stored, or another send of the same batch is under way: a client sends it again.
AGAIN = frozenset({409, 429, 503, 507})
#: Between two rows of a client that writes and reads: what happens meanwhile needs the processors, too.
_PAUSE = 0.005


class Crowd:
    """Clients that run, each in a thread, until the block ends: `_run` of a subclass, which looks at `_stop`."""

    def __init__(self, clients: int) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        raise NotImplementedError


class Load(Crowd):
    """Clients that write to and read from one connector until told to stop, and count what failed.

    The connector has a field `n`, and no other that a row must name.
    """

    def __init__(self, server: Server, path: str, clients: int = 4) -> None:
        self.url, self.admin, self.path = server.url, server.admin, path
        self.requests, self.failures, self.acknowledged = 0, [], []
        self._numbers = itertools.count()
        super().__init__(clients)

    def _run(self) -> None:
        with httpx.Client(base_url=self.url, headers=self.admin, timeout=30) as client:
            while not self._stop.wait(_PAUSE):
                number = next(self._numbers)
                try:
                    posted = client.post(self.path, json={"n": number})
                    read = client.get(self.path, params={"n": f"eq.{number}", "select": "n"})
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    continue
                self.requests += 2
                if posted.status_code != 201 or read.status_code != 200 or read.json() != [{"n": number}]:
                    self.failures.append((posted.status_code, read.status_code, read.text))
                else:
                    self.acknowledged.append(number)

    def check(self, server: Server) -> None:
        """Nothing failed, and every acknowledged row is there once, in the order of `_id`."""
        assert self.failures == []
        stored = server.client.get(f"{self.path}?select=_id,n").json()
        assert [row["_id"] for row in stored] == sorted({row["_id"] for row in stored})
        assert sorted(row["n"] for row in stored) == sorted(self.acknowledged)


class Insistent:
    """A client of one thread that sends a batch, under its key, again and again until it is answered.

    The gateway may be killed and started elsewhere meanwhile. `sends` counts every send, `unheard` those that
    broke off before an answer, and `again` the answers that asked for another.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = httpx.Client(headers=server.admin, timeout=30)
        self.sends = self.unheard = self.again = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def post(self, path: str, rows: list[dict], key: str, *, seconds: float = 120) -> httpx.Response:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.sends += 1
            try:
                answer = self._client.post(
                    self._server.url + path, json=rows, headers={"Idempotency-Key": key}
                )
            except httpx.TransportError:
                self.unheard += 1
                time.sleep(0.05)
                continue
            if answer.status_code not in AGAIN:
                return answer
            assert "Retry-After" in answer.headers, answer.text
            self.again += 1
            # Sooner than it asks for: what is tried here is whether that does harm.
            time.sleep(0.02)
        raise AssertionError(f"the batch of {key} was not answered within {seconds} seconds")
