"""Large bodies and large results: others are answered, and memory is bounded."""

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
