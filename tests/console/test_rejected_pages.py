"""Pages of rejected rows: what they show to whom, and what their forms do."""

import html
import json
import re

import httpx
import pytest

from tests.console.conftest import Portal
from tests.support.server import Server, eventually, serving

STOCK = """
fields:
  id: integer
  amount: {type: "decimal(10, 2)", description: The price.}
  note: {type: string, nullable: true, max_length: 5}
on_invalid: keep
access: {ingest: [etl], read: [guest], change: []}
"""
HOSTILE = '</textarea><img src=x onerror="alert(1)">\u202e\u0007'


class Pages:
    """The pages of rejected rows of one connector, for one token."""

    def __init__(self, server: Server, name: str, secret: str | None) -> None:
        self.path = f"/-/console/connectors/{name}/rejected"
        self._url = server.url
        self._headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        if secret:
            self._headers["Authorization"] = f"Bearer {secret}"

    def ask(self, method: str, path: str, data: object = None, **headers: str) -> httpx.Response:
        return httpx.request(method, self._url + path, data=data, headers={**self._headers, **headers})

    def open(self, url: str) -> str:
        """Open a link of a page, or a redirect."""
        answer = self.ask("GET", "/" + url.replace("../", "").replace("&amp;", "&"))
        assert answer.status_code == 200, answer.text
        return answer.text

    def get(self, rest: str = "") -> httpx.Response:
        return self.ask("GET", self.path + rest)

    def post(self, do: str, rest: str = "", **fields: object) -> httpx.Response:
        return self.ask("POST", self.path + rest, {"do": do, **fields})

    def done(self, do: str, rest: str = "", **fields: object) -> str:
        """Send a form, and return the text of the page that it redirects to."""
        answer = self.post(do, rest, **fields)
        assert answer.status_code == 303, answer.text
        return self.open(answer.headers["Location"])


@pytest.fixture(scope="session")
def secrets(stocked: Portal):
    return {name: stocked.secret(name) for name in ("etl", "guest", "auditor", "admin")} | {None: None}


@pytest.fixture
def open_pages(stocked: Portal, name, secrets):
    """Declare a connector with rejected rows of two tokens, and return its pages for a token."""
    server = stocked.server
    path = server.declare(name, STOCK)
    rows = [{"id": 1, "amount": "x"}, {"id": 2, "amount": 1, "note": "too long"}, {"id": 3, "amount": 3}]
    for sender in ("etl", "admin"):
        headers = {"Authorization": f"Bearer {secrets[sender]}"}
        assert httpx.post(server.url + path, json=rows, headers=headers).status_code == 207

    return lambda asker="admin": Pages(server, name, secrets[asker])


def states(server: Server, name: str) -> dict[int, str]:
    listed = server.client.get(f"/-/connectors/{name}/rejected?select=_id,state").json()
    return {each["_id"]: each["state"] for each in listed}


def rows_in(text: str) -> list[int]:
    return [int(id) for id in re.findall(r'<th scope="row" class="number"><a [^>]*>(\d+)</a></th>', text)]


# -- the list


def test_list_counts_rows_by_field_with_links(open_pages, name):
    pages = open_pages()
    text = pages.get().text

    assert re.search(r"<strong>4</strong> kept.*<strong>0</strong> replayed.*<strong>0</strong> disc", text)
    assert rows_in(text) == [4, 3, 2, 1]
    link = re.search(r'<a href="(?:\.\./)*([^"]*)">amount <code>22P02</code></a>', text)[1]
    filtered = pages.open(link)
    assert rows_in(filtered) == [3, 1]
    assert '<option value="&#34;amount&#34;" selected>amount</option>' in filtered
    assert '<option value="22P02" selected>22P02</option>' in filtered
    assert "'x' is not a number" in html.unescape(filtered)
    assert "Replay all 2 of this filter" in filtered
    assert f'connectors/{name}/edit?field=amount" aria-label="Edit the schema of amount"' in filtered
    assert "Edit schema" not in open_pages("etl").get().text


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("_state=replayed&_field=&_code=", "state=eq.replayed"),
        ("_state=any&_field=&_code=", "state=in.(kept,replayed,discarded)"),
        ("_state=kept&_field=null&_code=", 'state=eq.kept&errors=cs.[{"field":null}]'),
        ('_batch=eq.2&_state=kept&_field="a"&_code=22P02&cursor=3', '_batch=eq.2&state=eq.kept&errors=cs.[{"field":"a","code":"22P02"}]'),
        ("_state=<b>&_field=x&_code=", "state=eq.kept"),
        ("row=gt.1&_state=other&state=neq.kept", "row=gt.1&state=neq.kept"),
    ],
)  # fmt: skip
def test_form_becomes_a_query_of_the_dialect(open_pages, form, query):
    pages = open_pages()
    answer = pages.get(f"?{httpx.QueryParams(form)}")

    assert answer.status_code == 303
    sent = httpx.URL(answer.headers["Location"]).params
    assert sent == httpx.QueryParams(query)
    assert pages.open(answer.headers["Location"])


