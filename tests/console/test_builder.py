"""The builder in a real browser: a connector is built, changed, and removed without YAML."""

import base64
import re
import subprocess
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Portal
from tests.support.browser import violations_of
from tests.support.server import eventually

PHONE = {"width": 375, "height": 667}


@pytest.fixture
def gateway_url(workbench: Portal, request: pytest.FixtureRequest) -> str:
    """The whole walk runs at the root and below a prefix, all else at the root."""
    return workbench.urls[getattr(request, "param", "root")]


def signed_in(open_page, workbench: Portal, path: str, **options) -> Page:
    page = open_page(f"-/sign-in?next={path}", **options)
    page.get_by_label("Token").fill(workbench.secret("admin"))
    page.get_by_role("button", name="Sign in").click()
    return page


def file_of(workbench: Portal, name: str) -> str:
    return (workbench.server.connectors / f"{name}.yaml").read_text()


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("gateway_url", ["root", "prefix"], indirect=True)
def test_whole_walk_needs_no_yaml(open_page, workbench: Portal, name: str, gateway_url: str):
    page = signed_in(open_page, workbench, "-/console/")
    page.get_by_role("link", name="New connector").first.click()
    page.get_by_label("Connector name").fill(name)
    for number, (field, type_) in enumerate([("id", "integer"), ("note", "string"), ("spare", "date")]):
        if number:
            button(page, "Add field").click()
            expect(page.get_by_label("Field name").last).to_be_focused()
        page.get_by_label("Field name").last.fill(field)
        page.get_by_label("Type").last.select_option(type_)
    page.get_by_label("Nullable").nth(1).check()
    button(page, "Delete field spare").click()
    expect(page.get_by_label("Field name").last).to_be_focused()
    expect(page.locator("#diff")).to_contain_text("note: {type: string, nullable: true}")
    assert violations_of(page) == []
    button(page, "Create").click()

    expect(page.get_by_role("heading", name=f"{name} is live")).to_be_visible()
    assert page.locator("#address").inner_text() == f"{gateway_url}{name}"
    assert violations_of(page) == []
    command = page.locator("#curl").inner_text()
    assert page.locator("#secret").inner_text() in command
    sent = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert '"stored":1' in sent.stdout
    expect(page.locator("#first-count")).to_have_text("1 row")
    page.reload()
    expect(page.get_by_text("The token was shown already")).to_be_visible()

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Field name").nth(1).fill("remark")
    button(page, "Add field").click()
    page.get_by_label("Field name").last.fill("paid")
    page.get_by_label("Type").last.select_option("boolean")
    page.get_by_label("Nullable").last.check()
    expect(page.locator("#plan")).to_contain_text("Renames the field 'note' to 'remark'")
    button(page, "Save").click()
    expect(page.get_by_role("status").first).to_have_text("Saved, and live.", timeout=8000)
    assert "remark: {type: string, nullable: true, renamed_from: note}" in file_of(workbench, name)

    page.get_by_role("link", name="Duplicate", exact=True).click()
    page.get_by_label("Connector name").fill(f"{name}-b")
    page.get_by_label("Copy the rows, too").check()
    assert violations_of(page) == []
    button(page, "Duplicate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name}-b")
    rows = workbench.server.client.get(f"/{name}-b").json()
    assert [set(row) for row in rows] == [{"id", "remark", "paid"}]

    page.get_by_role("link", name="Remove", exact=True).click()
    expect(page.get_by_text("No row is deleted")).to_be_visible()
    assert violations_of(page) == []
    button(page, "Remove").click()
    expect(page.get_by_role("heading", name=f"Restore {name}-b")).to_be_visible()
    assert workbench.server.client.get(f"/{name}-b").status_code == 410
    assert violations_of(page) == []
    button(page, "Restore").click()
    expect(page.get_by_role("link", name="Rows", exact=False).first).to_be_visible()
    assert workbench.server.client.get(f"/{name}-b").json() == rows
    history = workbench.server.client.get(f"/-/connectors/{name}-b/history").json()
    assert {event["by"] for event in history} == {"console, admin"}


