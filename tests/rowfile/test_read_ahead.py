"""Values come in their order, one ahead of their use, and an error comes after the values before it."""

import threading

import pytest

from gateway.rowfile.read_ahead import read_ahead
from tests.support.server import eventually


def test_values_come_in_their_order():
    with read_ahead(iter(range(1000))) as values:
        assert list(values) == list(range(1000))


def test_error_comes_after_the_values_before_it():
    def broken():
        yield 1
        yield 2
        raise ValueError("three")

    used = []

    def use():
        with read_ahead(broken()) as values:
            used.extend(values)

    with pytest.raises(ValueError, match="three"):
        use()
    assert used == [1, 2]


def test_no_more_than_a_few_values_wait():
    made = []

    def counting():
        for number in range(100):
            made.append(number)
            yield number

    with read_ahead(counting()) as values:
        assert next(values) == 0
        eventually(lambda: len(made) >= 3)
        assert len(made) <= 3
    assert len(made) <= 4
    assert "read-ahead" not in {thread.name for thread in threading.enumerate()}
