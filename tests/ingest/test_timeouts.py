"""Waiting: so long and no longer, for what may be there already, and for what another thread brings."""

import asyncio
import threading

import pytest

from gateway.ingest.loop_futures import LoopFuture, resolve_all
from gateway.ingest.timeouts import WithTimeout


async def at_once():
    return "there"


async def after(seconds):
    await asyncio.sleep(seconds)
    await asyncio.sleep(0)
    return "came"


async def fails():
    await asyncio.sleep(0)
    raise KeyError("it failed")


def test_what_is_there_is_taken_without_a_timer(monkeypatch):
    def no_timer(_):
        raise AssertionError("a timer")

    monkeypatch.setattr(asyncio, "timeout", no_timer)

    async def ask():
        return await WithTimeout(at_once(), -1)

    assert asyncio.run(ask()) == "there"


def test_what_comes_in_time_is_taken_and_what_does_not_is_not_waited_for():
    async def ask(seconds):
        return await WithTimeout(after(0.05), seconds)

    assert asyncio.run(ask(5)) == "came"
    with pytest.raises(TimeoutError):
        asyncio.run(ask(0.01))


def test_what_fails_fails_and_who_is_cancelled_is_cancelled():
    async def ask():
        return await WithTimeout(fails(), 5)

    async def leave():
        task = asyncio.ensure_future(WithTimeout(after(5), 5))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    with pytest.raises(KeyError):
        asyncio.run(ask())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave())


def test_answers_reach_those_who_still_wait():
    async def ask():
        answers = [LoopFuture(), LoopFuture(), LoopFuture()]
        answers[1].future.cancel()
        given = zip(answers, ("one", "two", KeyError("three")), strict=True)
        threading.Thread(target=resolve_all, args=(list(given),)).start()
        with pytest.raises(KeyError):
            await answers[2].future
        return await answers[0].future

    assert asyncio.run(ask()) == "one"


def test_an_answer_for_a_loop_that_is_closed_goes_nowhere():
    async def ask():
        return LoopFuture()

    resolve_all([(asyncio.run(ask()), "late")])