def test_key_follows_the_name_of_a_new_field(open_page, workbench: Portal):
    page = signed_in(open_page, workbench, "-/console/new")
    page.get_by_label("Field name").fill("idd")
    page.get_by_text("Path, primary key").click()
    page.get_by_label("Primary key").fill("idd")
    page.get_by_label("Field name").fill("id")
    page.get_by_label("Field name").blur()
    expect(page.get_by_label("Primary key")).to_have_value("id")
    expect(page.locator("#findings")).not_to_contain_text("which is no field")


def test_refused_change_offers_the_way_forward(open_page, workbench: Portal, name: str, complaints):
    complaints.expect("status of 422")
    workbench.server.declare(name, "# kept\nfields:\n  id: string  # the id\n")
    workbench.server.client.post(f"/{name}", json=[{"id": "7"}])
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit", viewport=PHONE)
    page.get_by_label("Type").select_option("integer")
    expect(page.locator("#verdict")).to_have_text("This cannot be applied.")
    button(page, "Save").click()

    expect(page.get_by_role("alert").first).to_contain_text("nothing is saved")
    assert file_of(workbench, name) == "# kept\nfields:\n  id: string  # the id\n"
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations_of(page) == []
    page.get_by_role("button", name="Convert with CAST(id AS BIGINT)").click()
    expect(page.get_by_label("Using")).to_be_focused()
    button(page, "Save").click()
    expect(page.get_by_role("status").first).to_have_text("Saved, and live.", timeout=8000)
    assert workbench.server.client.get(f"/{name}").json() == [{"id": 7}]
    assert "# kept" in file_of(workbench, name)


def test_yaml_and_form_carry_edits_both_ways(open_page, workbench: Portal, name: str, complaints):
    complaints.expect("status of 422")
    workbench.server.declare(name, "fields: {id: integer}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit")
    page.get_by_label("Description", exact=True).fill("The <b>id</b>")
    button(page, "YAML").click()
    area = page.get_by_label(f"The text of {name}.yaml")
    expect(area).to_have_value("fields: {id: {type: integer, description: The <b>id</b>}}\n")
    area.fill("feilds: {id: [}\n")
    expect(page.locator("#findings li").first).to_have_class("error")
    button(page, "Form").click()
    expect(page.get_by_role("alert")).to_contain_text("the form stays as it was")
    area.fill("feilds: {id: integer}\n# mine\n")
    page.get_by_role("button", name="Write 'fields' for 'feilds'").click()
    expect(area).to_have_value("fields: {id: integer}\n# mine\n")
    assert violations_of(page) == []
    button(page, "Form").click()
    expect(page.get_by_label("Field name")).to_have_value("id")
    page.get_by_label("Nullable").check()
    button(page, "Save").click()
    expect(page.get_by_role("status").first).to_have_text("Saved, and live.", timeout=8000)
    assert file_of(workbench, name) == "fields: {id: {type: integer, nullable: true}}\n# mine\n"


def test_keyboard_alone_builds_a_connector(open_page, workbench: Portal, name: str):
    page = signed_in(open_page, workbench, "-/console/new")

    def tab_to(label: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "() => (document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
            )
            if focused == label:
                return
        raise AssertionError(f"{label} is not reached")

    tab_to("Connector name")
    page.keyboard.type(name)
    tab_to("Field name")
    page.keyboard.type("id")
    tab_to("Type")
    page.keyboard.type("integer")
    tab_to("Add field")
    page.keyboard.press("Enter")
    page.keyboard.type("note")
    tab_to("Nullable")
    page.keyboard.press("Space")
    tab_to("Move up note")
    page.keyboard.press("Enter")
    tab_to("Create")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=f"{name} is live")).to_be_visible()
    assert file_of(workbench, name).startswith(
        "fields:\n  note: {type: string, nullable: true}\n  id: integer\n"
    )