def test_rows_come_in_pages_in_either_order(open_pages):
    pages = open_pages()
    for order, expected in (("", [4, 3, 2, 1]), ("&order=_id", [1, 2, 3, 4])):
        found, query = [], f"?limit=3{order}"
        text = pages.get(query).text
        found += rows_in(text)
        assert "Previous" not in text
        url = re.search(r'href="(?:\.\./)*([^"]*)" rel="next"', text)[1]
        text = pages.open(url)
        found += rows_in(text)
        assert 'rel="next"' not in text
        assert found == expected
        back = re.search(r'href="(?:\.\./)*([^"]*)" rel="prev"', text)[1]
        assert rows_in(pages.open(back)) == expected[:3]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("?amount=eq.1", 400, "The rejected rows have no column"),
        ("?select=raw", 400, "The parameter &#39;select&#39; on this page is not supported"),
        ("?order=row", 400, "This order of rejected rows is not supported"),
        ("?state=eq.%ff", 400, "not UTF-8"),
        ("?_outcome=nothing", 200, "4 rows"),
        ("?cursor=99999", 200, "4 rows"),
        ("?row=eq.77", 200, "No rejected row is like that"),
    ],
)
def test_wrong_query_is_explained_on_the_page(open_pages, query, status, text):
    answer = open_pages().get(query)

    assert answer.status_code == status
    assert text in answer.text or "42703" in answer.text


def test_connector_without_kept_rows_says_why(stocked: Portal, name):
    stocked.server.declare(name, "fields: {id: integer}\n")
    text = Pages(stocked.server, name, stocked.secret("admin")).get().text

    assert "No row was rejected and kept." in text
    assert "<code>on_invalid: reject</code>" in text


# -- the forms


def test_replay_of_chosen_or_all_rows_shows_receipt(open_pages, stocked: Portal, name):
    pages = open_pages()
    stocked.server.declare(name, STOCK.replace("max_length: 5", "max_length: 9"))
    checked = pages.done("check-all", filter="", expected=4)
    assert "4 rows checked: 2 would be stored, 2 are still bad." in checked
    assert set(states(stocked.server, name).values()) == {"kept"}

    text = pages.done("replay", id=["1", "2"], filter="_id=lte.2")
    assert "2 rows tried: 1 stored, 1 still bad, 0 there already." in text
    assert re.search(r'<a href="[^"]*rejected/1\?[^"]*">Row 1</a>: amount <code>22P02</code>', text)
    assert states(stocked.server, name) == {1: "kept", 2: "replayed", 3: "kept", 4: "kept"}
    text = pages.done("replay-all", filter="", expected=3)
    assert "3 rows tried: 1 stored, 2 still bad" in text
    assert [row["id"] for row in stocked.server.client.get(f"/{name}?id=eq.2").json()] == [2, 2]


def test_number_of_a_filter_that_changed_does_nothing(open_pages, stocked: Portal, name):
    pages = open_pages()
    for do in ("replay-all", "discard-all"):
        answer = pages.post(do, filter="", expected=3, reason="a test")
        assert answer.status_code == 409
        assert "The filter matches 4 kept rows now, not 3; nothing was done" in answer.text
        assert rows_in(answer.text) == [4, 3, 2, 1]
    assert pages.post("replay-all", filter="").status_code == 400
    assert set(states(stocked.server, name).values()) == {"kept"}


