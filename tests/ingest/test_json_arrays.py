"""Rows of a JSON array: what is wrong inside of one is its own fault, what is wrong between two is the body's."""

import json
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.ingest import json_array
from gateway.ingest.json_array import ArrayError
from gateway.media_types import Media

JSON, NDJSON = ({"Content-Type": media.media_type} for media in (Media.JSON, Media.NDJSON))
KEEPING = """
fields:
  a: integer
  s: {type: string, nullable: true}
  j: {type: json, nullable: true}
on_invalid: keep
access: {read: [public], change: [admin]}
"""


@pytest.fixture(scope="session")
def filled(server):
    return server.declare("json_arrays", KEEPING)


@pytest.fixture(scope="session")
def of_json(server):
    return server.declare(
        "json_cells", "fields: {j: {type: json, nullable: true}, s: {type: string, nullable: true}}"
    )


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (r'{"a":2,"s":"hi \ud83d"}', "s", r"half of a surrogate pair, \ud83d, is alone (column"),
        (r'{"a":2,"s":"\udc00 hi"}', "s", r"half of a surrogate pair, \udc00, is alone"),
        (r'{"a":2,"s":"\ud83d\u0041"}', "s", r"half of a surrogate pair, \ud83d, is alone"),
        (r'{"a":2,"j":{"k":["\ud800"]}}', "j", r"half of a surrogate pair, \ud800, is alone"),
        (r'{"a":2,"s":"C:\data"}', "s", r"\d is not an escape of JSON; write a backslash as \\"),
        (r'{"a":2,"s":"\u12"}', "s", r"\u12 is not an escape; \u takes four hexadecimal digits"),
        ('{"a":2,"s":"x\ty"}', "s", r"the control character U+0009 is in a string (a tab, write \t)"),
        ('{"a":2,"s":"x\x07y"}', "s", r"U+0007 is in a string (write \u0007)"),
        ('{"a":2,"s":"x\x00y"}', "s", r"U+0000 is in a string"),
        ('{"a":NaN}', "a", "JSON has no NaN; send null"),
        ('{"a":True}', "a", "True is Python's; JSON has true"),
        ("{'a':2}", None, "JSON has double quotes, not single ones"),
        ('{"a":2,}', None, "there is a comma before }"),
        ("{a:2}", None, "a name needs double quotes, not a"),
        ('{"a":02}', "a", "02 is not a number of JSON"),
        ('{"a":2 "s":"x"}', "a", ', or } is missing before "s"'),
        ('{"a":2,"a":3}', "a", 'the name "a" is there twice'),
        ('{"a":2]', "a", ", or } is missing before ]"),
        ('{"a":2,"s":“x”}', "s", 'a typographic quote is where " belongs'),
        ('{"a":2,"j":' + "[" * 250 + "]" * 250 + "}", "j", "nests deeper than 200"),
    ],
)
def test_fault_inside_a_row_rejects_that_row(server, path, row, field, words):
    bodies = (
        ([f'[{{"a":1}},{row},{{"a":3}}]', f'[\n{{"a":1}},\n{row}\n,{{"a":3}}\n]\n'], JSON),
        ([f'{{"a":1}}\n{row}\n{{"a":3}}'], NDJSON),
    )
    for texts, headers in bodies:
        for text in texts:
            answer = server.client.post(path, content=text.encode(), headers=headers)

            assert answer.status_code == 207, answer.text
            assert (answer.json()["stored"], answer.json()["rejected"]) == (2, 1)
            (error,) = answer.json()["errors"]
            lines = [number for number, line in enumerate(text.split("\n"), 1) if row in line]
            assert (error["row"], error["line"], error["field"]) == (2, lines[0], field)
            assert words in error["message"]


def test_bytes_that_are_not_utf8_reject_their_row(server, path):
    said = "not valid JSON: the byte 0xEB is not UTF-8; in Windows-1252 it is 'ë': convert the text to UTF-8"
    good, bad = b'{"a":1}', b'{"a":2,"s":"Zo\xeb"}'
    bodies = (
        (b"[%b,%b]" % (good, bad), JSON, 2, 24),
        (b"[%b,%b]" % (bad, good), JSON, 1, 16),
        (b"%b\n%b\n" % (good, bad), NDJSON, 2, 15),
        (b"%b\n%b\n" % (bad, good), NDJSON, 1, 15),
    )
    for body, headers, row, column in bodies:
        answer = server.client.post(path, content=body, headers=headers)

        assert answer.status_code == 207, answer.text
        (error,) = answer.json()["errors"]
        assert (error["row"], error["field"]) == (row, "s")
        assert error["message"] == f"{said} (column {column})"


@pytest.mark.parametrize(
    "line", [b'{"a":\xeb}', b'{"a\xeb":1}', b'\xeb{"a":1}', b"Zo\xeb", b'{"a":1}\xeb'], ids=range(5)
)
def test_first_line_that_is_not_utf8_is_rejected(server, path, line):
    """It is a row like any other, and no sign of another encoding."""
    for body in (b'%b\n{"a":2}\n' % line, b'{"a":2}\n%b\n' % line):
        answer = server.client.post(path, content=body, headers=NDJSON)

        assert answer.status_code == 207, answer.text
        assert (answer.json()["stored"], answer.json()["rejected"]) == (1, 1)
        assert "the byte 0xEB is not UTF-8" in answer.json()["errors"][0]["message"]


