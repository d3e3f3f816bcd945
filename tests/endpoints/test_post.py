"""The way of a POST, feature by feature, through a real gunicorn."""

import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import zstandard

ORDERS = """
fields:
  order_id: integer
  customer: {type: string, max_length: 10}
  amount: decimal(12, 2)
  paid: {type: boolean, default: false}
  placed_at: {type: timestamp, nullable: true}
  tags: {type: "string[]", nullable: true}
access: {read: [public]}
"""

ROW = {"order_id": 1, "customer": "Ada", "amount": 12.5}


@pytest.fixture
def orders(server, name):
    return server.declare(name, ORDERS)


def rows(server, path, **params):
    return server.client.get(path, params=params).json()


def test_posted_object_gets_its_defaults(server, orders):
    answer = server.client.post(orders, json=ROW)

    assert answer.status_code == 201
    receipt = answer.json()
    assert receipt.pop("batch") > 0
    assert receipt == {
        "received": 1,
        "stored": 1,
        "rejected": 0,
        "duplicates": 0,
        "first_id": 1,
        "last_id": 1,
    }
    assert rows(server, orders) == [{**ROW, "paid": False, "placed_at": None, "tags": None}]


def test_array_is_stored_whole_and_in_order(server, orders):
    answer = server.client.post(orders, json=[{**ROW, "order_id": number} for number in range(25_000)])

    assert answer.json()["stored"] == 25_000
    assert [row["order_id"] for row in rows(server, orders, select="order_id")] == list(range(25_000))


def test_batch_with_bad_rows_stores_nothing(server, orders):
    """Check that bad rows are listed by number and field, and no row of the batch is stored."""
    body = [ROW, {**ROW, "amount": 1.234}, {"customer": "x" * 11, "amont": 1, "amount": None}, 7, ROW]

    answer = server.client.post(orders, json=body)

    assert answer.status_code == 422
    error = answer.json()
    assert error["code"] == "GW201"
    assert error["error_count"] == 6
    assert error["rows"] == 5
    assert [(each["row"], each["field"], each["code"]) for each in error["errors"]] == [
        (2, "amount", "22003"),
        (3, "amont", "PGRST204"),
        (3, "order_id", "23502"),
        (3, "customer", "23514"),
        (3, "amount", "23502"),
        (4, None, "22P02"),
    ]
    assert "did you mean 'amount'?" in error["errors"][1]["message"]
    assert rows(server, orders) == []


def test_errors_beyond_a_hundred_are_only_counted(server, orders):
    """Check that at most a hundred errors are listed, and all are counted."""
    answer = server.client.post(orders, json=[{}] * 20_000)

    error = answer.json()
    assert (len(error["errors"]), error["error_count"], error["rows"]) == (100, 60_000, 20_000)
    assert error["details"] == "60,000 errors were found in 20,000 of 20,000 rows; the first 100 are listed"


def test_ndjson_errors_name_lines_and_skip_blanks(server, orders):
    """Check that errors of NDJSON name the line, and blank lines are skipped."""
    body = b'\xef\xbb\xbf{"order_id":1,"customer":"a","amount":1}\r\n\n{"order_id":"x2"}\n{"order_id":1,"order_id":2}\n{'

    answer = server.client.post(orders, content=body, headers={"Content-Type": "application/x-ndjson"})

    errors = answer.json()["errors"]
    assert answer.status_code == 422
    assert {(each["row"], each["line"]) for each in errors} == {(2, 3), (3, 4), (4, 5)}
    assert "is there twice" in next(each["message"] for each in errors if each["row"] == 3)


def test_csv_cells_are_read_by_type(server, name):
    """Check that an empty CSV cell is null, and a quoted empty one is text."""
    path = server.declare(
        name,
        """
fields:
  id: integer
  s: {type: string, nullable: true}
  b: {type: boolean, default: true}
  d: {type: 'decimal(6, 3)', nullable: true}
  t: {type: timestamp, nullable: true}
  l: {type: "integer[]", nullable: true}
  j: {type: json, nullable: true}
access: {read: [public]}
""",
    )
    body = (
        "s,id,b,d,t,l,j\r\n"
        '"a ""quoted"", line\r\nbreak",1,FALSE,1.50,2026-01-02 03:04:05+01,"[1,2]","{""k"": [1.10]}"\r\n'
        '"",2.0,,,,,\r\n'
        ",3,t,-0.5,2026-01-02T03:04:05.5Z,[],5\r\n"
    )

    answer = server.client.post(path, content=body.encode(), headers={"Content-Type": "text/csv"})

    assert answer.status_code == 201, answer.text
    assert rows(server, path) == [
        {
            "id": 1,
            "s": 'a "quoted", line\r\nbreak',
            "b": False,
            "d": 1.5,
            "t": "2026-01-02T02:04:05Z",
            "l": [1, 2],
            "j": {"k": [1.1]},
        },
        {"id": 2, "s": "", "b": True, "d": None, "t": None, "l": None, "j": None},
        {"id": 3, "s": None, "b": True, "d": -0.5, "t": "2026-01-02T03:04:05.5Z", "l": [], "j": 5},
    ]


