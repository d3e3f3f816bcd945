"""The page of rows, the page of one row, the number of rows, and downloads: what they say to whom."""

import csv
import html
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.console.cells import CUT_AT, HTML_MAX, SIGNS_MAX, table_body
from gateway.query.cell_rows import PAGE_CHARACTERS, CellRow
from tests.console.conftest import CHROME, Portal
from tests.console.test_rows_dialect import link
from tests.support.html_text import elements, table_cells
from tests.support.in_process import inside
from tests.support.server import Server
from tests.support.sizes import examples

#: Every type, each with the text that the page has for a value.
TYPES = {
    "string": ("Ada", "Ada"),
    "integer": (2**63 - 1, str(2**63 - 1)),
    "number": (5e-324, "5e-324"),
    "decimal(38, 4)": ("@12345678901234567890.1200", "12345678901234567890.1200"),
    "boolean": (False, "false"),
    "date": ("2026-11-23", "2026-11-23"),
    "time": ("08:30:00.5", "08:30:00.5"),
    "timestamp": ("2026-11-23T09:30:00.123456+01:00", "2026-11-23T08:30:00.123456Z"),
    "datetime": ("2026-11-23T08:30:00", "2026-11-23T08:30:00"),
    "uuid": ("0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d", "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d"),
    "json": ({"a": [1, None, "x"]}, '{"a":[1,null,"x"]}'),
    "string[]": (["a, b", 'c"d'], '["a, b","c\\"d"]'),
    "decimal(38, 2)[]": ("@[12345678901234567890.10]", "[12345678901234567890.10]"),
}
HOSTILE = [
    "",
    "null",
    '<img src=x onerror="alert(1)">',
    "</script><script>alert(1)</script>",
    "</td></tr></table>",
    "javascript:alert(1)",
    'https://host/?a="onmouseover=alert(1)',
    "\u202egnp.exe\u202c",
    "\u0001\u001b[31m\u007f\u0085",
    " two  spaces ",
    "line\nline\r\n\ttab",
    "\\u0000 and %00",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;&amp;&#60;",
    "\u200b\ufeff\u00a0\u2028",
    "👨‍👩‍👧 ❤️ شکر‌گزاری",
    "https://host/a?b=c&d",
]  # fmt: skip
TRIPS = """
fields:
  id: integer
  text: {type: string, nullable: true}
  "a \\"name\\", <b>": {type: string, nullable: true}
  select: {type: integer, nullable: true}
  count: {type: integer, nullable: true}
  extra: {type: json, nullable: true}
  tags: {type: "string[]", nullable: true}
access: {read: [guest], ingest: [etl]}
"""


@pytest.fixture(scope="session")
def typed(server: Server) -> str:
    fields = {f"f{number}": {"type": type, "nullable": True} for number, type in enumerate(TYPES)}
    server.declare("typed", json.dumps({"fields": fields, "access": {"read": ["public"]}}))
    row = ", ".join(
        f'"f{number}": {value[1:] if isinstance(value, str) and value.startswith("@") else json.dumps(value)}'
        for number, (value, _) in enumerate(TYPES.values())
    )
    body = f"[{{{row}}}, {{}}]"
    assert server.client.post("/typed", content=body, headers={"Content-Type": "application/json"}).is_success
    return "/-/console/connectors/typed/rows"


@pytest.fixture(scope="session")
def hostile(server: Server) -> str:
    fields = {"id": "integer", "text": "string", "extra": "json", "tags": "string[]"}
    server.declare("hostile", json.dumps({"fields": fields}))
    rows = [
        {"id": number, "text": text, "extra": {text: text}, "tags": [text]}
        for number, text in enumerate(HOSTILE)
    ]
    assert server.client.post("/hostile", json=rows).is_success
    return "/-/console/connectors/hostile/rows"