def test_discard_needs_a_reason_and_keeps_the_choice(open_pages, stocked: Portal, name):
    pages = open_pages()
    refused = pages.post("discard", id="3", filter="", reason=" ")
    assert refused.status_code == 400
    assert "The reason is missing; nothing was done" in refused.text
    assert 'value="3" aria-label="Choose row 3" checked' in refused.text
    assert pages.post("discard", filter="", reason="x").status_code == 400

    text = pages.done("discard", id="3", filter="", reason="test <b>")
    assert "1 row discarded:</strong> test &lt;b&gt;" in text
    text = pages.done("discard-all", filter="_id=lte.2", expected=2, reason="old")
    assert "2 rows discarded:" in text
    assert states(stocked.server, name) == {1: "discarded", 2: "discarded", 3: "discarded", 4: "kept"}


def test_outcome_is_shown_to_its_token_alone(open_pages):
    pages = open_pages("etl")
    place = pages.post("check-all", filter="", expected=2).headers["Location"]

    assert "2 rows checked" in pages.open(place)
    assert "2 rows checked" in pages.open(place)
    assert "rows checked" not in open_pages("admin").open(place)


@pytest.mark.parametrize(
    "form",
    [{}, {"do": "nothing"}, {"do": "replay", "id": "x"}, {"do": "replay-all", "expected": "4", "filter": "a=%ff"}],
)  # fmt: skip
def test_incomplete_form_changes_nothing(open_pages, stocked: Portal, name, form):
    pages = open_pages()
    for rest in ("", "/1"):
        assert pages.ask("POST", pages.path + rest, form).status_code in (400, 207, 200)
    assert set(states(stocked.server, name).values()) == {"kept"}


def test_form_of_another_site_is_refused(open_pages, stocked: Portal, name):
    pages = open_pages()
    for rest in ("", "/1"):
        form = {"do": "discard-all" if not rest else "discard", "expected": "4", "reason": "x", "filter": ""}
        answer = pages.ask("POST", pages.path + rest, form, **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert set(states(stocked.server, name).values()) == {"kept"}


# -- one row


def test_row_is_checked_corrected_and_replayed(open_pages, stocked: Portal, name):
    pages = open_pages()
    text = pages.get("/2?state=eq.kept").text
    assert "&#34;note&#34;: &#34;too long&#34;" in text
    assert 'rel="prev">Newer row 3' in text
    assert 'rel="next">Older row 1' in text
    assert "<code>max_length 5</code>" in text

    still = pages.post("check", "/2", text='{"id": 2, "amount": 1, "note": "longer"}')
    assert still.status_code == 200
    assert "Still bad; nothing was stored." in still.text
    assert "'longer' has 6 characters" in html.unescape(still.text)
    good = pages.post("check", "/2", text='{"id": 2,\r\n"amount": 1, "note": "short"}')
    assert "This row would be stored." in good.text
    assert "{&#34;id&#34;: 2,\n&#34;amount&#34;: 1, &#34;note&#34;: &#34;short&#34;}</textarea>" in good.text
    bad = pages.post("replay", "/2", text='{"id": "z"}')
    assert (bad.status_code, "Still bad; nothing was stored." in bad.text) == (200, True)
    assert states(stocked.server, name)[2] == "kept"

    text = pages.done("replay", "/2?state=eq.kept", text='{"_id": 2, "id": 2, "amount": 1, "note": "short"}')
    assert "1 row tried: 1 stored" in text
    assert re.search(r"Replayed <time [^>]*>[^<]*</time> in .*batch \d+.* by <strong>admin</strong>", text)
    assert "<textarea" not in text
    again = pages.post("replay", "/2", text='{"id": 2, "amount": 1}')
    assert again.status_code == 409
    assert re.search("Row 2 was replayed in batch [0-9]+ meanwhile; nothing was done", again.text)


def test_script_gets_the_errors_of_a_text(open_pages, stocked: Portal, name):
    pages = open_pages()
    good, bad = '{"id": 1, "amount": 1}', '{"id": "<b>"}'
    for asker, text, status in (
        ("admin", bad, 200),
        ("admin", good, 200),
        ("admin", "{", 400),
        ("auditor", good, 403),
    ):
        answer = open_pages(asker).ask("POST", f"{pages.path}/1/check", {"text": text}, Accept="*/*")
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("application/json")
        if text == bad:
            assert sorted(answer.json()["errors"], key=lambda each: each["field"]) == [
                {"field": "amount", "code": "23502", "message": "a value is required"},
                {"field": "id", "code": "22P02", "message": "'<b>' is not an integer of 64 bits"},
            ]
        elif status == 200:
            assert answer.json() == {"errors": []}
    site = {"Sec-Fetch-Site": "cross-site"}
    assert pages.ask("POST", f"{pages.path}/1/check", {"text": good}, **site).status_code == 403
    assert set(states(stocked.server, name).values()) == {"kept"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the text ends in the middle"),
        ('{"id": 1,}', "not valid JSON"),
        ("[1, 2]", "The edited row is 2 values, not one object"),
        ("3", "not a JSON object"),
        ("", "The edited row is 0 values, not one object"),
        ('{"_id": 9, "id": 1}', "The edited row has another _id than 2"),
        ("[" * 5000, "not valid JSON"),
    ],
)
def test_text_that_is_no_row_is_explained(open_pages, text, message):
    answer = open_pages().post("check", "/2", text=text)

    assert answer.status_code == 400
    assert message in answer.text
    assert f"{text.replace(chr(34), '&#34;')}</textarea>" in answer.text


