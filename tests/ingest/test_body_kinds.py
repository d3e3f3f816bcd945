"""A body that is something else than it is sent as is named as what it is, with a fix that fits."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import re
import sqlite3
import subprocess
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.connectors.connector_file import parse_connector
from gateway.errors import GatewayError
from gateway.ingest import media_detection, payload, signatures
from gateway.ingest.validation import Validator
from gateway.media_types import RECEIVED_TYPES
from gateway.printable import printable
from gateway.rowfile import sniffing as file_recognition
from gateway.rowfile.source import Source
from tests.support.sizes import examples

DECLARED = """
fields:
  id: integer
  name: {type: string, nullable: true}
  café: {type: string, nullable: true}
on_invalid: keep
access: {read: [public], change: [admin]}
"""
JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
FORM = "application/x-www-form-urlencoded"
ANY = (JSON, NDJSON, CSV)
ROWS = b"id,name\n1,a\n2,b\n"
LIST = b'[{"id":1,"name":"a"},{"id":2,"name":"b"}]'
LINES = b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n'
TABLE = pa.table({"id": [1], "name": ["a"]})


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(TABLE, sink)
    return sink.getvalue()


def arrow(writer) -> bytes:
    sink = io.BytesIO()
    with writer(sink, TABLE.schema) as stream:
        stream.write_table(TABLE)
    return sink.getvalue()


def archive(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        packed.writestr(name, "x")
    return sink.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a)")
    return connection.serialize()


PAGE = b"<!DOCTYPE html>\n<html><body>Sign in, please</body></html>"
PARTS = b'--x\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\nid\n1\r\n--x--\r\n'
KINDS = [
    # What it is, the types it is sent as, the message, the hint.
    (gzip.compress(ROWS), ANY, "the body is gzip, not", "Content-Encoding: gzip"),
    (zstandard.compress(ROWS), ANY, "the body is zstd, not", "Content-Encoding: zstd"),
    (zlib.compress(ROWS), ANY, "the body is zlib, not", "Content-Encoding: deflate"),
    (bz2.compress(ROWS), ANY, "the body is bzip2, not", "unpack it"),
    (lzma.compress(ROWS), ANY, "the body is xz, not", "unpack it"),
    (archive("rows.csv"), ANY, "the body is a zip archive, not", "unpack it"),
    (archive("xl/workbook.xml"), ANY, "the body is an Excel workbook, not", "save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64), ANY, "the body is an Excel workbook", "save the sheet as CSV"),
    (parquet(), ANY, "the body is a Parquet file, not", "Content-Type: application/vnd.apache.parquet"),
    (arrow(pa.ipc.new_stream), ANY, "the body is Arrow, not", "Content-Type: application/vnd.apache.arrow.stream"),
    (arrow(pa.ipc.new_file), ANY, "the body is Arrow, not", "Content-Type: application/vnd.apache.arrow.stream"),
    (database(), ANY, "the body is a database file, not", "export its rows"),
    (pickle.dumps([{"id": 1}]), ANY, "the body is a Python pickle, not", "json.dumps"),
    (ROWS.decode().encode("utf-16"), ANY, "the body is text in UTF-16, not in UTF-8", "iconv -f UTF-16 -t UTF-8"),
    (ROWS.decode().encode("utf-16-le"), ANY, "the body is text in UTF-16", "iconv"),
    (ROWS.decode().encode("utf-16-be"), ANY, "the body is text in UTF-16", "iconv"),
    (ROWS.decode().encode("utf-32"), ANY, "the body is text in UTF-32", "iconv"),
    (LIST.decode().encode("utf-16"), ANY, "the body is text in UTF-16", "iconv"),
    (LIST.decode().encode("utf-16-le"), ANY, "the body is text in UTF-16", "iconv"),
    ('id,name\n1,"a'.encode("utf-16-le"), (CSV,), "the body is text in UTF-16", "iconv"),
    ("id,café\n1,a\n".encode("latin-1"), (CSV,), "line 1 of the body: the byte 0xE9 is not UTF-8; in Windows-1252 it is 'é'", "iconv"),
    (PAGE, ANY, "the body is an HTML page, not", "sign-in page"),
    (b"\n\n  <html lang='en'><p>", ANY, "the body is an HTML page, not", "error or sign-in page"),
    (b'<?xml version="1.0"?><rows><row id="1"/></rows>', ANY, "the body is XML, not", "JSON, NDJSON, or CSV"),
    (PARTS, ANY, "the body is a form with parts", "--data-binary @FILE"),
    (b"id=1&name=a", ANY, "the body is a URL-encoded form, not", "application/x-www-form-urlencoded"),
    (b"", (JSON, CSV, FORM, f"{CSV}; header=present"), "the body is empty", "where there are none, send [] as JSON"),
    (b" \r\n\n ", (JSON, CSV, FORM), "the body is empty", "send"),
    (b"\xef\xbb\xbf", (JSON, CSV, FORM), "the body is empty", "send"),
    (b'{"id":1,"name":"a\0b"}', (JSON,), "field 'name': the control character U+0000 is in a string (remove it)", ""),
    (b'{"id":1,"name":"a\7b"}', (JSON,), "U+0007 is in a string (write \\u0007)", ""),
    # CSV in other ways.
    (b"id;name\n1;a\n", (CSV,), "the cells of the header are separated by semicolons, not by commas", "to_csv(sep=',')"),
    (b'"id";"name"\n1;a\n', (CSV,), "are separated by semicolons", "commas"),
    (b"id\tname\n1\ta\n", (CSV,), "are separated by tabs", "commas"),
    (b"id|name\n1|a\n", (CSV,), "are separated by vertical bars", "commas"),
    (b"Id;Name, first\n1;a\n", (CSV,), "not fields", "the fields are"),
    (b"Key;Label\n1;a\n", (CSV,), "are separated by semicolons", "commas"),
    (b"sep=;\nid;name\n1;a\n", (CSV,), "line 1 is 'sep=;', which only Excel reads", "remove the line"),
    (b"id,name\r1,a\r2,b\r", (CSV,), "the lines of the body end in CR alone", "LF or CR LF"),
    (b'"id","name"\r"1","a"\r', (CSV,), "the lines of the body end in CR alone", "LF or CR LF"),
    (b"id,name\r\r\n1,a\r\r\n", (CSV,), "the lines of the body end in CR CR LF", "newline=''"),
    (b"id,na\rme\n1,a\n", (CSV,), "cell 2 has a carriage return (CR) outside of quotes", "the first line names"),
    (b"\nid,name\n1,a\n", (CSV,), "line 1 is empty, where the CSV header is expected", "blank line"),
    (b"1,a\n2,b\n", (CSV,), "the CSV header names 2 columns that are not fields", "the first line looks like a row"),
    # One text format sent as another.
    (ROWS, (JSON, NDJSON), "the body is CSV, not", "Content-Type: text/csv"),
    (b"id;name\n1;a\n", (JSON, NDJSON), "the body is CSV with semicolons between its cells", "with commas between"),
    (LIST, (CSV,), "the body is JSON, not CSV", "Content-Type: application/json"),
    (b'{"id":1,"name":"a"}', (CSV,), "the body is JSON, not CSV", "Content-Type: application/json"),
    (LINES, (CSV,), "the body is NDJSON, not CSV", "Content-Type: application/x-ndjson"),
    (LIST, (NDJSON,), "the body is a JSON list, not NDJSON", "Content-Type: application/json"),
    (json.dumps(json.loads(LIST), indent=1).encode(), (NDJSON,), "the body is a JSON list, not NDJSON", "Content-Type"),
    (b'{\n "id": 1\n}\n', (NDJSON,), "the body is one JSON object over several lines", "Content-Type: application/json"),
    (LINES, (JSON,), "{ follows the end of the value", "Content-Type: application/x-ndjson"),
    (b'{"id":1},{"id":2}', (JSON,), ", follows the end of the value", "as a list: [{…}, {…}]"),
    (b'{"id":1}{"id":2}', (JSON,), "{ follows the end of the value", "as a list: [{…}, {…}]"),
    (b'{"id":1', (JSON,), "line 1, column 8, field 'id': the text ends in the middle of a value", "it looks cut off"),
    (b"null", (JSON,), "the body is the JSON value null, neither an object nor a list", "send one row"),
    (b"17", (JSON,), "the body is the JSON value 17, neither an object nor a list", "send one row"),
    (b'"hello"', (JSON,), "the body is a JSON string, neither an object nor a list", "send one row"),
    (json.dumps(LIST.decode()).encode(), (JSON,), "a JSON string that holds JSON: it was encoded twice", "json.dumps"),
    (b"hello", (JSON,), "the body is neither a JSON object nor an array", "send one row"),
]  # fmt: skip
SENT = [
    pytest.param(body, media, message, hint, id=f"{number}-{media}")
    for number, (body, types, message, hint) in enumerate(KINDS)
    for media in types
]


@pytest.mark.parametrize(("body", "media", "message", "hint"), SENT)
def test_body_of_another_kind_is_named(server, kinds, body, media, message, hint):
    answer = server.client.post(kinds, content=body, headers={"Content-Type": media})

    assert answer.status_code == 400, answer.text
    error = answer.json()
    assert message in error["message"]
    assert hint in (error["hint"] or "")
    assert server.client.get(kinds).json() == []


def test_file_of_another_kind_is_named_alike(tmp_path):
    """One table has the formats; the fix is that of a file."""
    bodies = {
        message: body for body, types, message, _ in KINDS if types is ANY and signatures.format_of(body)
    }
    assert len(bodies) >= 10
    for message, body in bodies.items():
        path = tmp_path / "rows.csv"
        path.write_bytes(body)

        with pytest.raises(ValueError, match=r"rows\.csv is ") as refused:
            file_recognition.check_content(Source.from_path(path))

        name = message.removeprefix("the body is ").removesuffix(", not")
        assert f"rows.csv is {name}; " in str(refused.value)
        assert not any(word in str(refused.value) for word in ("Content-", "send", "{"))


PACKED = {"gzip": gzip.compress, "zstd": zstandard.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("behind", [b"\0", b"x", b"\n", bytes(100), b"not compressed at all"])
def test_bytes_behind_a_compressed_body_are_refused(server, kinds, coding, behind):
    """They are told from a body that is truncated."""
    headers = {"Content-Type": CSV, "Content-Encoding": coding}
    whole = PACKED[coding](ROWS)

    error = server.client.post(kinds, content=whole + behind, headers=headers).json()

    said = f"something that is not {coding} follows the end of the {coding} body"
    assert (error["code"], error["message"]) == ("GW106", said)
    if coding != "deflate":
        two = PACKED[coding](b"id,name\n") + PACKED[coding](b"1,a\n")
        for body, words in ((two[:-1], "is truncated"), (whole + whole[:1], "is truncated")):
            assert words in server.client.post(kinds, content=body, headers=headers).json()["message"]
        assert (
            server.client.post(kinds, content=two, headers=headers, params={"columns": "id"}).status_code
            == 201
        )
        assert server.client.delete(f"{kinds}?_id=gte.0", headers=server.admin).status_code < 300


@pytest.mark.parametrize(
    "type",
    ["text/csv; header=absent", 'Text/CSV;charset=utf-8;header="absent"', "text/csv;header = Absent ; a=b"],
)
def test_csv_without_header_is_refused_with_a_fix(server, kinds, type):
    answer = server.client.post(kinds, content=b"1,a\n2,b\n", headers={"Content-Type": type})

    assert (answer.status_code, answer.json()["code"]) == (415, "GW104")
    assert "header=absent" in answer.json()["message"]
    assert answer.json()["hint"].startswith("put a line with the names of the columns before the rows")


@pytest.fixture(scope="session")
def kinds(server):
    return server.declare("kinds", DECLARED)


@pytest.fixture(scope="session")
def good(server):
    return server.declare("good_bodies", DECLARED)


@pytest.mark.parametrize("columns", [None, "name"])
def test_body_of_another_kind_is_refused_by_put(server, kinds, columns):
    """With `columns` as well."""
    for body in (gzip.compress(ROWS), ROWS.decode().encode("utf-16"), b"id;name\n1;a\n", PAGE):
        params = {"columns": columns} if columns else {}
        answer = server.client.put(kinds, content=body, headers={"Content-Type": CSV}, params=params)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (CSV, b"id,name\n1,<html>\n"),
        (CSV, b"id,name\n1,a;b\n"),
        (CSV, b"id,name\r\n1,{}\r\n"),
        (CSV, "id,name\n1,é\0\n".encode().replace(b"\0", b"")),
        (CSV, b"name,id\nPK\x03\x04,1\n".replace(b"\x03\x04", b"")),
        (NDJSON, b'\n\n{"id":1}\n'),
        (JSON, b' \n[{"id":1}]'),
        ("application/x-www-form-urlencoded", b"id=1&name=%3Chtml%3E"),
    ],
)
def test_good_bodies_are_taken_as_their_kind(server, good, media, body):
    answer = server.client.post(good, content=body, headers={"Content-Type": media})

    assert answer.status_code == 201, answer.text


def test_first_line_that_is_no_row_is_kept(server, good):
    """The rows after it are stored."""
    for first in (b"oops", b'{"id":', b"7", b'["a"]', b"Connecting to db..."):
        answer = server.client.post(good, content=first + b"\n" + LINES, headers={"Content-Type": NDJSON})
        assert answer.status_code == 207, answer.text
        assert (answer.json()["stored"], answer.json()["rejected"]) == (2, 1)


# -- garbage of these kinds

(CONNECTOR, *_) = parse_connector(DECLARED.encode(), "kinds.yaml")
VALIDATOR = Validator(CONNECTOR)
BODIES = [body for body, *_ in KINDS] + [ROWS, LIST, LINES, b"id=1&name=a"]


@st.composite
def garbage(draw) -> bytes:
    """A body of some kind, with pieces cut out, put in and changed."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        piece = draw(
            st.binary(max_size=4)
            | st.sampled_from(
                [b'"', b"\n", b"\r", b";", b"{", b"[", b"\\ud800", b"\x00", b"\xff\xfe", b"=", b"&"]
            )
        )
        body[at : at + draw(st.integers(0, 3))] = piece
    return bytes(body[: draw(st.integers(0, len(body)))] if draw(st.booleans()) else body)


