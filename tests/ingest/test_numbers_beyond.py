"""Numbers that no type can hold, wherever a number can stand: an error in plain words, never a failure inside."""

import pytest

from gateway import strictjson
from gateway.connectors import plan
from gateway.connectors.directory import ConnectorFile
from gateway.ingest import json_problems

#: Exponents beyond what Python's decimals hold, what they just hold, what a double holds; and words for no number.
NUMBERS = [
    "1e1000000000000000000",
    "-1e-1000000000000000000",
    "1e18446744073709551616",
    "1e999999999",
    "1e-999999999",
    "0e999999999",
    "1E+400",
    "1e308",
    ".inf",
    "-.inf",
    ".nan",
    "NaN",
    "sNaN",
    "Infinity",
    "0x1G",
    "1e",
    "9" * 401,
    "0." + "0" * 401 + "1",
]
TYPES = [
    "integer",
    "number",
    '"decimal(12, 2)"',
    '"decimal(38, 38)"',
    "json",
    "string",
    '"integer[]"',
    '"decimal(5, 2)[]"',
]
KEYS = ["default", "enum", "minimum", "maximum", "exclusive_minimum", "examples", "backfill", "max_length"]
TERMS = [
    "retention: {{days: {}}}",
    "retention: {{rows: {}}}",
    "limits: {{rows_per_second: {}}}",
    "on_invalid: keep\nkeep_at_most: {}",
    "primary_key: {}",
    "name: {}",
]
INSIDE = ("Internal", "InvalidOperation", "decimal.", "Exception", "Error", "cannot be read")


def assert_plain(text: str) -> None:
    assert not any(word in text for word in INSIDE), text


@pytest.mark.parametrize("number", ["1e1000000000000000000", "-1e18446744073709551616", "1e" + "9" * 300])
def test_exponent_out_of_range_is_located(number):
    text = f'{{"a":1,"b":\n["{number}", {number}]}}'.encode()
    with pytest.raises(ValueError, match=r"^a number has more than 400 digits$") as refused:
        strictjson.read(text)

    problem = json_problems.find(text, refused.value)

    shown = number if len(number) <= 40 else f"{number[:40]}…"
    assert problem.message == f"a number has more than 400 digits, which only a string can hold: {shown}"
    assert (problem.offset, problem.field) == (text.rindex(number.encode()), "b")


@pytest.mark.parametrize("number", NUMBERS)
def test_connector_file_is_answered_in_plain_words(number):
    for key in KEYS:
        value = f"[{number}]" if key in ("enum", "examples") else number
        for each in TYPES:
            text = f"fields: {{v: {{type: {each}, {key}: {value}}}}}\n"
            assert_plain(
                " ".join(map(str, plan.parse_file(ConnectorFile.of("a.yaml", text.encode())).findings))
            )
    for term in TERMS:
        text = f"fields: {{v: integer}}\n{term.format(number)}\n"
        assert_plain(" ".join(map(str, plan.parse_file(ConnectorFile.of("a.yaml", text.encode())).findings)))


@pytest.fixture(scope="session")
def path(server):
    fields = "".join(f"  f{place}: {{type: {each}, nullable: true}}\n" for place, each in enumerate(TYPES))
    return server.declare("numbers_beyond", f"fields:\n{fields}access: {{change: [admin]}}\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_request_is_answered_in_plain_words(number, server, path):
    """In a body of each kind, row by row and in columns, and in filters."""
    server.emptied(path)
    for place in range(len(TYPES)):
        row = f'{{"f{place}": {number}}}'
        nested = f'{{"f{place}": [{{"a": {number}}}]}}'
        answers = [
            server.client.post(path, content=f"[{row},{nested}]"),
            server.client.post(path, content=f"[{','.join([row] * 2)}]"),
            server.client.post(path, content=row, headers={"Content-Type": "application/x-ndjson"}),
            server.client.post(path, content=f"f{place}\n{number}\n", headers={"Content-Type": "text/csv"}),
            server.client.get(path, params={f"f{place}": f"eq.{number}"}),
            server.client.get(path, params={f"f{place}": f"in.({number})"}),
            server.client.patch(path, params={f"f{place}": f"eq.{number}"}, content=row),
        ]
        for answer in answers:
            assert answer.status_code < 500, answer.text
            if answer.is_error:
                assert_plain(answer.text)
    assert server.client.get(path).status_code == 200
    assert_plain(server.client.get(path, params={"f4->a": f"eq.{number}"}).text)
    assert_plain(server.client.post("/-/plan", content=f'{{"files": {number}}}').text)