def test_csv_row_is_edited_as_json(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, STOCK)
    body = b"id,amount,note\n1,2,too long\n2,3,\n4,5,6,7\n\xff,1,\n"
    assert server.client.post(path, content=body, headers={"Content-Type": "text/csv"}).status_code == 207
    pages = Pages(server, name, stocked.secret("admin"))

    text = pages.get("/1").text
    assert "Header: <code>id,amount,note</code>" in text
    assert re.search(r"<pre [^>]*>1,2,too long</pre>", text)
    edited = edited_in(text)
    assert '"note": "too long"' in edited
    assert "Still bad" in pages.post("check", "/1", text=edited.replace("\n", "\r\n")).text
    server.declare(name, STOCK.replace("max_length: 5", "max_length: 9"))
    assert "1 row tried: 1 stored" in pages.done("replay", "/1", text=edited)
    assert server.client.get(f"{path}?id=eq.1").json()[0]["note"] == "too long"
    for id in (2, 3):
        page = pages.get(f"/{id}")
        assert page.status_code == 200
        assert "<textarea" in page.text
    assert r"\xff,1," in pages.get("/3").text


CELLS = """
fields:
  k: string
  n: {type: integer, minimum: 0}
  note: {type: string, nullable: true}
  city: {type: string, nullable: true}
  extra: {type: string, nullable: true}
on_invalid: keep
"""
#: Rows of CSV that cannot be read once `extra` is removed, and what a person gets to correct.
UNREAD = [
    ('e,-5,"keep, me",Paris,w', {"k": "e", "n": -5, "note": "keep, me", "city": "Paris", "extra": "w"}),
    ("e,-5,note,Paris,w,v,", {"k": "e", "n": -5, "note": "note", "city": "Paris", "extra": "w", "cell 6": "v"}),
    ("e,-5", {"k": "e", "n": -5, "note": None, "city": None}),
    ('e,-5,"keep" me,"a, ""b""",w', {"k": "e", "n": -5, "note": '"keep" me', "city": 'a, "b"', "extra": "w"}),
]  # fmt: skip


def edited_in(text: str) -> str:
    """Return the text of a row in a page."""
    return html.unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", text, re.DOTALL)[1])


def test_unreadable_row_keeps_its_cells_by_name(stocked: Portal, name):
    """Remove a field of the header: its cells are shown by name, and none is lost without a word."""
    server = stocked.server
    path = server.declare(name, CELLS)
    for text, _ in UNREAD:
        body = f"k,n,note,city,extra\n{text}\n".encode()
        answer = server.client.post(path, content=body, headers={"Content-Type": "text/csv"})
        assert answer.json()["rejected"] == 1
    server.declare(name, CELLS.replace("  extra: {type: string, nullable: true}\n", ""))
    pages = Pages(server, name, stocked.secret("admin"))

    for number, (_, expected) in enumerate(UNREAD, 1):
        text = pages.get(f"/{number}").text
        assert "As it came, the row cannot be read: the CSV header names 'extra'" in html.unescape(text)
        edited = edited_in(text)
        assert json.loads(edited) == expected
        checked = pages.post("check", f"/{number}", text=edited.replace("\n", "\r\n")).text
        assert ("extra <code>PGRST204" in checked) == ("extra" in expected)
        assert "-5 is less than the minimum" in checked
        assert "As it came" not in checked
    mended = json.dumps({key: value for key, value in UNREAD[0][1].items() if key != "extra"} | {"n": 5})
    assert "1 row tried: 1 stored" in pages.done("replay", "/1", text=mended)
    assert server.client.get(f"{path}?select=k,n,note,city").json() == [
        {"k": "e", "n": 5, "note": "keep, me", "city": "Paris"}
    ]