@pytest.fixture(scope="session")
def trips(shapes: Portal) -> str:
    """A connector with names that are hard to quote, which `guest` may read."""
    shapes.server.declare("trips", TRIPS)
    rows = [
        {
            "id": number,
            "text": [None, "", "null", "a,b", 'q"t', "ü & <i>"][number % 6],
            'a "name", <b>': [None, "x", "y"][number % 3],
            "select": number % 2,
            "count": number % 5,
            "extra": {"a b": number % 2, "n": "z" * number},
            "tags": ["t"] * (number % 3),
        }
        for number in range(120)
    ]
    assert shapes.server.client.post("/trips", json=rows).is_success
    return "/-/console/connectors/trips/rows"


def ask(shapes: Portal, path: str, asker: str | None = "guest", **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {shapes.secret(asker)}"} if asker else {}
    return httpx.get(shapes.server.url + path, headers={"Accept": CHROME, **sent, **headers})


# -- values


def test_each_type_is_shown_with_all_digits(server, typed):
    values, nulls = table_cells(server.client.get(typed).text)

    assert [cell.value for cell in values] == [text for _, text in TYPES.values()]
    assert [cell.value for cell in nulls] == [None] * len(TYPES)
    kinds = dict(zip(TYPES, (cell.kind for cell in values), strict=True))
    assert [name for name, kind in kinds.items() if kind == "number"] == [
        "integer",
        "number",
        "decimal(38, 4)",
    ]


def test_hostile_values_are_text_in_the_table(server, hostile):
    answer = server.client.get(hostile)
    rows = table_cells(answer.text)

    assert [row[1].value for row in rows] == HOSTILE
    assert [json.loads(row[2].value) for row in rows] == [{text: text} for text in HOSTILE]
    assert [json.loads(row[3].value) for row in rows] == [[text] for text in HOSTILE]
    body = answer.text.partition("<tbody>")[2]
    assert set(re.findall(r"<(\w+)", body.partition("</tbody>")[0])) <= {
        "tr",
        "th",
        "td",
        "a",
        "i",
        "b",
        "bdi",
    }
    links = re.findall(r'<td class="text"><a href="([^"]*)" rel="noreferrer nofollow">', body)
    assert [html.unescape(each) for each in links] == ["https://host/a?b=c&d"]
    for unseen in "\u202e\u200b\ufeff\u2028\u0001\u001b\u0085":
        assert unseen not in answer.text
    assert '<b class="sign" title="U+202E" data-code="8238">U+202E</b>' in answer.text
    assert HOSTILE[-2] in answer.text, "joiners and variation selectors belong to their letters"


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_value_is_whole_on_its_page(server, hostile, number):
    answer = server.client.get(f"{hostile}/{number + 1}", headers={"Accept": CHROME})
    shown = elements(answer.text)

    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    signs = re.sub(
        r'<b class="sign"[^>]*data-code="(\d+)">[^<]*</b>', lambda found: f"&#{found[1]};", answer.text
    )
    value = re.search(r'<div class="value" id="value-2">(.*?)</div>', signs, re.DOTALL)[1]
    value = re.sub(r"</?(?:a|i)\b[^>]*>", "", value)
    assert "value-2" in shown
    assert unescaped(value) == (HOSTILE[number] or "empty text")


def unescaped(text: str) -> str:
    """Decode references as they are written, also those that HTML forbids."""
    text = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), text)
    return html.unescape(text)


def test_long_values_are_cut_and_lead_on(server, hostile):
    long = ["é" * (CUT_AT - 1), "é" * CUT_AT, "é" * (CUT_AT + 1), "<" * 200_000]
    server.declare("long_cells", "{fields: {text: string, extra: json}, access: {read: [public]}}")
    rows = [{"text": text, "extra": [text]} for text in long]
    assert server.client.post("/long_cells", json=rows).is_success

    answer = server.client.get("/-/console/connectors/long_cells/rows")
    cells = table_cells(answer.text)

    assert [row[0].value for row in cells] == [text[:CUT_AT] for text in long]
    assert [row[0].is_cut for row in cells] == [False, False, True, True]
    assert [row[1].is_cut for row in cells] == [True] * 4
    assert len(answer.content) < 60_000
    more = re.findall(r'href="(?:\.\./)*([^"]*)">\[more\]', answer.text)
    assert more[-1] == "-/console/connectors/long_cells/rows/4"
    assert html.escape(long[-1]) in server.client.get(f"/{more[-1]}").text


