"""Figures by minute are what the counters of the traffic grew by, in a ring of a day."""

import pytest

from gateway.figures import NO_FIGURES, RequestFigures
from gateway.server.minute_figures import MINUTES, MinuteFigures
from gateway.server.traffic import Traffic

MINUTE = 60
START = 1_800_000_000 // 3600 * 3600


class Clock:
    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def traffic():
    return Traffic()


@pytest.fixture
def figures(traffic, clock):
    return MinuteFigures(traffic, clock)


def read(traffic, rows, name="orders"):
    counts = traffic.of(name)
    counts.reads += 1
    counts.served_rows += rows


def rows_of(figures, name="orders"):
    return {(start - START) // MINUTE: each.served_rows for start, each in figures.by_minute(name).items()}


def test_figures_belong_to_the_minute_of_their_requests(figures, traffic, clock):
    read(traffic, 1)
    figures.roll()
    clock.now += 59
    read(traffic, 2)
    clock.now += 1
    figures.roll()
    clock.now += 30
    read(traffic, 4)

    assert rows_of(figures) == {0: 3, 1: 4}
    assert figures.by_minute("nothing") == {}


def test_a_minute_of_yesterday_is_not_shown_again(figures, traffic, clock):
    read(traffic, 1)
    figures.roll()
    clock.now += (MINUTES - 1) * MINUTE
    assert rows_of(figures) == {0: 1}

    clock.now += MINUTE
    assert rows_of(figures) == {}
    read(traffic, 8)
    assert rows_of(figures) == {MINUTES: 8}
    assert figures.first == START + MINUTE


@pytest.mark.parametrize("passed", [5, MINUTES, 3 * MINUTES + 7])
def test_minutes_without_a_roll_are_empty(figures, traffic, clock, passed):
    for minute in range(3):
        clock.now = START + minute * MINUTE
        figures.roll()
        read(traffic, 1)
    figures.roll()
    clock.now = START + (2 + passed) * MINUTE
    read(traffic, 16)
    figures.roll()

    # What came before the roll belongs to the minute that was present at the last one.
    assert sum(rows_of(figures).values()) == (0 if passed >= MINUTES else 19)
    assert sum(each.served_rows for each in figures.unstored().values()) == 19


def test_clock_set_back_changes_no_earlier_minute(figures, traffic, clock):
    clock.now += 10 * MINUTE
    figures.roll()
    clock.now -= 5 * MINUTE
    read(traffic, 2)

    assert rows_of(figures) == {10: 2}


def test_clock_that_was_days_ahead_hides_no_figures(figures, traffic, clock):
    clock.now += 10 * 24 * 3600
    read(traffic, 1)
    figures.roll()
    clock.now -= 9 * 24 * 3600
    read(traffic, 2)

    assert rows_of(figures) == {24 * 60: 2}
    assert figures.first == clock.now
    clock.now += MINUTE
    figures.roll()
    read(traffic, 4)
    assert rows_of(figures) == {24 * 60: 2, 24 * 60 + 1: 4}


def by_hour(figures):
    return {(name, (hour - START) // 3600): each.served_rows for (name, hour), each in figures.items()}


def test_hours_are_shown_until_they_are_stored(figures, traffic, clock):
    read(traffic, 1)
    figures.roll()
    clock.now += 3600
    figures.roll()
    read(traffic, 2, "flights")
    taken = figures.begin_storing()

    assert by_hour(taken) == {("orders", 0): 1, ("flights", 1): 2}
    read(traffic, 4, "flights")
    assert by_hour(figures.unstored()) == {("orders", 0): 1, ("flights", 1): 6}
    figures.end_storing(is_stored=True)
    assert by_hour(figures.unstored()) == {("flights", 1): 4}


def test_hours_that_cannot_be_stored_are_kept(figures, traffic):
    read(traffic, 1)
    figures.begin_storing()
    read(traffic, 2)
    figures.end_storing(is_stored=False)

    assert by_hour(figures.begin_storing()) == {("orders", 0): 3}


def test_purged_connector_begins_again_at_zero(figures, traffic):
    read(traffic, 5)
    figures.begin_storing()
    figures.forget("orders")
    figures.end_storing(is_stored=False)

    assert figures.unstored() == {}
    read(traffic, 1)
    assert by_hour(figures.unstored()) == {("orders", 0): 1}
    assert rows_of(figures) == {0: 1}


def test_requests_for_no_connector_have_no_figures(figures, traffic):
    read(traffic, 1, "")

    assert figures.unstored() == {}
    assert RequestFigures(1, 2, 3, 4, 5, 6) - RequestFigures(1, 2, 3, 4, 5, 6) == NO_FIGURES
