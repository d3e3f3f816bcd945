"""What a POST may ask for beside its body: columns, what is answered, a rehearsal."""

import gc
import json

import httpx
import pytest

from gateway.auth.tokens import make_token
from gateway.request_context import RequestContext
from tests.support.in_process import body, inside

CONNECTOR = """
fields:
  id: integer
  name: {type: string, nullable: true}
  paid: {type: boolean, default: false}
  note: {type: string, nullable: true, default: "none"}
access: {read: [public]}
"""


@pytest.fixture
def path(server, name):
    return server.declare(name, CONNECTOR)


def post(server, path, rows, query="", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.client.post(f"{path}?{query}", json=rows, headers=headers)


def rows(server, path, query=""):
    return server.client.get(f"{path}?{query}").json()


ADA = {"id": 1, "name": "Ada", "paid": False, "note": "none"}


def test_response_without_preference_is_the_receipt(server, path):
    answer = post(server, path, {"id": 1})

    assert answer.status_code == 201
    assert list(answer.json()) == [
        "batch", "received", "stored", "rejected", "duplicates", "first_id", "last_id",
    ]  # fmt: skip
    assert "Preference-Applied" not in answer.headers


def test_preference_returns_the_stored_rows(server, path):
    answer = post(server, path, {"id": 1, "name": "Ada"}, Prefer="return=representation")

    assert (answer.status_code, answer.json()) == (201, [ADA])
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_select_and_order_apply_to_returned_rows(server, path):
    post(server, path, {"id": 7})
    query = "select=_id,n:name,id::text&order=id.desc&limit=1"
    answer = post(server, path, [{"id": 1}, {"id": 2, "name": "x"}], query, Prefer="return=representation")

    assert answer.json() == [{"_id": 3, "n": "x", "id": "2"}, {"_id": 2, "n": None, "id": "1"}]


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("text/csv", "id,name,paid,note\n1,Ada,false,none\n"),
        ("application/x-ndjson", '{"id":1,"name":"Ada","paid":false,"note":"none"}\n'),
        ("application/vnd.pgrst.object+json", '{"id":1,"name":"Ada","paid":false,"note":"none"}'),
    ],
)
def test_returned_rows_have_the_accepted_format(server, path, accept, text):
    answer = post(server, path, {"id": 1, "name": "Ada"}, Prefer="return=representation", Accept=accept)

    assert (answer.status_code, answer.text) == (201, text)


def test_long_representation_is_streamed(server, path):
    many = [{"id": number, "name": "x" * 100} for number in range(25_000)]
    answer = post(server, path, many, Prefer="return=representation")

    assert answer.status_code == 201
    assert [row["id"] for row in answer.json()] == list(range(25_000))


def test_representation_of_no_rows_is_empty(server, path):
    answer = post(server, path, [], Prefer="return=representation")

    assert (answer.status_code, answer.json()) == (201, [])


def test_minimal_response_has_no_body(server, path):
    answer = post(server, path, {"id": 1}, Prefer="return=minimal, count=exact")

    assert (answer.status_code, answer.content) == (201, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["Preference-Applied"] == "return=minimal, count=exact"
    assert answer.headers["Content-Range"] == "*/1"


def test_headers_only_response_locates_a_single_row(server, path):
    answer = post(server, path, {"id": 5, "name": "x"}, Prefer="return=headers-only")

    assert (answer.status_code, answer.content) == (201, b"")
    assert server.client.get(answer.headers["Location"]).json()[0]["id"] == 5
    several = post(server, path, [{"id": 6}, {"id": 7}], Prefer="return=headers-only")
    assert (several.status_code, "Location" in several.headers) == (201, False)


@pytest.mark.parametrize("prefer", ["return=representation", "return=minimal", ""])
def test_single_object_for_several_rows_stores_nothing(server, path, prefer):
    """Check that a single object cannot represent several rows, and none of them is stored."""
    kind = "application/vnd.pgrst.object+json"
    answer = post(server, path, [{"id": 1}, {"id": 2}], Prefer=prefer, Accept=kind)

    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST116")
    assert answer.json()["details"] == "The result contains 2 rows"
    assert rows(server, path) == []


def test_unacceptable_format_is_refused_before_storing(server, path):
    """Check that a request for a response that cannot be made is refused before anything is stored."""
    answer = post(server, path, {"id": 1}, Prefer="return=representation", Accept="image/png")

    assert answer.status_code == 406
    assert rows(server, path) == []


# -- columns


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        ("", {"id": 1, "name": None, "paid": False, "note": None}),
        ("missing=null", {"id": 1, "name": None, "paid": False, "note": None}),
        ("missing=default", {"id": 1, "name": None, "paid": False, "note": "none"}),
    ],
)
def test_columns_takes_listed_fields_and_skips_others(server, path, prefer, expected):
    sent = [{"id": 1, "other": {"x": 1}}, {"id": 2, "name": "x", "note": "y", "paid": True}]
    answer = post(server, path, sent, 'columns="id","name","paid","note"', Prefer=prefer)

    assert answer.status_code == 201, answer.text
    assert rows(server, path) == [expected, {"id": 2, "name": "x", "paid": True, "note": "y"}]
    assert answer.headers.get("Preference-Applied", "") == prefer


