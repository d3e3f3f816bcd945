"""Which data files of a table are written again as one."""

import itertools
import random

import pytest

from gateway.store.lake.file_window import BYTES_MAX, FILES_MAX, DataFile, deleted_window, small_window

_ids = itertools.count(1)


def file(
    low: int, rows: int = 10, *, size: int = 1000, high: int | None = None, deleted: int = 0
) -> DataFile:
    """A data file whose `_id`s begin at `low`, with a delete file if rows of it are deleted."""
    delete = next(_ids) if deleted else None
    return DataFile(next(_ids), delete, size, rows, deleted, low, low + rows - 1 if high is None else high)


def lows(window) -> list[int]:
    return [each.low for each in window.files]


def test_tiny_neighbors_are_merged_without_larger_ones():
    large = [file(low, size=300_000) for low in range(1, 31, 10)]
    tiny = [file(low) for low in range(1001, 1201, 10)]

    assert lows(small_window([*tiny, *large])) == [each.low for each in tiny]


def test_a_file_between_them_keeps_small_files_apart():
    files = [file(low, size=6_000_000 if low == 101 else 1000) for low in range(1, 301, 10)]

    window = small_window(files)

    assert (window.low, window.high) == (111, 300)


@pytest.mark.parametrize("files", [[], [file(1)], [file(1, size=6_000_000), file(11, size=6_000_000)]])
def test_nothing_is_merged_where_nothing_is_won(files):
    assert small_window(files) is None


def test_one_step_has_limits_of_files_and_bytes():
    many = [file(low) for low in range(1, 10_001, 10)]
    heavy = [file(low, size=4_900_000) for low in range(1, 201, 10)]

    assert len(small_window(many).files) == FILES_MAX
    assert small_window(heavy).bytes <= BYTES_MAX


def test_files_that_overlap_are_taken_together():
    files = [file(low) for low in range(1, 101, 10)] + [file(50, 2, high=61)]

    window = small_window(files)

    assert len(window.files) == 11
    assert (window.low, window.high) == (1, 100)


def test_file_with_many_deleted_rows_is_chosen():
    full, few, many = (
        file(1, 50_000),
        file(50_001, 50_000, deleted=4000),
        file(100_001, 50_000, deleted=20_000),
    )

    assert lows(deleted_window([full, few, many])) == [100_001]
    assert deleted_window([full, few]) is None


def test_no_window_cuts_the_rows_of_another_file():
    """Random files, some of which overlap: a window holds each file that has an `_id` between its bounds."""
    draw = random.Random(7)
    for _ in range(300):
        files, low = [], 1
        for _ in range(draw.randrange(1, 60)):
            rows = draw.randrange(1, 30_000)
            start = max(1, low - draw.randrange(0, 200)) if draw.random() < 0.1 else low
            deleted = draw.choice([0, 0, rows // 2])
            files.append(file(start, rows, size=draw.randrange(500, 7_000_000), deleted=deleted))
            low = max(low, start + rows)
        draw.shuffle(files)
        for window in filter(None, (small_window(files), deleted_window(files))):
            chosen = {each.id for each in window.files}
            touched = {each.id for each in files if each.low <= window.high and each.high >= window.low}
            assert touched == chosen
