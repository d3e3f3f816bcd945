"""A body that is far too large, on the wire or unpacked, is refused in bounded memory."""

import contextlib
import json
import select
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.support.server import DEADLINE, Server

MOST = 150 * 2**20
_PIECE = b'{"n":1,"s":"0123456789abcdefghijklmnopqrstuvwxyz"}\n' * 20_000


def identity(size: int) -> Iterator[bytes]:
    for _ in range(size // len(_PIECE) + 1):
        yield _PIECE


def gzipped(size: int) -> Iterator[bytes]:
    """Bytes that hardly shrink, so that the upload is as large on the wire as it says."""
    packing = zlib.compressobj(0, wbits=31)
    for piece in identity(size):
        yield packing.compress(piece)
    yield packing.flush()


def upload(server: Server, head: str, pieces: Iterator[bytes], *, listens: bool) -> tuple[int, int]:
    """Send a body until the gateway answers, or all of it whatever it answers; give the bytes sent and the status."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    request = (
        f"POST /a HTTP/1.1\r\nHost: gateway\r\nAuthorization: {server.admin['Authorization']}\r\n{head}\r\n"
    )
    sent = 0
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        connection.sendall(request.encode())
        # Where it does not listen, the gateway reads on for a while and then hangs up.
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if listens and select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(piece)
                sent += len(piece)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while b"}" not in answer and (piece := connection.recv(2**16)):
                answer += piece
    if not answer:
        assert not listens
        return sent, 0
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "GW102"
    return sent, int(answer.split(b" ", 2)[1])


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if piece:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def bomb() -> bytes:
    """200 MiB that are 6 KB on the wire."""
    return zstandard.ZstdCompressor(level=19, write_content_size=False).compress(bytes(200 * 2**20))


NDJSON = "Content-Type: application/x-ndjson\r\n"


@pytest.mark.parametrize("size", [2**28, pytest.param(2**30, marks=pytest.mark.torture)], ids=["256M", "1G"])
def test_oversized_body_is_refused_in_bounded_memory(own, tell, size):
    """Print by how much the worker grew at its highest, which the kernel remembers."""
    own.declare("a", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    own.client.post("/a", content=_PIECE[: len(_PIECE) // 2])
    (pid,) = own.workers()
    base = own.memory()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # The highest is counted from here (proc(5)).
    small = bomb()
    length, chunks = f"{NDJSON}Content-Length: %d\r\n", f"{NDJSON}Transfer-Encoding: chunked\r\n"
    gzip, zstd = "Content-Encoding: gzip\r\n", "Content-Encoding: zstd\r\n"
    uploads = {
        "identity": (length % size, identity(size)),
        "identity, in chunks": (chunks, chunked(identity(size))),
        "gzip": (gzip + length % size, gzipped(size)),
        "gzip, in chunks": (gzip + chunks, chunked(gzipped(size))),
        "zstd bomb": (zstd + length % len(small), iter([small])),
        "zstd bomb, in chunks": (zstd + chunks, chunked(iter([small]))),
    }

    told = []
    for what, (head, pieces) in uploads.items():
        sent, status = upload(own, head, pieces, listens=True)
        told.append(f"{what}: {status} after {sent >> 10} KiB")
        assert status == 413, told
    sent, _ = upload(own, chunks, chunked(identity(size)), listens=False)
    told.append(f"by a client that does not listen: {sent >> 20} MiB")

    highest = _highest(pid)
    tell(
        f"{size >> 20} MiB, {'; '.join(told)}; the worker grew by {(highest - base) / 2**20:.0f} MiB at most"
    )
    assert own.workers() == [pid]
    assert len(own.client.get("/a?select=n").json()) == 10_000
    assert highest - base <= MOST


def _highest(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
