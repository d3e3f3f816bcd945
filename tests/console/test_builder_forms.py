"""The builder without a script: forms as a browser sends them, and what became of the files."""

import html
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from gateway.auth.tokens import make_token
from tests.console.conftest import CHROME, Portal
from tests.support.html_form import HtmlForm
from tests.support.server import Server, put, serving

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}</textarea></script>"


def text_of(page: str) -> str:
    """Return the words of a page, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


class Desk:
    """The admin at the pages of a gateway."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(self, method: str, path: str, inputs: dict[str, str] | None = None) -> httpx.Response:
        headers = {**self.server.admin, "Accept": CHROME, "Sec-Fetch-Site": "same-origin"}
        url = f"{self.server.url}/-/console/{path}"
        return httpx.request(method, url, headers=headers, data=inputs, timeout=60)

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def inputs(self, path: str, of: str = "builder") -> dict[str, str]:
        return HtmlForm(self.get(path).text, of).inputs

    def send(self, path: str, inputs: dict[str, str], do: str) -> httpx.Response:
        return self.ask("POST", path, {**inputs, "do": do})

    def press(self, path: str, inputs: dict[str, str], do: str, status: int = 200) -> dict[str, str]:
        """Press a button that comes back with the page, and return its inputs."""
        answer = self.send(path, inputs, do)
        assert answer.status_code == status, answer.text
        return HtmlForm(answer.text).inputs

    def saved(self, path: str, inputs: dict[str, str]) -> str:
        """Save, and return where that leads to."""
        answer = self.send(path, inputs, "save")
        assert answer.status_code == 303, text_of(answer.text)
        return answer.headers["Location"]

    def follow(self, location: str) -> httpx.Response:
        return self.get(location.removeprefix("../../-/console/"))

    def put(self, file: str, text: str) -> None:
        """Put a file in place, whatever comes of it."""
        put(self.server.connectors / file, text)
        self.server.reload()

    def file(self, name: str) -> str:
        return (self.server.connectors / f"{name}.yaml").read_text()


@pytest.fixture
def desk(workbench: Portal) -> Desk:
    return Desk(workbench.server)


def edit_of(name: str) -> str:
    return f"connectors/{name}/edit"


ORDERS = """\
# Orders of the shop.
fields:
  id: integer  # the id
  note: {type: string, nullable: true}
access: {read: [public]}
"""


def test_buttons_work_without_a_script(desk: Desk, name: str):
    inputs = {**desk.inputs("new"), "name": name, "f1.name": "id", "f1.type": "integer"}
    del inputs["make_token"]
    inputs = desk.press("new", inputs, "add")
    inputs = desk.press("new", {**inputs, "f2.name": "note"}, "add")
    inputs = desk.press("new", {**inputs, "f3.name": "spare", "f3.nullable": "on"}, "up:3")
    assert [key for key in inputs if key.endswith(".name")] == ["f1.name", "f3.name", "f2.name"]
    inputs = desk.press("new", inputs, "down:1")
    inputs = desk.press("new", inputs, "delete:2")
    assert desk.saved("new", inputs) == f"../../-/console/connectors/{name}/created"
    assert desk.file(name) == "fields:\n  spare: {type: string, nullable: true}\n  id: integer\n"


