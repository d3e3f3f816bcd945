"""What surrounds the rows of a GET: counts, ranges, links, preferences, validators, compression, CORS."""

import gzip
import io
import json
import random
import re
import socket

import httpx
import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from tests.support.in_process import inside
from tests.support.server import serving

CONNECTOR = """
fields:
  id: integer
  name: {type: string, nullable: true}
access: {read: [public]}
"""
ROWS = [{"id": number, "name": None if number == 3 else f"row {number}"} for number in range(1, 6)]


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("responses", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def get(server, path, query="", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.client.get(f"{path}?{query}", headers=headers)


# -- counts and ranges


@pytest.mark.parametrize(
    ("query", "headers", "status", "content_range"),
    [
        ("", {}, 200, None),
        ("limit=2", {}, 200, None),
        ("limit=2&offset=1", {}, 200, None),
        ("limit=0", {}, 200, None),
        ("offset=9", {}, 200, None),
        ("id=eq.9", {}, 200, None),
        ("", {"Prefer": "count=exact"}, 200, "0-4/5"),
        ("limit=2", {"Prefer": "count=exact"}, 206, "0-1/5"),
        ("limit=2", {"Prefer": "count=planned"}, 206, "0-1/5"),
        ("limit=2", {"Prefer": "count=estimated"}, 206, "0-1/5"),
        ("limit=0", {"Prefer": "count=exact"}, 206, "*/5"),
        ("id=gt.3", {"Prefer": "count=exact"}, 200, "0-1/2"),
        ("id=eq.9", {"Prefer": "count=exact"}, 200, "*/0"),
        ("offset=5", {"Prefer": "count=exact"}, 206, "*/5"),
        ("offset=6", {"Prefer": "count=exact"}, 416, "*/5"),
        ("select=count()", {"Prefer": "count=exact"}, 200, "0-0/1"),
        ("select=name,count()&limit=1", {"Prefer": "count=exact"}, 206, "0-0/5"),
        ("", {"Range": "1-2"}, 200, "1-2/*"),
        ("", {"Range": "3-"}, 200, "3-4/*"),
        ("", {"Range": "0-99"}, 200, "0-4/*"),
        ("", {"Range": "1-2", "Range-Unit": "items", "Prefer": "count=exact"}, 206, "1-2/5"),
        ("limit=3&offset=1", {"Range": "2-9"}, 200, "2-3/*"),
        ("limit=2", {"Range": "2-3"}, 416, None),
        ("", {"Range": "3-1"}, 416, None),
        ("", {"Range": "rows"}, 200, None),
        ("", {"Range": "-2"}, 200, None),
        ("id=eq.9", {"Range": "0-9"}, 200, "*/*"),
        ("select=id", {"Range": "0-1"}, 200, "0-1/*"),
        ("select=id&limit=2", {}, 200, None),
    ],
)
def test_content_range_and_status_describe_the_part(server, path, query, headers, status, content_range):
    answer = get(server, path, query, **headers)

    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, content_range)
    if status == 416:
        assert answer.json()["code"] == "PGRST103"


def test_head_has_content_range_only_on_request(server, path):
    assert "Content-Range" not in server.client.head(f"{path}?limit=2").headers
    counted = server.client.head(f"{path}?limit=2", headers={"Prefer": "count=exact"})
    assert (counted.status_code, counted.headers["Content-Range"]) == (206, "0-1/5")


def test_offset_beyond_last_row_reports_row_count(server, path):
    error = get(server, path, "offset=9", Prefer="count=exact").json()

    assert error["details"] == "An offset of 9 was requested, but there are only 5 rows."


@pytest.fixture(scope="session")
def long(server):
    """A result too long for one buffer."""
    path = server.declare("long", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    lines = "".join(f'{{"n":{n % 1000},"s":"{n:0200}"}}\n' for n in range(30_000)).encode()
    kind = {"Content-Type": "application/x-ndjson"}
    assert server.client.post(path, content=lines, headers=kind).status_code == 201
    return path


def test_long_result_has_content_range_only_if_counted(server, long):
    assert "Content-Range" not in get(server, long).headers
    assert get(server, long, Prefer="count=exact").headers["Content-Range"] == "0-29999/30000"
    part = get(server, long, "limit=24000&offset=100", Prefer="count=exact")
    assert (part.status_code, part.headers["Content-Range"]) == (206, "100-24099/30000")
    assert len(part.json()) == 24_000


@pytest.mark.parametrize("order", ["", "order=n", "order=n.desc,s", "order=_id.desc"])
def test_pages_of_long_result_are_linked(server, long, order):
    whole = [row["s"] for row in get(server, long, order).json()]
    found, url = [], f"{long}?{order}&limit=12000"
    while url:
        answer = server.client.get(url)
        found += [row["s"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")

    assert len(whole) == 30_000
    assert found == whole


def test_aggregate_of_no_rows_is_one_row(server, path):
    assert get(server, path, "select=count(),id.sum()&id=eq.99&limit=1").json() == [{"count": 0, "sum": None}]
    assert get(server, path, "select=id,count()&id=eq.99&limit=1").json() == []


# -- links


def test_next_link_keeps_query_and_replaces_offset(server, path):
    """Check that the next link keeps the rest of the query, and has a cursor in place of the offset."""
    answer = get(server, path, "select=id&id=gt.0&order=name.desc&limit=2&offset=1", Range="0-1")

    assert answer.json() == [{"id": 5}]
    link = answer.links["next"]["url"]
    assert link.startswith(f"{path}?select=id&id=gt.0&order=name.desc&limit=1&cursor=")
    assert server.client.get(link).json() == [{"id": 4}]


def test_last_page_has_no_next_link(server, path):
    assert "Link" not in get(server, path, "limit=5").headers
    assert "Link" not in get(server, path, "limit=0").headers
    assert "Link" not in get(server, path).headers


@pytest.mark.parametrize(
    "order", ["", "order=name", "order=name.desc.nullslast", "order=_id.desc", "order=id.desc"]
)
def test_pages_do_not_shift_while_rows_arrive(server, name, order):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=ROWS)
    before = [row["id"] for row in get(server, path, f"select=id&{order}").json()]

    found, url = [], f"{path}?select=id&{order}&limit=2"
    while url:
        answer = server.client.get(url)
        found += [row["id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")
        if len(found) <= 5:
            for number in (-len(found), 100 + len(found)):
                server.client.post(path, json={"id": number, "name": f"row {number}"})

    assert [number for number in found if 1 <= number <= 5] == before
    assert len(found) == len(set(found))


def test_cursor_is_the_id_of_row(server, path):
    link = get(server, path, "order=name&limit=2").links["next"]["url"]

    assert link.endswith("cursor=2")
    error = server.client.get(link.replace("cursor=2", "cursor=99")).json()
    assert (error["code"], error["message"]) == (
        "PGRST100",
        "there is no row 99 that a page could come after",
    )
    assert get(server, path, "cursor=99").json() == []  # In commit order it need not be there.


def test_filter_by_id_reads_only_new_rows(server, name):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=ROWS[:2])
    last = get(server, path, "select=_id&order=_id.desc&limit=1").json()[0]["_id"]
    server.client.post(path, json=ROWS[2:])

    assert [row["id"] for row in get(server, path, f"_id=gt.{last}&order=_id").json()] == [3, 4, 5]


def test_fields_may_have_names_of_query_parameters(server, name):
    """Check that fields may have the names of the gateway's own query parameters."""
    path = server.declare(
        name, "fields: {format: string, cursor: string, n: integer}\naccess: {read: [public]}\n"
    )
    server.client.post(path, json=[{"format": "a", "cursor": "b", "n": n} for n in range(3)])

    assert len(get(server, path, "format=eq.a&cursor=eq.b&format=csv").text.splitlines()) == 4
    link = get(server, path, "format=eq.a&cursor=eq.b&limit=1&select=n").links["next"]["url"]
    assert server.client.get(link).json() == [{"n": 1}]


def test_link_header_escapes_query(server, path):
    """Check that the Link header is valid for every query, and its link can be followed."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        target = f"{path}?limit=1&name=neq.%3C%3E%22%C3%A9'(|^)".encode()
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = connection.recv(65536).partition(b"\r\n\r\n")[0].decode()

    assert head.startswith("HTTP/1.1 200")
    link = re.search('^Link: <([^<>"]*)>; rel="next"\r?$', head, re.MULTILINE | re.IGNORECASE)
    assert link, head
    assert server.client.get(link[1]).json() == ROWS[1:2]


# -- formats


def test_media_type_requests_single_object(server, path):
    kind = "application/vnd.pgrst.object+json"
    answer = get(server, path, "id=eq.1", Accept=kind)
    assert (answer.headers["Content-Type"], answer.json()) == (f"{kind}; charset=utf-8", ROWS[0])
    for query, rows in (("", 5), ("id=eq.9", 0), ("limit=3&offset=1", 3)):
        answer = get(server, path, query, Accept=kind)
        assert (answer.status_code, answer.json()["code"]) == (406, "PGRST116")
        assert answer.json()["details"] == f"The result contains {rows} rows"


def test_null_keys_are_left_out_on_request(server, path):
    kind = "application/vnd.pgrst.array+json;nulls=stripped"
    answer = get(server, path, "id=in.(2,3)", Accept=kind)
    assert answer.json() == [{"id": 2, "name": "row 2"}, {"id": 3}]
    assert answer.headers["Content-Type"].startswith("application/vnd.pgrst.array+json; nulls=stripped")
    kind = "application/vnd.pgrst.object+json; nulls=stripped"
    assert get(server, path, "id=eq.3&select=name", Accept=kind).json() == {}


@pytest.mark.parametrize("query", ["", "id=eq.99", "limit=2", "select=name,count()"])
def test_every_format_has_the_same_rows(server, path, query):
    rows = get(server, path, query).json()

    assert get(server, path, query, Accept="application/vnd.pgrst.array+json").json() == rows
    assert [
        json.loads(line) for line in get(server, path, f"{query}&format=ndjson").text.splitlines()
    ] == rows
    parquet = pyarrow.parquet.read_table(io.BytesIO(get(server, path, f"{query}&format=parquet").content))
    assert parquet.to_pylist() == rows
    arrow = get(server, path, query, Accept="application/vnd.apache.arrow.stream")
    assert arrow.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    assert pyarrow.ipc.open_stream(arrow.content).read_all().to_pylist() == rows
    text = get(server, path, f"{query}&format=csv")
    assert len(text.text.splitlines()) == len(rows) + 1


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_long_results_stream_in_every_format(server, long, format):
    body = io.BytesIO(get(server, long, f"format={format}").content)
    table = (
        pyarrow.parquet.read_table(body) if format == "parquet" else pyarrow.ipc.open_stream(body).read_all()
    )

    assert table.column("s").to_pylist() == [f"{n:0200}" for n in range(30_000)]


def test_parquet_has_dictionaries_for_repeated_values(server, name):
    path = server.declare(name, 'fields: {once: string, again: integer, "a.b": string, tags: "string[]"}')
    rows = [{"once": str(n), "again": n % 3, "a.b": str(n % 5), "tags": ["x"]} for n in range(100)]
    server.client.post(path, json=rows)

    file = pyarrow.parquet.ParquetFile(io.BytesIO(get(server, path, "format=parquet").content))

    group = file.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    having = {column.path_in_schema for column in columns if column.has_dictionary_page}
    assert having == {"again", "a.b", "tags.list.element"}
    assert file.read().to_pylist() == rows


def test_parquet_without_rows_has_its_columns(server, path):
    body = io.BytesIO(get(server, path, "id=eq.99&format=parquet").content)

    file = pyarrow.parquet.ParquetFile(body)

    assert file.schema_arrow.names == ["id", "name"]
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (0, 0)


def test_first_of_equally_accepted_types_is_sent(server, path):
    def kind(accept):
        return get(server, path, "limit=1", Accept=accept).headers["Content-Type"].partition(";")[0]

    assert kind("text/csv, application/json") == "text/csv"
    assert kind("application/json, text/csv") == "application/json"
    assert kind("text/csv;q=0.1, */*") == "application/json"
    assert kind("application/vnd.apache.parquet") == "application/vnd.apache.parquet"


def test_content_disposition_names_the_saved_file(server, path):
    """Check that a response has a name for the file that a browser saves."""
    assert (
        get(server, path, "format=csv").headers["Content-Disposition"] == 'inline; filename="responses.csv"'
    )


# -- compression


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("*", "zstd"),
        ("br", None),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("gzip;q=x", None),
    ],
)
def test_responses_use_an_accepted_compression(server, long, accepts, coding):
    plain = get(server, long, "limit=2000", Accept_Encoding="identity")
    for query, expected in (("limit=2000", plain), ("", get(server, long, Accept_Encoding="identity"))):
        with server.client.stream("GET", f"{long}?{query}", headers={"Accept-Encoding": accepts}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("Content-Encoding") == coding
        if coding:
            assert len(raw) < len(expected.content) / 4
            raw = (
                gzip.decompress(raw)
                if coding == "gzip"
                else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
            )
        assert raw == expected.content


def test_small_response_is_not_compressed(server, path):
    assert "Content-Encoding" not in get(server, path, Accept_Encoding="gzip").headers


# -- conditional requests and the cache


def test_etag_depends_on_rows_and_query(server, name):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=ROWS)
    etag = get(server, path, "id=gt.1&limit=2").headers["ETag"]

    assert etag.startswith('"')  # A strong one.
    assert get(server, path, "limit=2&id=gt.1").headers["ETag"] == etag
    others = [
        get(server, path, "id=gt.2&limit=2"),
        get(server, path, "id=gt.1&limit=3"),
        get(server, path, "id=gt.1&limit=2", Accept="text/csv"),
        get(server, path, "id=gt.1&limit=2", Prefer="count=exact"),
        get(server, path, "id=gt.1&limit=2", Accept_Encoding="gzip"),
        get(server, path, "id=gt.1&limit=2&select=id,x:name"),
        get(server, path, "id=gt.1&limit=2&select=id,y:name"),
    ]
    assert len({etag, *(each.headers["ETag"] for each in others)}) == 8
    server.client.post(path, json=ROWS[:1])
    assert get(server, path, "id=gt.1&limit=2").headers["ETag"] != etag


def test_known_etag_answers_304_until_commit(server, name):
    path = server.declare(name, CONNECTOR)
    other = server.declare(f"{name}x", CONNECTOR)
    server.client.post(path, json=ROWS)
    etag = get(server, path).headers["ETag"]

    for header in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = get(server, path, If_None_Match=header)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
        assert "Content-Type" not in answer.headers
    assert get(server, path, If_None_Match='"x"').status_code == 200
    assert server.client.head(path, headers={"If-None-Match": etag}).status_code == 304
    server.client.post(other, json=ROWS)
    server.client.post(path, json=[])
    assert server.client.post(path, json={"id": "x"}).status_code == 422
    assert get(server, path, If_None_Match=etag).status_code == 304
    server.client.post(path, json=ROWS[:1])
    answer = get(server, path, If_None_Match=etag)
    assert (answer.status_code, len(answer.json())) == (200, 6)


def test_etag_survives_restart(own):
    path = own.declare("kept", CONNECTOR)
    own.client.post(path, json=ROWS)
    etag = own.client.get(path).headers["ETag"]
    own.stop()
    own.start()

    assert own.client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_edited_connector_gets_another_etag(server, name):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=ROWS)
    etag = get(server, path).headers["ETag"]
    server.declare(name, CONNECTOR.replace("access", '  more: {type: string, default: "x"}\naccess'))

    answer = get(server, path, If_None_Match=etag)
    assert (answer.status_code, answer.json()[0]["more"]) == (200, "x")


def test_repeated_request_does_not_use_database(tmp_path, monkeypatch):
    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        gateway.request(
            "POST", "/c", {"type": "http.request", "body": json.dumps(ROWS).encode(), "more_body": False}
        )
        first = gateway.request("GET", "/c", query="order=name&limit=2")
        etag = first[1]["etag"]

        def fail(*_):
            raise AssertionError("the database was asked")

        with monkeypatch.context() as patch:
            patch.setattr("gateway.store.engine.read_transaction.DuckDBReadTransaction._reading", fail)
            assert gateway.request("GET", "/c", query="limit=2&order=name") == first
            status, headers, body = gateway.request(
                "GET", "/c", query="order=name&limit=2", headers={"If-None-Match": etag}
            )
            assert (status, headers["etag"], body) == (304, etag, b"")
            assert gateway.request("GET", "/c", query="limit=1")[0] == 500
        gateway.request(
            "POST", "/c", {"type": "http.request", "body": b'{"id":6,"name":"a"}', "more_body": False}
        )
        assert json.loads(gateway.request("GET", "/c", query="order=name&limit=2")[2])[0]["id"] == 6


def test_response_cache_is_bounded_in_bytes(tmp_path):
    with inside(tmp_path, {"c": CONNECTOR}, GATEWAY_CACHE="20K") as gateway:
        gateway.request(
            "POST", "/c", {"type": "http.request", "body": json.dumps(ROWS).encode(), "more_body": False}
        )
        cache = gateway.gateway.services.caches.responses
        for number in range(100):
            gateway.request("GET", "/c", query=f"id=gt.{number - 1000}")
            assert cache.bytes <= 20 * 1024
        assert cache.bytes > 15 * 1024


def test_one_etag_means_one_body_during_commits(server, name):
    """Every body under one ETag is the same, whatever is being committed meanwhile."""
    path = server.declare(name, "fields: {n: integer}\naccess: {read: [public]}\n")
    bodies: dict[str, bytes] = {}
    with httpx.Client(base_url=server.url) as reader:
        for number in range(50):
            server.client.post(path, json={"n": number})
            for query in ("select=n&limit=1000", "select=count()"):
                answer = reader.get(f"{path}?{query}")
                assert bodies.setdefault(answer.headers["ETag"], answer.content) == answer.content
                assert (answer.json()[-1].get("n", -1) + 1 or answer.json()[0]["count"]) == number + 1


# -- preferences, profiles


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("count=exact", "count=exact"),
        ("handling=strict, count=planned", "count=planned, handling=strict"),
        ("handling=lenient, nothing=here", "handling=lenient"),
        ("return=minimal", None),
        ("count=exact, count=planned", "count=exact"),
        ("count=none", None),
    ],
)
def test_response_lists_applied_preferences(server, path, prefer, applied):
    answer = get(server, path, Prefer=prefer)

    assert (answer.status_code, answer.headers.get("Preference-Applied")) == (200, applied)


def test_strict_handling_names_unsupported_preferences(server, path):
    error = get(server, path, Prefer="handling=strict, count=some, anything").json()

    assert (error["code"], error["details"]) == ("PGRST122", "Invalid preferences: count=some, anything")


def test_public_is_the_only_schema(server, path):
    assert get(server, path, Accept_Profile="public").status_code == 200
    error = get(server, path, Accept_Profile="private")
    assert (error.status_code, error.json()["code"]) == (406, "PGRST106")
    assert server.client.post(path, json=[], headers={"Content-Profile": "x"}).status_code == 406


# -- CORS


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cors"), GATEWAY_CORS="https://app.example") as server:
        server.declare("open", CONNECTOR)
        server.declare("closed", CONNECTOR.replace("[public]", "[reader]"))
        yield server


def test_allowed_origin_may_read_rows_and_headers(shared):
    """Check that a page of an allowed origin may read rows, and the headers that it needs."""
    answer = httpx.get(f"{shared.url}/open", headers={"Origin": "https://app.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Origin" in answer.headers["Vary"]
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert all(
        name in exposed for name in ("Content-Range", "Link", "ETag", "Location", "Preference-Applied")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_allowed_origin_may_read_errors(shared):
    for path in ("/open?x=y", "/nowhere", "/closed"):
        answer = httpx.get(shared.url + path, headers={"Origin": "https://app.example"})
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.parametrize("path", ["/open", "/closed", "/nowhere"])
def test_preflight_needs_no_token_and_reveals_nothing(shared, path):
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,prefer",
    }
    answer = httpx.options(shared.url + path, headers=asked)

    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "Authorization, content-type,prefer"
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_other_origins_get_no_cors_headers(shared, server, path):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}

    assert "Access-Control-Allow-Origin" not in httpx.options(f"{shared.url}/open", headers=asked).headers
    assert "Access-Control-Allow-Origin" not in httpx.get(f"{shared.url}/open", headers=asked).headers
    assert "Access-Control-Allow-Origin" not in httpx.get(server.url + path, headers=asked).headers


def test_setting_may_allow_any_origin(tmp_path):
    with serving(tmp_path, GATEWAY_CORS="*") as server:
        path = server.declare("c", CONNECTOR)
        answer = httpx.get(server.url + path, headers={"Origin": "https://any.example"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# -- parts of a body


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "ndjson"])
def test_bytes_are_served_in_parts(server, path, format):
    url = f"{path}?format={format}"
    whole = server.client.get(url).content
    size = len(whole)

    for asked, place, end in (
        ("0-3", 0, 4),
        ("4-", 4, size),
        ("-5", size - 5, size),
        (f"1-{size * 2}", 1, size),
    ):
        answer = server.client.get(url, headers={"Range": f"bytes={asked}", "Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.content) == (206, whole[place:end])
        assert answer.headers["Content-Range"] == f"bytes {place}-{end - 1}/{size}"
        assert "Content-Encoding" not in answer.headers
    answer = server.client.get(url, headers={"Range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    for ignored in ("bytes=0-1,3-4", "bytes=5-2", "bytes=-", "bytes=a-b"):
        assert server.client.get(url, headers={"Range": ignored}).content == whole
    etag = server.client.get(url, headers={"Accept-Encoding": "identity"}).headers["ETag"]
    assert server.client.get(url, headers={"Range": "bytes=0-3", "If-Range": etag}).status_code == 206
    assert server.client.get(url, headers={"Range": "bytes=0-3", "If-Range": '"x"'}).content == whole


def test_head_of_parquet_has_its_length(server, long):
    """Check that the length of a Parquet file is known before it is read."""
    url = f"{long}?format=parquet"
    head = server.client.head(url)

    assert head.headers["Accept-Ranges"] == "bytes"
    assert int(head.headers["Content-Length"]) == len(server.client.get(url).content)
    part = server.client.head(url, headers={"Range": "bytes=0-9"})  # Range is for GET alone.
    assert (part.status_code, part.headers["Content-Length"]) == (200, head.headers["Content-Length"])


def test_spooled_files_are_bounded_and_removed(tmp_path):
    """Check that the spooled files of parts are bounded in bytes, and do not outlive the process."""
    with serving(tmp_path, GATEWAY_SPOOL="8K") as server:
        path = server.declare("c", CONNECTOR)
        server.client.post(path, json=ROWS)
        for number in range(20):
            assert (
                server.client.get(
                    f"{path}?format=parquet&id=gt.{number - 30}", headers={"Range": "bytes=-8"}
                ).status_code
                == 206
            )
        kept = list((server.data / "parts").iterdir())
        assert 0 < sum(each.stat().st_size for each in kept) <= 8 * 1024
        server.kill()
        server.start()
        assert list((server.data / "parts").iterdir()) == []


# -- deadlines


def test_query_ends_when_its_client_disconnects(tmp_path):
    """The one reader would be busy for about a minute, which is longer than this test waits; so is its deadline."""
    with serving(tmp_path, GATEWAY_READERS="1", GATEWAY_QUERY_TIMEOUT="600") as server:
        path = server.declare("c", "fields: {s: string}\naccess: {read: [public]}\n")
        chance = random.Random(1)
        texts = (format(chance.getrandbits(150), "0150b") for _ in range(100_000))
        lines = "".join(f'{{"s":"{text}"}}\n' for text in texts).encode()
        kind = {"Content-Type": "application/x-ndjson"}
        assert server.client.post(path, content=lines, headers=kind, timeout=60).status_code == 201
        slow = "&".join(f"s=not.like.*1{'_' * times}x" for times in (40, 41, 42))
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{server.url}{path}?{slow}&select=count()", timeout=1)

        assert server.client.get(f"{path}?select=s&limit=1", timeout=20).status_code == 200


# -- what went wrong once


def test_cast_that_fails_mid_stream_answers_400(server, name):
    """Check that a cast that fails after some rows is an error of the request, not of the gateway."""
    path = server.declare(name, CONNECTOR)
    many = [{"id": number, "name": "1"} for number in range(5000)] + [{"id": 5000, "name": "x"}]
    answer = server.client.post(
        f"{path}?select=name::int", json=many, headers={"Prefer": "return=representation"}
    )

    assert (answer.status_code, answer.json()["stored"]) == (201, 5001)
    assert "return=" not in answer.headers.get("Preference-Applied", "")
    answer = get(server, path, "select=name::int")
    assert (answer.status_code, answer.json()["code"]) == (400, "22P02")
    rehearsal = "return=representation, tx=rollback"
    answer = server.client.post(f"{path}?select=name::int", json=many, headers={"Prefer": rehearsal})
    assert (answer.status_code, answer.json()["code"]) == (400, "22P02")
    assert len(get(server, path, "select=id").json()) == 5001


@pytest.mark.parametrize("operator", ["like", "ilike", "match", "imatch"])
def test_patterns_with_many_wildcards_finish(server, name, operator):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json={"id": 1, "name": "a" * 100_000})
    star = ".*" if "match" in operator else "*"
    pattern = star.join(["", *"aaaaaaaa", "b"])

    assert get(server, path, f"select=id&name={operator}.{pattern}").json() == []
    assert get(server, path, f"select=id&name={operator}.{pattern[:-1]}").json() == [{"id": 1}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("name=match.a.{1000}c", "2201B"),
        ("name=match.a.{100}.{100}c", "2201B"),
        ("name=imatch.((a{20}b){20}c){20}", "2201B"),
        (f"name=match.{'.' * 200}", "2201B"),
        (f"name=like.*a{'_' * 200}c", "22025"),
    ],
)
def test_pattern_that_grows_too_large_is_refused(server, path, query, code):
    answer = get(server, path, query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "regex",
    [
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "row [0-9]{1,3}",
        "(?:row|line) .",
        "[]a]|x{2,}|\\.",
        "ro(w)",
    ],
)
def test_ordinary_regular_expression_is_accepted(server, path, regex):
    answer = server.client.get(path, params={"name": f"match.{regex}"})
    expected = [row for row in ROWS if row["name"] and re.search(regex, row["name"])]
    assert answer.json() == expected


def test_cursor_follows_the_only_row_of_aggregate(server, path):
    """Check that a cursor comes after the only row of an aggregate, so that its page is empty."""
    assert get(server, path, "select=count()&cursor=1").json() == []
    assert get(server, path, "select=count()&cursor=99&limit=1").json() == []


@pytest.mark.parametrize(
    "query",
    [
        f"j{'->a' * 300}=eq.1",
        f"select=j{'->a' * 300}",
        f"order=j{'->a' * 300}",
        f"order={','.join(f'j->a{n}' for n in range(500))}&cursor=1",
        f"select={','.join(f'j->a{n}' for n in range(500))}",
        f"select={','.join(f'a{n}:j' for n in range(900))},count()&limit=1&cursor=1",
        f"j=eq.{'[' * 150}{']' * 150}",
        f"j=cs.{'[' * 150}{']' * 150}",
        f"j=eq.[{','.join('1' * 2000)}]",
        f"j=in.({','.join('1' * 2000)})",
    ],
    ids=lambda query: query[:20],
)
def test_deep_paths_and_large_json_are_refused(server, name, query):
    """Check that a path or a JSON value that would make endless SQL is refused."""
    path = server.declare(name, "fields: {j: {type: json, nullable: true}}\naccess: {read: [public]}\n")

    answer = get(server, path, query)
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")


def test_extreme_wide_decimals_are_found_and_paged(server, name):
    """Check that the extreme values of a wide decimal are found by filters, and paged through."""
    path = server.declare(
        name, 'fields: {d: {type: "decimal(38, 10)", nullable: true}}\naccess: {read: [public]}\n'
    )
    values = [
        "-9999999999999999999999999999.9999999999",
        "9999999999999999999999999999.9999999999",
        "0.0000000001",
    ]
    body = ("[" + ",".join(f'{{"d":{value}}}' for value in values) + "]").encode()
    kind = {"Content-Type": "application/json"}
    assert server.client.post(path, content=body, headers=kind).status_code == 201

    def found(query):
        return [
            line.partition(":")[2][:-1]
            for line in get(server, path, f"{query}&format=ndjson").text.splitlines()
        ]

    for value in values:
        assert found(f"d=eq.{value}") == found(f"d=in.({value})") == [value]
    assert found("d=lt.1e30&order=d") == found("d=gt.-1e30&order=d") == [values[0], values[2], values[1]]
    link = get(server, path, "order=d.desc&limit=1").links["next"]["url"]
    assert server.client.get(link).text.endswith(f'[{{"d":{values[2]}}}]')
    for beyond in ("-10000000000000000000000000000", "10000000000000000000000000000"):
        assert server.client.post(path, content=f'{{"d":{beyond}}}'.encode(), headers=kind).status_code == 422


@pytest.mark.parametrize("order", ["order=name", "order=name.desc", "select=name,count()"])
def test_pages_of_long_values_are_linked(server, name, order):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=[{"id": n, "name": f"{n}" * 5000} for n in range(4)])
    found, url = [], f"{path}?{order}&limit=1"
    while url:
        answer = server.client.get(url)
        found += [row["name"][0] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")

    assert sorted(found) == ["0", "1", "2", "3"]


def test_pages_continue_past_infinite_values(server, name):
    path = server.declare(name, CONNECTOR)
    texts = ["NaN", "Infinity", "-Infinity", "1", None]
    server.client.post(path, json=[{"id": 1, "name": text} for text in texts])
    found, url = [], f"{path}?select=name::float8,count()&limit=1"
    while url:
        answer = server.client.get(url)
        found += [row["name"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")

    assert found == ["-Infinity", 1, "Infinity", "NaN", None]


def test_next_link_repeats_nothing_of_other_clients(server, path):
    first = get(server, path, "limit=2&select=id&order=id&order=name.desc&select=name")
    second = get(server, path, "limit=2&select=id&order=id")

    assert first.links["next"]["url"] == second.links["next"]["url"]
    assert "format" not in get(server, path, "limit=2&order=id", Accept="text/csv").links["next"]["url"]
    assert "format=csv" in get(server, path, "limit=2&order=id&format=csv").links["next"]["url"]


def test_new_store_gives_other_etags(tmp_path):
    seen = []
    for directory in ("a", "b"):
        with inside(tmp_path / directory, {"c": CONNECTOR}) as gateway:
            body = {"type": "http.request", "body": b'{"id":1}', "more_body": False}
            gateway.request("POST", "/c", body)
            seen.append(gateway.request("GET", "/c")[1]["etag"])

    assert seen[0] != seen[1]


def test_field_may_have_an_internal_sql_name(server, name):
    """Names of the gateway's own SQL never meet those of fields."""
    path = server.declare(
        name, "fields: {c1: integer, c0: integer, p0: integer, place: integer}\naccess: {read: [public]}\n"
    )
    server.client.post(
        path, json=[{"c1": 2, "c0": 1, "p0": 5, "place": 3}, {"c1": 1, "c0": 2, "p0": 6, "place": 4}]
    )

    assert get(server, path, "select=c0,p0&order=c1&limit=1").json() == [{"c0": 2, "p0": 6}]
    assert get(server, path, "select=place,c0.sum()&order=place").json() == [
        {"place": 3, "sum": 1},
        {"place": 4, "sum": 2},
    ]


@pytest.mark.file_only("a lake sorts the rows before the first byte, and answers 400")
def test_failure_after_first_byte_breaks_connection(server, name):
    path = server.declare(name, CONNECTOR)
    lines = (
        b"".join(b'{"id":%d,"name":"%d"}\n' % (n, 10**15 + n) for n in range(400_000))
        + b'{"id":0,"name":"x"}'
    )
    kind = {"Content-Type": "application/x-ndjson"}
    assert server.client.post(path, content=lines, headers=kind).status_code == 201

    with httpx.stream("GET", f"{server.url}{path}?select=id,name::int", timeout=60) as answer:
        pieces = answer.iter_raw()
        assert answer.status_code == 200
        assert next(pieces)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
