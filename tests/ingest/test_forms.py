"""A URL-encoded form is one row, and `deflate` an encoding, as HTTP clients send both."""

import zlib

import pytest

from tests.support.server import serving

DECLARED = """
fields:
  id: integer
  name: {type: string, nullable: true}
  paid: {type: boolean, default: false}
  at: {type: timestamp, nullable: true}
  tags: {type: "string[]", nullable: true}
  extra: {type: json, nullable: true}
access: {read: [public], change: [admin]}
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="session")
def filled(server):
    return server.declare("forms", DECLARED)


@pytest.fixture(scope="session", params=["reject", "keep"])
def of_policy(server, request):
    return server.declare(f"forms_{request.param}", f"{DECLARED}on_invalid: {request.param}\n")


def post(server, path, body, **more):
    return server.client.post(path, content=body, headers=FORM, **more)


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ("id=1&name=Ada+L&paid=t", {"name": "Ada L", "paid": True}),
        ("id=1&name=Zo%C3%AB%26%3D%2B", {"name": "Zoë&=+"}),
        ("id=1&name=Zoë", {"name": "Zoë"}),
        ("id=1&name=&paid=&at=", {}),
        ("id=1&name", {}),
        ("id=1&&name=x&", {"name": "x"}),
        ("id=1&name=a=b", {"name": "a=b"}),
        ("id=1&name=100%", {"name": "100%"}),
        ("id=1&at=2026-11-23+08%3A30%3A00%2B01", {"at": "2026-11-23T07:30:00Z"}),
        ('id=1&tags=["a","b"]&extra={"k":1}', {"tags": ["a", "b"], "extra": {"k": 1}}),
        ("id=1&name=two%0D%0Alines\r\n", {"name": "two\r\nlines"}),
    ],
)
def test_form_is_one_row(server, path, body, row):
    """Its values are read by the rules of CSV."""
    answer = post(server, path, body.encode())

    assert answer.status_code == 201, answer.text
    nothing = {"id": 1, "name": None, "paid": False, "at": None, "tags": None, "extra": None}
    assert server.client.get(path).json() == [nothing | row]


def test_form_of_a_client_library_is_read(server, path):
    answer = server.client.post(path, data={"id": 7, "name": "é & ü"})

    assert answer.status_code == 201, answer.text
    assert server.client.get(path).json()[0]["name"] == "é & ü"


@pytest.mark.parametrize(
    ("body", "code", "field", "words"),
    [
        ("id=x", "22P02", "id", "'x' is not an integer"),
        ("name=a", "23502", "id", "a value is required"),
        ("id=1&nam=a", "PGRST204", "nam", "did you mean 'name'?"),
        ("id=1&id=2", "PGRST102", "id", "the form names 'id' twice"),
        ("id=1&name=Zo%EB", "PGRST102", "name", "the value is not UTF-8 at %EB"),
        ("id=1&%EB=1", "PGRST102", None, "a name of the form is not UTF-8 at %EB"),
        ("id=1&extra=x", "PGRST102", "extra", "'x' is not"),
        ("id=1&name=a%00b", "22P02", "name", ""),
    ],
)
def test_bad_form_is_named_by_its_field(server, path, body, code, field, words):
    answer = post(server, path, body.encode())

    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["row"], error["field"], error["code"]) == (1, field, code)
    assert words in error["message"]
    assert server.client.get(path).json() == []


def test_columns_ignore_other_fields_of_a_form(server, path):
    answer = post(server, path, b"id=1&name=a&csrf=x&submit=Send", params={"columns": "id,name"})

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"id,name\n1,a\n",
        b"id,name1,a2,b",
        b"id\tname\n1\ta=b\n",
        b"id,name1,a=b2,c",
        b"id;name1;a=b",
        b"id|name1|a=b",
        b"id\tname1\ta=b",
        b"namehttps://example.org/?q=1",
        b'"name"a=b',
        b'<row id="1"/>',
        b"=1",
    ],
)
def test_rows_sent_as_form_are_refused(server, of_policy, body):
    """The hint is the option with which curl sends a file unchanged."""
    answer = post(server, of_policy, body)

    assert answer.status_code == 415
    assert "--data-binary @FILE" in answer.json()["hint"]


def test_json_sent_as_form_is_json(server, path):
    """curl adds the type of a form to whatever it sends."""
    assert post(server, path, b' {"id":1}').status_code == 201
    assert post(server, path, b'[{"id":2,"name":"a=b&c"}]').status_code == 201
    assert post(server, path, b'{"id":3}\n{"id":4}\n').json()["stored"] == 2
    assert post(server, path, b"").json()["message"] == "the body is empty"


def test_rejected_form_is_replayed_as_a_form(server, name):
    path = server.declare(name, DECLARED + "on_invalid: keep\n")
    assert post(server, path, b"id=1&name=a&colour=red").status_code == 207
    server.declare(name, DECLARED.replace("  name:", "  colour: string\n  name:") + "on_invalid: keep\n")

    answer = server.client.post(f"/-/connectors/{name}/rejected/replay")

    assert answer.status_code == 201, answer.text
    assert [(row["id"], row["colour"]) for row in server.client.get(path).json()] == [(1, "red")]


def packed(data: bytes, bits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(data) + packer.flush()


def send(server, path, body, encoding="deflate"):
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": encoding}
    return server.client.post(path, content=body, headers=headers)


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, 9, -zlib.MAX_WBITS], ids=["zlib", "small window", "raw"])
@pytest.mark.parametrize("rows", [1, 2000])
def test_deflate_is_read_with_and_without_its_header(server, path, bits, rows):
    body = b"".join(b'{"id":%d,"name":"%s"}\n' % (number, b"x" * 120) for number in range(rows))

    answer = send(server, path, packed(body, bits))

    assert answer.status_code == 201, answer.text
    assert answer.json()["stored"] == rows


def test_deflate_is_read_byte_by_byte(server, path):
    body = packed(b'{"id":1}\n', zlib.MAX_WBITS)

    answer = send(server, path, (bytes([byte]) for byte in body))

    assert answer.status_code == 201, answer.text


def bomb(header: bytes) -> bytes:
    """Give 128 MiB of zeros, of which each MiB is packed alike; they are refused before their end, and have none."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return header + (packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)) * 2**7


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("limited"), GATEWAY_MAX_BODY="1M") as server:
        server.declare("c", DECLARED)
        yield server