def told(body: bytes, media: str | None) -> GatewayError | None:
    """Return what is told about a body, as the endpoint does it."""
    try:
        kind = media_detection.media_of(media, body)
        VALIDATOR.check(payload.parse(body, kind, CONNECTOR, 2**20))
    except GatewayError as error:
        return error
    return None


@examples(400)
@given(body=garbage() | st.binary(max_size=60), media=st.sampled_from([None, *RECEIVED_TYPES]))
@example(body=b"\x7b\x00", media=JSON)
@example(body=b"[" + b"\xff\xfe", media=JSON)
def test_mutilated_body_is_answered_in_plain_words(body, media):
    error = told(body, media)

    if error is None:
        return
    answer = json.dumps(error.body(), ensure_ascii=False)
    assert error.status < 500
    for words in ("Internal", "Traceback", "msgspec", "jiter", "codec", "NoneType", "truncated"):
        assert words not in error.message
    shown = error.message + (error.hint or "")
    assert printable(shown) == shown, answer
    _check_hint(error, body)


def _check_hint(error: GatewayError, body: bytes) -> None:
    """What a hint speaks of is there."""
    hint = error.hint or ""
    if "iconv" in hint:
        assert not body.isascii() or b"\x00" in body
    if "percent-encode" in hint:
        assert b"%" in body
    if "Content-Encoding" in hint:
        assert not signatures.is_text(body)
    if "sign-in page" in hint:
        assert b"<" in body
    if "json.dumps or" in hint:
        assert body.strip(b"\xef\xbb\xbf \r\n\t").startswith(b'"')
    if "to_csv(sep" in hint:
        assert any(each in body for each in (b";", b"\t", b"|"))