def test_form_that_is_saved_untouched_changes_nothing(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    assert desk.saved(edit_of(name), desk.inputs(edit_of(name))).endswith("/edit?saved=1")
    assert desk.file(name) == ORDERS


def test_edit_leaves_comments_and_other_bytes(desk: Desk, name: str):
    text = "\ufeff" + ORDERS.replace("\n", "\r\n")
    desk.server.declare(name, text)
    (desk.server.connectors / f"{name}.yaml").write_bytes(text.encode())
    desk.server.reload()
    inputs = {**desk.inputs(edit_of(name)), "f2.max_length": "200", "retention.days": "90"}
    location = desk.saved(edit_of(name), inputs)
    assert "Saved, and live." in text_of(desk.follow(location).text)
    written = (desk.server.connectors / f"{name}.yaml").read_bytes().decode()
    expected = (
        text.replace("nullable: true}", "nullable: true, max_length: 200}") + "retention: {days: 90}\r\n"
    )
    assert written == expected


@pytest.mark.parametrize(("row", "field"), [("1", "id"), ("2", "note")])
def test_deleted_field_can_be_put_back(desk: Desk, name: str, row: str, field: str):
    desk.server.declare(name, ORDERS)
    inputs = desk.inputs(edit_of(name))
    answer = desk.send(edit_of(name), inputs, f"delete:{row}")
    assert "Values of stored rows are kept out of sight" in text_of(answer.text)
    inputs = desk.press(edit_of(name), HtmlForm(answer.text).inputs, f"restore:{field}")
    desk.saved(edit_of(name), inputs)
    assert desk.file(name) == ORDERS


def test_two_people_save_one_file(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "f2.name": "remark", "f1.description": "Mine."}
    theirs = ORDERS.replace("# the id", "# their comment").replace(
        "nullable: true", "nullable: true, max_length: 9"
    )
    desk.server.declare(name, theirs)

    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 412
    assert "changed by somebody else" in text_of(answer.text)
    assert "# their comment" in text_of(answer.text)
    assert desk.file(name) == theirs
    desk.saved(edit_of(name), HtmlForm(answer.text).inputs)
    assert "remark: {type: string, nullable: true, max_length: 9, renamed_from: note}" in desk.file(name)
    assert "description: Mine." in desk.file(name)


def test_two_people_rename_one_field(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "f2.name": "remark"}
    desk.saved(edit_of(name), {**desk.inputs(edit_of(name)), "f2.name": "memo"})

    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 412
    assert "Both of you changed fields.note: your version stays." in text_of(answer.text)
    desk.saved(edit_of(name), HtmlForm(answer.text).inputs)
    assert "remark: {type: string, nullable: true, renamed_from: memo}" in desk.file(name)


@pytest.mark.parametrize(
    "names",
    [{"f2.name": "a"}, {"f1.name": "b", "f2.name": "a"}],
    ids=["of a deleted field", "swapped"],
)
def test_renamed_field_takes_no_values_of_another(desk: Desk, name: str, names: dict[str, str]):
    desk.server.declare(name, "fields: {a: string, b: string}\n")
    desk.server.client.post(f"/{name}", json=[{"a": "A", "b": "B"}])
    inputs = desk.inputs(edit_of(name))
    if len(names) == 1:
        inputs = desk.press(edit_of(name), inputs, "delete:1")
    answer = desk.send(edit_of(name), {**inputs, **names}, "save")
    assert answer.status_code == 422
    assert (
        "Stored rows have a field 'a': save its deletion or its renaming first, and then rename this field"
        in text_of(answer.text)
    )
    assert desk.file(name) == "fields: {a: string, b: string}\n"


def test_name_that_a_colleague_took_is_refused(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "f2.name": "z"}
    desk.server.declare(
        name, theirs := ORDERS.replace("access", "  z: {type: string, nullable: true}\naccess")
    )

    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 422
    assert "Stored rows have a field 'z'" in text_of(answer.text)
    inputs = desk.press(edit_of(name), {**inputs, "f2.name": "y"}, "save", 412)
    desk.saved(edit_of(name), inputs)
    assert desk.file(name) == theirs.replace(
        "note: {type: string, nullable: true", "y: {type: string, nullable: true, renamed_from: note"
    )


def test_renamed_field_takes_a_free_name(desk: Desk, name: str):
    desk.server.declare(name, "fields: {a: string, b: string}\n")
    desk.server.client.post(f"/{name}", json=[{"a": "A", "b": "B"}])
    desk.saved(edit_of(name), desk.press(edit_of(name), desk.inputs(edit_of(name)), "delete:1"))
    desk.saved(edit_of(name), {**desk.inputs(edit_of(name)), "f1.name": "a"})
    assert desk.server.client.get(f"/{name}").json() == [{"a": "B"}]


@pytest.mark.parametrize("do", ["patch", "file"])
def test_download_keeps_what_a_colleague_saved(desk: Desk, name: str, do: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "f1.description": "Mine."}
    desk.server.declare(name, ORDERS + "read_limit: 10\n")

    answer = desk.send(edit_of(name), inputs, do)
    assert answer.status_code == 412
    assert "changed by somebody else" in text_of(answer.text)
    download = desk.send(edit_of(name), HtmlForm(answer.text).inputs, do).text
    assert "description: Mine." in download
    assert "-read_limit" not in download
    assert "read_limit: 10" in download


def test_patch_of_no_edit_is_not_made(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    answer = desk.send(edit_of(name), desk.inputs(edit_of(name)), "patch")
    assert answer.status_code == 422
    assert f"{name}.yaml has this text already, so there is nothing to patch" in text_of(answer.text)


def test_two_people_edit_one_text(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = desk.press(edit_of(name), desk.inputs(edit_of(name)), "yaml")
    inputs["yaml"] = inputs["yaml"].replace("id: integer", "id: number").replace("the id", "my id")
    desk.server.declare(name, ORDERS + "read_limit: 10\n")

    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 412
    assert "new text, but comments of your own are not carried over" in text_of(answer.text)
    assert "# my id" in text_of(answer.text)
    desk.saved(edit_of(name), HtmlForm(answer.text).inputs)
    assert "id: number " in desk.file(name)
    assert desk.file(name).endswith("read_limit: 10\n")


def test_file_that_is_gone_is_created_again(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "description": "Back."}
    (desk.server.connectors / f"{name}.yaml").unlink()
    desk.server.reload()
    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 412
    assert f"{name}.yaml was removed by somebody else Your text is kept" in text_of(answer.text)
    assert "Create writes the file again" in text_of(answer.text)
    desk.saved(edit_of(name), HtmlForm(answer.text).inputs)
    assert "description: Back." in desk.file(name)


def test_text_that_takes_no_edits_says_so(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "f1.description": "Mine."}
    desk.put(f"{name}.yaml", ORDERS + "access: [\n")

    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 412
    assert "Your edits could not be applied to the new text, and nothing is saved" in text_of(answer.text)
    assert "applied once more" not in text_of(answer.text)
    assert "description: Mine." in text_of(answer.text)
    assert HtmlForm(answer.text).inputs["yaml"].endswith("access: [\r\n")


def test_name_of_another_file_is_refused(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs("new"), "name": name, "f1.name": "id"}
    answer = desk.send("new", inputs, "save")
    assert answer.status_code == 422
    assert f"there is a file {name}.yaml already" in text_of(answer.text).lower()
    assert desk.file(name) == ORDERS


@pytest.mark.parametrize("page", ["new", "duplicate"])
def test_name_in_another_file_moves_nothing(desk: Desk, name: str, page: str):
    desk.put(f"{name}-file.yaml", f"name: {name}\n{ORDERS}")
    desk.server.declare(f"{name}-b", ORDERS)
    path = "new" if page == "new" else f"connectors/{name}-b/duplicate"
    inputs = {"name": name, "f1.name": "id", "f1.type": "string"} if page == "new" else {"name": name}
    text = text_of(desk.send(path, inputs, "check").text)
    assert f"he name '{name}' is declared by {name}-file.yaml too" in text
    assert "Moves from" not in text
    assert "Changes the type" not in text


def test_form_without_fields_asks_for_one(desk: Desk, name: str):
    desk.server.declare(name, "fields: {id: integer}\n")
    page = text_of(desk.send(edit_of(name), desk.inputs(edit_of(name)), "delete:1").text)
    assert "there is no field; add one, as NAME: TYPE" in page


@pytest.mark.parametrize(
    "bad", ["", "../x", "x/../../etc", "X", ".hidden", "a b", "x\x00", "%2e%2e%2fx", HOSTILE, "a" * 64]
)
def test_bad_names_write_no_file(desk: Desk, bad: str):
    before = sorted(path.name for path in desk.server.connectors.iterdir())
    answer = desk.send("new", {**desk.inputs("new"), "name": bad, "f1.name": "id"}, "save")
    assert answer.status_code == 422
    assert sorted(path.name for path in desk.server.connectors.iterdir()) == before


def test_hostile_text_is_text_everywhere(desk: Desk, name: str):
    """Put markup into every input, and into every place of a file; no page has it as markup."""
    inputs = {**desk.inputs("new"), "name": name}
    inputs |= dict.fromkeys(("f1.name", "f1.description", "f1.pattern", "f1.default", "f1.examples"), HOSTILE)
    inputs |= dict.fromkeys(("f1.using", "f1.renamed_from", "description", "path", "primary_key"), HOSTILE)
    inputs |= {
        "access.new": HOSTILE,
        "access.read:*": "on",
        f"access.read:{HOSTILE}": "on",
        "pipeline": HOSTILE,
    }
    answers = [desk.send("new", inputs, do) for do in ("check", "save", "yaml", f"set:f1.using:{HOSTILE}")]
    text = f"fields:\n  a: {{type: string, description: '{HOSTILE.replace(chr(39), chr(39) * 2)}'}}\n"
    broken = desk.inputs("new") | {"name": name, "yaml": f"{HOSTILE}: [\n{HOSTILE}"}
    desk.server.declare(name, text)
    answers += [desk.send("new", broken, do) for do in ("check", "form")]
    answers += [
        desk.get(f"connectors/{name}/{page}") for page in ("edit", "created", "duplicate", "remove", "rename")
    ]
    for answer in answers:
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<img src=x" not in answer.text
        assert "</textarea></script>" not in answer.text


def test_file_that_was_never_served_is_corrected(desk: Desk, name: str):
    put(desk.server.connectors / f"{name}.yaml", "fields: {id: intger}\n")
    desk.server.reload()
    path = f"files/{name}.yaml/edit"
    inputs = desk.press(path, desk.inputs(path), "fix:1:14:intger:integer")
    assert inputs["f1.type"] == "integer"
    desk.saved(path, inputs)
    assert desk.file(name) == "fields: {id: integer}\n"


def test_another_name_makes_a_field_of_its_own(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1, "note": "x"}])
    inputs = {**desk.inputs(edit_of(name)), "f2.type": "integer"}
    page = desk.send(edit_of(name), inputs, "check")
    way = re.search(r'value="([^"]*)">Choose another name, for a field of its own', page.text)[1]
    inputs = desk.press(edit_of(name), HtmlForm(page.text).inputs, way)
    desk.saved(edit_of(name), {**inputs, "f2.name": "count"})
    assert "count: {type: integer, nullable: true, renamed_from: null}" in desk.file(name)
    assert [set(row) for row in desk.server.client.get(f"/{name}").json()] == [{"id", "count"}]


def test_plan_says_whether_a_version_stays_live(desk: Desk, name: str):
    """Refuse a served connector, a new one, and a removed one whose path is taken."""
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), "path": "/-/x"}
    assert "the last good version stays live" in text_of(desk.send(edit_of(name), inputs, "check").text)
    new = {**desk.inputs("new"), "name": f"{name}-b", "f1.name": "id", "path": f"/{name}"}
    assert "last good version" not in text_of(desk.send("new", new, "check").text)

    desk.send(f"connectors/{name}/remove", {}, "save")
    desk.server.declare(f"{name}-b", f"path: /{name}\n{ORDERS}")
    restored = text_of(desk.get(f"connectors/{name}/restore").text)
    assert f"{name}: the file is not applied The path" in restored
    assert "last good version" not in restored


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"access.new": "bob"}, "Tick what 'bob' may do"),
        ({"access.ingest:*": "on"}, "Type the name of the token"),
    ],
)
def test_half_a_permission_is_not_dropped(desk: Desk, name: str, line: dict[str, str], told: str):
    desk.server.declare(name, ORDERS)
    inputs = {**desk.inputs(edit_of(name)), **line}
    answer = desk.send(edit_of(name), inputs, "save")
    assert answer.status_code == 422
    assert told in text_of(answer.text)
    text = text_of(desk.send(edit_of(name), inputs, "yaml").text)
    assert "This text may lack what some inputs said" in text
    assert told in text


