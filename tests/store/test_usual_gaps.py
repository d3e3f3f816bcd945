"""The usual gap between the batches of a connector: what "late" is measured by."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from gateway.store.batch import Receipt
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.journal.activity import Activity
from gateway.store.journal.interface import LedgerEntry
from gateway.store.journal.ledger import Ledger

START = datetime(2026, 11, 2, 0, 30, tzinfo=UTC)
NIGHTS = [24 * day for day in range(14)]
#: Every hour from 9 to 17 on working days; two weekends are in two weeks.
OFFICE = [24 * day + hour for day in range(14) if day % 7 < 5 for hour in range(9, 18)]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory):
    with contextlib.closing(
        DuckDBFile(tmp_path_factory.mktemp("gaps"), memory=2**28, threads=1, spill=2**26)
    ) as database:
        yield Ledger(database), Activity(database)


@pytest.mark.parametrize(
    ("name", "hours", "action", "gap"),
    [
        ("nightly", NIGHTS, "post", 24),
        ("nightly-with-an-outage", [hour for hour in NIGHTS if hour not in (96, 120)], "post", 24),
        ("office", OFFICE, "put", 16),
        ("bursts", [hour for night in NIGHTS for hour in [night] * 5], "post", 24),
        ("long-ago-other", [0, 100, 200, *(1000 + hour for hour in range(8))], "post", 1),
        ("once", [3], "post", None),
        ("twice", [3, 9], "post", None),
        ("three-times", [3, 9, 11], "post", 2),
        ("retention-alone", NIGHTS, "retention", None),
    ],
)
def test_usual_gap_is_the_second_longest(tables, name, hours, action, gap):
    ledger, activity = tables
    for number, hour in enumerate(hours):
        receipt = Receipt(number, 1, 1, 0, 0, number, number)
        ledger.write([LedgerEntry(name, action, receipt)], START + timedelta(hours=hour))

    assert activity.usual_gaps(14).get(name) == gap
