"""PUT, PATCH and DELETE: rows that are replaced, changed and deleted."""

import threading

import httpx
import pytest
from postgrest import APIError, SyncPostgrestClient

from tests.support.server import Server
from tests.support.tested_store import renewed

FIELDS = """fields:
  id: integer
  name: {type: string, nullable: true, max_length: 10}
  n: {type: integer, default: 0}
  tags: {type: "string[]", nullable: true}
  data: {type: json, nullable: true}
"""
CHANGE = "access: {read: [public], change: [admin]}\n"
ROWS = [{"id": n, "name": f"row {n}", "n": n, "tags": ["a", str(n)], "data": {"k": n}} for n in range(1, 6)]


@pytest.fixture
def path(server, name):
    path = server.declare(name, FIELDS + CHANGE)
    server.client.post(path, json=ROWS)
    return path


def stored(server: Server, path: str, select: str = "*") -> list[dict]:
    return server.client.get(f"{path}?select={select}").json()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_change_needs_access_of_connector(server, name, method):
    path = server.declare(name, FIELDS + "access: {read: [public], ingest: [etl]}\n")

    answer = server.client.request(method, f"{path}?id=eq.1", json=[])

    assert (answer.status_code, answer.json()["code"]) == (405, "PGRST117")
    assert "access: {change: [NAME]}" in answer.json()["hint"]
    assert answer.headers["Allow"] == "OPTIONS, GET, HEAD, POST"


def test_change_without_token_answers_401(server, path):
    answers = [
        httpx.request(method, f"{server.url}{path}?id=eq.1", json={}) for method in ("PUT", "PATCH", "DELETE")
    ]

    assert [answer.status_code for answer in answers] == [401] * 3
    allow = "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE"
    assert httpx.options(f"{server.url}{path}").headers["Allow"] == allow
    assert len(stored(server, path)) == 5


# -- PUT