def test_fix_leaves_half_a_permission(desk: Desk, name: str):
    put(desk.server.connectors / f"{name}.yaml", "fields: {id: intger}\n")
    desk.server.reload()
    path = f"files/{name}.yaml/edit"
    inputs = {**desk.inputs(path), "access.new": "bob"}
    assert desk.press(path, inputs, "fix:1:14:intger:integer", 422)["access.new"] == "bob"


def test_refused_file_shows_why_at_once(desk: Desk, name: str):
    """Open a file that was broken outside of the console, and save it as it is."""
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1, "note": "x"}])
    broken = ORDERS.replace("note: {type: string", "note: {type: strng")
    refused = ORDERS.replace("note: {type: string", "note: {type: integer")
    for text, way in ((broken, "Write 'string' for 'strng'"), (refused, "Keep the type string")):
        put(desk.server.connectors / f"{name}.yaml", text)
        desk.server.reload()
        page = desk.get(edit_of(name))
        assert "This cannot be applied." in text_of(page.text)
        assert way in text_of(page.text)
        answer = desk.send(edit_of(name), HtmlForm(page.text).inputs, "save")
        assert answer.status_code == 422
        assert "The change is refused, and nothing is saved" in text_of(answer.text)
        stale = text_of(desk.get(f"{edit_of(name)}?saved=1").text)
        assert "Saved, and not live yet" in stale
    desk.server.declare(name, ORDERS + "# new\n")
    assert "Saved, and live." in text_of(desk.get(f"{edit_of(name)}?saved=1").text)