def test_text_behind_a_row_names_no_field(server, path):
    """The last field of the row is not to blame."""
    for behind in (",", "]", '{"a":2}', " x"):
        for row in ('{"a":1,"s":"x"}', '{"a":1,"s":null}'):
            answer = server.client.post(path, content=f'{row}{behind}\n{{"a":3}}\n', headers=NDJSON)

            assert answer.status_code == 207, answer.text
            (error,) = answer.json()["errors"]
            assert (error["row"], error["field"]) == (1, None)
            assert error["message"].endswith(": each line is one row and nothing else")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('{"a":1,"a":2}', 'the name "a" is there twice'),
        ("01", "not a number of JSON"),
        ("nan", "JSON has no nan; send null"),
        ("{'a':1}", "JSON has double quotes, not single ones"),
        ("hello there", "hello is not a value of JSON; a string needs double quotes in JSON"),
        ("[1,", "the text ends in the middle of a value"),
        ("1e999", "a number has more than 400 digits"),
        ('"\\ud800"', "half of a surrogate pair"),
    ],
)
def test_cell_that_is_not_json_is_explained(server, of_json, cell, why):
    quoted = '"' + cell.replace('"', '""') + '"'
    bodies = [
        (f"j,s\n{quoted},x\n", "text/csv"),
        (urlencode({"j": cell}), "application/x-www-form-urlencoded"),
    ]

    for body, media in bodies:
        answer = server.client.post(of_json, content=body, headers={"Content-Type": media})

        assert (answer.status_code, answer.json()["code"]) == (
            422,
            "22P02" if media == "text/csv" else "PGRST102",
        )
        (error,) = answer.json()["errors"]
        assert error["field"] == "j"
        assert "is not JSON: " in error["message"]
        assert why in error["message"]


def test_body_in_another_encoding_is_refused(server, path):
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        answer = server.client.post(path, content='{"a":1,"s":"Zoë"}\n'.encode(encoding), headers=NDJSON)

        assert answer.status_code == 400, answer.text
        assert f"the body is text in {encoding[:6].upper()}" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('[{"a":1}\n{"a":2}]', "row 2, line 2, column 1: a comma is missing between row 1 and this one"),
        ('[{"a":1},\n]', "row 2, line 1, column 9: the comma before ] has no row after it; remove it"),
        ('[{"a":1},,{"a":2}]', "row 2, line 1, column 10: , is where a row is expected"),
        ("[,]", "row 1, line 1, column 2: , is where a row is expected"),
        ('[{"a":1}', "row 1, line 1, column 9: the list has no ] after this row; it looks cut off"),
        ('[{"a":1},', "line 1, column 9: the list ends after row 1, without ]; it looks cut off"),
        ("[", "line 1, column 1: the list ends after [, without ]; it looks cut off"),
        ('[{"a":1},\n {"a":2', "row 2, line 2, column 2: the body ends in the middle of the row"),
        (
            '[{"a":1,"s":"x},\n{"a":2}]',
            "row 1, line 1, column 17: a string goes over the end of the line; close it",
        ),
        ('[{"a":1,"s":"x},{"a":2}]', "row 1, line 1, column 19: , or } is missing before a"),
        ('[{"a":1,\n{"a":2}]', "row 1, line 2, column 1: a name needs double quotes, not {"),
        ('[{"a":1}}', "row 1, line 1, column 9: } follows the row, where a comma or ] is expected"),
        ('[{"a":1};{"a":2}]', 'row 1, line 1, column 9: ;{"a":2}] follows the row'),
        ('[{"a":1}]\n[{"a":2}]', 'line 2, column 1: [{"a":2}] follows the ] that ends the list'),
        ("[" * 100_000, "row 1"),
        ('[{"a":"\\ud800"},', "the list ends after row 1"),
    ],
)
def test_fault_between_rows_refuses_the_body(server, path, body, words):
    answer = server.client.post(path, content=body.encode(), headers=JSON)

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "PGRST102"
    assert answer.json()["message"].startswith("the body is not valid JSON: ")
    assert words in answer.json()["message"]
    assert "truncated" not in answer.text


def test_only_truncated_array_is_called_cut_off(server, path):
    whole = '[{"a":1,"s":"\\ud83d"}]'
    assert "cut off" not in server.client.post(path, content=whole.encode(), headers=JSON).text
    for length in range(1, len(whole)):
        answer = server.client.post(path, content=whole[:length].encode(), headers=JSON)
        assert answer.status_code == 400
        assert "cut off" in answer.text or "row 1" in answer.text


VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.text(alphabet='a",[]{}\\é\n\x07', max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"]', max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(rows=st.lists(VALUES, max_size=10), indent=st.sampled_from([None, 1]))
@example(rows=[[[[[[[{"a": [[[[]]]]}]]]]]]], indent=None)
def test_row_bounds_equal_those_of_msgspec(rows, indent):
    data = json.dumps(rows, indent=indent, ensure_ascii=False).encode()

    cut = [data[begin:end] for begin, end in json_array.row_bounds(data, 0)]

    assert cut == [bytes(row).strip() for row in msgspec.json.decode(data, type=list[msgspec.Raw])]


@given(text=st.text(alphabet='[]{}",:\\a1u \n', max_size=30))
def test_any_text_has_row_bounds_or_an_error(text):
    """A fault between rows is told with its line."""
    data = f"[{text}".encode()
    try:
        places = list(json_array.row_bounds(data, 0))
    except ArrayError as error:
        where, between = str(error), True
    else:
        where, between = "", False
        assert all(begin < end for begin, end in places)
        assert all(data[begin:end].strip() == data[begin:end] for begin, end in places)
        kept = b",".join(data[begin:end] for begin, end in places)
        assert b"".join(data.split()) == b"".join(b"[%b]".split()) % b"".join(kept.split())
    assert ("line " in where) == between