@pytest.mark.parametrize("header", [packed(b"", zlib.MAX_WBITS)[:2], b""], ids=["zlib", "raw"])
def test_deflate_bomb_is_refused_in_little_memory(limited, header):
    before = limited.memory()

    answer = send(limited, "/c", bomb(header))

    assert answer.status_code == 413
    assert limited.memory() - before < 2**26


WHOLE = packed(b'{"id":1}\n' * 50, zlib.MAX_WBITS)
RAW = packed(b'{"id":1}\n' * 50, -zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("encoding", "body", "message", "hint"),
    [
        ("deflate", WHOLE[:-1], "the deflate body is truncated", "send it again, whole"),
        ("deflate", RAW[:-1], "the deflate body is truncated", "send it again, whole"),
        ("deflate", WHOLE[:-1] + b"x", "the deflate body is damaged", "compress and send it again"),
        ("deflate", WHOLE + b"\xfftail", "not deflate follows the end of the deflate body", "nothing after it"),
        ("deflate", b'{"id":1}\n' * 9, "says deflate, but the body is plain text", "omit Content-Encoding"),
        ("deflate", b"", "says deflate, but the body is empty", "send the compressed rows"),
        ("deflate", b"\x1f\x8b\x08\x00" + bytes(20), "says deflate, but the body is gzip", "Content-Encoding: gzip"),
        ("gzip", b'{"id":1}', "says gzip, but the body is plain text", "omit Content-Encoding"),
        ("gzip", b'{"id":1}\n' * 999, "says gzip, but the body is plain text", "omit Content-Encoding"),
        ("gzip", b"id,name\n1,a\n", "says gzip, but the body is plain text", "omit Content-Encoding"),
        ("gzip", WHOLE, "says gzip, but the body is zlib", "Content-Encoding: deflate"),
        ("gzip", b"\x28\xb5\x2f\xfd" + bytes(20), "says gzip, but the body is zstd", "Content-Encoding: zstd"),
        ("gzip", b"PK\x03\x04" + bytes(40), "says gzip, but the body is a zip archive", "unpack it"),
        ("gzip", b"\x1f\x8b" + b"\xff" * 40, "the gzip body is damaged", "compress and send it again"),
        ("zstd", b'{"id":1}\n', "says zstd, but the body is plain text", "omit Content-Encoding"),
        ("zstd", b"", "says zstd, but the body is empty", "send the compressed rows"),
    ],
)  # fmt: skip
def test_body_of_another_encoding_is_named(server, path, encoding, body, message, hint):
    answer = send(server, path, body, encoding)

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "GW106"
    assert message in answer.json()["message"]
    assert hint in answer.json()["hint"]