def test_file_that_is_not_yaml_opens_as_text(desk: Desk, name: str):
    put(desk.server.connectors / f"{name}.yaml", "fields: {id: [\n")
    desk.server.reload()
    path = f"files/{name}.yaml/edit"
    inputs = desk.inputs(path)
    assert inputs["yaml"] == "fields: {id: [\r\n"
    desk.press(path, inputs, "form", 422)
    desk.saved(path, {**inputs, "yaml": "fields: {id: integer}\r\n"})
    assert desk.file(name) == "fields: {id: integer}\n"


@pytest.mark.parametrize("file", ["nothing.yaml", "..%2fdata%2fadmin-token", ".hidden.yaml", "x"])
def test_other_files_are_not_opened(desk: Desk, file: str):
    assert desk.get(f"files/{file}/edit").status_code == 404


def test_token_that_exists_is_not_made_again(desk: Desk, name: str):
    inputs = {**desk.inputs("new"), "name": name, "f1.name": "id", "pipeline": "etl"}
    answer = desk.send("new", inputs, "save")
    assert answer.status_code == 422
    assert "there is a token 'etl'" in text_of(answer.text)


def test_token_is_made_from_the_yaml_too(desk: Desk, name: str):
    inputs = {**desk.inputs("new"), "name": name, "f1.name": "id"}
    page = desk.send("new", inputs, "yaml")
    assert f"With Create a token is made for {name}-pipeline, and shown once." in text_of(page.text)
    created = desk.follow(desk.saved("new", HtmlForm(page.text).inputs))
    assert f"The token of {name}-pipeline" in text_of(created.text)


