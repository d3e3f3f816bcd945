"""The frame of pages: the search, the findings, and the head and the tabs of a connector."""

import re

import pytest

from gateway.console import plot
from tests.console.conftest import Portal
from tests.support.html_text import elements
from tests.support.server import put


def page(portal: Portal, path: str, name: str | None) -> str:
    answer = portal.ask("GET", path, cookie=portal.cookie_of(name) if name else "")
    assert answer.status_code == 200, answer.text
    assert elements(answer.text)["main"]
    return answer.text


def tabs_of(text: str) -> list[str]:
    (nav,) = re.findall(r'<nav class="tabs".*?</nav>', text, re.DOTALL)
    return re.findall(r"<a [^>]*>([\w ]+)", nav)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", ["flights", "orders"]),
        ("SHOP of", ["orders"]),
        ("/air", ["flights"]),
        ("shop air", []),
        ("%3C", ["orders"]),
    ],
)
def test_search_finds_connectors_without_a_script(portal: Portal, words, names):
    text = page(portal, f"/-/console/?q={words}", "guest")

    assert re.findall(r'<th scope="row"><a [^>]*>(\w+)</a>', text) == names


def test_search_shows_hostile_words_as_text(portal: Portal):
    text = page(portal, '/-/console/?q="><script>alert(1)</script>', None)

    assert "<script>alert" not in text
    assert text.count("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_errors_are_shown_before_warnings(portal: Portal):
    file = portal.server.connectors / "worded.yaml"
    put(file, "fields: {select: string, limit: string, order: string, and: string, id: strng}\n")
    try:
        findings = portal.server.reload()["worded.yaml"]["findings"]
        assert [each["level"] for each in findings] == ["error", *["warning"] * 4]
        assert "&#39;strng&#39; is not a type" in page(portal, "/-/console/", "admin")
    finally:
        file.unlink()
        portal.server.reload()


@pytest.mark.parametrize(
    ("name", "shown"), [(None, False), ("guest", False), ("auditor", True), ("admin", True)]
)
def test_findings_are_counted_for_viewers_alone(portal: Portal, name, shown):
    """The tokens file of the portal has its findings, and `broken` is refused for as long as this test runs."""
    file = portal.server.connectors / "broken.yaml"
    put(file, "fields: [")
    try:
        states = portal.server.reload()
        assert states["broken.yaml"]["state"] == "refused"
        found = re.findall(
            r'<(?:a|span) class="badge warning"[^>]*>(\d+ findings?)<', page(portal, "/-/console/", name)
        )
    finally:
        file.unlink()
        portal.server.reload()

    assert found == (["1 finding"] if shown else [])


def test_head_shows_what_the_asker_may_see(portal: Portal):
    texts = {
        name: page(portal, "/-/console/connectors/orders/api", name) for name in ("guest", "etl", "admin")
    }

    for text in texts.values():
        assert "Orders &lt;img src=x onerror=&#34;alert(1)&#34;&gt; of the shop." in text
        assert "API" in tabs_of(text)
    assert [name for name in texts if '<span class="badge live">live</span>' in texts[name]] == ["admin"]


def test_sparkline_is_one_path_of_bars():
    found = plot.sparkline([0, 1, 1000, 500], "Rows")

    assert found.path == "M4 20v-1h3v1zM8 20v-20h3v20zM12 20v-10h3v10z"
    assert plot.sparkline([0, 0], "Rows").path == plot.sparkline([], "Rows").path == ""


def test_bar_plot_stacks_values_of_periods():
    found = plot.bar_plot(
        "Rows",
        {"stored": "stored", "refused": "refused"},
        ["1:00", "2:00"],
        [{"stored": 30, "refused": 90}, {"stored": 0, "refused": None}],
    )

    first, second = found.bars
    assert [(each.series, each.y, each.height) for each in first.segments] == [
        ("stored", 90, 30),
        ("refused", 0, 90),
    ]
    assert (first.title, second.title) == ("1:00: stored 30, refused 90", "2:00: stored 0, refused unknown")
    assert (second.segments, second.x, found.largest) == ((), 360, 120)