@pytest.mark.parametrize(
    ("body", "line", "field", "words"),
    [
        ("1,a", 2, None, "2 cells, the header 3"),
        ('1,"a"b,2', 2, None, "quote is in the middle"),
        ("x,a,1", 2, "order_id", "'x' is not an integer"),
        ('1,"a\nb",2\n2,a,1.234', 4, "amount", "1.234"),
        (",a,1", 2, "order_id", "required"),
    ],
)
def test_bad_csv_record_is_named_by_line(server, orders, body, line, field, words):
    answer = server.client.post(
        orders, content=f"order_id,customer,amount\n{body}".encode(), headers={"Content-Type": "text/csv"}
    )

    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert (error["line"], error["field"]) == (line, field)
    assert words in error["message"]


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ("order_id,customer,amont", "PGRST204", "did you mean 'amount'?"),
        ("order_id,customer,amount,amount", "PGRST102", "twice"),
        ("order_id,customer", "23502", "lacks the required amount"),
        ("", "PGRST102", "the body is empty"),
    ],
)
def test_csv_header_is_checked_before_rows(server, orders, header, code, words):
    answer = server.client.post(orders, content=header.encode(), headers={"Content-Type": "text/csv"})

    assert answer.status_code in (400, 422)
    error = answer.json()
    assert error["code"] == code
    assert words in error["message"] + (error["hint"] or "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"null",
        b"5",
        b'"x"',
        b"[1, 2",
        b'{"order_id": 1,}',
        b'{"order_id": NaN}',
        b'{"order_id": -Infinity}',
        b'{"order_id": 01}',
        b'{"order_id": 1, "order_id": 2}',
        b'{"customer": "\xff"}',
        b'{"customer": "\\ud800"}',
        b'{"tags": ' + b"[" * 100_000,
        b"[" * 100_000,
        b'{"order_id": ' + b"9" * 5000 + b"}",
        b"{} {}",
    ],
)
def test_invalid_json_is_refused_and_not_stored(server, orders, body):
    answer = server.client.post(orders, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("PGRST102", "GW201")
    assert rows(server, orders) == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"order_id": 2**63}, "22003"),
        ({"order_id": -(2**63) - 1}, "22003"),
        ({"order_id": 1.5}, "22P02"),
        ({"order_id": True}, "22P02"),
        ({"order_id": "1x"}, "22P02"),
        ({"amount": 10**10}, "22003"),
        ({"amount": "12.505"}, "22003"),
        ({"customer": "a\u0000b"}, "22P02"),
        ({"customer": 5}, "22P02"),
        ({"placed_at": "2026-02-30T00:00:00Z"}, "22P02"),
        ({"placed_at": "2026-01-01T00:00:00"}, "22P02"),
        ({"placed_at": "9999-12-31T23:59:59-01:00"}, "22P02"),
        ({"tags": ["a", None]}, "22P02"),
        ({"tags": "a"}, "22P02"),
        ({"paid": None}, "23502"),
    ],
)
def test_value_unfit_for_column_is_rejected(server, orders, row, code):
    answer = server.client.post(orders, json={**ROW, **row})

    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["code"], error["field"]) == (code, *row)


