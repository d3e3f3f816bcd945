"""`read_limit` in a connector's file and `GATEWAY_READ_LIMIT` cap the rows of a GET, as `limit` would."""

import io
import json

import pyarrow
import pyarrow.parquet
import pytest

from tests.support.server import put, serving
from tests.support.tested_store import renewed

FIELDS = "fields: {n: integer, kind: string}\naccess: {read: [public], change: [ops]}\n"
CONNECTOR = FIELDS + "read_limit: 10\n"
ROWS = [{"n": n, "kind": f"kind {n % 15:02}"} for n in range(25)]


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("limited", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def numbers(answer, format="json"):
    if format == "json":
        rows = answer.json()
    elif format == "ndjson":
        rows = [json.loads(line) for line in answer.text.splitlines()]
    elif format == "csv":
        rows = [{"n": int(line.split(",")[0])} for line in answer.text.splitlines()[1:]]
    elif format == "parquet":
        rows = pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    else:
        rows = pyarrow.ipc.open_stream(answer.content).read_all().to_pylist()
    return [row["n"] for row in rows]


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "parquet", "arrow"])
@pytest.mark.parametrize("query", ["", "&limit=7", "&limit=12", "&limit=100", "&order=n.desc", "&offset=3"])
def test_next_links_reach_every_row(server, path, format, query):
    expected = list(range(25))
    expected = expected[::-1] if "desc" in query else expected[3:] if "offset" in query else expected
    most = 7 if query == "&limit=7" else 10
    url, pages = f"{path}?format={format}{query}", []
    while url:
        answer = server.client.get(url)
        assert answer.status_code == 200
        assert "Content-Range" not in answer.headers
        pages.append(numbers(answer, format))
        url = answer.links.get("next", {}).get("url")

    assert [number for page in pages for number in page] == expected
    assert all(len(page) == most for page in pages[:-1])
    assert len(pages[-1]) <= most


@pytest.mark.parametrize(
    ("query", "headers", "status", "content_range", "count", "has_more"),
    [
        ("", {"Prefer": "count=exact"}, 206, "0-9/25", 10, True),
        ("limit=100", {"Prefer": "count=exact"}, 206, "0-9/25", 10, True),
        ("limit=3", {"Prefer": "count=exact"}, 206, "0-2/25", 3, True),
        ("limit=0", {"Prefer": "count=exact"}, 206, "*/25", 0, False),
        ("n=lt.10", {"Prefer": "count=exact"}, 200, "0-9/10", 10, False),
        ("n=lt.10", {}, 200, None, 10, False),
        ("n=lt.5&limit=100", {}, 200, None, 5, False),
        ("", {"Range": "0-99"}, 200, "0-9/*", 10, True),
        ("", {"Range": "20-"}, 200, "20-24/*", 5, False),
        ("", {"Range": "2-4", "Prefer": "count=exact"}, 206, "2-4/25", 3, True),
        ("select=kind,count()", {}, 200, None, 10, True),
        ("select=kind,count()", {"Prefer": "count=exact"}, 206, "0-9/15", 10, True),
        ("select=n.sum()", {"Prefer": "count=exact"}, 200, "0-0/1", 1, False),
    ],
)
def test_smaller_of_limit_and_read_limit_applies(
    server, path, query, headers, status, content_range, count, has_more
):
    answer = server.client.get(f"{path}?{query}", headers=headers)

    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, content_range)
    assert len(answer.json()) == count
    assert ("next" in answer.links) == has_more
    if not headers.get("Range"):
        head = server.client.head(f"{path}?{query}", headers=headers)
        told = ("Content-Range", "Content-Length", "Link", "ETag")
        assert {name: head.headers.get(name) for name in told} == {
            name: answer.headers.get(name) for name in told
        }


def test_aggregates_use_all_rows_and_groups_page(server, path):
    """Check that aggregates see all rows, and their groups are paged."""
    assert server.client.get(f"{path}?select=n.sum(),count()").json() == [{"sum": 300, "count": 25}]
    first = server.client.get(f"{path}?select=kind,count()")
    second = server.client.get(first.links["next"]["url"])
    assert [len(first.json()), len(second.json())] == [10, 5]
    assert sum(each["count"] for each in first.json() + second.json()) == 25


