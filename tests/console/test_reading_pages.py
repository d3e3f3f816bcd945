"""The pages that read: connectors, one connector, batches, history, and status, as HTML and for each asker."""

import re
import shutil
from collections.abc import Iterator

import httpx
import pytest

from tests.console.conftest import FLIGHTS, Portal, opened
from tests.console.reading_gateway import BROKEN_NAME, EVIL, reading_gateway
from tests.support.html_text import elements
from tests.support.server import eventually

PAGES = {
    "/-/console/": "Connectors",
    "/-/console/status": "Status",
    "/-/console/connectors/orders": "orders",
    "/-/console/connectors/orders/batches": "orders · Batches",
    "/-/console/connectors/orders/history": "orders · History",
    "/-/console/connectors/old/history": "old · History",
}


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with reading_gateway(tmp_path_factory.mktemp("reading")) as portal:
        yield portal


def page(portal: Portal, path: str, name: str | None, status: int = 200) -> str:
    answer = portal.ask("GET", path, cookie=portal.cookie_of(name) if name else "")
    assert answer.status_code == status, answer.text
    assert "<img" not in answer.text
    assert "<b>" not in answer.text
    return answer.text


def text_of(portal: Portal, path: str, name: str | None, status: int = 200) -> str:
    """Return the text of a page, whose HTML must be well-formed."""
    return re.sub(r"\s+", " ", elements(page(portal, path, name, status))["main"].text)