@pytest.mark.parametrize("character", ["\u0001", "\\"], ids=["in HTML", "in JSON"])
def test_page_ends_where_its_rows_are_too_large(server, character):
    """Read rows whose HTML is longer than what the store sends, and rows whose HTML is shorter."""
    names = [f"f{number}" for number in range(100)]
    access = {"change": ["admin"]}
    server.declare("broad", json.dumps({"fields": dict.fromkeys(names, "string"), "access": access}))
    row = dict.fromkeys(names, character * CUT_AT)
    assert server.client.post(server.emptied("/broad"), json=[row] * 300).is_success
    last = server.client.get("/broad?select=_id.max()").json()[0]["max"]

    first = server.client.get("/-/console/connectors/broad/rows?limit=1000&order=_id.desc")
    shown = len(table_cells(first.text))
    following = server.client.get(link(first, "Next"))

    assert 0 < shown < 300
    assert len(first.content) < HTML_MAX + 600_000, "the heads of 100 columns are beside the rows"
    assert "These rows are large" in first.text
    heads = re.findall(r'<th scope="row"><a href="[^"]*">(\d+)</a>', first.text + following.text)
    assert heads == [str(number) for number in range(last, last - len(heads), -1)]
    assert len(heads) > shown
    assert PAGE_CHARACTERS >= HTML_MAX


def test_value_of_many_signs_keeps_its_page_small(server):
    server.declare("signal", "{fields: {few: string, many: string}}")
    text = "\u0001<" * SIGNS_MAX
    kind = {"Content-Type": "text/csv"}
    assert server.client.post("/signal", content=f"few,many\n{text},{text}\u0001\n", headers=kind).is_success

    page = server.client.get("/-/console/connectors/signal/rows/1").text

    assert page.count('data-code="1"') == SIGNS_MAX
    assert "\\u0001&lt;" * SIGNS_MAX + "\\u0001</div>" in page
    assert 'aria-label="Copy few"' in page
    assert 'aria-label="Copy many"' not in page
    assert "\u0001" not in page


@examples(2000)
@given(st.lists(st.text() | st.text("<&>\"' \t\n\u202ea/:"), min_size=1, max_size=5))
def test_any_text_is_found_again_in_its_cell(texts):
    """Hold that the short way for plain values writes what the long way does."""
    kinds = [("text", "number", "json")[number % 3] for number in range(len(texts))]
    body = table_body([CellRow(1, tuple(texts))], kinds, lambda row: "url", "")
    (cells,) = table_cells(f'<table class="rows"><tbody>{body.html.text}</tbody>')

    assert [cell.value for cell in cells] == [text[:CUT_AT] for text in texts]
    assert [cell.kind for cell in cells] == kinds
    assert not re.search("[\u202e\u0000-\u0009]", body.html.text)


# -- the views that a page offers


def test_every_link_of_rows_leads_somewhere(shapes, trips):
    queries = [
        "",
        "?select=id,text,tags&order=text.desc&limit=5",
        "?select=extra-%3E%3E%22a%20b%22,n:extra-%3En,id::text,count,%22select%22&id=gt.3",
        "?select=text,n:id.count(),id.max()&order=n.desc,text",
        "?select=count,rows:_id.count()&%22select%22=eq.1",
        "?select=id.sum()",
        "?or=(id.eq.1,text.is.null)&id=lt.9&limit=3&offset=3",
    ]
    walked: set[str] = set()
    for query in queries:
        answer = ask(shapes, trips + query)
        assert answer.status_code == 200, query
        urls = re.findall(r'href="(?:\.\./)*(-/console/connectors/trips[^"]*)"', answer.text)
        walked |= {html.unescape(url) for url in urls}
    for url in sorted(walked):
        answer = ask(shapes, f"/{url}")
        assert answer.status_code == 200, (url, answer.text)
    assert len(walked) > 60