def test_skipped_columns_stay_out_of_the_text(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, CELLS)
    headers = {"Content-Type": "text/csv"}
    body = b"k,zip,n,extra\ne,75001,-5\n"
    assert server.client.post(f"{path}?columns=k,n,extra", content=body, headers=headers).status_code == 207
    server.declare(
        name, CELLS.replace("  n:", "  number:").replace("minimum: 0", "minimum: 0, renamed_from: n")
    )

    text = Pages(server, name, stocked.secret("admin")).get("/1").text
    assert json.loads(edited_in(text)) == {"k": "e", "number": -5, "extra": None}


def test_unreadable_form_keeps_its_values(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, CELLS)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.client.post(path, content=b"k=e&n=5&note=a+b&note=c", headers=headers).status_code == 207

    text = Pages(server, name, stocked.secret("admin")).get("/1").text
    assert "the form names 'note' twice" in html.unescape(text)
    assert json.loads(edited_in(text)) == {"k": "e", "n": 5, "note": "a b", "note cell 4": "c"}


def test_renamed_field_keeps_its_schema_and_its_link(open_pages, stocked: Portal, name):
    """Rename a field: the row was rejected for its former name, and a check speaks of the new one."""
    renamed = STOCK.replace("  amount: {type", "  price: {renamed_from: amount, type")
    pages = open_pages()
    stocked.server.declare(name, renamed)
    listed, one = pages.get().text, pages.get("/1").text

    edit = f'connectors/{name}/edit?field=price" aria-label="Edit the schema of'
    assert f'{edit} amount"' in listed
    assert f'{edit} price"' in one
    assert "<code>price</code>, formerly <code>amount</code>" in one
    assert "decimal(10, 2)" in one
    assert "price <code>22P02</code>" in pages.post("check", "/1", text='{"id": 1, "amount": "x"}').text


def test_hostile_text_of_a_row_stays_text(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, STOCK + "keep_at_most: 100%\n")
    rows = [{"id": HOSTILE, HOSTILE: 1}, {"id": 1, "amount": "x", "note": "é" * 400_000}]
    many = {f"<b>{number}{'x' * 5000}": number for number in range(100)}
    assert server.client.post(path, json=[*rows, many]).status_code == 207
    pages = Pages(server, name, stocked.secret("admin"))

    listed = pages.get()
    assert len(listed.content) < 40_000
    assert "and 98 more" in listed.text or "and 97 more" in listed.text
    one, large, wide = (pages.get(f"/{id}").text for id in (1, 2, 3))
    for text in (listed.text, one, large, wide):
        assert "<img" not in text
        assert "<b>" not in text
        assert "\u202e" not in text
        assert "\u0007" not in text
    assert "&lt;/textarea&gt;&lt;img" in one
    assert "\\u202e" in one
    assert len(large.encode()) < 2**20
    assert "This is the beginning of 800,0" in large
    assert "too large to be edited here" in large
    whole = pages.get("/2/text")
    assert whole.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}-rejected-2.txt"
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert len(whole.content) > 800_000
    assert pages.ask("HEAD", f"{pages.path}/2/text").headers["Content-Length"] == str(len(whole.content))
    assert len(re.findall(r"<li>[^<]*<code>", wide)) == 100
    assert len(wide) < 600_000
    assert re.search(r"and \d+ more fields and codes", listed.text)


def test_names_from_right_to_left_stay_in_place(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, "{fields: {שם: integer, n: integer}, on_invalid: keep}")
    assert server.client.post(path, json=[{"שם": "מלה", "n": 7}]).status_code == 207
    pages = Pages(server, name, stocked.secret("admin"))

    listed, one = pages.get().text, pages.get("/1").text
    assert listed.count("<bdi>שם</bdi> <code>22P02</code>") == 2
    assert '{"<bdi>שם</bdi>":"<bdi>מלה</bdi>","n":7}' in html.unescape(listed)
    assert "<bdi>שם</bdi> <code>22P02</code>" in one
    assert '"<bdi>שם</bdi>": ' in html.unescape(one)
    chip = pages.get("?raw=like.*%E2%80%AEx*").text
    assert "\u202e" not in chip