def test_decimals_and_json_numbers_keep_every_digit(server, name):
    path = server.declare(
        name, "fields: {d: 'decimal(38, 10)', i: integer, j: json}\naccess: {read: [public]}\n"
    )
    text = (
        '{"d":1234567890123456789012345678.0123456789,"i":-9223372036854775808,'
        '"j":{"big":123456789012345678901234567890,"small":0.10000000000000000000000001,"nul":"\\u0000"}}'
    )

    assert server.client.post(path, content=text).status_code == 201
    assert server.client.get(path).text == f"[{text}]"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compressed_members_are_read_as_one_body(server, orders, encoding):
    """Check that compressed bodies are read, and several compressed members are one body."""
    compress = gzip.compress if encoding == "gzip" else zstandard.compress
    lines = [json.dumps({**ROW, "order_id": number}).encode() + b"\n" for number in range(5000)]
    body = compress(b"".join(lines[:2000])) + compress(b"".join(lines[2000:]))

    answer = server.client.post(
        orders, content=body, headers={"Content-Type": "application/x-ndjson", "Content-Encoding": encoding}
    )

    assert answer.json().get("stored") == 5000, answer.text


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("spoil", ["cut", "garbage", "empty", "tail"])
def test_broken_compressed_body_stores_nothing(server, orders, encoding, spoil):
    compress = gzip.compress if encoding == "gzip" else zstandard.compress
    whole = compress(
        b"".join(json.dumps({**ROW, "order_id": number}).encode() + b"\n" for number in range(2000))
    )
    body = {"cut": whole[:-1], "garbage": b"order" + whole, "empty": b"", "tail": whole + b"x"}[spoil]

    answer = server.client.post(
        orders, content=body, headers={"Content-Type": "application/x-ndjson", "Content-Encoding": encoding}
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "GW106"
    assert rows(server, orders) == []


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compression_bomb_is_refused_by_unpacked_size(server, orders, encoding):
    compress = (lambda data: zlib.compress(data, 9, 31)) if encoding == "gzip" else zstandard.compress
    bomb = compress(b" " * (200 * 2**20))
    before = server.memory()

    answer = server.client.post(orders, content=bomb, headers={"Content-Encoding": encoding})

    assert (answer.status_code, answer.json()["code"]) == (413, "GW102")
    assert server.memory() - before < 200 * 2**20


def test_body_over_cap_is_refused(server, orders):
    """Check that a body over the cap is refused before it is read, or while it is read."""
    chunk = b" " * 2**20

    told = server.client.post(orders, content=chunk * 65)
    untold = server.client.post(orders, content=(chunk for _ in range(65)))

    assert [(each.status_code, each.json()["code"]) for each in (told, untold)] == [(413, "GW102")] * 2


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (None, b'[{"order_id":1,"customer":"a","amount":1}]', 201),
        (None, b' {"order_id":1,"customer":"a","amount":1}', 201),
        (None, b'{"order_id":1,"customer":"a","amount":1}\n{"order_id":2,"customer":"a","amount":1}', 201),
        (None, b"order_id,customer,amount\n1,a,1\n", 201),
        ("application/x-www-form-urlencoded", b'{"order_id":1,"customer":"a","amount":1}', 201),
        ("application/json; charset=UTF-8", b'{"order_id":1,"customer":"a","amount":1}', 201),
        ("application/json; charset=latin-1", b"{}", 415),
        ("application/x-www-form-urlencoded", b"order_id=1", 422),
        ("application/xml", b"<a/>", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
    ],
)
def test_media_type_comes_from_header_or_first_byte(server, orders, content_type, body, status):
    """Check that the header says which media type a body has; without one, its first byte does."""
    headers = {"Content-Type": content_type} if content_type else {}

    answer = server.client.post(orders, content=body, headers=headers)

    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.json()["code"] == "GW104"
        assert "text/csv" in answer.headers.get("Accept", "") or "charset" in answer.json()["message"]


def test_every_bad_csv_cell_is_listed(server, orders):
    text = b"order_id,customer,amount,placed_at\nx,much too long,1.234,today\n"

    errors = server.client.post(orders, content=text, headers={"Content-Type": "text/csv"}).json()["errors"]

    assert [each["field"] for each in errors] == ["order_id", "customer", "amount", "placed_at"]


