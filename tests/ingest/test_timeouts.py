"""Waiting: so long and no longer, for what may be there already, and for what another thread brings."""

import asyncio
import threading

import pytest

from gateway.ingest.loop_futures import LoopFuture, resolve_all
from gateway.ingest.timeouts import result_of


async def at_once():
    return "there"


async def after(seconds):
    await asyncio.sleep(seconds)
    await asyncio.sleep(0)
    return "came"


async def fails():
    await asyncio.sleep(0)
    raise KeyError("it failed")


def test_finished_result_needs_no_timer(monkeypatch):
    def no_timer(_):
        raise AssertionError("a timer")

    monkeypatch.setattr(asyncio, "timeout", no_timer)

    async def ask():
        return await result_of(at_once(), -1)

    assert asyncio.run(ask()) == "there"


def test_result_is_awaited_until_its_timeout():
    """One that comes in time is returned."""

    async def ask(seconds):
        return await result_of(after(0.05), seconds)

    assert asyncio.run(ask(5)) == "came"
    with pytest.raises(TimeoutError):
        asyncio.run(ask(0.01))


def test_failure_and_cancellation_are_passed_on():
    async def ask():
        return await result_of(fails(), 5)

    async def leave():
        task = asyncio.ensure_future(result_of(after(5), 5))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(KeyError):
        asyncio.run(ask())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())


def test_answers_reach_waiters_despite_a_cancelled_one():
    async def ask():
        answers = [LoopFuture(), LoopFuture(), LoopFuture()]
        answers[1].future.cancel()
        given = zip(answers, ("one", "two", KeyError("three")), strict=True)
        threading.Thread(target=resolve_all, args=(list(given),)).start()
        with pytest.raises(KeyError):
            await answers[2].future
        return await answers[0].future

    assert asyncio.run(ask()) == "one"


def test_answer_for_a_closed_loop_is_dropped():
    async def ask():
        return LoopFuture()

    resolve_all([(asyncio.run(ask()), "late")])
