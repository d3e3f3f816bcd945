"""The order of the first page, lateness, and what pages write of numbers, times, and differences."""

from datetime import UTC, datetime

import pytest

from gateway.admin.connector_reports import ConnectorReport
from gateway.admin.recent_activity import RecentActivity
from gateway.admin.status_report import FileReport
from gateway.auth.permissions import Asker, sight_of
from gateway.connectors.connector import Access, Connector
from gateway.connectors.finding import Finding
from gateway.connectors.plan import FileState, Outcome
from gateway.console import display
from gateway.console.batch_sums import sums_between
from gateway.console.home import home_entries
from gateway.console.text_diff import LINES_MAX, diff_lines
from gateway.errors import Code
from gateway.figures import NO_FIGURES
from gateway.store.activity import BatchCounts
from gateway.store.batch import StoredBatch

NOW = 1_796_000_000.0
HOUR = 3600


def recent(hours: float | None, gap: int | None) -> RecentActivity:
    """Activity whose last batch came some hours ago; the usual gap is in hours."""
    sent = None if hours is None else NOW - hours * HOUR
    return RecentActivity(
        (0, 1), BatchCounts(stored=1), NO_FIGURES, sent, None if gap is None else gap * HOUR
    )


@pytest.mark.parametrize(
    ("hours", "gap", "is_late"),
    [
        (47, 24, False),
        (49, 24, True),
        (1.9, 1, False),
        (2.1, 1, True),
        (999, None, False),
        (None, None, False),
    ],
)
def test_connector_is_late_after_two_usual_gaps(hours, gap, is_late):
    assert recent(hours, gap).is_late(NOW) == is_late


def report(name: str, state: FileState, rejected: int = 0) -> ConnectorReport:
    connector = Connector(name, f"/{name}", (), Access(), None, f"{name}.yaml", "")
    gone = datetime.fromtimestamp(NOW, UTC) if state is FileState.REMOVED else None
    return ConnectorReport(
        connector, sight_of(Asker("a", views=True), Access()), state, gone, 1, rejected, None
    )


def test_home_is_ordered_by_trouble_then_name():
    states = {
        "b-live": FileState.LIVE,
        "a-live": FileState.LIVE,
        "warned": FileState.LIVE,
        "late": FileState.LIVE,
        "rejecting": FileState.LIVE,
        "last-good": FileState.LAST_GOOD,
        "refused": FileState.REFUSED,
        "gone": FileState.REMOVED,
    }
    reports = [report(name, state, int(name == "rejecting")) for name, state in states.items()]
    warning = Finding("warned.yaml", 1, 1, Code.TOKEN_UNKNOWN, "a name", is_warning=True)
    files = [
        FileReport(
            Outcome(each.connector.file, each.state, each.connector),
            (warning,) if each.connector.name == "warned" else (),
        )
        for each in reports
    ]
    files.append(FileReport(Outcome("new.yaml", FileState.REFUSED, None), ()))
    activity = {name: recent(49 if name in ("late", "gone") else 1, 24) for name in states}

    entries = home_entries(reports, files, activity, NOW)

    assert [each.name for each in entries] == [
        "new.yaml",
        "refused",
        "last-good",
        "rejecting",
        "late",
        "warned",
        "a-live",
        "b-live",
        "gone",
    ]
    assert [each.name for each in entries if each.is_late] == ["late"], "a removed connector is not late"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (16_900, "16.9 kB"),
        (123_456, "123 kB"),
        (5e9, "5 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_size_is_short(count, text):
    assert display.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s ago"),
        (12, "12 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (86400, "1 day ago"),
        (9e7, "1,041 days ago"),
        (-5, "0 s ago"),
    ],
)
def test_time_since_an_instant_is_short(seconds, text):
    assert display.ago(datetime.fromtimestamp(NOW - seconds, UTC), NOW) == text


def kinds(old: str | None, new: str | None) -> str:
    lines = diff_lines(old, new)
    assert lines is not None
    return "".join({"same": " ", "ins": "+", "del": "-", "gap": "~"}[each.kind] for each in lines)


@pytest.mark.parametrize(
    ("old", "new", "marks"),
    [
        ("a\nb\nc\n", "a\nx\nc\n", " -+ "),
        (None, "a\nb\n", "++"),
        ("a\n", None, "-"),
        ("a\n", "a\n", ""),
        ("a\u2028b\n", "a\u2028c\n", "-+"),
        (
            "".join(f"{n}\n" for n in range(20)),
            "".join(f"{n}{'x' * (n in (1, 18))}\n" for n in range(20)),
            " -+   ~   -+ ",
        ),
    ],
)
def test_difference_has_lines_around_it(old, new, marks):
    assert kinds(old, new) == marks


def test_long_texts_are_not_compared():
    assert diff_lines("x\n" * LINES_MAX, "y\n") is not None
    assert diff_lines("x\n" * (LINES_MAX + 1), "y\n") is None


def test_batches_are_summed_between_changes():
    def at(minute: int) -> datetime:
        return datetime.fromtimestamp(NOW + 60 * minute, UTC)

    batches = [StoredBatch(n, at(n), "post", 2, 1, 1, 0, 0, 9, "etl", n, n) for n in (9, 7, 6, 2, -1)]
    changes = [at(8), at(5), at(4), at(0)]

    whole = sums_between(changes, batches, is_whole=True)
    assert [(each.batches, each.stored, each.rejected) for each in whole] == [
        (1, 1, 1),
        (2, 2, 2),
        (0, 0, 0),
        (1, 1, 1),
    ]
    cut = sums_between(changes, batches[:3], is_whole=False)
    assert [(each.batches, each.is_whole) for each in cut] == [(1, True), (2, False), (0, False), (0, False)]
