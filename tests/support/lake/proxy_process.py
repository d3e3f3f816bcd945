"""The process of `proxy.py`."""

import asyncio
import contextlib
import re
import sys
from dataclasses import dataclass, field

from tests.support.lake.orders import serve

_COMMIT = r"(?i)^\s*COMMIT\W*$"
#: Messages that PostgreSQL answers to the end: a query, and the end of a prepared one with its parts.
_ENDS = (b"Q", b"S")
#: Requests for TLS and for GSSAPI, which are answered with one byte before a client really starts.
_BEFORE_START = (80877103, 80877104)
#: How much of a statement and how many of a connection are kept to be searched: rows may follow, and many may come.
LENGTH_KEPT, STATEMENTS_KEPT = 2000, 5000


@dataclass
class _Strike:
    how: str = "pass"
    count: int = 0
    mark: str = ""
    at: str = ""
    seconds: float = 0.0


@dataclass
class _State:
    """What the proxy was told. Only its event loop touches it."""

    strike: _Strike = field(default_factory=_Strike)
    struck: int = 0
    seconds: float = 0.0
    lines: set["_Line"] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)


class _Line:
    """One client with its connection to PostgreSQL."""

    def __init__(self, state: _State, client, server) -> None:
        self._state = state
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self.sent: dict[str, None] = {}
        self._prepared: dict[bytes, str] = {}
        self._is_started = self._is_marked = self._is_lost = self._is_asked = False

    async def run(self) -> None:
        """Pass on both ways until one end closes."""
        self._state.lines.add(self)
        answers = asyncio.create_task(self._answer())
        try:
            await self._ask(answers)
        except (asyncio.IncompleteReadError, OSError):
            pass  # One end has closed.
        finally:
            self._state.lines.discard(self)
            self.cut()
            await asyncio.wait([answers])

    async def _ask(self, answers: asyncio.Task[None]) -> None:
        """Pass on messages until one is struck."""
        while True:
            kind, message = await self._message()
            statement = self._statement(kind, message)
            await self._state.flowing.wait()
            if statement is not None and self._is_struck(statement):
                while kind not in _ENDS:
                    kind, more = await self._message()
                    message += more
                await self._strike(message, answers)
                return
            self._is_asked = True
            self._to_server.write(message)
            await self._to_server.drain()

    async def _message(self) -> tuple[bytes, bytes]:
        """The type of the next message of the client, and all of it. The first ones have no type."""
        kind = await self._from_client.readexactly(1) if self._is_started else b""
        size = await self._from_client.readexactly(4)
        body = await self._from_client.readexactly(int.from_bytes(size) - 4)
        self._is_started = self._is_started or int.from_bytes(body[:4]) not in _BEFORE_START
        return kind, kind + size + body

    def _statement(self, kind: bytes, message: bytes) -> str | None:
        """The statement that a message has PostgreSQL run. A prepared one is known by its name."""
        if kind == b"Q":
            return message[5:-1].decode(errors="replace")
        if kind == b"P":
            name, statement = message[5:].split(b"\0")[:2]
            self._prepared[name] = statement.decode(errors="replace")
        return self._prepared[message[5:].split(b"\0")[1]] if kind == b"B" else None

    def _is_struck(self, statement: str) -> bool:
        strike = self._state.strike
        if len(self.sent) < STATEMENTS_KEPT:
            self.sent[statement[:LENGTH_KEPT]] = None
        self._is_marked = self._is_marked or bool(re.search(strike.mark, statement))
        is_end = bool(re.search(strike.at, statement))
        is_struck = bool(strike.count and self._is_marked and is_end)
        if is_end or re.search(_COMMIT, statement):
            self._is_marked = False
        strike.count -= is_struck
        return is_struck

    async def _strike(self, message: bytes, answers: asyncio.Task[None]) -> None:
        strike = self._state.strike
        if strike.how == "hold":
            self._to_client.transport.abort()
            await asyncio.sleep(strike.seconds)
        if strike.how != "drop":
            self._is_lost = True
            self._to_server.write(message)
            await asyncio.wait([answers])
        self._state.struck += 1

    async def _answer(self) -> None:
        """Pass on answers. Of a lost one the end is awaited, so that PostgreSQL has done what it was told."""
        with contextlib.suppress(OSError):  # A killed PostgreSQL resets the connection.
            while data := await self._from_server.read(2**18):
                if self._is_lost:
                    if _is_end_of_answer(data):
                        return
                    continue
                if self._is_asked and self._state.seconds:
                    await asyncio.sleep(self._state.seconds)
                self._is_asked = False
                await self._state.flowing.wait()
                self._to_client.write(data)
                await self._to_client.drain()
        if not self._is_lost:
            self.cut()

    def cut(self) -> None:
        self._to_client.transport.abort()
        self._to_server.transport.abort()


def _is_end_of_answer(data: bytes) -> bool:
    """Whether bytes of the server end with ReadyForQuery."""
    return data[-6:-1] == b"Z\0\0\0\x05"


class _Proxy:
    """The verbs of the proxy, each done in its event loop."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._state = _State()
        self._state.flowing.set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._state.flowing.wait()
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        await _Line(self._state, (reader, writer), server).run()

    def strike(self, how: str, count: int, mark: str, at: str, seconds: float) -> None:
        self._state.strike = _Strike(how, count, mark, at, seconds)

    def pass_all(self) -> None:
        self._state.strike = _Strike()

    def struck(self) -> int:
        return self._state.struck

    def cut(self, pattern: str) -> int:
        lines = [line for line in self._state.lines if any(re.search(pattern, each) for each in line.sent)]
        for line in lines:
            line.cut()
        return len(lines)

    def hang(self, is_hanging: bool) -> None:
        (self._state.flowing.clear if is_hanging else self._state.flowing.set)()

    def delay(self, seconds: float) -> None:
        self._state.seconds = seconds

    def statements(self) -> list[list[str]]:
        return [list(line.sent) for line in self._state.lines]


if __name__ == "__main__":
    proxy = _Proxy(int(sys.argv[2]))
    verbs = (proxy.strike, proxy.pass_all, proxy.struck, proxy.cut, proxy.hang, proxy.delay, proxy.statements)
    serve(int(sys.argv[1]), proxy.accept, {verb.__name__: verb for verb in verbs})