def test_cell_of_invalid_json_is_rejected(server, name):
    path = server.declare(name, "fields: {j: json, n: integer}\n")

    answer = server.client.post(path, content=b"j,n\nabc,1\n", headers={"Content-Type": "text/csv"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "j")


@pytest.mark.parametrize(
    "more", [{"params": {"on_conflict": "order_id"}}, {"headers": {"Prefer": "resolution=merge-duplicates"}}]
)
def test_unsupported_post_option_is_refused_not_ignored(server, orders, more):
    """Check that what would change the meaning of a POST is refused and not ignored."""
    answer = server.client.post(orders, json=ROW, **more)

    assert (answer.status_code, answer.json()["code"]) == (400, "42P10")
    assert rows(server, orders) == []


def test_boolean_in_quotes_gets_own_message(server, orders):
    answer = server.client.post(orders, json={**ROW, "paid": "true"})

    assert "leave the quotes out" in answer.json()["message"]


def test_body_without_rows_gets_receipt(server, orders):
    for body, kind in (
        (b"[]", "application/json"),
        (b"", "application/x-ndjson"),  # What polars and DuckDB write where there are no rows.
        (b"\n", "application/x-ndjson"),
        (b"order_id,customer,amount", "text/csv"),
    ):
        answer = server.client.post(orders, content=body, headers={"Content-Type": kind})

        assert (answer.status_code, answer.json()["stored"], answer.json()["batch"]) == (201, 0, None)


def test_ids_and_batches_grow_in_commit_order(server, orders):
    """Check that ids and batches grow in commit order, and each row remembers its batch."""
    first = server.client.post(orders, json=[ROW, ROW]).json()
    second = server.client.post(orders, json=ROW).json()

    assert (first["first_id"], first["last_id"], second["first_id"]) == (1, 2, 3)
    assert second["batch"] > first["batch"]
    seen = rows(server, orders, select="_id,_batch,_ingested_at", order="_id")
    assert [(row["_id"], row["_batch"]) for row in seen] == [
        (1, first["batch"]),
        (2, first["batch"]),
        (3, second["batch"]),
    ]
    name = orders.removeprefix("/")
    kept = server.client.get(f"/-/connectors/{name}/batches").json()
    assert [(each["batch"], each["rows"], each["token"]) for each in kept] == [
        (second["batch"], 1, "admin"),
        (first["batch"], 2, "admin"),
    ]
    assert kept[1]["bytes"] == len(json.dumps([ROW, ROW], separators=(",", ":")))
    about = server.client.get(f"/-/connectors/{name}").json()
    assert (about["rows"], about["last_batch"]["batch"]) == (3, second["batch"])


def test_concurrent_small_posts_get_different_ids(server, orders):
    """Check that many small POST requests at once are all stored, under different ids."""

    def post(number):
        with httpx.Client(base_url=server.url, headers=server.admin) as client:
            return [
                client.post(orders, json={**ROW, "order_id": number * 100 + each}).json()
                for each in range(20)
            ]

    with ThreadPoolExecutor(8) as threads:
        receipts = [receipt for some in threads.map(post, range(8)) for receipt in some]

    assert len({receipt["first_id"] for receipt in receipts}) == 160
    stored = rows(server, orders, select="order_id")
    assert sorted(row["order_id"] for row in stored) == sorted(
        n * 100 + e for n in range(8) for e in range(20)
    )


def test_row_over_cap_is_named(server, name):
    path = server.declare(name, "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    big = "x" * 2**20
    for kind, body in (
        ("application/json", json.dumps([{"n": 1, "s": "a"}, {"n": 2, "s": big}])),
        ("application/x-ndjson", f'{{"n":1,"s":"a"}}\n{{"n":2,"s":"{big}"}}\n'),
        ("text/csv", f"n,s\n1,a\n2,{big}\n"),
        ("text/csv", f'n,s\n1,a\n2,"{big}"\n'),
    ):
        answer = server.client.post(path, content=body, headers={"Content-Type": kind})

        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["row"], error["code"]) == (2, "GW102")


def test_error_about_huge_field_name_is_short(server, orders):
    for kind, body in (
        ("application/json", b'{"%s":1}' % (b"k" * 500_000)),
        ("text/csv", b"k" * 500_000 + b"\n"),
    ):
        answer = server.client.post(orders, content=body, headers={"Content-Type": kind})

        assert answer.status_code in (400, 422)
        assert len(answer.content) < 4000


@pytest.mark.parametrize(
    "body",
    [
        b'{"order_id": 1, "customer": "a", "amount": 1\n}\n',
        b'{"tags": []}\n'.replace(b"}", b', "order_id": 1, "customer": "a", "amount": 1\n}'),
    ],
)
def test_indented_json_needs_no_media_type(server, orders, body):
    assert server.client.post(orders, content=body).status_code == 201


def test_blanks_before_body_are_skipped(server, orders):
    """Check that blanks before a body are skipped, no matter how many there are."""
    body = b" \n" * 5000 + json.dumps([ROW]).encode()

    assert server.client.post(orders, content=body).status_code == 201
    assert (
        server.client.post(orders, content=body, headers={"Content-Type": "application/json"}).status_code
        == 201
    )


@pytest.mark.parametrize("count", [30_000, pytest.param(1_000_000, marks=pytest.mark.torture)])
def test_bad_rows_are_counted_without_bound(server, name, count):
    path = server.declare(name, "fields: {ts: timestamp}\n")

    answer = server.client.post(
        path, content=b'{"ts":1}\n' * count, headers={"Content-Type": "application/x-ndjson"}
    )

    assert (answer.status_code, answer.json()["error_count"]) == (422, count)


def test_digits_in_text_cost_nothing_extra(server, name):
    """Check that digits in text cost no more than other text."""
    path = server.declare(name, "fields: {s: string}\naccess: {read: [public]}\n")
    text = ("1" * 399 + "x") * 2500

    assert server.client.post(path, json={"s": text}).status_code == 201
    assert server.client.get(path).json() == [{"s": text}]


# -- the shape of the errors of rows


@pytest.mark.parametrize(
    ("body", "code", "details"),
    [
        ([{"order_id": 1}], "23502", "2 errors were found in 1 of 1 row"),
        ([{**ROW, "order_id": "x"}, ROW, 7], "22P02", "2 errors were found in 2 of 3 rows"),
        ([{**ROW, "amount": 1.234}], "22003", "1 error was found in 1 of 1 row"),
        ([{**ROW, "customer": "x" * 11}] * 2, "23514", "2 errors were found in 2 of 2 rows"),
        ([{**ROW, "amont": 1}], "PGRST204", "1 error was found in 1 of 1 row"),
        ([{**ROW, "amount": 1.234}, {**ROW, "paid": "x"}], "GW201", "2 errors were found in 2 of 2 rows"),
        (
            [{**ROW, "paid": "x"}] * 1999 + [{**ROW, "amont": 1}],
            "GW201",
            "2,000 errors were found in 2,000 of 2,000 rows; the first 100 are listed",
        ),
        (
            [{**ROW, "paid": "x"}] * 12_000,
            "22P02",
            "12,000 errors were found in 12,000 of 12,000 rows; the first 100 are listed",
        ),
    ],
)
def test_shared_code_of_errors_is_response_code(server, orders, body, code, details):
    answer = server.client.post(orders, json=body)

    error = answer.json()
    assert list(error) == ["code", "message", "details", "hint", "errors", "error_count", "rows"]
    assert (answer.status_code, error["code"], error["details"]) == (422, code, details)
    assert error["rows"] == len(body)
    assert len(error["errors"]) == min(error["error_count"], 100)
    assert answer.headers["Proxy-Status"] == f"PostgREST; error={code}"


def test_code_of_unreadable_rows_is_response_code(server, orders):
    """Check that the code of unreadable rows is the code of the response if all errors have it."""
    ndjson = {"Content-Type": "application/x-ndjson"}

    unread = server.client.post(orders, content=b"{\n{\n", headers=ndjson)
    both = server.client.post(orders, content=b'{\n{"order_id": 1}\n', headers=ndjson)

    assert (unread.status_code, unread.json()["code"]) == (422, "PGRST102")
    assert (both.status_code, both.json()["code"]) == (422, "GW201")


@pytest.mark.parametrize("name", ["rows", "data", "items", "records"])
def test_rows_wrapped_in_object_get_own_message(server, orders, name):
    """Check that a list of rows inside an object is refused with a message that says so."""
    answer = server.client.post(orders, json={name: [{"order_id": 1}]})

    assert answer.status_code == 422
    message = answer.json()["errors"][0]["message"]
    assert message == f"'{name}' is not a field; send the list of rows by itself, without an object around it"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("1", "the row has 1 cell, the header 3"),
        ("1,a,b,c", "the row has 4 cells, the header 3; put a cell that has a comma in it in quotes"),
        ('1,a,5" x', "in the middle of cell 3; put the cell in quotes, and write each quote in it twice"),
    ],
)
def test_ragged_csv_record_gets_a_fix(server, orders, record, words):
    body = f"order_id,customer,amount\n{record}\n".encode()

    answer = server.client.post(orders, content=body, headers={"Content-Type": "text/csv"})

    assert words in answer.json()["errors"][0]["message"]
