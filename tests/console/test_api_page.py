"""The API page of a connector: what it says to whom, its form, and Swagger UI."""

import json
import re
import subprocess

import httpx
import pytest
from playwright.sync_api import Page, expect

from gateway.errors import Code
from tests.console.conftest import Portal
from tests.console.connector_shapes import CONNECTORS
from tests.support.browser import violations_of
from tests.support.html_text import elements

ROW = {"code": "AB1234567", "select": 1, "format": "hidden in the store"}


@pytest.fixture(params=["root", "prefix"])
def gateway_url(shapes: Portal, request: pytest.FixtureRequest) -> str:
    return shapes.urls[request.param]


def bearer(shapes: Portal, name: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {shapes.secret(name)}"} if name else {}


def get(shapes: Portal, name: str, asker: str | None, query: str = "") -> httpx.Response:
    url = f"{shapes.server.url}/-/console/connectors/{name}/api{query and '?'}{query}"
    return httpx.get(url, headers=bearer(shapes, asker))


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return elements(answer.text)["main"].text


@pytest.mark.parametrize("name", CONNECTORS)
def test_pages_of_every_shape_are_well_formed(shapes, name):
    connector = shapes.server.client.get(f"/-/connectors/{name}").json()

    text = text_of(get(shapes, name, "admin"))

    assert connector["description"] is None or connector["description"].strip() in text
    for field in connector["fields"]:
        assert field["name"] in text
        assert not field["description"] or field["description"] in text


#: What a page has for a reader, by what the reader may do.
READING, WRITING, CHANGING = "Choose rows", "The receipt", "deletes the rows"
PARTS = [
    ("things", "etl", {READING, WRITING}),
    ("things", "admin", {READING, WRITING, CHANGING}),
    ("open", None, {READING}),
    ("drop", "etl", {WRITING}),
    ("narrow", "guest", {READING}),
    ("narrow", "etl", {WRITING}),
    ("wide", "etl", {READING, WRITING, CHANGING}),
    ("things", "auditor", set()),
]


@pytest.mark.parametrize(("name", "asker", "parts"), PARTS)
def test_page_has_parts_its_reader_may_use(shapes, name, asker, parts):
    text = text_of(get(shapes, name, asker))

    assert {part for part in (READING, WRITING, CHANGING) if part in text} == parts


def test_names_of_access_are_for_viewers_alone(shapes):
    for viewer in ("admin", "auditor"):
        assert "read: guest" in text_of(get(shapes, "narrow", viewer))
    assert "guest" not in get(shapes, "narrow", "etl").text
    assert "etl" not in text_of(get(shapes, "narrow", "guest"))


def test_page_shows_no_stored_row(shapes):
    assert shapes.server.client.post("/narrow", json=ROW).status_code == 201

    for asker in ("admin", "guest"):
        assert ROW["format"] not in get(shapes, "narrow", asker, "format=like.hidden*").text


def test_page_names_limits_and_rules_of_the_connector(shapes):
    text = text_of(get(shapes, "narrow", "admin"))

    for said in (
        "up to 100 in one response",
        "5%; with more of them",
        "1000 in a second",
        "5000 in a second",
        "after 30 days",
        "the latest 1,000",
        "64 MiB, decompressed",
        "pattern ^(?:AB|CD)[0-9]{7}$",
        "former name name",
        "No value could be made up for code",
    ):
        assert said in text


def test_receipt_shown_has_keys_of_real_one(shapes):
    example = json.loads(elements(get(shapes, "narrow", "etl").text)["example-receipt"].text)

    receipt = shapes.server.client.post("/narrow", json=ROW).json()

    assert list(example) == list(receipt)


def test_sender_can_follow_the_paths_of_its_rows(shapes):
    page = get(shapes, "narrow", "etl")
    paths = re.findall(r"<code>(/-/connectors/narrow/[^<]*)</code>", page.text)

    assert len(paths) == 6
    assert "/-/connectors/narrow/batches" not in get(shapes, "narrow", "guest").text
    for path in paths:
        method = "POST" if path.endswith(("/replay", "=eq.7")) else "GET"
        answer = httpx.request(method, shapes.server.url + path, headers=bearer(shapes, "etl"))
        assert answer.status_code in ((200, 201, 400) if method == "POST" else (200,)), answer.text


def test_codes_are_those_of_the_readers_methods(shapes):
    codes = {}
    for asker in ("guest", "etl"):
        text = get(shapes, "narrow", asker).text
        codes[asker] = {each.code for each in Code if f"<code>{each.code}</code>" in text}

    assert {"42703", "57014"} <= codes["guest"] - codes["etl"]
    assert {"GW202", "23502"} <= codes["etl"] - codes["guest"]
    assert {"PGRST301", "GW112"} <= codes["guest"] & codes["etl"]


# -- the form


FORMS = [
    ("_f=id&_o=gte&_v=5", "id=gte.5"),
    ("_f=id&_o=in&_v=1,2", "id=in.(1,2)"),
    ("_f=id&_o=in&_v=(1,2)", "id=in.(1,2)"),
    ("_f=tags&_o=ov&_v=a,b", "tags=ov.%7Ba,b%7D"),
    ("_f=tags&_o=eq&_v={a}", "tags=eq.%7Ba%7D"),
    ("_f=extra&_o=cs&_v={%22a%22:1}", "extra=cs.%7B%22a%22:1%7D"),
    ("_f=day&_o=is&_v=null&id=eq.1", "id=eq.1&day=is.null"),
    ("id=eq.1&select=id&order=&limit=+&_f=&_o=eq&_v=", "id=eq.1&select=id"),
    ("order=id&_f=id&_o=lt&_v=9&offset=50&cursor=7", "id=lt.9&order=id"),
    ("_f=&_o=eq&_v=", ""),
    (
        "_f=it%27s+a+%22name%22,+<b>&_o=eq&_v=%26%23+%2B",
        "it%27s%20a%20%22name%22,%20%3Cb%3E=eq.%26%23%20%2B",
    ),
]


@pytest.mark.parametrize(("form", "query"), FORMS)
def test_form_becomes_the_query_string_of_the_dialect(shapes, form, query):
    answer = get(shapes, "things", "etl", form)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"../../../../-/console/connectors/things/api{query and '?'}{query}"
    assert get(shapes, "things", "etl", query).status_code == 200


INVALID = [
    "amuont=gt.5",
    "id=gte.x",
    "id=cs.{1}",
    "select=nothing",
    "order=id.up",
    "limit=-1",
    "id=eq.%EB",
    "id>5",
    "format=xml",
]


@pytest.mark.parametrize("query", INVALID)
def test_invalid_query_shows_the_error_of_the_endpoint(shapes, query):
    refused = httpx.get(f"{shapes.server.url}/shop/things?{query}", headers=bearer(shapes, "etl"))
    error = refused.json()

    answer = get(shapes, "things", "etl", query)

    assert answer.status_code == refused.status_code
    shown = elements(answer.text)["main"].text
    for part in (
        error["message"],
        error["code"],
        error["hint"] or "",
        "the snippets that read ask for all rows",
    ):
        assert part in shown


def test_filters_of_fields_named_like_parameters_work(shapes):
    """A field called `format` is filtered by an operator; one called `select` is not offered."""
    page = get(shapes, "narrow", "guest", "format=eq.csv").text

    assert "format=eq.csv&amp;format=parquet" in page
    assert "<option>format</option>" in page
    assert "<option>select</option>" not in page


def test_reader_without_rows_may_send_any_query(shapes):
    assert get(shapes, "drop", "etl", "nothing=eq.1").status_code == 200


# -- in a browser


def choose(page: Page, field: str, operator: str, value: str) -> None:
    page.get_by_label("Field", exact=True).select_option(field)
    page.get_by_label("Operator", exact=True).select_option(operator)
    page.get_by_label("Value", exact=True).fill(value)
    page.get_by_role("button", name="Apply").click()


def test_filter_is_put_together_and_removed(open_page, shapes, gateway_url):
    url = f"{gateway_url}-/console/connectors/open/api"
    page = open_page("-/console/connectors/open/api")
    expect(page.locator("#address")).to_have_text(f"{gateway_url}open-things")

    choose(page, "id", "lte", "7002")
    assert page.url == f"{url}?id=lte.7002#rows"
    choose(page, "id", "in", "7001,7009")

    assert page.url == f"{url}?id=lte.7002&id=in.(7001,7009)#rows"
    expect(page.locator("#curl-read")).to_have_text(
        f"curl -sS --fail-with-body '{gateway_url}open-things?id=lte.7002&id=in.(7001,7009)'"
    )
    page.get_by_role("link", name="Remove id=lte.7002").click()
    assert page.url == f"{url}?id=in.(7001,7009)"
    page.get_by_role("link", name="See these rows as JSON").click()
    assert page.url == f"{gateway_url}open-things?id=in.(7001,7009)&limit=20&format=json"
    assert page.locator("pre").inner_text().startswith("[")


def test_snippet_runs_with_url_the_browser_sees(open_page, shapes, gateway_url):
    """Below a prefix the server cannot know the URL; the script of the page does."""
    page = open_page("-/console/connectors/things/api?limit=0", extra_http_headers=bearer(shapes, "etl"))
    command = page.locator("#curl-read").inner_text()

    ran = subprocess.run(
        ["bash", "-c", command], env={"GATEWAY_TOKEN": shapes.secret("etl")}, capture_output=True, text=True
    )

    assert gateway_url in command
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr


#: A prefix matters to URLs alone.
at_root = pytest.mark.parametrize("gateway_url", ["root"], indirect=True)


@at_root
@pytest.mark.parametrize(
    ("path", "asker"), [("things/api?id=gte.x", "etl"), ("drop/api", "etl"), ("narrow/api", "admin")]
)
def test_page_passes_axe(open_page, shapes, path, asker, complaints):
    if "gte.x" in path:
        complaints.expect("status of 400")
    page = open_page(f"-/console/connectors/{path}", extra_http_headers=bearer(shapes, asker))
    # The tabs have one name, by which one closes another.
    page.evaluate(
        "() => document.querySelectorAll('details').forEach((each) => { each.name = ''; each.open = true; })"
    )

    assert violations_of(page) == []


@at_root
@pytest.mark.parametrize("name", CONNECTORS)
def test_page_fits_a_phone(open_page, shapes, name):
    page = open_page(
        f"-/console/connectors/{name}/api",
        extra_http_headers=bearer(shapes, "admin"),
        viewport={"width": 360, "height": 740},
    )

    for tab in page.locator("summary").all():
        tab.click()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@at_root
def test_page_works_without_a_script(open_page, gateway_url):
    page = open_page("-/console/connectors/open/api", java_script_enabled=False)

    expect(page.locator("#pandas-read")).to_be_hidden()
    page.locator("#tab-pandas > summary").click()
    expect(page.locator("#pandas-read")).to_be_visible()
    expect(page.locator("#curl-read")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("^Copy"))).to_have_count(0)
    choose(page, "id", "eq", "7001")
    assert page.url == f"{gateway_url}-/console/connectors/open/api?id=eq.7001#rows"