def test_created_page_tells_who_may_write(desk: Desk, name: str):
    for make, told in (
        ({}, "Only the admin token may send rows: edit the access to let another one ingest."),
        ({"access.new": "shared", "access.ingest:*": "on"}, "$GATEWAY_TOKEN is the token of shared."),
        ({"make_token": "on"}, None),
    ):
        name += "-b"
        inputs = {**desk.inputs("new"), "name": name, "f1.name": "id"}
        del inputs["make_token"]
        page = text_of(desk.follow(desk.saved("new", {**inputs, **make})).text)
        if told is None:
            assert "$GATEWAY_TOKEN" not in page
            assert "admin token" not in page
        else:
            assert told in page


def test_token_needs_its_permission_in_the_yaml(desk: Desk, name: str):
    inputs = desk.press("new", {**desk.inputs("new"), "name": name, "f1.name": "id"}, "yaml")
    inputs["yaml"] = inputs["yaml"].replace(f"{name}-pipeline", "etl")
    page = desk.send("new", inputs, "check")
    assert "No token is made: ingest under access does not have its name." in text_of(page.text)
    assert "make_token" not in desk.press("new", inputs, "form")
    assert desk.saved("new", inputs) == f"../../-/console/connectors/{name}/created"


@pytest.mark.parametrize("back", ["form", "discard"])
def test_permission_of_a_new_token_follows_the_name(desk: Desk, name: str, back: str):
    inputs = desk.press("new", {**desk.inputs("new"), "name": "former", "f1.name": "id"}, "yaml")
    inputs = desk.press("new", {**inputs, "name": name}, back)
    created = desk.follow(desk.saved("new", inputs))
    assert f"The token of {name}-pipeline" in text_of(created.text)
    assert f"access: {{ingest: [{name}-pipeline]}}" in desk.file(name)


def test_permission_of_yaml_beside_a_new_token_stays(desk: Desk, name: str):
    inputs = desk.press("new", {**desk.inputs("new"), "name": name, "f1.name": "id"}, "yaml")
    inputs["yaml"] = inputs["yaml"].replace("access: {", f"access: {{change: [{name}-pipeline], ")
    desk.saved("new", desk.press("new", inputs, "form"))
    assert f"change: [{name}-pipeline]" in desk.file(name)


def test_page_says_that_a_patch_makes_no_token(desk: Desk):
    assert "With a patch or a file no token is made: gateway token NAME" in text_of(desk.get("new").text)


def test_connector_without_its_token_says_why(desk: Desk, name: str):
    """Another program adds the name to the tokens file after the page was checked, and before the token is made."""
    tokens = desk.server.connectors.parent / "tokens.yaml"
    kept = tokens.read_text()
    inputs = {**desk.inputs("new"), "f1.name": "id"}
    try:
        for attempt in range(100):
            rival = f"{name}-rival{attempt}"
            put(tokens, kept + f"{make_token(rival)[1]}\n")
            new = {**inputs, "name": f"{name}-{attempt}", "pipeline": rival}
            answer = desk.send("new", new, "save")
            if answer.status_code == 303:
                break
    finally:
        put(tokens, kept)
    page = text_of(desk.follow(answer.headers["Location"]).text)
    assert f"{name}-{attempt} is live" in page
    assert f"No token was made: there is a token '{rival}'." in page