def test_put_replaces_all_rows(server, path):
    dry = server.client.put(path, json=[{"id": 7}], headers={"Prefer": "tx=rollback"})
    assert (dry.status_code, dry.json()["deleted"]) == (200, 5)
    answer = server.client.put(path, json=[{"id": 7}, {"id": 8}])

    assert (answer.status_code, answer.json()["stored"], answer.json()["deleted"]) == (201, 2, 5)
    assert stored(server, path, "_id,id") == [{"_id": 6, "id": 7}, {"_id": 7, "id": 8}]
    assert server.client.put(path, json=[{"id": "x"}]).status_code == 422
    assert server.client.put(f"{path}?id=eq.7", json=[{"id": 7}]).json()["code"] == "PGRST127"
    assert len(stored(server, path)) == 2
    for empty, kind in ((b"[]", "application/json"), (b"id,name\n", "text/csv")):
        answer = server.client.put(path, content=empty, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (400, "21000")
    assert len(stored(server, path)) == 2


def test_put_refused_for_keys_leaves_old_rows(server, name):
    path = server.declare(name, FIELDS + CHANGE + "primary_key: [id]\n")
    server.client.post(path, json=ROWS)

    assert server.client.put(path, json=[{"id": 1}, {"id": 1}]).status_code == 409
    assert len(stored(server, path)) == 5
    assert server.client.put(path, json=[{"id": 1}, {"id": 2}]).status_code == 201
    assert len(stored(server, path)) == 2


def test_readers_of_put_see_no_mixed_rows(server, name):
    """Check that readers of a PUT see the old rows or the new ones, and never a mix."""
    path = server.declare(name, FIELDS + CHANGE)
    size, versions, mixes, stop = 3000, 6, [], threading.Event()
    server.client.put(path, json=[{"id": n, "n": 0} for n in range(size)])

    def read() -> None:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            while not stop.is_set():
                seen = client.get(f"{path}?select=n,count()").json()
                if len(seen) != 1 or seen[0]["count"] != size:
                    mixes.append(seen)
                several = {row["n"] for row in client.get(f"{path}?select=n").json()}
                if len(several) != 1:
                    mixes.append(several)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(1, versions):
        assert server.client.put(path, json=[{"id": n, "n": version} for n in range(size)]).status_code == 201
    stop.set()
    for reader in readers:
        reader.join()

    assert mixes == []


# -- PATCH and DELETE


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_change_without_filter_is_refused(server, path, method):
    for query in ("", "?select=id", "?order=id"):
        answer = server.client.request(method, path + query, json={"n": 1})
        assert (answer.status_code, answer.json()["code"]) == (400, "21000")
    for query in ("?id=eq.1&limit=1", "?id=eq.1&offset=1", "?id=gt.1&limit=0"):
        answer = server.client.request(method, path + query, json={"n": 1})
        assert (answer.status_code, answer.json()["code"]) == (400, "PGRST127")
    assert stored(server, path) == ROWS


def test_patch_changes_filtered_rows_and_their_ids(server, path):
    """Check that PATCH changes the rows of a filter, which get new ids."""
    counted = {"Prefer": "count=exact"}
    answer = server.client.patch(
        f"{path}?n=gte.4", json={"name": "new", "data": None, "tags": []}, headers=counted
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Content-Range"] == "0-1/2"
    changed = [{**row, "name": "new", "data": None, "tags": []} for row in ROWS[3:]]
    assert stored(server, path) == ROWS[:3] + changed
    assert stored(server, path, "_id,id")[3:] == [{"_id": 6, "id": 4}, {"_id": 7, "id": 5}]
    assert server.client.get(f"{path}?_id=gt.5&select=id").json() == [{"id": 4}, {"id": 5}]


def test_patch_filters_json_and_keeps_undeclared_columns(server, name, path):
    """Check that a filter reaches into JSON, and columns no longer declared keep their values."""
    assert server.client.patch(f"{path}?data->>k=eq.2&tags=cs.{{a}}", json={"n": 20}).status_code == 204
    server.declare(
        name, FIELDS.replace("  name: {type: string, nullable: true, max_length: 10}\n", "") + CHANGE
    )
    assert server.client.patch(f"{path}?id=eq.3", json={"n": 30}).status_code == 204
    server.declare(name, renewed(FIELDS + CHANGE))

    kept = {row["id"]: (row["name"], row["n"]) for row in stored(server, path)}
    assert kept == {1: ("row 1", 1), 2: ("row 2", 20), 3: ("row 3", 30), 4: ("row 4", 4), 5: ("row 5", 5)}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "far too long a name"}, 422, "23514"),
        ({"id": None}, 422, "23502"),
        ({"nmae": "x"}, 422, "PGRST204"),
        ({"nmae": "x", "id": None}, 422, "GW201"),
        ([{"n": 1}, {"n": 2}], 400, "PGRST102"),
        (5, 400, "PGRST102"),
    ],
)
def test_values_refused_by_schema_change_nothing(server, path, body, status, code):
    answer = server.client.patch(f"{path}?id=eq.1", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored(server, path) == ROWS


ONE_OBJECT = "send one JSON object with the new values"
OBJECTS = [
    ('{"n": "x"}', 422, "field 'n': 'x' is not an integer", "fix the object"),
    ('[{"n": "x"}]', 422, "field 'n': 'x' is not an integer", "fix the object"),
    (
        '{"m": 1, "n": 1.5}',
        422,
        "field 'm': 'm' is not a field (and 1 more)",
        "fix the object",
    ),
    ("[]", 400, "the body is a list of 0 values", ONE_OBJECT),
    ('[{"n": 1}, {"n": 2}]', 400, "the body is a list of 2 values", ONE_OBJECT),
    ("[3]", 400, "the body is a list of 3,", ONE_OBJECT),
    ('[{"n": tru}]', 400, "the body is not valid JSON: ", ONE_OBJECT),
    ('{"n": 1} {"n": 2}', 400, "{ follows the end of the value", ONE_OBJECT),
    ('{"n": 1}\n{"n": 2}', 400, "{ follows the end of the value", ONE_OBJECT),
    ("3", 400, "the body is the JSON value 3", ONE_OBJECT),
    ("n=3", 400, "the body is a URL-encoded form, not JSON", ONE_OBJECT),
    ("", 400, "the body is empty", ONE_OBJECT),
    ('{"n": ', 400, "the text ends in the middle of a value", "cut off"),
]


@pytest.mark.parametrize(("body", "status", "message", "hint"), OBJECTS)
def test_error_of_patch_body_omits_row_numbers(server, path, body, status, message, hint):
    """Check that an error names what is wrong with the object of a PATCH, without a number of a row."""
    answer = server.client.patch(
        f"{path}?id=eq.1", content=body, headers={"Content-Type": "application/json"}
    )

    error = answer.json()
    assert answer.status_code == status
    assert message in error["message"]
    assert error["hint"].startswith(hint) or hint in error["hint"]
    assert "row 1" not in error["message"]
    for words in ("send rows", "list of rows", "send them all again", "several rows", "of 1 row"):
        assert words not in f"{error['details']} {error['hint']}"
    if status == 422:
        assert error["details"] in ("1 error was found in the object", "2 errors were found in the object")
        assert {(each["row"], each["line"]) for each in error["errors"]} == {(None, None)}
        assert (error["error_count"], error["rows"]) == (len(error["errors"]), 0)


MISPLACED = [
    ("PUT", "id=eq.1", "PATCH {path}?id=eq.1"),
    ("POST", "n=gt.2", "PATCH {path}?n=gt.2"),
    ("POST", "or=(id.eq.1,id.eq.2)", "PATCH {path}?or=(id.eq.1,id.eq.2)"),
    ("PUT", "sort=id", "write order=NAME"),
    ("PUT", "colums=id", "did you mean 'columns'?"),
    ("PATCH", "id=eq.1&limit=1", "name the rows by their filter alone"),
    ("DELETE", "id=eq.1&offset=1", "name the rows by their filter alone"),
    ("PATCH", "id=eq.1&select=n.sum()", "aggregate with a GET"),
    ("DELETE", "id=eq.1&on_conflict=id", "on_conflict goes with a POST"),
    ("GET", "columns=id", "write select="),
    ("GET", "name=fts.a", "write name=ilike.*a*"),
    ("GET", "select=*,others(*)", "a connector is one table"),
    ("GET", "others.n=eq.1", "a connector is one table"),
]


@pytest.mark.parametrize(("method", "query", "hint"), MISPLACED)
def test_hint_names_parameters_that_fit_the_method(server, path, method, query, hint):
    """Check that a parameter that does not go with a method is refused with a hint that names what does."""
    error = server.client.request(method, f"{path}?{query}", json={"n": 1}).json()

    assert error["code"] == "PGRST127"
    assert hint.format(path=path) in error["hint"]


def test_delete_deletes_filtered_rows(server, name, path):
    counted = {"Prefer": "count=exact"}
    answer = server.client.delete(f"{path}?or=(id.eq.1,name.like.*5)", headers=counted)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Content-Range"] == "*/2"
    assert stored(server, path) == ROWS[1:4]
    (line, *_) = server.client.get(f"/-/connectors/{name}/batches").json()
    assert (line["action"], line["rows"], line["deleted"], line["token"]) == ("delete", 0, 2, "admin")
    assert server.client.delete(f"{path}?id=eq.99", headers=counted).headers["Content-Range"] == "*/0"


@pytest.mark.parametrize("prefer", ["", "return=representation"])
def test_uncounted_changes_send_no_content_range(server, path, prefer):
    """Check that changed rows are counted in Content-Range only if the request asks for the count."""
    headers = {"Prefer": prefer}
    changed = server.client.patch(f"{path}?id=eq.1", json={"n": 9}, headers=headers)
    deleted = server.client.delete(f"{path}?id=eq.1", headers=headers)

    assert "Content-Range" not in changed.headers
    assert "Content-Range" not in deleted.headers


def test_changes_show_rows_and_rehearsals_change_nothing(server, path):
    shown = {"Prefer": "return=representation"}
    rehearsed = {"Prefer": "return=representation, tx=rollback"}
    for _ in range(2):
        answer = server.client.patch(f"{path}?id=eq.2&select=id,n", json={"n": 9}, headers=rehearsed)
        assert (answer.status_code, answer.json()) == (200, [{"id": 2, "n": 9}])
        answer = server.client.delete(f"{path}?id=gt.3&select=id", headers=rehearsed)
        assert (answer.status_code, answer.json()) == (200, [{"id": 4}, {"id": 5}])
    assert stored(server, path) == ROWS

    answer = server.client.patch(f"{path}?id=eq.2&select=_id,n", json={"n": 9}, headers=shown)
    assert answer.json() == [{"_id": 6, "n": 9}]
    assert server.client.delete(f"{path}?id=eq.2&select=id", headers=shown).json() == [{"id": 2}]
    assert server.client.delete(f"{path}?id=eq.2&select=id", headers=shown).json() == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Prefer": "handling=strict, max-affected=2"}, 400, "PGRST124"),
        ({"Prefer": "max-affected=2"}, 400, "PGRST124"),
        ({"Prefer": "handling=lenient, max-affected=0"}, 400, "PGRST124"),
        ({"Prefer": 'Max-Affected = "2"'}, 400, "PGRST124"),
        ({"Prefer": "max-affected=2, return=representation, tx=rollback"}, 400, "PGRST124"),
        ({"Prefer": "max-affected=two"}, 400, "PGRST122"),
        ({"Prefer": "max-affected"}, 400, "PGRST122"),
        ({"Prefer": "Max-Affected=-1"}, 400, "PGRST122"),
        ({"Accept": "application/vnd.pgrst.object+json"}, 406, "PGRST116"),
    ],
)
def test_exceeded_row_limit_changes_nothing(server, path, method, headers, status, code):
    """Check that a request that would change more rows than it allows changes nothing."""
    answer = server.client.request(method, f"{path}?id=gt.2", json={"n": 1}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stored(server, path) == ROWS
    allowed = server.client.request(
        method, f"{path}?id=gt.2", json={"n": 1}, headers={"Prefer": "max-affected=3"}
    )
    assert (allowed.status_code, allowed.headers["Preference-Applied"]) == (204, "max-affected=3")


@pytest.mark.parametrize(
    ("method", "query", "prefer", "applied"),
    [
        ("POST", "", "missing=null, max-affected=1", ""),
        ("POST", "columns=id", "missing=null", "missing=null"),
        ("POST", "", "missing=default", "missing=default"),
        ("PUT", "", "resolution=merge-duplicates, tx=rollback", "tx=rollback"),
        ("PATCH", "id=eq.1", "missing=null, resolution=merge-duplicates, return=minimal", "return=minimal"),
        ("PATCH", "id=eq.1", "tx=commit, handling=lenient, timezone=UTC", "tx=commit, handling=lenient"),
        ("DELETE", "id=eq.1", "count=exact, return=headers-only", "return=headers-only, count=exact"),
        ("GET", "", "tx=rollback, return=minimal, max-affected=1, count=exact", "count=exact"),
    ],
)
def test_honored_preference_is_listed_as_applied(server, path, method, query, prefer, applied):
    body = None if method in ("GET", "DELETE") else {"id": 9}

    answer = server.client.request(method, f"{path}?{query}", json=body, headers={"Prefer": prefer})

    assert answer.is_success, answer.text
    assert answer.headers.get("Preference-Applied", "") == applied


@pytest.mark.parametrize(
    ("prefer", "hint"),
    [
        ("max-affectd=1", "did you mean max-affected=N?"),
        ("count=exakt", "write count=exact|planned|estimated"),
        ("return=all", "write return=representation|minimal|headers-only"),
        ("timezone=UTC", "use one of resolution="),
        ("max-affected=many", "write max-affected=N, a whole number"),
    ],
)
def test_strict_request_gets_hint_of_fitting_preference(server, path, prefer, hint):
    answer = server.client.delete(f"{path}?id=eq.1", headers={"Prefer": f"handling=strict, {prefer}"})

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST122")
    assert prefer in answer.json()["details"]
    assert answer.json()["hint"].startswith(hint)
    assert len(stored(server, path)) == 5


def test_patch_into_existing_key_is_refused(server, name):
    path = server.declare(name, FIELDS + CHANGE + "primary_key: [id]\n")
    server.client.post(path, json=ROWS)

    for query in ("id=eq.1", "id=gt.3"):
        answer = server.client.patch(f"{path}?{query}", json={"id": 2 if query == "id=eq.1" else 9})
        assert (answer.status_code, answer.json()["code"]) == (409, "23505")
    assert stored(server, path) == ROWS
    assert server.client.patch(f"{path}?id=eq.1", json={"id": 9}).status_code == 204


def test_change_makes_another_etag(server, path):
    for method, query in (("PATCH", "id=eq.1"), ("DELETE", "id=eq.2"), ("PUT", "")):
        before = server.client.get(path)
        assert server.client.request(method, f"{path}?{query}", json={"id": 1}).is_success
        after = server.client.get(path, headers={"If-None-Match": before.headers["ETag"]})
        assert after.status_code == 200
        assert after.json() != before.json()


@pytest.mark.parametrize(
    ("query", "body", "status", "expected"),
    [
        ("columns=name", {"name": "new", "n": 9, "unknown": 1}, 200, {"name": "new", "n": 2}),
        ("columns=name,n", {"n": 9}, 200, {"name": "row 2", "n": 9}),
        ('columns="n"', {"name": "new", "n": 9}, 200, {"name": "row 2", "n": 9}),
        ("columns=n&columns=name", {"name": "new", "n": 9}, 200, {"name": "row 2", "n": 9}),
        ("columns=unknown", {"name": "new"}, 400, "PGRST204"),
        ("columns=", {"name": "new"}, 400, "PGRST100"),
        ("columns=name", {"name": 5}, 422, "22P02"),
    ],
)
def test_patch_takes_only_fields_in_columns(server, path, query, body, status, expected):
    shown = {"Prefer": "return=representation"}

    answer = server.client.patch(f"{path}?id=eq.2&select=name,n&{query}", json=body, headers=shown)

    assert answer.status_code == status, answer.text
    assert (answer.json()[0] if status == 200 else answer.json()["code"]) == expected
    if status != 200:
        assert stored(server, path) == ROWS


def test_column_without_value_in_body_changes_nothing(server, path):
    assert server.client.patch(f"{path}?id=eq.2&columns=n", json={"name": "new"}).status_code == 204
    assert stored(server, path) == ROWS


def test_postgrest_client_limits_affected_rows(server, path):
    with SyncPostgrestClient(server.url, headers=server.admin) as client:
        table = client.from_(path.strip("/"))
        with pytest.raises(APIError, match="max-affected"):
            table.delete().gt("id", 2).max_affected(2).execute()
        assert len(stored(server, path)) == 5
        assert len(table.delete().gt("id", 2).max_affected(3).execute().data) == 3


def test_postgrest_client_updates_upserts_and_deletes(server, name):
    path = server.declare(name, FIELDS + CHANGE + "primary_key: [id]\n")
    with SyncPostgrestClient(server.url, headers=server.admin) as client:
        table = client.from_(path.strip("/"))
        table.insert(ROWS).execute()
        updated = table.update({"n": 50}).eq("id", 5).execute().data
        assert [row["n"] for row in updated] == [50]
        upserted = table.upsert({"id": 5, "name": "five"}).execute().data
        assert [(row["n"], row["name"]) for row in upserted] == [(50, "five")]
        several = table.upsert([{"id": 4, "n": 40}, {"id": 6, "n": 60}], on_conflict="id").execute().data
        assert [(row["id"], row["name"], row["n"]) for row in several] == [(4, "row 4", 40), (6, None, 60)]
        ignored = table.upsert([{"id": 4, "n": 1}], ignore_duplicates=True).execute().data
        assert ignored == []
        gone = table.delete().gt("id", 4).execute().data
        assert sorted(row["id"] for row in gone) == [5, 6]
    assert sorted(row["id"] for row in stored(server, path)) == [1, 2, 3, 4]