def test_field_outside_columns_takes_its_default(server, path):
    assert post(server, path, [{"id": 1, "note": "y", "name": "z"}], "columns=id,name").status_code == 201
    assert rows(server, path) == [{"id": 1, "name": "z", "paid": False, "note": "none"}]


def test_columns_does_not_excuse_bad_rows(server, path):
    answer = post(server, path, [{"name": "x"}, {"id": "y"}, 5], "columns=id,name")

    assert [(each["row"], each["field"], each["code"]) for each in answer.json()["errors"]] == [
        (1, "id", "23502"),
        (2, "id", "22P02"),
        (3, None, "22P02"),
    ]


def test_columns_applies_to_csv(server, path):
    text = "id,name,note\n1,Ada,x\n"
    kind = {"Content-Type": "text/csv"}
    assert server.client.post(f"{path}?columns=id,name", content=text, headers=kind).status_code == 201
    assert rows(server, path) == [ADA]


def test_columns_skips_cells_with_any_content(server, name):
    path = server.declare(name, CONNECTOR.replace("access", "  j: {type: json, nullable: true}\naccess"))
    text = "id,other,name,j\n1,x,Ada,not JSON\n"
    kind = {"Content-Type": "text/csv"}
    assert server.client.post(f"{path}?columns=id,name", content=text, headers=kind).status_code == 201
    assert rows(server, path) == [{**ADA, "j": None}]


def test_token_without_read_access_sees_no_rows(server, name, own):
    secret, line = make_token("etl")
    own.stop()
    tokens = own.data.parent / "tokens.yaml"
    tokens.write_text(line)
    own.environment["GATEWAY_TOKENS"] = str(tokens)
    own.start()
    path = own.declare("drop", CONNECTOR.replace("read: [public]", "ingest: [etl]"))
    token = {"Authorization": f"Bearer {secret}"}

    shown = httpx.post(own.url + path, json={"id": 1}, headers={**token, "Prefer": "return=representation"})
    assert (shown.status_code, shown.json()["code"]) == (403, "42501")
    assert httpx.post(own.url + path, json={"id": 1}, headers=token).status_code == 201


def test_ragged_rows_take_defaults(server, path):
    assert (
        post(server, path, [{"id": 1, "name": "Ada"}, {"id": 2, "note": None, "paid": True}]).status_code
        == 201
    )
    assert rows(server, path) == [ADA, {"id": 2, "name": None, "paid": True, "note": None}]


@pytest.mark.parametrize(
    ("query", "prefer", "code", "words"),
    [
        ("columns=idd", "", "PGRST204", "did you mean 'id'?"),
        ("columns=", "", "PGRST100", "quotes"),
        ("columns=id;name", "", "PGRST204", "'id;name'"),
        ("select=nope", "", "42703", "did you mean 'note'?"),
        ("select=id.sum()", "", "PGRST127", "aggregate"),
        ("on_conflict=id", "", "42P10", "no primary key of id"),
        ("id=eq.1", "", "PGRST127", "'id' on POST"),
        ("", "resolution=merge-duplicates", "42P10", "no primary key"),
        ("", "handling=strict, return=all", "PGRST122", "return=all"),
    ],
)
def test_unsupported_parameter_of_post_is_refused(server, path, query, prefer, code, words):
    """Check that what a POST cannot ask for is refused, and nothing is stored."""
    answer = post(server, path, {"id": 1}, query, Prefer=prefer)

    error = answer.json()
    assert (answer.status_code, error["code"]) == (400, code)
    assert words in f"{error['message']} {error['hint']} {error['details']}"
    assert rows(server, path) == []


