"""The writer's groups where the store, not a batch, is at fault."""

import asyncio
import contextlib

import pytest

from gateway.errors import Code, GatewayError
from gateway.ingest.writer import COMMIT_ATTEMPTS, Writer
from gateway.resources import Disk
from gateway.store.batch import NO_ROWS, Batch, SmallRows
from gateway.store.errors import CommitRefused, OutcomeUnknown, StoreAway
from tests.store.test_conformance import FIELDS, parsed

CONNECTOR = parsed(FIELDS, "orders")


class FailingStore:
    """A store whose appends fail with the next of some errors, and then succeed; it counts the calls."""

    def __init__(self, *errors: GatewayError, has_turn: bool = True) -> None:
        self.errors = list(errors)
        self.has_turn = has_turn
        self.groups: list[int] = []
        self.turns = 0

    def on_failure(self, callback) -> None:
        pass

    @contextlib.contextmanager
    def turn_to_commit(self):
        self.turns += 1
        if not self.has_turn:
            raise StoreAway(Code.STORE_FAILED)
        yield

    def append(self, batches):
        self.groups.append(len(batches))
        if self.errors:
            raise self.errors.pop(0)
        return [NO_ROWS] * len(batches)

    def maintain(self) -> bool:
        return False


def outcomes(store: FailingStore, tmp_path, number: int) -> list:
    """What the futures of batches end with that wait while the writer does not run."""

    async def append():
        writer = Writer(store, max_bytes=2**20, disk=Disk(tmp_path, 0), fatal=lambda: None)
        futures = [
            writer.append(Batch(CONNECTOR, SmallRows(CONNECTOR, [{"id": 1}], 10))) for _ in range(number)
        ]
        return await asyncio.gather(*futures, return_exceptions=True), writer

    found, writer = asyncio.run(append())
    writer.close()
    return found


@pytest.mark.parametrize(
    "error", [StoreAway(Code.STORE_FAILED), OutcomeUnknown()], ids=lambda each: type(each).__name__
)
def test_group_is_not_split_by_fault_of_store(tmp_path, error):
    """A second try of each batch could store it twice, or wait for a server once for each of them."""
    store = FailingStore(error)

    found = outcomes(store, tmp_path, 3)

    assert sum(store.groups) == 3
    assert error in found


def test_refused_group_is_tried_again_as_whole(tmp_path):
    store = FailingStore(*[CommitRefused() for _ in range(COMMIT_ATTEMPTS - 1)])

    assert outcomes(store, tmp_path, 1) == [NO_ROWS]
    assert store.groups == [1] * COMMIT_ATTEMPTS


def test_refusals_end_with_an_error(tmp_path):
    store = FailingStore(*[CommitRefused() for _ in range(COMMIT_ATTEMPTS)])

    (found,) = outcomes(store, tmp_path, 1)

    assert isinstance(found, CommitRefused)
    assert found.headers == {"Retry-After": "1"}


def test_batches_without_a_turn_fail_at_once(tmp_path):
    store = FailingStore(has_turn=False)

    found = outcomes(store, tmp_path, 3)

    assert [type(each) for each in found] == [StoreAway] * 3
    assert store.groups == []
