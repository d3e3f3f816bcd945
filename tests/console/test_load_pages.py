"""Pages that take files, without the script: forms whole, columns, sums, and who may see what of another's upload."""

import html
import io
import re
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.console.conftest import CHROME, CONNECTORS, Portal, opened
from tests.support.html_form import HtmlForm
from tests.support.server import eventually

CSV = b"id,note\n1,a\n2,b\n"
FIELDS = "fields: {id: integer, note: {type: string, nullable: true}}\n"


@pytest.fixture(scope="session")
def quay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A gateway whose connectors take files; each test has one of its own."""
    with opened(tmp_path_factory.mktemp("quay"), CONNECTORS) as portal:
        yield portal


class Browser:
    """A browser without JavaScript, signed in with a token."""

    def __init__(self, portal: Portal, name: str) -> None:
        self.portal = portal
        self.cookie = portal.cookie_of(name)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Accept": CHROME, "Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}

    def get(self, path: str) -> httpx.Response:
        answer = httpx.get(f"{self.portal.server.url}/{path}", headers=self._headers, timeout=60)
        return self._followed(answer) if answer.status_code == 303 else answer

    def _followed(self, answer: httpx.Response) -> httpx.Response:
        return self.get(re.sub(r"^(\.\./)*", "", answer.headers["Location"]))

    def post(self, path: str, *, follow: bool = True, **content: object) -> httpx.Response:
        """Send a form, and open the page that follows."""
        answer = httpx.post(f"{self.portal.server.url}/{path}", headers=self._headers, timeout=60, **content)
        return self._followed(answer) if answer.status_code == 303 and follow else answer

    def upload(self, file: str, data: bytes, connector: str = "", **more: str) -> httpx.Response:
        form = {"connector": connector, "format": "", **more}
        return self.post("-/console/uploads", data=form, files={"file": (file, data)})

    def act(self, page: httpx.Response, connector: str, **form: str) -> httpx.Response:
        return self.post(f"-/console/connectors/{connector}/load", data={"upload": upload_of(page), **form})

    def loaded(self, page: httpx.Response, connector: str) -> str:
        """Refresh the page of a load until it has ended, and return its text."""
        path = f"-/console/connectors/{connector}/load?upload={upload_of(page)}"
        return eventually(lambda: (shown := text_of(self.get(path))) and "Refresh" not in shown and shown)


def upload_of(page: httpx.Response) -> str:
    return re.search(r'name="upload" value="([^"]+)"', page.text)[1]


def text_of(page: httpx.Response) -> str:
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def test_file_without_script_goes_from_form_to_rows(quay: Portal, name):
    quay.server.declare(name, FIELDS + "access: {ingest: [etl], read: [etl]}\n")
    browser = Browser(quay, "etl")
    form = text_of(browser.get(f"-/console/connectors/{name}/load"))
    assert "Without JavaScript a file may have 67.1 MB" in form
    assert ".txt" not in browser.get(f"-/console/connectors/{name}/load").text

    columns = browser.upload("a.csv", b"id,note,extra\n1,a,x\n2,b,y\n", name)
    assert "2 of 3 columns are fields" in text_of(columns)
    assert "Leave out 1 column: extra" in text_of(columns)
    shown = browser.act(columns, name, action="load", without="unknown")
    sums = browser.loaded(shown, name)

    assert "Loaded: a.csv" in sums
    assert "Stored 2 Rejected and kept 0" in sums
    rows = quay.server.client.get(f"/{name}", params={"select": "id,note"}).json()
    assert rows == [{"id": 1, "note": "a"}, {"id": 2, "note": "b"}]
    again = browser.loaded(browser.act(browser.upload("b.csv", CSV, name), name, action="load"), name)
    assert "Stored 2" in again


def test_stopped_load_shows_places_and_goes_on(quay: Portal, name):
    access = "access: {ingest: [etl], read: [etl]}\n"
    quay.server.declare(name, FIELDS + access)
    browser = Browser(quay, "etl")
    columns = browser.upload("a.csv", b"id,note\n1,a\n<b>,b\n", name)
    stopped = browser.loaded(browser.act(columns, name, action="load"), name)

    assert "Stopped: a.csv" in stopped
    assert "This load has stored nothing." in stopped
    assert "Row 2, line 3, field 'id': '<b>' is not an integer" in stopped
    assert "Correct the connector and continue; or correct the file and upload it again" in stopped
    assert re.search(r"2 3 id .*22P02", stopped)
    assert "<b>" in stopped, "the value is text"
    quay.server.declare(name, FIELDS.replace("id: integer", "id: string") + access)
    done = browser.loaded(browser.act(columns, name, action="load"), name)
    assert "Loaded: a.csv" in done
    assert "Stored 2" in done


def test_continued_load_asks_again_about_columns(quay: Portal, name):
    """The connector may have changed since the load began: a column that is a field by now is stored."""
    access = "access: {ingest: [etl], read: [etl]}\n"
    quay.server.declare(name, "fields: {id: integer, b: {type: integer, nullable: true}}\n" + access)
    browser = Browser(quay, "etl")
    columns = browser.upload("a.csv", b"id,b,c\n1,x,y\n", name)
    stopped = browser.loaded(browser.act(columns, name, action="load", without="unknown"), name)
    assert "Leave out 1 column: c" in stopped

    quay.server.declare(name, "fields: {id: integer, c: {type: string, nullable: true}}\n" + access)
    page = browser.get(f"-/console/connectors/{name}/load?upload={upload_of(columns)}")
    assert "Leave out 1 column: b" in text_of(page)
    assert "Stopped: a.csv" in browser.loaded(browser.act(columns, name, action="load"), name), (
        "nobody agreed"
    )
    done = browser.loaded(browser.act(columns, name, action="load", without="unknown"), name)

    assert "Loaded: a.csv" in done
    assert quay.server.client.get(f"/{name}", params={"select": "id,c"}).json() == [{"id": 1, "c": "y"}]


def test_changed_file_offers_what_follows_or_all(quay: Portal, name):
    quay.server.declare(name, FIELDS + "access: {ingest: [etl], read: [etl]}\n")
    browser = Browser(quay, "etl")
    browser.loaded(browser.act(browser.upload("a.csv", CSV, name), name, action="load"), name)
    changed = browser.upload("b.csv", CSV.replace(b"2,b", b"3,c"), name)
    asked = browser.loaded(browser.act(changed, name, action="load"), name)

    assert "The first 1 row of b.csv is that of a.csv, stored on" in asked
    assert "Continue" not in asked
    assert "Load the rows that follow Load all rows once more" in asked
    done = browser.loaded(browser.act(changed, name, rest="yes"), name)
    assert "Stored 1 Rejected and kept 0 Passed over, as their keys exist 0 Done by an earlier load 1" in done
    rows = quay.server.client.get(f"/{name}", params={"select": "id"}).json()
    assert [row["id"] for row in rows] == [1, 2, 3]


def test_load_once_more_asks_about_bad_rows(quay: Portal, name):
    quay.server.declare(name, FIELDS + "on_invalid: on_request\naccess: {ingest: [etl], read: [etl]}\n")
    browser = Browser(quay, "etl")
    data, keep = b"id,note\n1,a\nx,b\n", {"keep_bad_rows": "yes"}
    browser.loaded(browser.act(browser.upload("a.csv", data, name), name, action="load", **keep), name)
    again = browser.upload("a.csv", data, name)
    known = browser.loaded(browser.act(again, name, action="load", **keep), name)

    assert "Done by an earlier load 2" in known
    assert "Keep bad rows, and store the others Load all rows once more" in known
    page = browser.get(f"-/console/connectors/{name}/load?upload={upload_of(again)}")
    assert 'name="keep_bad_rows" value="yes" checked' in page.text
    done = browser.loaded(browser.act(again, name, again="yes", **keep), name)
    assert "Stored 1 Rejected and kept 1" in done


def test_draft_of_a_file_shows_its_doubts(quay: Portal):
    browser = Browser(quay, "admin")
    browser.upload("<i>&.csv", b"id;note;_x;1\n1;NA;2;x\n2;5;2;y\n3;6;2;z\n")
    upload = upload_of(browser.get("-/console/load"))
    draft = text_of(browser.get(f"-/console/load?upload={upload}&options=1"))

    assert "<i>&.csv" in draft
    assert "_x starts with _, which is reserved for the gateway" in draft
    assert "note : it would be integer, except for 'NA' once" in draft
    assert "The first line has what looks like a value, '1'" in draft
    assert (
        'id="separator" name="separator" value=";"'
        in browser.get(f"-/console/load?upload={upload}&options=1").text
    )
    read = browser.post(
        "-/console/load", data={"upload": upload, "separator": ";", "header": "a,b,c,d"}, follow=False
    )
    assert read.status_code == 303
    assert "a: " in text_of(browser.get(f"-/console/load?upload={upload}&options=1"))
    assert browser.post("-/console/load", data={"upload": upload, "action": "discard"}).status_code == 200
    assert browser.get(f"-/console/load?upload={upload}").status_code == 404


@pytest.mark.parametrize(
    ("file", "data", "options", "fields"),
    [
        ("a.tsv", b"id,note\n1,a\n", {"separator": ","}, ["id", "note"]),
        ("a.csv", b"id\tname;x\n1\ta\n", {"separator": "tab"}, ["id", "name;x"]),
        ("a.csv", b"no;yes\n1;a\n", {"separator": ";", "header": "id, note"}, ["id", "note"]),
    ],
)
def test_draft_leads_to_how_its_file_is_read(quay: Portal, file, data, options, fields):
    browser = Browser(quay, "admin")
    draft = browser.upload(file, data)
    (link,) = re.findall(r'href="[./]*(-/console/load[^"]*)">How the file is read', draft.text)
    assert "Read again" in text_of(browser.get(html.unescape(link)))
    again = browser.post("-/console/load", data={"upload": upload_of(draft), **options})

    inputs = HtmlForm(again.text).inputs
    assert [inputs[f"f{number}.name"] for number in (1, 2)] == fields
    assert f"{'1 row' if len(options) == 1 else 'All 2 rows'} of {file} " in text_of(again)


def test_file_without_rows_gives_fields_alone(quay: Portal, name):
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "at": pa.array([], pa.date32())}), sink)
    browser = Browser(quay, "admin")
    draft = browser.upload("empty.parquet", sink.getvalue())
    assert "Its columns give the fields, and there is nothing to load." in text_of(draft)
    created = browser.post("-/console/new", data={**HtmlForm(draft.text).inputs, "name": name, "do": "save"})
    assert f"{name} is live" in text_of(created)


def test_column_without_name_and_values_is_ignored(quay: Portal, name):
    quay.server.declare(name, FIELDS + "access: {ingest: [etl]}\n")
    browser = Browser(quay, "etl")
    columns = browser.upload("a.csv", b"id,note,,\n1,a,, \n2,b\n3,c,,x\n", name)
    assert "column 3, without a name no values, ignored" in text_of(columns)
    assert "Leave out 1 column: 4" in text_of(columns)
    columns = browser.upload("b.csv", b"id,note,\n1,a,\n2,b\n", name)
    assert "Leave out" not in text_of(columns)
    assert "Stored 2" in browser.loaded(browser.act(columns, name, action="load"), name)


def test_file_that_cannot_be_read_keeps_its_form(quay: Portal):
    page = Browser(quay, "admin").upload("a.csv", b"1,2\n3,4\n5,6\n")

    assert page.status_code == 422
    assert "a.csv seems to have no header" in text_of(page).lower()
    assert 'name="header" value="a,b"' in page.text


def test_upload_in_another_tab_leaves_a_draft_alone(quay: Portal, name):
    browser = Browser(quay, "admin")
    draft = browser.upload("two.csv", CSV)
    browser.upload("other.csv", b"day\n2026-01-01\n")
    loaded = browser.post("-/console/new", data={**HtmlForm(draft.text).inputs, "name": name, "do": "save"})

    assert "2 of 2 columns are fields" in text_of(loaded)
    assert "other.csv" in text_of(browser.get("-/console/load"))


def test_upload_leads_to_the_connector_of_its_draft(quay: Portal, name):
    """Its pages lead to it until its rows are loaded, also after an edit, and no second connector is drafted."""
    browser = Browser(quay, "admin")
    draft = browser.upload(f"{name}.csv", b"id,note\n1,a\nx,b\n")
    inputs = {**HtmlForm(draft.text).inputs, "make_token": "on"}
    created = browser.post("-/console/new", data={**inputs, "do": "save"})
    assert f"The token of {name}-pipeline" in text_of(created)
    shown = [
        created,
        browser.get(f"-/console/connectors/{name}/created"),
        browser.get(f"-/console/connectors/{name}/load"),
        browser.get("-/console/load"),
    ]
    for page in shown:
        assert f"{name}.csv : its rows are not loaded yet." in text_of(page)
    quay.server.declare(name, FIELDS)
    for path in ("new", "load"):
        columns = browser.get(f"-/console/{path}?upload={inputs['upload']}")
        assert f"Load {name}.csv" in text_of(columns)

    browser.loaded(browser.act(columns, name, action="load"), name)
    edit = browser.get(f"-/console/connectors/{name}/edit")
    assert f"{name}.csv : its load has stopped." in text_of(edit)
    quay.server.declare(name, FIELDS.replace("id: integer", "id: string"))
    browser.loaded(browser.act(columns, name, action="load"), name)
    assert f"{name}.csv" not in text_of(browser.get(f"-/console/connectors/{name}/edit"))


@pytest.mark.parametrize("through", ["check", "yaml"])
def test_renamed_field_of_a_draft_takes_its_column(quay: Portal, name, through):
    browser = Browser(quay, "admin")
    page = browser.upload("a.csv", b"id,note,spare\n1,a,x\n2,b,y\n")
    inputs = {**HtmlForm(page.text).inputs, "name": name, "f2.name": "title"}
    page = browser.post("-/console/new", data={**inputs, "do": through})
    assert "This can be applied" in text_of(page)
    inputs = HtmlForm(
        browser.post("-/console/new", data={**HtmlForm(page.text).inputs, "do": "form"}).text
    ).inputs
    columns = browser.post("-/console/new", data={**inputs, "f1.name": "number", "do": "save"})
    assert "3 of 3 columns are fields" in text_of(columns)

    browser.loaded(browser.act(columns, name, action="load"), name)
    rows = quay.server.client.get(f"/{name}", params={"select": "number,title"}).json()
    assert rows == [{"number": 1, "title": "a"}, {"number": 2, "title": "b"}]


def test_page_of_an_ended_upload_says_what_happened(quay: Portal, name):
    """The form of its draft goes on, and the page of the connector takes the file again."""
    browser = Browser(quay, "admin")
    draft = browser.upload("two.csv", CSV)
    inputs = {**HtmlForm(draft.text).inputs, "name": name}
    upload = inputs["upload"]
    gone = "two.csv is no longer here: it was deleted"
    browser.post("-/console/load", data={"upload": upload, "action": "discard"})
    checked = browser.post("-/console/new", data={**inputs, "do": "check"})
    assert f"{gone}. Its rows are not loaded: create the connector" in text_of(checked)

    created = browser.post("-/console/new", data={**inputs, "do": "save"})
    again = [
        created,
        browser.get(f"-/console/new?upload={upload}"),
        browser.get(f"-/console/load?upload={upload}"),
        browser.post("-/console/load", data={"upload": upload}),
        browser.act(draft, name, action="load"),
    ]
    for page in again:
        assert page.status_code == 404
        assert f"{gone} GW118 Upload the file again" in text_of(page)
        assert 'type="file"' in page.text
    assert f'name="connector" value="{name}"' in created.text
    other = Browser(quay, "admin").get(f"-/console/load?upload={upload}")
    assert "two.csv" not in other.text


@pytest.mark.parametrize(
    ("asker", "status"), [(None, 401), ("guest", 403), ("auditor", 403), ("etl", 200), ("admin", 200)]
)
def test_page_for_files_needs_the_right_to_write(quay: Portal, asker, status):
    cookie = quay.cookie_of(asker) if asker else ""
    page = quay.ask("GET", "/-/console/load", cookie=cookie)

    assert page.status_code == status
    if status == 200:
        assert ('<option value="">a new connector</option>' in page.text) == (asker == "admin")
        assert "<option>orders</option>" in page.text
        assert ("<option>ledger</option>" in page.text) == (asker == "admin")


def test_upload_of_another_session_does_not_exist(quay: Portal):
    """Another session of the same token has uploads of its own."""
    mine, other = Browser(quay, "etl"), Browser(quay, "etl")
    page = mine.upload("a.csv", CSV, "orders")
    upload = upload_of(page)
    path = f"-/console/connectors/orders/load?upload={upload}"

    assert mine.get(path).status_code == 200
    asked = [
        other.get(path),
        other.get(f"-/console/uploads/{upload}"),
        other.act(page, "orders", action="load"),
        other.act(page, "orders", action="discard"),
    ]
    assert {answer.status_code for answer in asked} == {404}
    assert mine.get(path).status_code == 200


def test_sign_in_leads_back_to_a_draft(quay: Portal):
    """Its upload goes from the session that has ended to the token, also where the page was checked before."""
    browser = Browser(quay, "admin")
    draft = browser.upload("a.csv", CSV)
    upload = upload_of(draft)
    form = re.search(r'<form class="builder" method="post" action="[./]*([^"]*)"', draft.text)[1]
    signed_in = quay.sign_in("admin", Cookie=browser.cookie)

    ended = browser.post(form, data={**HtmlForm(draft.text).inputs, "do": "save"})
    assert ended.status_code == 401
    following = httpx.URL(
        re.search(r'href="([^"]*sign-in[^"]*)" rel="noopener" target="_blank">Sign in</a>', ended.text)[1]
    ).params["next"]
    assert following == f"-/console/new?upload={upload}"
    browser.cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    assert "All 2 rows of a.csv were read" in text_of(browser.get(following))
    assert Browser(quay, "etl").get(f"-/console/load?upload={upload}").status_code == 403
    browser.post("-/console/load", data={"upload": upload, "action": "discard"})


def test_sign_in_after_a_file_leads_back(quay: Portal):
    page = f"{quay.server.url}/-/console/connectors/orders/load"
    sent = {"Sec-Fetch-Site": "same-origin", "Accept": CHROME, "Referer": page}
    files = {"file": ("a.csv", CSV)}
    refused = httpx.post(f"{quay.server.url}/-/console/uploads", headers=sent, files=files)
    elsewhere = {**sent, "Referer": "https://other.example/-/console/connectors/orders/load"}
    other = httpx.post(f"{quay.server.url}/-/console/uploads", headers=elsewhere, files=files)

    assert refused.status_code == other.status_code == 401
    assert 'sign-in?next=-/console/connectors/orders/load"' in refused.text
    assert "connectors/orders" not in other.text


def test_sign_out_deletes_what_was_uploaded(quay: Portal):
    """Another session keeps what it has uploaded."""
    browser, other = Browser(quay, "etl"), Browser(quay, "etl")
    upload = upload_of(browser.upload("a.csv", CSV, "orders"))
    kept = upload_of(other.upload("b.csv", CSV, "orders"))
    browser.post("-/sign-out", data={}, follow=False)

    assert not (quay.server.data / "uploads" / upload).exists()
    assert (quay.server.data / "uploads" / kept).exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/-/console/uploads"),
        ("PUT", "/-/console/uploads/AAAAAAAAAAAAAAAAAAAAAA?at=0"),
        ("POST", "/-/console/load"),
        ("POST", "/-/console/connectors/orders/load"),
    ],
)
@pytest.mark.parametrize("site", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}])
def test_page_of_another_site_uploads_nothing(quay: Portal, method, path, site):
    answer = quay.ask(method, path, cookie=quay.cookie_of("admin"), accept="*/*", **site)

    assert (answer.status_code, answer.json()["code"]) == (403, "GW604")


FORMS = {
    "no boundary": ({"Content-Type": "multipart/form-data"}, b"x", 400),
    "cut off": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nid\n1\n',
        400,
    ),
    "no file": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\ncsv\r\n--b--\r\n',
        400,
    ),
    "empty file": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n\r\n--b--\r\n',
        422,
    ),
    "other format": (
        {"Content-Type": "multipart/form-data; boundary=b"},
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.xls"\r\n\r\nx\r\n--b--\r\n',
        415,
    ),
}


@pytest.mark.parametrize("kind", FORMS)
def test_malformed_form_leaves_no_upload(quay: Portal, kind):
    headers, body, status = FORMS[kind]
    cookie = quay.cookie_of("admin")
    answer = httpx.post(
        f"{quay.server.url}/-/console/uploads",
        content=body,
        headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Accept": CHROME, **headers},
    )

    assert answer.status_code == status, answer.text
    page = quay.ask("GET", "/-/console/load", cookie=cookie).text
    assert "Your uploads" not in page


def test_file_without_a_known_column_cannot_be_loaded(quay: Portal, name):
    """All its columns left out are no columns; it may be that its first line is a row."""
    quay.server.declare(name, FIELDS + "access: {ingest: [etl]}\n")
    columns = Browser(quay, "etl").upload("a.csv", b"1,a\n2,b\n", name)

    assert "No column is a field of the connector." in text_of(columns)
    assert "Leave out" not in text_of(columns)
    assert 'value="load"' not in columns.text
    assert "<details open>" in columns.text