# -- rehearsals


def test_rehearsal_answers_and_stores_nothing(server, path):
    answer = post(server, path, [{"id": 1, "name": "Ada"}, {"id": 2}], Prefer="tx=rollback")
    assert answer.status_code == 200
    assert answer.json() == {
        "batch": None, "received": 2, "stored": 0, "rejected": 0, "duplicates": 0, "first_id": None, "last_id": None,
    }  # fmt: skip
    assert answer.headers["Preference-Applied"] == "tx=rollback"

    answer = post(
        server, path, {"id": 1, "name": "Ada"}, "select=_id,name", Prefer="tx=rollback, return=representation"
    )
    assert (answer.status_code, answer.json()) == (200, [{"_id": 1, "name": "Ada"}])
    assert answer.headers["Preference-Applied"] == "return=representation, tx=rollback"

    assert post(server, path, [{"id": "x"}], Prefer="tx=rollback").status_code == 422
    assert post(server, path, [], Prefer="tx=rollback, return=representation").json() == []
    minimal = post(server, path, {"id": 1}, Prefer="tx=rollback, return=headers-only")
    assert (minimal.status_code, minimal.content, "Location" in minimal.headers) == (200, b"", False)
    assert rows(server, path) == []
    assert server.client.get(f"/-/connectors{path}/batches").json() == []


def test_rehearsal_uses_no_id_and_keeps_etag(server, path):
    first = post(server, path, {"id": 1}).json()
    etag = server.client.get(path).headers["ETag"]
    post(server, path, [{"id": 2}] * 10, Prefer="tx=rollback")

    assert server.client.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert post(server, path, {"id": 3}, Prefer="tx=commit").json()["first_id"] == first["last_id"] + 1
    assert [row["id"] for row in rows(server, path)] == [1, 3]


def test_rows_are_stored_despite_failed_representation(tmp_path, monkeypatch):
    """Check that rows that cannot be read back for the response are stored all the same."""
    with inside(tmp_path, {"c": CONNECTOR}) as gateway:

        def fail(*_):
            raise MemoryError

        prefer = {"Prefer": "return=representation, count=exact", "Content-Type": "application/json"}
        with monkeypatch.context() as patch:
            patch.setattr("gateway.store.engine.read_transaction.DuckDBReadTransaction._reading", fail)
            status, headers, text = gateway.request("POST", "/c", body(b'{"id":1}'), headers=prefer)

        assert (status, json.loads(text)["stored"]) == (201, 1)
        assert headers["preference-applied"] == "count=exact"
        assert len(json.loads(gateway.request("GET", "/c")[2])) == 1
        assert gateway.gateway.services.storage.read_pool.open_results == 0


def test_failed_batch_gives_its_reader_back(tmp_path, monkeypatch):
    with inside(tmp_path, {"c": CONNECTOR}) as gateway:

        def fail(*_):
            raise OSError

        prefer = {"Prefer": "return=representation", "Content-Type": "application/json"}
        with monkeypatch.context() as patch:
            patch.setattr("gateway.store.tables.store.Store.append", fail)
            assert gateway.request("POST", "/c", body(b'{"id":1}'), headers=prefer)[0] == 500

        assert gateway.gateway.services.storage.read_pool.open_results == 0
        assert gateway.request("GET", "/c")[2] == b"[]"


def test_answered_request_is_freed_without_garbage_collector(tmp_path):
    """Check contexts, which refer to all of a request. A collection would pause every request, many times a second."""
    with inside(tmp_path, {"a": "fields: {n: integer}\n"}) as server:
        gc.collect()
        gc.disable()
        try:
            for number in range(3):
                assert server.request("POST", "/a", body(b'{"n":%d}' % number))[0] == 201
                assert server.request("GET", "/a", query=f"n=eq.{number}")[0] == 200
                assert server.request("POST", "/a", body(b"{"))[0] == 400
            left = [each for each in gc.get_objects() if type(each) is RequestContext]
        finally:
            gc.enable()

    assert left == []