def test_file_is_loaded_after_its_token_was_shown(desk: Desk, name: str):
    form = {"format": "", "connector": ""}
    headers = {**desk.server.admin, "Accept": CHROME, "Sec-Fetch-Site": "same-origin"}
    files = {"file": (f"{name}.csv", b"id\n1\n")}
    url = f"{desk.server.url}/-/console/uploads"
    sent = httpx.post(url, headers=headers, data=form, files=files, timeout=60)
    upload = re.search(r"upload=([^&]+)", sent.headers["Location"])[1]
    inputs = {**desk.inputs(f"new?upload={upload}"), "make_token": "on"}
    created = desk.follow(desk.saved("new", inputs))
    assert f"The token of {name}-pipeline" in text_of(created.text)
    load = re.search(rf'href="[^"]*/console/([^"]*/load\?[^"]*)">{name}.csv</a>: its rows', created.text)[1]
    assert f"Load {name}.csv" in text_of(desk.get(html.unescape(load)).text)


def test_rename_keeps_rows_and_their_name(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1}])
    new = f"{name}-new"
    page = desk.send(f"connectors/{name}/rename", {"name": new, "path": "on"}, "check")
    assert "moves from the file" in text_of(page.text).lower()
    answer = desk.send(f"connectors/{name}/rename", {"name": new, "path": "on"}, "save")
    assert answer.status_code == 303, text_of(answer.text)
    assert desk.file(new).startswith("# Orders of the shop.\n")
    assert not (desk.server.connectors / f"{name}.yaml").exists()
    assert [row["id"] for row in desk.server.client.get(f"/{new}").json()] == [1]
    assert desk.server.client.get(f"/{name}").status_code == 410


def test_rename_to_the_present_name_changes_nothing(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    rename = f"connectors/{name}/rename"
    page = desk.get(rename).text
    assert "Nothing changes with this name: type another one." in text_of(page)
    assert "Commands for git" not in page
    assert "Changes of" not in page
    for do in ("save", "patch"):
        answer = desk.send(rename, desk.inputs(rename, "change"), do)
        assert answer.status_code == 422
        assert "Nothing would change, so nothing is saved" in text_of(answer.text)
    assert desk.file(name) == ORDERS


def test_version_before_a_rename_keeps_rows(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1}])
    desk.send(f"connectors/{name}/rename", {"name": f"{name}-new", "path": "on"}, "save")
    history = desk.get(f"connectors/{name}/history").text
    version = re.findall(r"history\?(at=[^\"]+)", history)[-1].replace("at=", "from=")
    inputs = desk.inputs(f"{edit_of(name)}?{version}")
    desk.saved(edit_of(name), inputs)
    assert desk.file(f"{name}-new") == f"# Orders of the shop.\nname: {name}\n" + ORDERS.partition("\n")[2]
    assert [row["id"] for row in desk.server.client.get(f"/{name}").json()] == [1]


def removed(desk: Desk, name: str, file: str, text: str = ORDERS) -> None:
    """Serve a connector with a row, and remove it."""
    desk.put(file, text)
    desk.server.client.post(f"/{name}", json=[{"id": 1}])
    page = desk.send(f"connectors/{name}/remove", {}, "save")
    assert page.status_code == 303, text_of(page.text)


def rows_of(desk: Desk, name: str) -> list[int]:
    return [row["id"] for row in desk.server.client.get(f"/{name}").json()]


@pytest.mark.parametrize("file", ["{}.yml", "my {}.yaml"])
def test_restore_of_another_file_name_works(desk: Desk, name: str, file: str):
    removed(desk, name, file.format(name), f"name: {name}\n{ORDERS}")
    page = text_of(desk.get(f"connectors/{name}/restore").text)
    assert f"is no name of a new file, so {name}.yaml is written" in page
    assert "its file is back, with its rows" in page
    desk.saved(f"connectors/{name}/restore", {})
    assert rows_of(desk, name) == [1]


@pytest.mark.parametrize("page", ["restore", "edit"])
def test_removed_connector_leaves_the_file_of_another(desk: Desk, name: str, page: str):
    removed(desk, name, f"{name}.yaml")
    desk.put(f"{name}.yaml", f"name: {name}-b\n{ORDERS}")
    shown = desk.get(f"connectors/{name}/restore").text
    assert f"{name}.yaml belongs to '{name}-b' now, so {name}-2.yaml is written" in text_of(shown)
    desk.saved(f"connectors/{name}/{page}", desk.inputs(f"connectors/{name}/{page}"))
    assert desk.file(f"{name}-2") == f"# Orders of the shop.\nname: {name}\n" + ORDERS.partition("\n")[2]
    assert desk.file(name) == f"name: {name}-b\n{ORDERS}"
    assert rows_of(desk, name) == [1]


def test_file_that_is_back_is_corrected(desk: Desk, name: str):
    removed(desk, name, f"{name}.yaml")
    desk.put(f"{name}.yaml", ORDERS.replace("integer", "intger"))
    assert (
        f"there is a file {name}.yaml already" in text_of(desk.get(f"connectors/{name}/restore").text).lower()
    )
    inputs = desk.inputs(edit_of(name))
    desk.saved(edit_of(name), {**inputs, "f1.type": "integer"})
    assert rows_of(desk, name) == [1]