@pytest.mark.parametrize("name", ["auditor", "admin"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_well_formed_without_markup_of_values(reading, path, name):
    text = page(reading, path, name)

    assert elements(text)["main"]
    assert f"<title>{PAGES[path]} · gateway</title>" in text
    text = text.replace("the secret of that access key", "")  # The help of two settings.
    assert "secret" not in text, "no value of a row is on them"


ROW = re.compile(
    r'<th scope="row">(?:<a [^>]*>)?([^<]+)(?:</a>)?</th>.*?<span class="badge \w+">([\w ]+)<', re.DOTALL
)


def test_home_lists_trouble_first(reading):
    text = page(reading, "/-/console/", "auditor")
    found = [
        (name.replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"'), state)
        for name, state in ROW.findall(text)
    ]

    assert found == [
        (BROKEN_NAME, "refused"),
        ("tight", "last good"),
        ("orders", "live"),
        ("flights", "live"),
        ("old", "removed"),
    ]
    (orders,) = re.findall(
        r'<tbody data-find>\s*<tr>\s*<th scope="row"><a [^>]*>orders</a>.*?</tbody>', text, re.DOTALL
    )
    numbers = re.findall(r'<td data-label="(\w+)[^"]*" class="number">(?:<a [^>]*>)?([\d–]+)', orders)
    assert dict(numbers) == {"Rows": "3", "Rejected": "2", "Reads": "0"}
    assert "3 rows stored since 24 hours" in orders
    assert "orders.yaml:9" in orders, "the finding has its line"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("last good", {"tight"}),
        ("AIR flights", {"flights"}),
        ("yaml of orders", {"orders"}),
        ("nothing", set()),
    ],
)
def test_home_is_searched_by_state_and_path(reading, words, names):
    assert {name for name, _ in ROW.findall(page(reading, f"/-/console/?q={words}", "admin"))} == names


@pytest.mark.parametrize("path", ["/-/console/status", "/-/console/connectors/orders/history"])
def test_state_is_for_viewers_alone(reading, path):
    for name, status in ((None, (401, 404)), ("guest", (403,)), ("etl", (403,))):
        answer = reading.ask("GET", path, cookie=reading.cookie_of(name) if name else "")
        assert answer.status_code in status, (name, answer.status_code)
        assert "tight" not in answer.text


def test_status_marks_the_line_of_each_finding(reading):
    text = page(reading, "/-/console/status", "auditor")

    assert "<mark>&lt;b&gt;nobody&lt;/b&gt;" in text.replace("&#39;", "") or "nobody" in text
    assert re.search(r"<code>  id: \{type: <mark>[^\n]*&lt;img</mark>", text), "the line of the refused file"
    assert "GATEWAY_TOKENS" in text
    assert reading.secret("etl") not in text
    assert "Fix: " in text
    order = re.findall(r'<h3 id="([^"]+)">', text)
    assert order[1:] == ["tight.yaml", "orders.yaml", "flights.yaml", "old.yaml"]


def test_rows_of_a_finding_are_for_the_admin(reading):
    for name, shown in (("admin", True), ("auditor", False)):
        assert ("Stored rows:" in page(reading, "/-/console/status", name)) == shown
        files = reading.ask(
            "GET", "/-/status", accept="*/*", Authorization=f"Bearer {reading.secret(name)}"
        ).json()["files"]
        assert any("rows" in finding for file in files for finding in file["findings"]) == shown


def test_status_has_every_setting_without_secrets(reading):
    body = reading.ask(
        "GET", "/-/status", accept="*/*", Authorization=f"Bearer {reading.secret('auditor')}"
    ).json()

    assert body["settings"]["GATEWAY_READERS"] == "4"
    assert body["settings"]["GATEWAY_READ_LIMIT"] is None
    assert body["settings"]["GATEWAY_TOKENS"].endswith("tokens.yaml")


OVERVIEWS = [
    ("guest", {"Overview", "API"}, set()),
    ("etl", {"Overview", "API", "Batches"}, {"day", "batches"}),
    ("auditor", {"Overview", "API", "Batches", "History"}, {"day", "access", "batches"}),
    ("admin", {"Overview", "API", "Batches", "History"}, {"day", "access", "batches"}),
]


@pytest.mark.parametrize(("name", "tabs", "sections"), OVERVIEWS)
def test_overview_has_the_parts_its_reader_may_see(reading, name, tabs, sections):
    text = page(reading, "/-/console/connectors/orders", name)
    (nav,) = re.findall(r'<nav class="tabs".*?</nav>', text, re.DOTALL)
    parts = {"day", "access", "batches"}

    assert tabs <= set(re.findall(r"<a [^>]*>(\w+)", nav))
    assert set(elements(text)) & parts == sections
    assert ("Hidden columns: <code>note</code>" in text) == (name in ("auditor", "admin"))
    assert "decimal(12, 2)" in text


def test_overview_shows_fields_terms_and_access(reading):
    text = text_of(reading, "/-/console/connectors/orders", "admin")

    for said in (
        f"{EVIL} of orders",
        f"{EVIL} of id",
        "minimum 0",
        "on_conflictreplace",
        "on_invalidkeep",
        "ingestetl",
        "readguest, nobody",
    ):
        assert said in text


def test_removed_connector_says_so_to_viewers(reading):
    for name in ("auditor", "admin"):
        text = text_of(reading, "/-/console/connectors/old", name, 410)
        assert "old was removed on" in text
        assert "its 1 row is kept" in text
        assert text.count("removed on") == 1
        assert ("Purge" in text) == (name == "admin")
    assert "its 1 row" not in text_of(reading, "/-/console/connectors/old", "guest", 410)
    assert "removed" not in text_of(reading, "/-/console/connectors/old", "etl", 404)


BATCHES = "/-/console/connectors/orders/batches"


@pytest.mark.parametrize(
    ("name", "query", "tokens"),
    [
        ("admin", "", ["etl", "admin", "etl"]),
        ("auditor", "?token=admin", ["admin"]),
        ("auditor", "?since=7d&token=", ["etl", "admin", "etl"]),
        ("etl", "", ["etl", "etl"]),
        ("etl", "?token=admin", []),
        ("admin", "?limit=1", ["etl"]),
    ],
)
def test_batches_are_those_that_json_lists(reading, name, query, tokens):
    text = page(reading, BATCHES + query, name)

    assert re.findall(r"<td>(?:post)</td>\s*<td>(\w+)</td>", text) == tokens
    assert ("Rows served by hour" in text) == (name != "etl" and "token=admin" not in query)


def test_older_batches_follow_the_cursor(reading):
    url, numbers = f"{BATCHES}?since=7d&limit=1", []
    while url:
        text = page(reading, url, "admin")
        numbers += re.findall(r'<th scope="row" class="number">(\d+)</th>', text)
        found = re.search(r'<a href="(?:\.\./)*([^"]+)" rel="next">Older', text)
        url = f"/{found[1].replace('&amp;', '&')}" if found else ""
        assert not found or "since=7d" in url

    assert len(numbers) == 3
    assert numbers == sorted(numbers, key=int, reverse=True)


def test_plot_and_table_have_the_same_numbers(reading):
    text = page(reading, f"{BATCHES}?since=90d", "admin")
    titles = re.findall(r"<title>\d{4}-\d\d-\d\d: stored ([\d,]+), rejected ([\d,]+), refused", text)
    table = re.findall(r"<tr>\s*<th scope=\"row\">\d{4}-\d\d-\d\d</th>(.*?)</tr>", text, re.DOTALL)
    cells = [re.findall(r'<td class="number">([\d,–]+)</td>', row) for row in table]

    assert sum(int(stored) for stored, _ in titles) == 3
    assert "unknown" not in "".join(re.findall("<title>.*</title>", text))
    assert [(row[2], row[3]) for row in reversed(cells)] == titles


def test_refused_requests_have_no_values(reading):
    text = page(reading, "/-/console/connectors/flights/batches", "auditor")
    (section,) = re.findall(r'<h2 id="refused">.*?</section>', text, re.DOTALL)

    assert re.findall(r"<td>(422|POST|admin)</td>", section) == ["POST", "admin", "422"]
    assert "row 2 <code>id</code>: <code>22P02</code>" in section


def test_history_shows_changes_and_differences(reading):
    text = page(reading, "/-/console/connectors/orders/history", "auditor")

    assert "Removes the field &#39;note&#39;" in text
    assert re.search(r"<del>- access: [^\n]*guest\], ingest", text)
    assert re.search(r"<ins>\+ # &lt;b&gt;added&lt;/b&gt;", text)
    assert '<span class="badge applied">applied</span>' in text
    versions = re.findall(r"history\?at=([^\"]+)\"", text)
    assert len(versions) == 2

    now, first = (
        page(reading, f"/-/console/connectors/orders/history?at={at}", "auditor") for at in versions
    )
    assert "This version is served.</p>" in now
    assert "note: {type: string" in first.partition("What changed")[0]
    assert "note: {type: string" not in now.partition("What changed")[0]


def test_history_sums_the_batches_between_changes(reading):
    text = text_of(reading, "/-/console/connectors/orders/history", "auditor")

    assert re.search(r"Changed .* 3 batches: 3 rows stored, 2 rejected, 0 deleted .*Created", text)
    text = text_of(reading, "/-/console/connectors/tight/history", "auditor")
    assert "1 batch: 1 row stored, 0 rejected, 0 deleted" in text


def test_overview_shows_the_findings_to_viewers(reading):
    for name in ("auditor", "admin"):
        text = page(reading, "/-/console/connectors/orders", name)
        assert re.search(r"<code>access: [^\n]*<mark>nobody", text)
    assert "nobody" not in page(reading, "/-/console/connectors/orders", "guest")
    assert "<mark>" not in page(reading, "/-/console/connectors/flights", "admin")


def test_rejected_rows_are_reached_from_home(reading):
    (link,) = re.findall(
        r'<a class="refused" href="(?:\.\./)*([^"]+)">2</a>', page(reading, "/-/console/", "admin")
    )

    assert "2" in text_of(reading, f"/{link}", "admin")


def test_missing_directory_is_made_by_the_first_file(tmp_path):
    """A newcomer starts in an empty directory; one whose files are gone has a problem."""
    with opened(tmp_path, {}) as portal:
        shutil.rmtree(portal.server.connectors)
        eventually(lambda: portal.server.client.get("/-/status").json()["source"]["problem"])
        text = page(portal, "/-/console/", "admin")
        assert "a directory that the first file makes" in text
        assert "cannot be read" not in text
        portal.server.declare("flights", FLIGHTS)
        shutil.rmtree(portal.server.connectors)
        eventually(lambda: "cannot be read" in page(portal, "/-/console/", "admin"))


def test_gateway_without_connectors_says_what_to_do(tmp_path):
    with opened(tmp_path, {}) as portal:
        for name, links in (("admin", {"New connector", "From a file"}), ("auditor", set())):
            text = page(portal, "/-/console/", name)
            assert "There is no connector yet" in text
            assert {each for each in ("New connector", "From a file") if f">{each}</a>" in text} == links
            assert "cannot be read" not in text
        assert "There is no endpoint that you may see" in page(portal, "/-/console/", "guest")
        assert "No endpoint is public." in httpx.get(f"{portal.server.url}/-/console/").text
        asked = httpx.get(f"{portal.server.url}/-/console/new", headers={"Accept": "text/html"}).text
        assert "with a token that may see this page" in asked
        assert "Authorization" not in asked


@pytest.mark.parametrize(("at", "status"), [("yesterday", 400), ("1999-01-01", 404), ("2999-01-01", 200)])
def test_version_is_that_of_an_instant(reading, at, status):
    page(reading, f"/-/console/connectors/orders/history?at={at}", "admin", status)


def test_version_is_taken_back_into_the_form(reading):
    """Follow the link of an admin to the form with the old text; a viewer has no such link."""
    history = "/-/console/connectors/orders/history"
    (_, first) = re.findall(r"history\?at=([^\"]+)\"", page(reading, history, "admin"))
    version = page(reading, f"{history}?at={first}", "admin")
    (link,) = re.findall(r'href="(?:\.\./)*([^"]+)">Take this version back', version)
    text = page(reading, f"/{link}", "admin")

    assert "Nothing is saved yet." in text
    assert 'value="note"' in text
    assert "Take this version back" not in page(reading, f"{history}?at={first}", "auditor")
    edit = "/-/console/connectors/orders/edit"
    assert "Nothing is saved yet." not in page(reading, edit, "admin")
    page(reading, f"{edit}?from=yesterday", "admin", 400)
    page(reading, f"{edit}?from={first}", "auditor", 403)


@pytest.mark.parametrize(
    ("name", "told"), [("tight", "This version is served. The file has another text"), ("old", "Created")]
)
def test_other_text_than_the_file_is_taken_back(reading, name: str, told: str):
    """Take back the last good version, and that of a removed connector."""
    history = f"/-/console/connectors/{name}/history"
    at = re.findall(r"history\?at=([^\"]+)\"", page(reading, history, "admin"))[-1]
    version = page(reading, f"{history}?at={at}", "admin")
    assert told in version
    (link,) = re.findall(r'href="(?:\.\./)*([^"]+)">Take this version back', version)
    assert "Nothing is saved yet." in page(reading, f"/{link}", "admin")


def test_version_of_an_instant_is_json_too(reading):
    def asked(query: str):
        return reading.ask(
            "GET",
            f"/-/connectors/orders/history{query}",
            accept="*/*",
            Authorization=f"Bearer {reading.secret('auditor')}",
        )

    newest, first = asked("").json()
    assert asked(f"?at={first['at']}").json() == [first]
    assert asked("?at=2999-01-01").json() == [newest]
    assert (asked("?at=x").status_code, asked("?at=1999-01-01").status_code) == (400, 404)


def test_broken_files_are_edited_from_the_status(reading):
    for name in ("admin", "auditor"):
        links = re.findall(r'href="[^"]*-/console/(\S+)/edit"', page(reading, "/-/console/status", name))
        assert len(links) == (3 if name == "admin" else 0)
        for link in links:
            page(reading, f"/-/console/{link}/edit", "admin")


def test_history_outlives_a_purge(reading):
    server = reading.server
    server.declare("purged", "fields: {id: integer}")
    (server.connectors / "purged.yaml").unlink()
    server.reload()
    assert server.client.post("/-/connectors/purged/purge").status_code == 200

    text = text_of(reading, "/-/console/connectors/purged/history", "auditor")
    assert "This connector was purged" in text
    assert "Removed" in text
    left = page(reading, "/-/console/connectors/purged", "auditor", 404)
    assert 'connectors/purged/history">Its history</a>' in left
    assert 'connectors/purged/history">purged</a>' in page(reading, "/-/console/status", "auditor")
    missing = text_of(reading, "/-/console/connectors/never", "admin", 404)
    assert "Check the address: the admin token may see everything." in missing