def test_row_that_conflicts_with_a_key_is_explained(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, STOCK + "primary_key: [id]\n")
    server.client.post(path, json=[{"id": 1, "amount": 1}, {"id": 1, "amount": "x"}])
    pages = Pages(server, name, stocked.secret("admin"))

    answer = pages.post("replay", "/1", text='{"id": 1, "amount": 2}')
    assert answer.status_code == 200
    assert "Still bad; nothing was stored." in answer.text
    assert "Key (id)=(1) already exists" in answer.text
    assert states(server, name) == {1: "kept"}


def test_replay_stores_what_a_check_promises(stocked: Portal, name):
    """Replay rows of which some have keys that exist: the others are stored, and those say what is wrong now."""
    server = stocked.server
    strict = STOCK.replace("id: integer", "id: {type: integer, minimum: 0}") + "primary_key: [id]\n"
    path = server.declare(name, strict)
    rows = [{"id": -id, "amount": 1} for id in (1, 2, 2, 3)]
    assert server.client.post(path, json=rows).json()["rejected"] == 4
    server.declare(name, STOCK + "primary_key: [id]\n")
    assert server.client.post(path, json={"id": -1, "amount": 1}).status_code == 201
    pages = Pages(server, name, stocked.secret("admin"))

    checked = pages.done("check-all", filter="", expected=4)
    assert "4 rows checked: 2 would be stored, 2 are still bad." in checked
    text = pages.done("replay-all", filter="", expected=4)
    assert "4 rows tried: 2 stored, 2 still bad, 0 there already." in text
    assert re.search(r'<a href="[^"]*rejected/3\?[^"]*">Row 3</a>: id <code>23505</code>', text)
    assert states(server, name) == {1: "kept", 2: "replayed", 3: "kept", 4: "replayed"}
    assert rows_in(pages.get("?errors=cs.[{%22code%22:%2223505%22}]").text) == [3, 1]


def test_text_survives_a_replay_that_cannot_be_stored(tmp_path, name):
    """Restart on a disk that counts as full: the page says so, and still has the text that was typed."""
    with serving(tmp_path) as server:
        server.client.post(server.declare(name, STOCK), json=[{"id": "x"}])
        server.kill()
        server.environment["GATEWAY_DISK_RESERVE"] = "1000000G"
        server.start()
        pages = Pages(server, name, (server.data / "admin-token").read_text().strip())
        typed = '{"id": 1, "amount": 7}'

        assert pages.post("check", "/1", text=typed).status_code == 200
        for rest, fields in (("/1", {"text": typed}), ("", {"filter": "", "expected": 1})):
            answer = pages.post("replay" if rest else "replay-all", rest, **fields)
            assert answer.status_code == 507
            assert "<code>53100</code>" in answer.text
            assert (typed.replace('"', "&#34;") in answer.text) == bool(rest)
        assert states(server, name) == {1: "kept"}


def typed_in(answer: httpx.Response) -> str | None:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)
    return html.unescape(found[1]) if found else None


def test_text_survives_signing_out(open_pages, name):
    """Send a text without a session: the page has it, and says the same about a connector that is not there."""
    typed, nobody, path = '{"id": 1, "amount": "<7>"}', open_pages(None), open_pages().path

    answers = [
        nobody.ask("POST", f"{each}/1", {"do": "replay", "text": typed})
        for each in (path, path.replace(name, "no"))
    ]
    for answer in answers:
        assert answer.status_code == 404
        assert typed_in(answer) == typed
        assert "You are signed out; nothing was stored" in answer.text
        assert 'target="_blank">Sign in in another tab</a>' in answer.text
    assert answers[0].text.replace(f"/{name}/", "/no/") == answers[1].text
    checked = nobody.ask("POST", f"{path}/1/check", {"text": typed}, Accept="*/*")
    assert (checked.status_code, checked.json()["message"]) == (404, "you are signed out; nothing was stored")
    sent = re.search(r'<form class="stacked wide" method="post" action="(?:../)*([^"]*)"', answers[0].text)[1]
    assert "Still bad" in open_pages().ask("POST", f"/{sent}", {"do": "replay", "text": typed}).text
    assert typed_in(nobody.post("discard", "/1", reason="x")) is None