def test_duplicate_leaves_rows_of_removed_connectors(desk: Desk, name: str):
    removed(desk, f"{name}_copy", f"{name}_copy.yaml")
    desk.server.declare(name, ORDERS)
    duplicate = f"connectors/{name}/duplicate"
    assert desk.inputs(duplicate, "change")["name"] == f"{name}_copy-2"
    answer = desk.send(duplicate, {"name": f"{name}_copy", "rows": "on"}, "save")
    assert answer.status_code == 422
    assert f"'{name}_copy' was removed, and its rows are kept" in text_of(answer.text)
    assert not (desk.server.connectors / f"{name}_copy.yaml").exists()


def test_duplicate_of_unapplied_text_has_no_rows(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1, "note": "x"}])
    duplicate, new = f"connectors/{name}/duplicate", {"name": f"{name}-b"}
    assert "is not applied" not in text_of(desk.get(duplicate).text)
    desk.put(f"{name}.yaml", text := ORDERS.replace("note: {type: string", "note: {type: integer"))
    assert f"The text of {name}.yaml is not applied: the copy is of the file" in text_of(
        desk.get(duplicate).text
    )
    answer = desk.send(duplicate, {**new, "rows": "on"}, "save")
    assert answer.status_code == 409
    assert f"The rows of '{name}' are of its last good version" in text_of(answer.text)
    assert not (desk.server.connectors / f"{name}-b.yaml").exists()
    desk.saved(duplicate, new)
    assert desk.file(f"{name}-b") == text