def test_findings_are_told_beside_their_inputs(open_page, workbench: Portal, name: str):
    workbench.server.declare(name, "fields: {id: integer}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit", viewport=PHONE)
    page.get_by_label("Default").fill("x")
    wrong = page.get_by_label("Default")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(
        "id.default 'x' is not a value of the field; expected an integer of 64 bits"
    )
    page.get_by_text("Rules of id").click()
    page.get_by_label("Minimum", exact=True).fill("3")
    expect(page.get_by_label("Minimum length")).to_be_hidden()
    page.get_by_label("Type").select_option("string")
    expect(page.get_by_label("Minimum length")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations_of(page) == []


@pytest.mark.parametrize("press", ["Move down id", "Delete field note", "Add field", "YAML"])
def test_leaving_asks_while_there_are_edits(open_page, workbench: Portal, name: str, complaints, press: str):
    """Follow a link after an edit that Back would not bring again, and after it was saved."""
    complaints.expect("dialog: ")
    workbench.server.declare(name, "fields: {id: integer, note: string}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit")
    history = page.get_by_role("link", name="History", exact=True)
    button(page, press).click()
    expect(page.locator("#area") if press == "YAML" else page.locator("#rows")).to_be_visible()
    history.click()
    eventually(lambda: page.title() and complaints.heard)
    assert page.url.endswith("/edit")

    button(page, "Save").click()
    expect(page.get_by_role("status").first).to_have_text("Saved, and live.", timeout=8000)
    history.click()
    page.wait_for_url("**/history")
    assert complaints.heard == ["dialog: "]


def test_back_shows_what_the_edits_would_do(open_page, workbench: Portal, name: str, complaints):
    workbench.server.declare(name, "fields: {id: integer}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit")
    expect(page.locator("#verdict")).to_have_text("Nothing is changed yet.")
    page.get_by_label("Description", exact=True).fill("The id")
    page.get_by_label("Type").select_option("number")
    complaints.accept_dialogs()
    page.get_by_role("link", name="History", exact=True).click()
    page.wait_for_url("**/history")
    page.go_back()
    expect(page.get_by_label("Type")).to_have_value("number")
    expect(page.locator("#diff")).to_contain_text("id: {type: number, description: The id}")


@pytest.mark.parametrize("is_told", [True, False], ids=["while-typing", "at-the-save"])
def test_edits_outlive_their_session(open_page, workbench: Portal, name: str, complaints, is_told: bool):
    """End the session while a form is edited, sign in in another tab, and save."""
    complaints.expect("status of 401")
    workbench.server.declare(name, "fields: {id: integer}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit")
    expect(page.get_by_label("Type")).to_be_visible()
    [cookie] = page.context.cookies()
    sent = {"Cookie": f"{cookie['name']}={cookie['value']}", "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(f"{workbench.server.url}/-/sign-out", headers=sent).status_code == 303

    page.get_by_label("Description", exact=True).fill("The id")
    expect(page.locator("#stale")).to_contain_text("Your session has ended.")
    assert violations_of(page) == []
    if not is_told:
        button(page, "Save").click()
        expect(page.locator("main")).to_contain_text("nothing was done")
        assert violations_of(page) == []
    with page.expect_popup() as opening:
        page.locator("main").get_by_role("link", name="Sign in", exact=True).click()
    opening.value.get_by_label("Token").fill(workbench.secret("admin"))
    opening.value.get_by_role("button", name="Sign in").click()
    expect(opening.value.get_by_role("heading", level=1)).to_be_visible()
    opening.value.wait_for_url("**/-/console/**")
    if is_told:
        page.get_by_label("Description", exact=True).fill("The id!")
        expect(page.locator("#stale")).to_be_hidden()
        expect(page.locator("#diff")).to_contain_text("The id!")
        button(page, "Save").click()
    else:
        page.reload()
    expect(page.get_by_role("status").first).to_have_text("Saved, and live.", timeout=8000)
    assert "description: The id" in file_of(workbench, name)


def test_refused_preview_is_told_beside_the_form(open_page, workbench: Portal, name: str, complaints):
    """Each reason takes the place of the one before."""
    complaints.expect("status of 40[14]")
    complaints.expect("ERR_FAILED")
    workbench.server.declare(name, "fields: {id: integer}\n")
    # That a directory is empty is not believed at once.
    workbench.server.declare(f"{name}-b", "fields: {id: integer}\n")
    page = signed_in(open_page, workbench, f"-/console/connectors/{name}/edit")
    stale = page.locator("#stale")
    expect(stale).to_be_hidden()
    page.route("**/preview", lambda route: route.abort())
    page.get_by_label("Description", exact=True).fill("The id")
    expect(stale).to_contain_text("The gateway cannot be reached.")
    page.unroute("**/preview")

    (workbench.server.connectors / f"{name}.yaml").unlink()
    eventually(lambda: workbench.server.client.post(f"/-/connectors/{name}/purge").is_success)
    page.get_by_label("Description", exact=True).fill("The id of it")
    expect(stale).to_contain_text(f"There is no connector '{name}'")
    expect(stale).not_to_contain_text("cannot be reached")
    expect(stale.get_by_role("link")).to_have_count(0)

    page.context.clear_cookies()
    page.get_by_label("Description", exact=True).fill("The id of the row")
    expect(stale).to_contain_text("Your session has ended.")
    expect(stale).not_to_contain_text("no connector")


def test_script_calls_what_is_defined(open_page):
    """A function that another change renamed throws only once a page calls it, which few tests may do."""
    page = open_page()
    script = page.evaluate("async () => (await fetch(document.querySelector('script').src)).text()")
    code = re.sub(r"//.*|/\*\*.*?\*/|`[^`]*`|\"[^\"\n]*\"", "", script)
    code = re.sub(r"^  (?:async )?\w+(?=\(.*\) \{$)", "", code, flags=re.MULTILINE)
    called = set(re.findall(r"(?<![.\w])(\w+)\(", code))
    known = set(re.findall(r"function (\w+)|(?<![.\w])(\w+)\b(?!\()", code))
    others = sorted(called - {name for pair in known for name in pair})
    assert "fetch" in others
    assert page.evaluate("(names) => names.filter((name) => !(name in window))", others) == []


def test_long_file_name_fits_a_phone(open_page, workbench: Portal, name: str):
    file = workbench.server.connectors / f"{name}_{'x' * 60}.yaml"
    file.write_text("fields: {a: wrong}\n")
    try:
        page = signed_in(open_page, workbench, f"-/console/files/{file.name}/edit", viewport=PHONE)
        expect(page.locator("#findings")).to_contain_text("wrong")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    finally:
        file.unlink()


def test_empty_form_is_no_error(open_page, workbench: Portal, name: str, complaints):
    complaints.expect("status of 422")
    page = signed_in(open_page, workbench, "-/console/new")
    expect(page.locator("#verdict")).to_have_text("It has no name yet.")
    expect(page.locator(".error")).to_have_count(0)
    page.get_by_label("Field name").fill("id")
    expect(page.get_by_role("group", name="Field id")).to_be_visible()
    expect(page.locator("#diff")).to_contain_text("id: string")
    expect(page.locator(".error")).to_have_count(0)
    button(page, "Create").click()
    expect(page.get_by_role("alert")).to_contain_text("The connector needs a name")
    page.get_by_label("Connector name").fill("My Orders")
    expect(page.locator("#name-error1")).to_contain_text("'My Orders' cannot be its name")
    expect(page.locator("#findings li")).to_have_count(1)
    page.get_by_label("Connector name").fill(name)
    page.get_by_label("Field name").fill("")
    expect(page.locator("#findings")).to_contain_text("Field name: the key 'fields' is missing")
    page.get_by_label("Field name").fill("id")
    expect(page.locator("#verdict")).to_have_text("This can be applied.")


def test_token_to_make_is_not_missing(open_page, workbench: Portal, name: str):
    page = signed_in(open_page, workbench, "-/console/new")
    page.get_by_label("Connector name").fill(name)
    page.get_by_label("Field name").fill("id")
    expect(page.locator("#diff")).to_contain_text(f"ingest: [{name}-pipeline]")
    expect(page.locator("#findings")).to_have_text("none")
    page.get_by_label("Its name").fill("feed")
    button(page, "Check").click()
    page.get_by_label("Its name").fill(f"{name}-feed")
    expect(page.locator("#diff")).to_contain_text(f"access: {{ingest: [{name}-feed]}}")
    button(page, "YAML").click()
    button(page, "Form").click()
    expect(page.get_by_label("Make a token for it")).to_be_checked()
    expect(page.get_by_label("Its name")).to_have_value(f"{name}-feed")
    page.get_by_label("Make a token for it").uncheck()
    expect(page.locator("#diff")).not_to_contain_text("access")


def test_answers_of_scripts_need_this_site(workbench: Portal):
    cookie = workbench.cookie_of("admin")
    path = f"{workbench.server.url}/-/console/new/preview"
    statuses = [
        httpx.post(path, data={"name": "x"}, headers={"Cookie": cookie, **sent}).status_code
        for sent in ({"Sec-Fetch-Site": "cross-site"}, {}, {"Sec-Fetch-Site": "same-origin"})
    ]
    assert statuses == [403, 403, 200]


def posted(workbench: Portal, path: str, **form: str) -> httpx.Response:
    headers = {"Cookie": workbench.cookie_of("admin"), "Sec-Fetch-Site": "same-origin"}
    return httpx.post(f"{workbench.server.url}/-/console/{path}", data=form, headers=headers)


@pytest.mark.parametrize("name", ['a"b', "one; filename=x", "\N{GRINNING FACE}"])
def test_downloads_have_any_file_name(workbench: Portal, name: str):
    file = workbench.server.connectors / f"{name}.yaml"
    file.write_text("fields: {a: wrong}\n")
    try:
        sent = {"base": base64.b64encode(file.read_bytes()).decode(), "yaml": "fields: {a: string}\n"}
        answers = [
            posted(workbench, f"files/{quote(file.name)}/edit", do=what, **sent) for what in ("file", "patch")
        ]
        assert [each.headers["Content-Disposition"] for each in answers] == [
            f"attachment; filename*=UTF-8''{quote(each, safe='')}"
            for each in (file.name, f"{file.name}.patch")
        ]
    finally:
        file.unlink()


def test_patch_needs_a_possible_file_name(workbench: Portal):
    answer = posted(
        workbench, "files/x%0d%0aSet-Cookie:%20a=b.yaml/edit", do="patch", yaml="fields: {a: string}"
    )
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (400, False)


def test_token_called_admin_creates_nothing(workbench: Portal):
    form = {"name": "usurped", "f1.name": "a", "f1.type": "string", "do": "save"}
    answer = posted(workbench, "new", make_token="on", pipeline="admin", **form)
    assert answer.status_code == 422
    assert not (workbench.server.connectors / "usurped.yaml").exists()


def test_form_has_a_thousand_fields_at_most(workbench: Portal):
    rows = {f"f{number}.name": f"n{number}" for number in range(1, 1003)}
    text = "fields:\n" + "".join(f"  n{number}: string\n" for number in range(1002))
    assert posted(workbench, "new", name="many", do="check", **rows).status_code == 413
    assert posted(workbench, "new", name="many", do="form", yaml=text).status_code == 422