@at_root
def test_copy_button_copies_the_snippet_shown(open_page):
    page = open_page("-/console/connectors/open/api", permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy curl: Read rows").click()

    expect(page.get_by_role("button", name="Copy curl: Read rows")).to_have_text("Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == page.locator("#curl-read").inner_text()


@at_root
def test_copy_button_selects_where_no_clipboard_is(open_page):
    """Over plain http a browser gives pages no clipboard, except those of its own machine."""
    page = open_page("-/console/connectors/open/api")
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")

    page.get_by_role("button", name="Copy curl: Read rows").click()

    assert page.evaluate("() => getSelection().toString()") == page.locator("#curl-read").inner_text()


def test_browser_at_an_endpoint_sees_its_query_explained(open_page, gateway_url):
    page = open_page("open-things?id=eq.7001")

    assert page.url == f"{gateway_url}-/console/connectors/open/api?id=eq.7001"
    expect(page.locator("#curl-read")).to_contain_text("?id=eq.7001")


def test_swagger_ui_tries_a_request_out(open_page, shapes, gateway_url):
    page = open_page("-/console/connectors/open/api")
    page.get_by_role("link", name="Swagger UI").click()
    page.locator("#operations-open-read_open").get_by_role("button", name=re.compile("GET")).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    assert f"{gateway_url}open-things" in page.locator(".request-url").inner_text()


@at_root
def test_swagger_ui_shows_what_a_session_may_see(open_page, shapes):
    page = open_page("-/sign-in?next=-/console/swagger")
    page.get_by_label("Token").fill(shapes.secret("etl"))
    page.get_by_role("button", name="Sign in").click()

    expect(page.locator("#operations-things-write_things")).to_be_visible()
    expect(page.locator("#operations-drop-read_drop")).to_have_count(0)
