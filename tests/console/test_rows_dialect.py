"""The page of rows answers every query of the dialect with the rows, the errors, and the pages of the API."""

import json
import re

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.html_text import table_cells
from tests.support.query_strategies import declare_rows, filters, orders, quoted, spell, trees
from tests.support.server import Server
from tests.support.sizes import examples

PAGE = "/-/console/connectors/looked/rows"
ITEMS = [
    "*", "_id", "i", "total:d", "n", "s", "b", "t", "l", "j", "j->a", "j->>a", "l->0", "i::text", "d::float8", "t::date",
    "_ingested_at::date", "s::varchar", "i::numeric",
]  # fmt: skip
AGGREGATES = ["count()", "i.sum()", "top:n.max()", "mean:d.avg()::text", "s.count()", "i.min()"]


@pytest.fixture(scope="session")
def looked(server: Server) -> str:
    return declare_rows(server, "looked")


def of_page(answer: httpx.Response) -> list[list[str | None]]:
    """The values that a page shows; JSON's null inside of JSON counts as the API's null."""
    return [
        [None if cell.kind == "json" and cell.value == "null" else cell.value for cell in row]
        for row in table_cells(answer.text)
    ]


def of_api(answer: httpx.Response, kinds: list[str | None]) -> list[list[str | None]]:
    """The same values from the JSON of the API."""
    rows = msgspec.json.decode(answer.content, type=list[dict[str, msgspec.Raw]])
    return [
        [text_of(bytes(value).decode(), kind) for value, kind in zip(row.values(), kinds, strict=True)]
        for row in rows
    ]


def text_of(raw: str, kind: str | None) -> str | None:
    if raw == "null":
        return None
    return json.loads(raw) if raw.startswith('"') and kind != "json" else raw


def kinds_of(answer: httpx.Response) -> list[str]:
    return re.findall(r'<th scope="col" class="(\w+)"', answer.text)


selects = st.one_of(
    st.none(),
    st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4, unique=True),
    st.tuples(
        st.lists(st.sampled_from(["i", "s", "b", "d::text", "j->>a", "l"]), max_size=2, unique=True),
        st.lists(st.sampled_from(AGGREGATES), min_size=1, max_size=3, unique=True),
    ).map(lambda parts: [*parts[0], *parts[1]]),
)


@examples(400)
@given(
    select=selects,
    some=st.lists(filters(), max_size=2),
    forest=st.lists(trees(), max_size=1),
    order=orders(),
    limit=st.none() | st.integers(0, 60),
    offset=st.integers(0, 30),
)
def test_page_shows_the_rows_of_the_api(server, looked, select, some, forest, order, limit, offset):
    parameters = [("select", ",".join(select))] if select else []
    parameters += [(spell(column), top) for top, _, column, _ in some]
    for text, (operator, negated, _) in forest:
        parameters.append((("not." if negated else "") + operator, text[text.index("(") :]))
    parameters += [("order", order[0])] if order[0] else []
    parameters += [("limit", str(limit))] if limit is not None else []
    parameters += [("offset", str(offset))] if offset else []
    query = quoted(parameters)

    page = server.client.get(f"{PAGE}?{query}", headers={"Accept": "text/html"})
    api = server.client.get(f"{looked}?{query}" + ("&limit=50" if limit is None else ""))

    assert page.status_code == api.status_code, (page.text, api.text)
    if api.status_code == 200:
        assert of_page(page) == of_api(api, kinds_of(page)), query
        assert (">Next</a>" in page.text) == ("next" in api.links)
    else:
        assert f"<code>{api.json()['code']}</code>" in page.text
        assert '<label for="form-field">' in page.text


def link(answer: httpx.Response, name: str) -> str | None:
    """The URL behind a link of a page, relative to the gateway's root."""
    found = re.search(rf'href="(?:\.\./)*([^"]+)"[^>]*>{re.escape(name)}</a>', answer.text)
    return "/" + found[1].replace("&amp;", "&") if found else None


@examples(40)
@given(some=st.lists(filters(), max_size=1), order=orders(), limit=st.integers(7, 30))
def test_next_and_previous_lead_through_all_rows(server, looked, some, order, limit):
    parameters = [(spell(column), top) for top, _, column, _ in some]
    parameters += [("order", order[0])] if order[0] else []
    query = quoted([*parameters, ("select", "_id"), ("limit", str(limit))])
    expected = of_api(server.client.get(f"{looked}?{quoted([*parameters, ('select', '_id')])}"), ["number"])

    pages = [server.client.get(f"{PAGE}?{query}")]
    while url := link(pages[-1], "Next"):
        pages.append(server.client.get(url))
    back = [pages[-1]]
    while url := link(back[-1], "Previous"):
        back.append(server.client.get(url))

    assert [row for page in pages for row in of_page(page)] == expected
    assert [of_page(page) for page in reversed(back)] == [of_page(page) for page in pages]
    assert link(pages[0], "First") is None
    assert len(pages) == 1 or of_page(server.client.get(link(pages[-1], "First"))) == of_page(pages[0])
