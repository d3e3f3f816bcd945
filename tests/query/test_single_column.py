"""CSV of one column: each row is a line that readers of CSV do not pass over, and that POST reads back."""

import csv
import io

import pandas
import pyarrow.csv
import pytest

#: By type: a value, a null, and another value.
TYPES = {
    "integer": [1, None, 3],
    "number": [1.5, None, 2.5],
    "decimal(12, 2)": [1.25, None, 3],
    "boolean": [True, None, False],
    "date": ["2026-01-01", None, "2026-01-02"],
    "time": ["08:30:00", None, "09:30:00"],
    "timestamp": ["2026-01-01T00:00:00Z", None, "2026-01-02T00:00:00Z"],
    "datetime": ["2026-01-01T00:00:00", None, "2026-01-02T00:00:00"],
    "uuid": ["4f0f5a2e-5d4c-4f33-9d0f-0b8a1c2d3e4f", None, "4f0f5a2e-5d4c-4f33-9d0f-0b8a1c2d3e40"],
    "json": [{"a": 1}, None, [1, 2]],
    "integer[]": [[1, 2], None, []],
    "string[]": [["a,b"], None, []],
    "string": ["x", None, "a,b"],
}


FIELDS = {type: f"f{number}" for number, type in enumerate(TYPES)}


@pytest.fixture(scope="session")
def filled(server):
    """One connector with a field of every type."""
    fields = "".join(f'  {field}: {{type: "{type}", nullable: true}}\n' for type, field in FIELDS.items())
    n = "  n: {type: integer, nullable: true}\n"
    return server.declare("single_column", f"fields:\n{fields}{n}access: {{change: [admin]}}\n")


@pytest.fixture
def path(server, filled):
    return server.emptied(filled)


def stored(server, path, field):
    return [row[field] for row in server.client.get(path).json()]


@pytest.mark.parametrize("type", TYPES)
def test_null_row_is_found_by_every_reader(server, path, type):
    field = FIELDS[type]
    rows = [{field: value, "n": n} for n, value in enumerate(TYPES[type])]
    assert server.client.post(path, json=rows).status_code == 201

    text = server.client.get(f"{path}?format=csv&select={field}").content

    assert text.splitlines()[2] == b'""'
    assert len(pandas.read_csv(io.BytesIO(text))) == 3
    assert pyarrow.csv.read_csv(io.BytesIO(text)).num_rows == 3
    assert [len(record) for record in csv.reader(io.StringIO(text.decode()))] == [1, 1, 1, 1]


@pytest.mark.parametrize("type", [type for type in TYPES if type != "string"])
def test_csv_of_one_column_is_read_back(server, path, type):
    field = FIELDS[type]
    rows = [{field: value, "n": n} for n, value in enumerate(TYPES[type])]
    assert server.client.post(path, json=rows).status_code == 201
    text = server.client.get(f"{path}?format=csv&select={field}").content

    answer = server.client.post(path, content=text, headers={"Content-Type": "text/csv"})

    assert answer.json()["stored"] == 3, answer.text
    assert stored(server, path, field) == TYPES[type] * 2


def test_empty_string_and_null_differ_beside_columns(server, path):
    field = FIELDS["string"]
    rows = [{field: None, "n": 1}, {field: "", "n": 2}]
    assert server.client.post(path, json=rows).status_code == 201

    assert server.client.get(f"{path}?format=csv&select={field}").text == f'{field}\n""\n""\n'
    both = server.client.get(f"{path}?format=csv&select={field},n").text
    assert both == f'{field},n\n,1\n"",2\n'
    assert server.client.post(path, content=both, headers={"Content-Type": "text/csv"}).status_code == 201
    assert stored(server, path, field) == [None, ""] * 2


def test_quoted_nothing_is_an_empty_string(server, name):
    path = server.declare(name, "fields: {a: {type: string, nullable: true}}\n")
    answer = server.client.post(path, content=b'a\n""\n\nx\n', headers={"Content-Type": "text/csv"})

    assert answer.json()["stored"] == 3
    assert stored(server, path, "a") == ["", None, "x"]


@pytest.fixture(scope="session")
def of_nulls(server):
    path = server.declare(
        "nulls",
        "fields: {a: {type: integer, nullable: true}, n: integer, j: {type: json, nullable: true}}\n"
        "access: {change: [admin]}\n",
    )
    server.emptied(path)
    assert server.client.post(path, json=[{"a": 1, "n": 1}, {"a": None, "n": 2}]).status_code == 201
    return path


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("select=a.sum()&n=lt.0", 'sum\n""\n'),
        ("select=a.max()&n=lt.0", 'max\n""\n'),
        ("select=a::text", 'a\n1\n""\n'),
        ("select=a&order=a.desc.nullslast", 'a\n1\n""\n'),
        ("select=a&limit=1&offset=1", 'a\n""\n'),
        ("select=j->x", 'x\n""\n""\n'),
        ("select=j->>x", 'x\n""\n""\n'),
        ("select=a,a.count()", "a,count\n1,1\n,0\n"),
    ],
)
def test_null_of_any_expression_is_quoted(server, of_nulls, query, text):
    assert server.client.get(f"{of_nulls}?format=csv&{query}").text == text


def test_null_in_answers_to_writes_is_quoted(server, name):
    path = server.declare(
        name, "fields: {a: {type: integer, nullable: true}, n: integer}\naccess: {change: [ops]}\n"
    )
    shown = {"Prefer": "return=representation", "Accept": "text/csv"}

    written = server.client.post(f"{path}?select=a", json={"a": None, "n": 1}, headers=shown)
    changed = server.client.patch(f"{path}?n=eq.1&select=a", json={"n": 2}, headers=shown)

    assert written.text == changed.text == 'a\n""\n'
