"""Connectors share the queue, the room and the threads: a crowd at one is not waited for by another."""

import contextlib
import itertools
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.ingest.fair_queue import QUANTUM, FairQueue
from gateway.ingest.memory_budget import MAX_WAIT_SECONDS, PROMISE_SECONDS, MemoryBudget
from gateway.ingest.parse_pool import ParsePool
from tests.support.server import serving

SIZES = st.integers(0, 3 * QUANTUM)


def take_all(queue: FairQueue) -> list:
    taken = []
    while (item := queue.peek()) is not None:
        queue.pop()
        taken.append(item)
    return taken


@given(st.lists(st.tuples(st.sampled_from("abcde"), SIZES), max_size=60))
def test_queue_takes_every_item_in_lane_order(items):
    queue: FairQueue = FairQueue()
    for number, (name, size) in enumerate(items):
        queue.put(name, (name, number), size)

    taken = take_all(queue)

    assert sorted(number for _, number in taken) == list(range(len(items)))
    for name in "abcde":
        numbers = [number for lane, number in taken if lane == name]
        assert numbers == sorted(numbers)


@given(st.lists(SIZES, min_size=1, max_size=30), st.lists(SIZES, min_size=1, max_size=30))
def test_busy_lanes_get_the_same_bytes(first, second):
    queue: FairQueue = FairQueue()
    sizes = {"a": itertools.cycle(first), "b": itertools.cycle(second)}
    given_bytes = {"a": 0, "b": 0}

    def put(name: str) -> None:
        size = next(sizes[name])
        queue.put(name, (name, size), size)

    for name in sizes:
        put(name)
        put(name)
    for _ in range(500):
        name, size = queue.peek()
        queue.pop()
        given_bytes[name] += max(size, 4096)
        put(name)

    # A turn, and one item that had to be saved up for, is the most that one is ahead.
    assert abs(given_bytes["a"] - given_bytes["b"]) <= 2 * QUANTUM + 3 * QUANTUM


def test_small_item_waits_for_one_turn_only():
    queue: FairQueue = FairQueue()
    for number in range(1000):
        queue.put("crowd", number, QUANTUM // 4)
    queue.put("quiet", "small", 10)

    assert take_all(queue).index("small") <= 4


def test_item_not_admitted_keeps_its_lanes_order():
    """Check that it loses its turn to other lanes, and that no item of its own lane overtakes it."""
    queue: FairQueue = FairQueue()
    for item in ("a1", "a2"):
        queue.put("a", item, 1)
    queue.put("b", "b1", 1)

    assert queue.peek(lambda item: item != "a1") == "b1"
    queue.pop()
    assert queue.peek(lambda item: item != "a1") is None
    assert take_all(queue) == ["a1", "a2"]


def test_free_thread_serves_the_least_served_connector():
    """Check one busy thread with many waiting calls of one connector, and behind them one call of another."""
    pool, free, order = ParsePool(1), threading.Event(), []
    pool.put("crowd", QUANTUM, free.wait)
    calls = [pool.put("crowd", QUANTUM, lambda: order.append("crowd")) for _ in range(20)]
    calls.append(pool.put("quiet", 10, lambda: order.append("quiet")))
    free.set()
    for call in calls:
        call.result()
    pool.close()

    assert order.index("quiet") <= 2


# -- room


def fill(budget: MemoryBudget, connector: str, size: int = 1) -> int:
    """Let bodies in until there is no room; tell how many there were."""
    for number in itertools.count():
        try:
            budget.reserve(size, connector)
        except GatewayError:
            return number
    raise AssertionError


def test_flooding_connectors_leave_memory_for_quiet_ones():
    budget = MemoryBudget(1000, lambda: 0.0)

    assert fill(budget, "first") == 500
    assert fill(budget, "second") == 250
    assert fill(budget, "third") == 125
    assert fill(budget, "quiet", 50) == 1


def test_body_alone_is_admitted_at_any_size():
    budget = MemoryBudget(10, lambda: 0.0)

    with budget.reserve(100, "a") as reservation:
        reservation.grow(200)
        with pytest.raises(GatewayError) as refused:
            budget.reserve(1, "b")
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 2
    budget.reserve(5, "b")


def test_body_that_does_not_arrive_loses_its_reservation():
    now = [0.0]
    budget = MemoryBudget(100, lambda: now[0])
    slow = budget.reserve(50, "a")
    slow.grow(1)
    assert fill(budget, "a", 40) == 0

    now[0] = PROMISE_SECONDS + 1
    assert fill(budget, "a", 40) == 1
    with pytest.raises(GatewayError):
        slow.grow(49)


def test_retry_after_is_the_time_to_drain():
    now = [0.0]
    budget = MemoryBudget(2000, lambda: now[0])
    bodies = [budget.reserve(100, "a") for _ in range(10)]
    for each in bodies:
        each.grow(100)
    for each in bodies[:3]:  # 100 bytes in 2 seconds.
        now[0] += 2
        with each:
            pass
    fill(budget, "a", 100)

    with pytest.raises(GatewayError) as refused:
        budget.reserve(500, "a")
    assert 20 <= int(refused.value.headers["Retry-After"]) <= 2 * MAX_WAIT_SECONDS


def test_slow_bodies_take_no_room_of_other_connectors(tmp_path):
    with serving(tmp_path, GATEWAY_QUEUE="64K") as server, contextlib.ExitStack() as stack:
        for name in ("slow", "other"):
            server.declare(name, "fields: {n: integer}\n")
        host, port = server.url.removeprefix("http://").split(":")
        head = (
            "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n"
            f"Authorization: {server.admin['Authorization']}\r\n\r\n"
        )
        for _ in range(10):  # Slow ones, until there is no room for another.
            client = stack.enter_context(socket.create_connection((host, int(port)), timeout=0.5))
            client.sendall(head.encode() + b" " * 8000)
            with contextlib.suppress(TimeoutError):
                assert client.recv(100).startswith(b"HTTP/1.1 503 ")
                break
        refused = server.client.post("/slow", content=b" " * 8000 + b'{"n":1}')
        stored = server.client.post("/other", content=b" " * 20_000 + b'{"n":1}')

    assert (refused.status_code, refused.json()["code"]) == (503, "GW401")
    assert stored.status_code == 201
