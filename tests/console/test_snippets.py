"""Every snippet of every tab, taken from the served page and run against the gateway that serves it."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import httpx
import pytest

from tests.console.conftest import Portal
from tests.console.programs import Outcome, Snippet, Workshop
from tests.support.html_text import Element, elements

#: Rows of `THINGS`: the queries of the pages match the first two, and not the third.
ROWS = [
    {
        "id": number,
        'it\'s a "name", <b>': text,
        "two words": None if number == 7002 else f"{number}, two",
        "amount": "1.5",
        "at": "2026-11-23T08:30:00Z",
        "clock": "08:30:00",
        "local": "2026-11-23T08:30:00",
        "uuid": "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
        "ratio": 0.5,
        "tags": [],
    }
    for number, text in (
        (7001, 'O\'Hara "& co" %41 +1 $HOME'),
        (7002, 'O\'Hara "& co" %41 +1 $HOME'),
        (7003, "Zoë"),
    )
]
FILTER = {
    'it\'s a "name", <b>': 'eq.O\'Hara "& co" %41 +1 $HOME',
    "or": "(id.lt.7002,not.and(id.neq.7002,paid.is.true))",
    "order": "id.desc",
}


class Case(NamedTuple):
    """A page, who asks for it, and with which query."""

    connector: str
    token: str | None
    query: dict[str, str]


CASES = {
    "things": Case("things", "etl", FILTER),
    "open": Case("open", None, {"id": "lte.7002"}),
    "drop": Case("drop", "etl", {}),
    "edges": Case("edges", "etl", {}),
}
TOOLS = ("curl", "httpx", "pandas", "polars", "duckdb", "js", "ts", "supabase")
READS = tuple(f"{tool}-read" for tool in (*TOOLS, "excel", "calc"))
WRITES = tuple(f"{tool}-write" for tool in (*TOOLS, "csv"))
EXPECTED = {"things": READS + WRITES, "open": (*READS, "sheets-read"), "drop": WRITES, "edges": WRITES}


class Bench:
    """The pages of the cases, and the programs on them."""

    def __init__(self, shapes: Portal, workshop: Workshop) -> None:
        self.portal = shapes
        self.workshop = workshop
        self.pages = {name: self.page(case) for name, case in CASES.items()}
        written = [
            self.snippet(name, id) for name, ids in EXPECTED.items() for id in ids if id.startswith("ts-")
        ]
        compiled = workshop.compile([*written, self.refused("ts-write")])
        assert compiled.is_success, compiled.printed

    def page(self, case: Case) -> dict[str, Element]:
        path = f"/-/console/connectors/{case.connector}/api"
        headers = {"Authorization": f"Bearer {self.portal.secret(case.token)}"} if case.token else {}
        answer = httpx.get(self.portal.server.url + path, params=case.query, headers=headers)
        assert answer.status_code == 200, answer.text
        return elements(answer.text)

    def snippet(self, name: str, id: str) -> Snippet:
        element = self.pages[name][id]
        return Snippet(f"{name}-{id}", str(element.attributes["data-language"]), element.text)

    def refused(self, id: str) -> Snippet:
        """Return a snippet that writes a row whose SKU does not match its pattern."""
        snippet = self.snippet("drop", id)
        text = snippet.text.replace("abc", "a1b").replace("drop-", "refused-")
        return Snippet(f"refused-{id}", snippet.language, text)

    def run(self, name: str, id: str) -> Outcome:
        token = CASES[name].token
        return self.workshop.run(self.snippet(name, id), token and self.portal.secret(token))


def snippets_of(page: dict[str, Element]) -> list[str]:
    return [id for id in page if id.endswith(("-read", "-write"))]


@pytest.fixture(scope="session")
def bench(shapes: Portal, tmp_path_factory) -> Iterator[Bench]:
    return Bench(shapes, Workshop(tmp_path_factory.mktemp("workshop")))


@pytest.mark.parametrize("name", CASES)
def test_page_has_snippets_its_reader_may_use(bench, name):
    assert sorted(snippets_of(bench.pages[name])) == sorted(EXPECTED[name])


READING = [(name, id) for name, ids in EXPECTED.items() for id in ids if id.endswith("-read")]


@pytest.mark.parametrize(("name", "id"), READING)
def test_snippet_prints_the_rows_of_the_query(bench, name, id):
    server = bench.portal.server
    path = "/shop/things" if name == "things" else "/open-things"
    assert server.client.put(path, json=ROWS).status_code == 201

    outcome = bench.run(name, id)

    assert outcome.is_success, outcome.printed
    assert "7001" in outcome.printed
    assert "7002" in outcome.printed
    assert "7003" not in outcome.printed


@pytest.mark.parametrize("id", WRITES)
@pytest.mark.parametrize("name", ["things", "drop", "edges"])
def test_snippet_stores_the_example_row_unchanged(bench, name, id):
    """Compare the stored row with the example on the page, digit by digit."""
    server = bench.portal.server
    path = server.emptied("/shop/things" if name == "things" else f"/{name}")

    outcome = bench.run(name, id)

    assert outcome.is_success, outcome.printed
    (stored,) = _exact(server.client.get(path).text)
    example = _exact(bench.pages[name]["example-row"].text)
    assert {field: stored[field] for field in example} == example
    assert {value for field, value in stored.items() if field not in example} <= {None}
    assert "stored" in outcome.printed


def _exact(text: str):
    return json.loads(text, parse_float=Decimal)


@pytest.mark.parametrize("id", READS)
def test_snippet_shows_why_it_failed(bench, id):
    outcome = bench.workshop.run(bench.snippet("things", id), "gw_wrong")

    assert not outcome.is_success
    # DuckDB and spreadsheets show no body of an error, and the tab of DuckDB says so.
    assert "PGRST301" in outcome.printed or id in ("duckdb-read", "excel-read", "calc-read")


@pytest.mark.parametrize("id", WRITES)
def test_snippet_shows_why_a_row_was_refused(bench, id):
    outcome = bench.workshop.run(bench.refused(id), bench.portal.secret("etl"))

    assert not outcome.is_success
    assert "23514" in outcome.printed


def test_duckdb_query_that_fails_sends_nothing(bench):
    server = bench.portal.server
    path = server.emptied("/drop")
    snippet = bench.snippet("drop", "duckdb-write")
    failing = snippet.text.replace("COPY (SELECT", "COPY (SELECT nothing,")
    before = server.client.get("/-/connectors/drop/batches").json()

    outcome = bench.workshop.run(
        Snippet("failing", "sh", failing.replace("duckdb-1", "failing-1")), bench.portal.secret("etl")
    )

    assert not outcome.is_success
    assert server.client.get(path).json() == []
    assert server.client.get("/-/connectors/drop/batches").json() == before


#: Queries in every form of the dialect, which supabase-js's client writes by its methods.
QUERIES = [
    "",
    "id=eq.7001",
    "id=gt.7002&select=id",
    "id=neq.7001&select=id",
    "id=in.(7001,7003)",
    "id=not.in.(7001,7003)",
    "id=eq(any).{7001,7002}",
    "day=is.null&id=neq.7003",
    "tags=cd.{a,b}&ratio=gte.0.5",
    "extra->>a=is.null",
    "at=gte.2026-01-01&at=lt.2027-01-01&limit=2",
    "and=(id.gt.7001,or(id.lt.7003,day.not.is.null))",
    "not.or=(id.eq.7001,id.eq.7002)",
    "not.and=(id.gte.7002,ratio.eq.0.5)",
    "order=day.nullsfirst,id.desc.nullslast&offset=1&limit=1",
    "order=extra->a->0.desc,id&offset=1",
    "select=id,when:at,amount::text&order=id.desc",
    "select=ratio,count(),most:id.max()",
    "select=ratio,n:count()&order=n.desc,ratio.desc",
    "select=two words,id&order=two words.desc.nullslast,id.desc",
    "select=an alias:two words,id,more of it:extra->a&two words=not.is.null",
    'select="it\'s a \\"name\\", <b>",id',
]


def test_httpx_prints_the_rows_of_each_query(bench, shapes):
    assert shapes.server.client.put("/shop/things", json=ROWS).status_code == 201
    headers = {"Authorization": f"Bearer {shapes.secret('etl')}"}
    for query in QUERIES:
        page = httpx.get(f"{shapes.server.url}/-/console/connectors/things/api?{query}", headers=headers)
        text = elements(page.text)["httpx-read"].text

        outcome = bench.workshop.run(Snippet("httpx-query", "python", text), shapes.secret("etl"))

        numbers = Decimal if "Decimal" in text else float
        rows = json.loads(shapes.server.client.get(f"/shop/things?{query}").text, parse_float=numbers)
        assert outcome == (True, "".join(f"{row}\n" for row in rows)), query


def test_supabase_calls_give_the_rows_of_each_query(bench, shapes):
    assert shapes.server.client.put("/shop/things", json=ROWS).status_code == 201
    pages = [
        elements(
            httpx.get(
                f"{shapes.server.url}/-/console/connectors/things/api?{query}",
                headers={"Authorization": f"Bearer {shapes.secret('etl')}"},
            ).text
        )
        for query in QUERIES
    ]
    directory = bench.workshop.directory
    for number, page in enumerate(pages):
        for tool in ("js", "supabase"):
            (directory / f"query-{number}-{tool}.mjs").write_text(page[f"{tool}-read"].text)
    all_ = "".join(
        f'console.log("#"); await import("./query-{number}-{tool}.mjs");\n'
        for number in range(len(QUERIES))
        for tool in ("js", "supabase")
    )

    outcome = bench.workshop.run(Snippet("queries", "javascript", all_), shapes.secret("etl"))

    assert outcome.is_success, outcome.printed
    printed = outcome.printed.split("#\n")[1:]
    assert printed[0::2] == printed[1::2]
    assert len(set(printed)) > 10


def test_typescript_knows_the_columns_of_each_query(bench, shapes):
    """The compiler takes the page's program for any `select`, and refuses a name or a type that is not in the row."""
    text = bench.snippet("things", "ts-read").text
    wrong = ("rows[0].idd;", "const id: string = rows[0].id;", "rows[0].day.length;")
    programs = [Snippet(f"wrong-{n}", "typescript", f"{text}\n{line}\n") for n, line in enumerate(wrong)]
    headers = {"Authorization": f"Bearer {shapes.secret('etl')}"}
    for number, query in enumerate(QUERIES):
        page = httpx.get(f"{shapes.server.url}/-/console/connectors/things/api?{query}", headers=headers)
        programs.append(Snippet(f"right-{number}", "typescript", elements(page.text)["ts-read"].text))

    compiled = bench.workshop.compile(programs)

    refused = re.findall(r"^(\S+)\.mts\(.*: error TS\d+:", compiled.printed, re.MULTILINE)
    assert refused == [f"wrong-{n}" for n in range(len(wrong))]