def test_text_survives_what_others_do_meanwhile(open_pages, stocked: Portal, name):
    """Discard the row, lose the right to it, and remove the connector: each page still has the text."""
    typed, pages, server = '{"id": 1, "amount": 7}', open_pages(), stocked.server
    pages.done("discard", "/1", reason="by another")
    discarded = pages.post("replay", "/1", text=typed)
    assert discarded.status_code == 409
    assert "Row 1 was discarded meanwhile" in discarded.text
    assert typed_in(discarded) == typed
    for asker, id, status in (("etl", 3, 404), ("auditor", 2, 403), ("admin", 99, 404)):
        answer = open_pages(asker).post("replay", f"/{id}", text=typed)
        assert (answer.status_code, typed_in(answer)) == (status, typed)
        assert "You are signed out" not in answer.text
    (server.connectors / f"{name}.yaml").unlink()
    eventually(lambda: server.client.get(f"/{name}").status_code == 410)
    removed = pages.post("replay", "/2", text=typed)
    assert (removed.status_code, typed_in(removed)) == (410, typed)


# -- who sees what


@pytest.mark.parametrize(
    ("asker", "listed", "one", "foreign", "forms"),
    [
        ("admin", [4, 3, 2, 1], 200, 200, True),
        ("etl", [2, 1], 200, 404, True),
        ("auditor", [], 403, 403, False),
    ],
)
def test_pages_show_what_an_asker_may_see(
    open_pages, stocked: Portal, name, asker, listed, one, foreign, forms
):
    pages = open_pages(asker)
    text = pages.get().text
    assert rows_in(text) == listed
    assert ("Replay all" in text, "Discard" in text) == (forms, forms)
    assert ("too long" in text) == forms
    assert f"<strong>{len(listed) or 4}</strong> kept" in text
    assert pages.get("/1").status_code == pages.get("/1/text").status_code == one
    assert pages.get("/3").status_code == pages.get("/3/text").status_code == foreign
    if asker == "auditor":
        assert pages.get("?raw=like.*x*").status_code == 403
        assert "<code>22P02</code>" in text
        assert "Such as" not in text
    if not forms:
        for rest in ("", "/1"):
            assert pages.post("replay", rest, id="1").status_code == 403
    if asker == "etl":
        assert pages.post("discard", id="3", reason="x", filter="").status_code == 409
        assert pages.post("discard", "/3", reason="x").status_code == 404
        assert "2 rows discarded" in pages.done("discard-all", filter="", expected=2, reason="mine")
        assert set(states(stocked.server, name).items()) >= {(3, "kept"), (4, "kept")}


def test_nobody_and_a_reader_see_no_rejected_rows(open_pages):
    for asker, status in ((None, 404), ("guest", 403)):
        pages = open_pages(asker)
        for rest in ("", "/1", "/1/text"):
            assert pages.get(rest).status_code == status
        assert pages.post("discard-all", expected=4, reason="x").status_code == status


def test_viewer_who_reads_sees_texts_and_settles_nothing(open_pages, stocked: Portal, name):
    stocked.server.declare(name, STOCK.replace("[guest]", "[guest, auditor]"))
    pages = open_pages("auditor")
    stocked.server.declare(name, STOCK.replace("[guest]", "[guest, auditor]"))
    text = pages.get().text

    assert len(rows_in(text)) == 4
    assert 'type="checkbox"' not in text
    assert "<textarea" not in pages.get("/1").text
    assert pages.post("check", "/1", text="{}").status_code == 403


def test_settling_on_a_removed_connector_is_explained(stocked: Portal, name):
    server = stocked.server
    path = server.declare(name, STOCK)
    server.client.post(path, json=[{"id": "x"}])
    pages = Pages(server, name, stocked.secret("admin"))
    (server.connectors / f"{name}.yaml").unlink()
    eventually(lambda: server.client.get(path).status_code == 410)

    assert pages.get().status_code == pages.get("/1").status_code == 410
    assert pages.post("replay-all", filter="", expected=1).status_code == 410