def test_values_are_counted_and_lead_to_rows(shapes, trips):
    page = ask(shapes, trips + "?id=lt.60")
    url = re.search(r'href="(?:\.\./)*([^"]*)">Values<span class="unseen"> of text<', page.text)[1]
    values = ask(shapes, "/" + html.unescape(url))

    found = [[cell.value for cell in row] for row in table_cells(values.text)]
    assert sorted(found, key=str) == sorted(
        ([text, "10"] for text in (None, "", "null", "a,b", 'q"t', "ü & <i>")), key=str
    )
    rows = re.findall(r'<th scope="row"><a href="(?:\.\./)*([^"]*)">Rows</a>', values.text)
    for (text, _), url in zip(found, rows, strict=True):
        shown = table_cells(ask(shapes, "/" + html.unescape(url)).text)
        assert [row[1].value for row in shown] == [text] * 10


FORMS = [
    ("_f=id&_o=gte&_v=5", "?id=gte.5"),
    ("_c=id&_c=text&id=eq.1", "?id=eq.1&select=id,text"),
    ("select=id&_c=id&_c=%22select%22", "?select=id,%22select%22"),
    ("_c=id&_c=text&_c=%22a+%5C%22name%5C%22,+%3Cb%3E%22&_c=select&_c=count&_c=extra&_c=tags&order=id", "?order=id"),
    ("_f=text&_o=eq&_v=&offset=5&limit=20", "?text=eq.&limit=20"),
    ("_kept=text%3Deq.a%250Ab%26limit%3D20&_f=id&_o=eq&_v=1", "?text=eq.a%0Ab&id=eq.1&limit=20"),
    ("_kept=text%3Deq.a%250Ab&limit=20", "?text=eq.a%0Ab&limit=20"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "query"), FORMS)
def test_forms_of_rows_become_the_dialect(shapes, trips, sent, query):
    answer = ask(shapes, f"{trips}?{sent}")

    assert answer.status_code == 303
    assert answer.headers["Location"].partition("trips/rows")[2] == query
    assert ask(shapes, trips + query).status_code == 200


@pytest.mark.parametrize("page", ["rows", "api"])
def test_filter_is_shown_without_reversing_the_page(shapes, trips, page):
    """Show signs for unseen characters, also at the end of a line, and words from right to left for themselves."""
    value = "\u202eabc\nd שלום עולם"
    text = ask(
        shapes, f"/-/console/connectors/trips/{page}?{httpx.QueryParams({'text': f'eq.{value}'})}"
    ).text
    shown = re.search(
        r'<li>(<code dir="ltr">.*?</code>) <a [^>]*aria-label="([^"]*)">Remove</a>', text, re.DOTALL
    )

    signs = re.sub(r'<b class="sign"[^>]*>(.*?)</b>', r"[\1]", shown[1])
    assert signs == '<code dir="ltr">text=eq.[U+202E]abc[\\n]d <bdi>שלום עולם</bdi></code>'
    assert shown[2] == "Remove text=eq.\\u202eabc\nd שלום עולם"
    wrong = ask(shapes, f"/-/console/connectors/trips/{page}?id=eq.%E2%80%AEabc")
    assert wrong.status_code == 400
    problem = re.search(r'<div class="problem" role="alert">(.*?)</div>', wrong.text, re.DOTALL)[1]
    assert "'\\u202eabc' in the filter" in html.unescape(problem)