def test_random_bytes_never_give_a_server_error(server, name):
    path = server.declare(name, DECLARED)
    chance = random.Random(14)
    for number in range(150):
        body = chance.choice(BODIES)[: chance.randrange(200)] + chance.randbytes(chance.randrange(20))
        media = chance.choice([*RECEIVED_TYPES])
        coding = chance.choice([{}, {}, {"Content-Encoding": chance.choice(["gzip", "zstd", "deflate"])}])
        answer = server.client.post(path, content=body, headers={"Content-Type": media, **coding})
        assert answer.status_code < 500, (number, body, answer.text)
        assert "GW9" not in answer.text


# -- curl -d, which removes zero bytes and line ends


@pytest.mark.parametrize(
    "body", [parquet(), arrow(pa.ipc.new_file), arrow(pa.ipc.new_stream), gzip.compress(ROWS)], ids=range(4)
)
@pytest.mark.parametrize(
    "media", [FORM, "application/octet-stream", CSV, JSON, "application/vnd.apache.parquet", None]
)
def test_body_without_its_zero_bytes_is_named(server, kinds, body, media):
    stripped = body.translate(None, b"\0\r\n")

    answer = server.client.post(kinds, content=stripped, headers={"Content-Type": media} if media else {})

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].endswith(" without its zero bytes")
    assert "curl --data-binary @FILE: -d removes" in answer.json()["hint"]


@pytest.mark.parametrize("body", [parquet(), arrow(pa.ipc.new_file), arrow(pa.ipc.new_stream)], ids=range(3))
def test_way_of_curl_in_a_hint_stores_columns(server, good, tmp_path, body):
    file = tmp_path / "rows"
    file.write_bytes(body)

    def curl(*arguments):
        token = f"Authorization: {server.client.headers['Authorization']}"
        command = ["curl", "-s", f"{server.client.base_url}{good}", "-H", token, *arguments]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    refused = curl("-d", f"@{file}")
    way = re.search(r"--data-binary @FILE", refused["hint"])[0].replace("FILE", str(file)).split()

    assert curl(*way)["stored"] == 1
