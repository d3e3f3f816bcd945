"""From a file to rows in a real browser: by the keyboard, in slices, through a broken connection, and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.conftest import CONNECTORS, Portal, opened
from tests.support.browser import violations_of

#: Larger than one slice.
ROWS = 30_000
PHONE = {"width": 375, "height": 700}


@pytest.fixture(scope="session")
def pier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("pier"), CONNECTORS) as portal:
        yield portal


@pytest.fixture(params=["root", "prefix"])
def gateway_url(pier: Portal, request: pytest.FixtureRequest) -> str:
    return pier.urls[request.param]


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "orders.csv"
    lines = (f"{row},{'a note of the order ' * 8}\n" for row in range(ROWS))
    path.write_text("id;note\n".replace(";", ",") + "".join(lines))
    return path


def sign_in(page: Page, portal: Portal, name: str) -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Token").fill(portal.secret(name))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def declare(pier: Portal, name: str) -> None:
    fields = "fields: {id: integer, note: {type: string, nullable: true}}\n"
    pier.server.declare(name, f"{fields}access: {{ingest: [etl], read: [etl]}}\n")


def fits(page: Page) -> bool:
    return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_file_becomes_rows_by_the_keyboard(open_page, pier: Portal, name, file):
    """The page follows the load by itself, from the columns to the sums."""
    declare(pier, name)
    page = open_page(viewport=PHONE)
    sign_in(page, pier, "etl")
    page.goto(f"-/console/connectors/{name}/load")
    assert violations_of(page) == []
    assert fits(page)
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Load orders.csv")).to_be_visible()
    expect(page.get_by_role("rowheader", name="id")).to_be_visible()
    assert violations_of(page) == []
    assert fits(page)
    page.get_by_role("button", name="Load", exact=True).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Loaded: orders.csv")).to_be_visible()
    expect(page.get_by_role("row", name="Stored", exact=False).first).to_contain_text(f"{ROWS:,}")
    assert violations_of(page) == []
    assert fits(page)
    count = pier.server.client.head(f"/{name}", headers={"Prefer": "count=exact"})
    assert count.headers["Content-Range"].endswith(f"/{ROWS}")


def test_broken_connection_sends_the_rest_of_a_file(open_page, pier: Portal, name, file, complaints):
    """The answer to the first slice is lost, and the second slice does not arrive."""
    declare(pier, name)
    complaints.expect("ERR_FAILED")
    page = open_page()
    sign_in(page, pier, "etl")
    seen: list[str] = []

    def break_off(route: Route) -> None:
        if route.request.method != "PUT" or len(seen) > 1:
            route.continue_()
            return
        seen.append(route.request.url)
        if len(seen) == 1:
            route.fetch()
        route.abort()

    page.route("**/-/console/uploads/*", break_off)
    page.goto(f"-/console/connectors/{name}/load")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="Load orders.csv")).to_be_visible()
    assert [url.partition("at=")[2] for url in seen] == ["0", str(4 * 2**20)]


def test_session_that_ends_leads_to_sign_in(open_page, pier: Portal, name, file, complaints):
    """The slices that have arrived are kept, and the rest follows."""
    declare(pier, name)
    complaints.expect("status of 401")
    page = open_page()
    sign_in(page, pier, "etl")
    seen: list[str] = []

    def end_session(route: Route) -> None:
        if route.request.method == "PUT":
            seen.append(route.request.url.partition("at=")[2])
            if len(seen) == 2:
                (cookie,) = page.context.cookies()
                pier.sign_in("etl", Cookie=f"{cookie['name']}={cookie['value']}")
        route.continue_()

    page.route("**/-/console/uploads/*", end_session)
    page.goto(f"-/console/connectors/{name}/load")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended. What has arrived is kept.")
    assert violations_of(page) == []
    page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    page.get_by_label("Token").fill(pier.secret("etl"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Load a file")).to_be_visible()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="Load orders.csv")).to_be_visible()
    assert seen == ["0", str(4 * 2**20), str(4 * 2**20)]


def test_dropped_file_leads_to_its_draft(open_page, pier: Portal, complaints):
    page = open_page()
    sign_in(page, pier, "admin")
    page.goto("-/console/load")
    assert violations_of(page) == []
    page.locator("#file-form").evaluate(
        """(form) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File(["id;note\\n1;NA\\n2;5\\n3;6\\n"], "<i>drop.csv"));
          form.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
        }"""
    )

    page.wait_for_url("**upload=*")
    page.goto(f"{page.url.replace('console/new', 'console/load')}&options=1")
    expect(page.get_by_role("heading", name="<i>drop.csv")).to_be_visible()
    expect(page.get_by_label("Separator")).to_have_value(";")
    expect(page.locator("pre")).to_contain_text("note: string")
    assert violations_of(page) == []


def test_refused_file_says_why_beside_its_form(open_page, pier: Portal, complaints):
    complaints.expect("status of 415")
    page = open_page()
    sign_in(page, pier, "admin")
    page.goto("-/console/load")
    page.get_by_label("File", exact=True).set_input_files({"name": "a.xls", "mimeType": "", "buffer": b"PK"})
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text(
        "a.xls is a workbook of Excel 97; open it, save it as .xlsx"
    )
    expect(page.get_by_role("button", name="Upload")).to_be_enabled()


def test_file_becomes_a_new_connector_and_its_rows(open_page, pier: Portal, name, file):
    """From a file to a connector and its rows: nothing is typed but the name, and no YAML is seen."""
    page = open_page()
    sign_in(page, pier, "admin")
    page.goto("-/console/")
    page.get_by_role("link", name="From a file").first.click()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Connector name").fill(name)
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Load", exact=True).click()

    expect(page.get_by_role("heading", name="Loaded: orders.csv")).to_be_visible()
    assert violations_of(page) == []
    page.get_by_role("link", name="Rows", exact=True).click()
    expect(page.get_by_role("table").first).to_contain_text("a note of the order")
    count = pier.server.client.head(f"/{name}", headers={"Prefer": "count=exact"})
    assert count.headers["Content-Range"].endswith(f"/{ROWS}")