@pytest.mark.parametrize(("limit", "rows"), [("", 50), ("limit=70", 70), ("limit=0", 0), ("limit=5000", 120)])
def test_page_has_fifty_rows_unless_told(shapes, trips, limit, rows):
    answer = ask(shapes, f"{trips}?{limit}")

    assert len(table_cells(answer.text)) == rows
    assert (">Next</a>" in answer.text) == (0 < rows < 120)


ERRORS = [
    ("id=gt.x", 400, "22P02", "is not an integer"),
    ("nme=eq.1", 400, "42703", "no column &#39;nme&#39;"),
    ("select=text::int8", 400, "22P02", "cannot be cast"),
    ("cursor=9999&order=text", 400, "PGRST100", "no row 9999"),
    ("limit=-1", 416, "PGRST103", "is negative"),
    ("id=eq.%FF", 400, "PGRST100", "not UTF-8"),
    ("text=match.(", 400, "2201B", ""),
]


@pytest.mark.parametrize(("query", "status", "code", "said"), ERRORS)
def test_error_of_the_dialect_leaves_the_form(shapes, trips, query, status, code, said):
    answer = ask(shapes, f"{trips}?{query}")
    api = ask(shapes, f"/trips?{query}", Accept="application/json")

    assert (answer.status_code, api.status_code, api.json()["code"]) == (status, status, code)
    problem = re.search(r'<div class="problem" role="alert">(.*?)</div>', answer.text, re.DOTALL)[1]
    assert f"<code>{code}</code>" in problem
    assert said in problem
    if api.json()["hint"]:
        assert (
            html.escape(api.json()["hint"][1:]).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
            in problem
        )
    assert '<select id="form-field" name="_f">' in answer.text
    assert table_cells(answer.text) == []
    if "%" not in query:
        assert link(answer, "Remove") is not None


def test_command_of_a_page_gives_its_rows(shapes, trips):
    answer = ask(shapes, f"{trips}?id=gte.5&order=id.desc&select=id,text")
    command = elements(answer.text)["curl"].text

    assert "Authorization: Bearer $GATEWAY_TOKEN" in command
    url = re.search(r"'([^']*)'", command)[1]
    rows = httpx.get(url, headers={"Authorization": f"Bearer {shapes.secret('guest')}"}).json()
    assert [str(row["id"]) for row in rows] == [row[0].value for row in table_cells(answer.text)]


# -- the number of rows