def test_single_object_counts_all_rows(server, name):
    path = server.declare(name, FIELDS + "read_limit: 1\n")
    assert server.client.post(path, json=ROWS[:3]).status_code == 201
    single = {"Accept": "application/vnd.pgrst.object+json"}

    several = server.client.get(path, headers=single)

    assert (several.status_code, several.json()["details"]) == (406, "The result contains 3 rows")
    assert server.client.get(f"{path}?n=eq.1", headers=single).json() == ROWS[1]
    assert len(server.client.get(path).json()) == 1


def test_parts_come_from_capped_body(server, path):
    url = f"{path}?format=csv"
    whole = server.client.get(url, headers={"Accept-Encoding": "identity"})
    head = server.client.head(url, headers={"Accept-Encoding": "identity"})
    part = server.client.get(url, headers={"Range": "bytes=7-"})

    assert len(whole.text.splitlines()) == 11
    assert int(head.headers["Content-Length"]) == len(whole.content)
    assert part.content == whole.content[7:]
    assert part.links["next"] == whole.links["next"] == head.links["next"]


def test_writes_show_all_rows_despite_read_limit(server, name):
    path = server.declare(name, CONNECTOR)
    shown = {"Prefer": "return=representation"}

    assert len(server.client.post(path, json=ROWS, headers=shown).json()) == 25
    assert len(server.client.patch(f"{path}?n=gte.0", json={"kind": "x"}, headers=shown).json()) == 25
    assert len(server.client.delete(f"{path}?n=gte.0", headers=shown).json()) == 25


def test_long_response_is_capped(server, name):
    path = server.declare(name, FIELDS + "read_limit: 18000\n")
    rows = "n,kind\n" + "".join(f"{n},{'x' * 200}\n" for n in range(30_000))
    assert server.client.post(path, content=rows, headers={"Content-Type": "text/csv"}).status_code == 201

    first = server.client.get(f"{path}?format=ndjson")
    second = server.client.get(first.links["next"]["url"])

    assert [len(answer.text.splitlines()) for answer in (first, second)] == [18_000, 12_000]
    assert "next" not in second.links


def test_edited_read_limit_applies_to_later_requests(server, name):
    path = server.declare(name, FIELDS)
    assert server.client.post(path, json=ROWS).status_code == 201
    for bound, count in (("", 25), ("read_limit: 4\n", 4), ("read_limit: 5\n", 5), ("", 25)):
        server.declare(name, renewed(FIELDS + bound))
        assert len(server.client.get(path).json()) == count
    server.declare(name, renewed(FIELDS + "read_limit: 4\n"))
    assert server.client.get(f"/-/connectors/{name}").json()["terms"]["read_limit"] == 4


@pytest.fixture(scope="module")
def bounded(tmp_path_factory):
    """A gateway with a bound of its own."""
    with serving(tmp_path_factory.mktemp("bounded"), GATEWAY_READ_LIMIT="8") as server:
        yield server


@pytest.mark.parametrize(("bound", "count"), [("", 8), ("read_limit: 3\n", 3), ("read_limit: 100\n", 8)])
def test_smaller_read_limit_of_both_applies(bounded, name, bound, count):
    path = bounded.declare(name, FIELDS + bound)
    assert bounded.client.post(path, json=ROWS).status_code == 201
    answer = bounded.client.get(f"{path}?limit=20")
    assert len(answer.json()) == count
    assert len(bounded.client.get(answer.links["next"]["url"]).json()) == count


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ten", "true", "[1]", '"10"'])
def test_invalid_read_limit_is_refused(server, name, value):
    file = server.connectors / f"{name}.yaml"
    put(file, f"{FIELDS}read_limit: {value}\n")

    (finding,) = server.reload()[file.name]["findings"]
    file.unlink()

    assert "read_limit" in finding["message"]
    assert "is not a whole number above 0" in finding["message"]
    assert finding["line"] == 3