def test_remove_works_once_the_change_is_shown(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    inputs = desk.inputs(f"connectors/{name}/remove", "change")
    desk.server.declare(name, ORDERS + "read_limit: 10\n")
    for do in ("patch", "save"):
        answer = desk.send(f"connectors/{name}/remove", inputs, do)
        assert answer.status_code == 412
        assert "-read_limit: 10" in text_of(answer.text)
    desk.saved(f"connectors/{name}/remove", HtmlForm(answer.text, "change").inputs)


def test_remove_tells_of_a_text_without_a_copy(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    assert "is not applied" not in text_of(desk.get(f"connectors/{name}/remove").text)
    desk.put(f"{name}.yaml", ORDERS.replace("integer", "intger"))
    page = text_of(desk.get(f"connectors/{name}/remove").text)
    assert f"The text of {name}.yaml is not applied, so that only the file has it" in page


def test_purge_needs_the_name(desk: Desk, name: str):
    desk.server.declare(name, ORDERS)
    desk.server.client.post(f"/{name}", json=[{"id": 1}])
    purge = f"connectors/{name}/purge"
    assert desk.get(purge).status_code == 303, "and a served connector has no such page"
    assert "the 1 row is kept" in text_of(desk.get(f"connectors/{name}/remove").text)
    desk.send(f"connectors/{name}/remove", {}, "save")
    assert "its 1 row is kept" in text_of(desk.get(f"connectors/{name}/restore").text)
    assert "its 1 row is kept" in text_of(desk.get(f"connectors/{name}").text)
    assert f"The 1 row of {name}" in text_of(desk.get(purge).text)
    assert desk.send(purge, {"name": "other"}, "save").status_code == 400
    left = desk.follow(desk.saved(purge, {"name": name}))
    assert "its rows are gone, and its history is left" in text_of(left.text)
    assert desk.server.client.get(f"/{name}").status_code == 404


@pytest.mark.parametrize("page", ["duplicate", "rename"])
@pytest.mark.parametrize("do", ["save", "patch"])
def test_taken_name_of_a_file_is_refused(desk: Desk, name: str, page: str, do: str):
    desk.server.declare(name, ORDERS)
    desk.server.declare(f"{name}-b", ORDERS)
    answer = desk.send(f"connectors/{name}/{page}", {"name": f"{name}-b"}, do)
    assert answer.status_code == 422
    assert f"there is a file {name}-b.yaml already" in text_of(answer.text).lower()
    assert desk.file(f"{name}-b") == ORDERS


def test_five_hundred_fields_are_usable(desk: Desk, name: str, tell):
    desk.server.declare(
        name, "fields:\n" + "".join(f"  f{each}: {{type: string, max_length: 9}}\n" for each in range(500))
    )
    started = time.perf_counter()
    page = desk.get(edit_of(name))
    rendered = time.perf_counter()
    inputs = HtmlForm(page.text).inputs
    inputs["f500.description"] = "The last."
    sent = {key: value for key, value in inputs.items() if value}
    started_preview = time.perf_counter()
    answer = desk.ask("POST", f"{edit_of(name)}/preview", sent)
    previewed = time.perf_counter()
    assert [line["text"] for line in answer.json()["diff"] if line["kind"] == "added"] == [
        "+  f499: {type: string, max_length: 9, description: The last.}"
    ]
    tell(
        f"render {(rendered - started) * 1000:.0f} ms, {len(page.content) / 1e6:.1f} MB, preview {(previewed - started_preview) * 1000:.0f} ms"
    )


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory):
    """A gateway that may not write, whose connectors are a directory of a git repository."""
    repository: Path = tmp_path_factory.mktemp("clone")
    put(repository / "connectors.d" / "orders.yaml", ORDERS)
    put(repository / "tokens.yaml", f"{make_token('etl')[1]}\n")
    for command in (
        ["init", "-q"],
        ["add", "connectors.d"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    forge = "https://github.com/o/r/{action}/main/connectors.d/{file}"
    settings = {
        "GATEWAY_CONSOLE": "read",
        "GATEWAY_FORGE": forge,
        "GATEWAY_TOKENS": str(repository / "tokens.yaml"),
    }
    with serving(repository, **settings) as server:
        yield repository, Desk(server)


@pytest.mark.parametrize(
    ("path", "inputs", "file", "expected"),
    [
        (
            "connectors/orders/edit",
            {"f2.max_length": "9"},
            "orders",
            ORDERS.replace("true}", "true, max_length: 9}"),
        ),
        ("new", {"name": "sales", "f1.name": "id"}, "sales", "fields:\n  id: string\n"),
        ("connectors/orders/duplicate", {"name": "copy"}, "copy", ORDERS),
        ("connectors/orders/remove", {}, "orders", None),
    ],
)
def test_git_applies_the_downloaded_patch(clone, path, inputs, file, expected):
    repository, desk = clone
    form = desk.inputs(path)
    form.pop("make_token", None)
    page = desk.get(path)
    assert "With GATEWAY_CONSOLE=read the gateway writes no file." in text_of(page.text)
    assert 'value="save"' not in page.text
    assert desk.send(path, {**form, **inputs}, "save").status_code == 403
    answer = desk.send(path, {**form, **inputs}, "patch")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")
    try:
        subprocess.run(["git", "apply", "-"], cwd=repository, input=answer.content, check=True)
        written = repository / "connectors.d" / f"{file}.yaml"
        assert (written.read_text() if written.exists() else None) == expected
    finally:
        subprocess.run(["git", "checkout", "-q", "."], cwd=repository, check=True)
        subprocess.run(["git", "clean", "-qfd", "connectors.d"], cwd=repository, check=True)


def test_commands_for_git_commit_the_patch(clone, tmp_path):
    """Run the commands of each page in a copy of the repository, with a file whose name has a space."""
    repository, desk = clone
    put(
        repository / "connectors.d" / "my orders.yaml", "name: spaced\npath: /spaced\nfields: {id: integer}\n"
    )
    desk.server.reload()
    for path, inputs in (
        ("edit", {"f1.description": "Mine."}),
        ("remove", {}),
        ("rename", {"name": "moved"}),
        ("duplicate", {"name": "copy"}),
    ):
        copy = tmp_path / path
        subprocess.run(["cp", "-r", repository, copy], check=True)
        page = f"connectors/spaced/{path}"
        sent = {**desk.inputs(page), **inputs}
        answer = desk.send(page, sent, "patch")
        patch = unquote(answer.headers["Content-Disposition"].partition("''")[2])
        put(copy / patch, answer.text)
        shown = re.search(r'aria-label="Commands for git">([^<]*)<', desk.send(page, sent, "check").text)
        script = "git config user.name a; git config user.email a@b; git add connectors.d; git commit -qm x\n"
        script += f'set -e\n{html.unescape(shown[1])}\ntest -z "$(git status --porcelain connectors.d)"'
        done = subprocess.run(["sh", "-c", script], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, (path, script, done.stdout, done.stderr)
    (repository / "connectors.d" / "my orders.yaml").unlink()


def test_forge_takes_the_change_over(clone):
    _, desk = clone
    assert (
        'href="https://github.com/o/r/edit/main/connectors.d/orders.yaml"'
        in desk.get("connectors/orders/edit").text
    )
    new = desk.send("new", {**desk.inputs("new"), "name": "sales", "f1.name": "id"}, "check").text
    assert "https://github.com/o/r/new/main/connectors.d?filename=sales.yaml&amp;value=fields" in new