def test_rows_are_counted_with_and_without_script(shapes, trips):
    numbers = ask(shapes, f"{trips}/count?id=lt.100", Accept="application/json")
    page = ask(shapes, f"{trips}/count?id=lt.100&limit=3")

    assert numbers.json() == {"count": 100}
    assert '<p class="total">100 rows</p>' in page.text
    assert len(table_cells(page.text)) == 3
    assert link(page, "Next").startswith(f"{trips}?")
    assert ask(shapes, f"{trips}/count?select=count,id.max()", Accept="*/*").json() == {"count": 5}
    refused = ask(shapes, f"{trips}/count?id=lt.x", Accept="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "22P02")


def test_page_of_rows_comes_without_their_number(shapes, trips):
    page, api = ask(shapes, trips), ask(shapes, trips.replace("/rows", "/api"))

    assert 'aria-current="page">Rows</a>' in page.text
    assert '>Rows <span class="count">120</span></a>' in api.text
    assert "Count all rows" in page.text


def test_many_tabs_wait_for_one_reader(shapes, trips):
    paths = [f"{trips}?order=text", f"{trips}/count?id=gt.3"] * 15
    with ThreadPoolExecutor(len(paths)) as tabs:
        statuses = [each.status_code for each in tabs.map(lambda path: ask(shapes, path), paths)]

    assert statuses == [200] * len(paths)


# -- one row


def test_row_has_values_batch_and_command(shapes, trips):
    answer = ask(shapes, f"{trips}/8")
    shown = elements(answer.text)

    values = [shown[f"value-{number}"].text for number in range(1, 8)]
    assert values == ["7", "empty text", "x", "1", "2", '{"a b":1,"n":"zzzzzzz"}', '["t"]']
    types = re.findall(r'<td data-label="Type">(.*?)</td>', answer.text)
    assert types[-4:] == ["string[]", "integer", "timestamp", "integer"]
    number = shown["value-10"].text
    batch = link(answer, f"Rows of batch {number}")
    assert batch == f"{trips}?_batch=eq.{number}"
    assert len(table_cells(ask(shapes, f"{batch}&limit=200").text)) == 120
    url = re.search(r"'([^']*)'", shown["curl"].text)[1]
    (row,) = httpx.get(url, headers={"Authorization": f"Bearer {shapes.secret('guest')}"}).json()
    assert (row["_id"], row["id"]) == (8, 7)


@pytest.mark.parametrize("id", ["0", "9999", "x", "-1", "1" * 30, "%3Cb%3E"])
def test_row_that_is_not_there_is_404(shapes, trips, id):
    answer = ask(shapes, f"{trips}/{id}")

    assert answer.status_code == 404
    assert "There is no row" in answer.text
    assert '<label for="form-field">' in answer.text
    assert "<b>" not in answer.text


# -- downloads

READERS = {
    "csv": lambda body: [int(row["id"]) for row in csv.DictReader(io.StringIO(body.decode()))],
    "ndjson": lambda body: [json.loads(line)["id"] for line in body.splitlines()],
    "json": lambda body: [row["id"] for row in json.loads(body)],
    "parquet": lambda body: pq.read_table(pa.BufferReader(body))["id"].to_pylist(),
    "arrow": lambda body: pa.ipc.open_stream(body).read_all()["id"].to_pylist(),
}


@pytest.mark.parametrize("format", READERS)
def test_download_equals_the_rows_of_the_api(shapes, trips, format):
    page = ask(shapes, f"{trips}?id=gte.3&order=id.desc&select=id,text&limit=5&cursor=90")
    links = dict(re.findall(r'href="(?:\.\./)*([^"]*/download\?[^"]*)" download>(\w+)<', page.text))
    (url,) = [html.unescape(each) for each, title in links.items() if title.lower() == format]
    answer = ask(shapes, f"/{url}")
    api = ask(shapes, "/trips?" + url.partition("?")[2], Accept="*/*")

    assert READERS[format](answer.content) == list(range(119, 2, -1))
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''trips.{format}"
    assert answer.headers["Content-Type"] == api.headers["Content-Type"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert format == "parquet" or answer.content == api.content
    assert httpx.head(answer.url, headers=answer.request.headers).content == b""


def test_read_limit_holds_for_downloads_and_pages(shapes):
    shapes.server.declare("few", "{fields: {id: integer}, access: {read: [guest]}, read_limit: 7}")
    assert shapes.server.client.post("/few", json=[{"id": number} for number in range(20)]).is_success
    rows = "/-/console/connectors/few/rows"
    page = ask(shapes, f"{rows}?limit=15")

    assert len(ask(shapes, f"{rows}/download?format=ndjson").text.splitlines()) == 7
    assert len(table_cells(page.text)) == 7
    assert "at most 7." in page.text
    assert len(table_cells(ask(shapes, link(page, "Next")).text)) == 7


def test_downloads_count_as_reads_and_pages_do_not(shapes, trips):
    def served() -> tuple[int, int]:
        activity = shapes.server.client.get("/-/connectors/trips/activity").json()
        return sum(each["reads"] for each in activity["periods"]), sum(
            each["served_rows"] for each in activity["periods"]
        )

    before = served()
    for path in (trips, f"{trips}/1", f"{trips}/count"):
        ask(shapes, path)
    ask(shapes, f"{trips}/download?format=csv&id=lt.40")
    after = served()

    assert (after[0] - before[0], after[1] - before[1]) == (1, 40)


def test_downloads_use_the_readers_of_endpoints(tmp_path):
    """A download of minutes must not keep the one reader of pages; and pages take no reader of endpoints."""
    rows = "/-/console/connectors/c/rows"
    with inside(tmp_path, {"c": "fields: {id: integer}"}) as gateway:
        pool = gateway.gateway.services.storage.read_pool
        steps = []
        for path in (rows, f"{rows}/count", f"{rows}/1", f"{rows}/download"):
            before = pool.waits.read().counts[-1]
            assert gateway.request("GET", path)[0] == (404 if path.endswith("1") else 200)
            steps.append(pool.waits.read().counts[-1] - before)

    assert steps == [0, 0, 0, 1]


# -- who may

PATHS = ["", "/1", "/count", "/download"]
ASKERS = [(None, "trips", 404), ("guest", "trips", 200), ("etl", "trips", 403), ("admin", "trips", 200),
          (None, "open", 200), ("guest", "nothing", 404), ("auditor", "trips", 403)]  # fmt: skip


@pytest.mark.parametrize("below", PATHS)
@pytest.mark.parametrize(("asker", "name", "status"), ASKERS)
def test_rows_are_for_those_who_may_read_them(shapes, trips, asker, name, status, below):
    answer = ask(shapes, f"/-/console/connectors/{name}/rows{below}", asker)

    assert answer.status_code == (404 if (name, below) == ("open", "/1") else status)
    for value in ("a,b", "ü &amp;"):
        assert status == 200 or value not in answer.text


def test_rate_limits_hold_for_pages(shapes):
    shapes.server.declare(
        "rare", "{fields: {id: integer}, access: {read: [guest]}, limits: {requests_per_second: 0.001}}"
    )
    answers = [ask(shapes, f"/-/console/connectors/rare/rows{below}").status_code for below in PATHS]

    assert answers == [200, 429, 429, 429]
    assert ask(shapes, "/rare", Accept="*/*").status_code == 429
    page = ask(shapes, "/-/console/connectors/rare/rows?limit=5", Accept=CHROME).text
    assert "The limit is 1 request in 1000 s<" in page
    assert '<span class="who">guest</span>' in page
    assert 'href="../../../../-/console/connectors/rare/rows?limit=5">Open this page again' in page


def test_rows_of_a_removed_connector_are_410(shapes):
    server = shapes.server
    server.declare("gone", "{fields: {id: integer}, access: {read: [guest]}}")
    (server.connectors / "gone.yaml").unlink()
    server.reload()

    for below in PATHS:
        answer = ask(shapes, f"/-/console/connectors/gone/rows{below}")
        assert answer.status_code == 410
        assert "GW511" in answer.text
        assert "The page of gone" not in answer.text
        page = ask(shapes, f"/-/console/connectors/gone/rows{below}", "admin", Accept=CHROME)
        assert "The page of gone" in page.text


def test_form_filters_by_words_of_the_dialect(shapes):
    path = shapes.server.declare(
        "words", '{fields: {select: string, order: "string[]"}, access: {read: [guest]}}'
    )
    shapes.server.client.post(path, json=[{"select": "a", "order": ["b"]}, {"select": "c", "order": []}])
    rows = "/-/console/connectors/words/rows"
    form = ask(shapes, rows).text
    assert "<option>&#34;select&#34;</option>" in form

    for sent, filter in (
        ('_f="select"&_o=eq&_v=a', "?%22select%22=eq.a"),
        ('_f="order"&_o=cs&_v=b', "?%22order%22=cs.%7Bb%7D"),
    ):
        answer = ask(shapes, f"{rows}?{sent}")
        assert answer.headers["Location"].endswith(filter)
        assert "1 row" in ask(shapes, f"{rows}/count{filter}").text
