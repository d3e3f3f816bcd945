"""Large bodies and large results: others are answered, and memory is bounded."""

import base64
import random
import threading
import time

import httpx
import pytest


def test_health_is_answered_during_a_large_body(own, tell):
    own.declare("a", "fields: {n: integer, s: string}\n")
    lines = b"".join(b'{"n":%d,"s":"0123456789012345678901234567890"}\n' % n for n in range(400_000))
    slowest = [0.0]
    done = threading.Event()

    def ask():
        while not done.is_set():
            began = time.monotonic()
            assert httpx.get(own.url + "/-/healthy").status_code == 200
            slowest[0] = max(slowest[0], time.monotonic() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    answer = own.client.post("/a", content=lines, headers={"Content-Type": "application/x-ndjson"})
    done.set()
    asking.join()

    tell(f"slowest /-/healthy beside a body of {len(lines) >> 20} MiB: {slowest[0] * 1000:.0f} ms")
    assert answer.json()["stored"] == 400_000


@pytest.mark.parametrize(
    ("rows", "width"), [(500_000, 400), pytest.param(10_000_000, 0, marks=pytest.mark.torture)]
)
def test_many_rows_stream_without_growing_memory(own, tell, rows, width):
    """Stream more than twice the bound, so that the rows are nowhere held. Print how much the worker grew."""
    own.declare("wide", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    some = 50_000
    lines = b"".join(b'{"n":%d,"s":"row number %d%s"}\n' % (n, n, b"x" * width) for n in range(some))
    for _ in range(rows // some):
        answer = own.client.post("/wide", content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.json()["stored"] == some
    own.stop()
    own.start()
    # DuckDB keeps the blocks it has read, up to its memory limit, whoever reads them: they are no part of a stream.
    own.client.get("/wide?select=n.sum(),s.max()")
    before = peak = own.memory()
    lines = received = 0

    with httpx.stream(
        "GET",
        own.url + "/wide",
        headers={"Accept": "application/x-ndjson", "Accept-Encoding": "identity"},
        timeout=60,
    ) as answer:
        for pieces, piece in enumerate(answer.iter_raw(2**20)):
            received += len(piece)
            lines += piece.count(b"\n")
            if pieces % 16 == 0:
                peak = max(peak, own.memory())

    tell(f"{lines} rows, {received >> 20} MiB, worker grew by {(peak - before) / 2**20:.0f} MiB")
    assert lines == rows
    assert peak - before < 100 * 2**20


@pytest.mark.long
@pytest.mark.parametrize("kind", ["json", "ndjson", "csv"])
def test_stored_bodies_leave_no_memory_behind(own, tell, kind):
    """Store many times the bound, in rows that compress badly. Print how much the worker grew once it was warm.

    Neither a body, nor its columns, nor the rows that wait for a checkpoint, nor the blocks of the file may be kept.
    """
    path = own.declare("wide", "fields: {n: integer, s: string}\n")
    chance = random.Random(kind)
    bodies = [_body(kind, chance) for _ in range(8)]
    sizes = []
    for turn in range(100):
        answer = own.client.post(path, content=bodies[turn % 8], headers={"Content-Type": KINDS[kind]})
        assert answer.json()["stored"] == ROWS
        sizes.append(own.memory())
    warm, rest = sizes[:20], sizes[20:]

    sent = sum(len(bodies[turn % 8]) for turn in range(20, 100))
    tell(f"{sent >> 20} MiB of {kind} in 80 bodies, worker grew by {(max(rest) - max(warm)) / 2**20:.0f} MiB")
    assert sent > 4 * GROWTH
    assert max(rest) - max(warm) < GROWTH


KINDS = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}
ROWS = 10_000
#: How much a warm worker may grow.
GROWTH = 64 * 2**20


def _body(kind: str, chance: random.Random) -> bytes:
    texts = [base64.b64encode(chance.randbytes(255)).decode() for _ in range(ROWS)]
    if kind == "csv":
        return "".join(["n,s\n", *(f"{n},{text}\n" for n, text in enumerate(texts))]).encode()
    lines = [f'{{"n":{n},"s":"{text}"}}' for n, text in enumerate(texts)]
    return (f"[{','.join(lines)}]" if kind == "json" else "\n".join(lines)).encode()
