"""The header of a CSV body: all of its wrong names at once, and columns that have none."""

import pytest

CSV = {"Content-Type": "text/csv"}
DECLARED = """
fields:
  id: integer
  name: {type: string, nullable: true}
  paid: {type: boolean, nullable: true, renamed_from: settled}
on_invalid: keep
access: {read: [public], change: [admin]}
"""


@pytest.fixture(scope="session")
def filled(server):
    return server.declare("csv_headers", DECLARED)


def post(server, path, body, **params):
    return server.client.post(path, content=body.encode(), headers=CSV, params=params)


def rows(server, path):
    return server.client.get(path, params={"select": "id,name,paid"}).json()


@pytest.mark.parametrize(
    "body",
    [
        "id,name,\n1,a,\n",
        "id,name,,\n1,a,,\n",
        "id,name,,\n1,a\n",
        "id,name,,\r\n1,a,\r\n",
        'id,name,""\n1,a,""\n',
        "id,name, \n1,a, \n",
        "id,,name\n1,,a\n",
        ",id,name\n,1,a\n",
        '\ufeffid,name,\n1,"a",\n',
    ],
)
def test_empty_columns_without_a_name_are_ignored(server, path, body):
    answer = post(server, path, body)

    assert answer.status_code == 201, answer.text
    assert rows(server, path) == [{"id": 1, "name": "a", "paid": None}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("id,name,\n1,a,\n2,b,x\n", "column 3 of the header has no name, but row 2 (line 3) has 'x' in it"),
        (
            "id,name,,\n1,a,,y\n",
            "column 4 of the header has no name (and 3), but row 1 (line 2) has 'y' in it",
        ),
        ("id,,name\n1,z,a\n", "column 2 of the header has no name, but row 1 (line 2) has 'z' in it"),
        (",id,name\n0,1,a\n", "column 1 of the header has no name, but row 1 (line 2) has '0' in it"),
        (",,\n,,\n", "the CSV header names no field"),
        ("\nid,name\n1,a\n", "line 1 is empty, where the CSV header is expected"),
        ("\r\n\r\nid,name\n1,a\n", "line 1 is empty"),
        ("", "the body is empty"),
        ("\n", "the body is empty"),
        ("id,name,name\n", "names 'name' twice"),
        ("id,paid,settled\n", "names 'paid' and 'settled', which are one field"),
    ],
)
def test_wrong_header_is_refused_with_its_place(server, path, body, words):
    """The column and the line are told where there are any."""
    answer = post(server, path, body)

    assert answer.status_code == 400, answer.text
    assert words in answer.json()["message"]
    assert answer.json()["hint"]
    assert rows(server, path) == []


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (",id,name\n0,1,a\n", "to_csv(index=False)"),
        ("Unnamed: 0,id,name\n0,1,a\n", "to_csv(index=False)"),
        ("id,name,\n1,a,x\n", "?columns=id,name"),
        ("id,name,colour\n1,a,x\n", "?columns=id,name"),
    ],
)
def test_hint_for_a_wrong_header_works(server, path, body, hint):
    """The body is stored once the hint is followed."""
    assert hint in post(server, path, body).json()["hint"]
    assert post(server, path, body, columns="id,name").status_code == 201
    assert rows(server, path) == [{"id": 1, "name": "a", "paid": None}]


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ("name,colour\na,red\n", "'colour'", "the fields are id, name, paid"),
        ("\u00a0id,name\n1,a\n", r"'\u00a0id'", "did you mean 'id'?"),
        (
            "id,\ufeffname\n1,a\n",
            r"'\ufeffname'",
            "did you mean 'name'? Or ignore other columns with ?columns=id",
        ),
        (
            "id,na\u200bme\n1,a\n",
            r"'na\u200bme'",
            "did you mean 'name'? Or ignore other columns with ?columns=id",
        ),
    ],
)
def test_wrong_name_in_header_is_shown_escaped(server, path, body, message, hint):
    """With the field that was meant, or with all fields."""
    error = post(server, path, body).json()

    assert error["message"] == f"the CSV header names {message}, which is not a field"
    assert error["hint"] == hint


def test_unknown_names_are_listed_with_guesses(server, path):
    answer = post(server, path, "Id,nam,colour\n1,a,red\n")

    assert answer.status_code == 400
    error = answer.json()
    assert error["code"] == "PGRST204"
    assert error["message"] == (
        "the CSV header names 3 columns that are not fields: "
        "'Id' (did you mean 'id'?), 'nam' (did you mean 'name'?), 'colour'"
    )
    assert [(each["field"], each["code"]) for each in error["errors"]] == [
        ("Id", "PGRST204"),
        ("nam", "PGRST204"),
        ("colour", "PGRST204"),
        ("id", "23502"),
    ]
    assert [each["message"] for each in error["errors"]][:3] == [
        "'Id' is not a field; did you mean 'id'?",
        "'nam' is not a field; did you mean 'name'?",
        "'colour' is not a field",
    ]
    assert {(each["row"], each["line"]) for each in error["errors"]} == {(None, 1)}
    assert error["error_count"] == 4
    assert error["details"] == "the header lacks the required id"


def test_many_unknown_names_are_counted(server, path):
    """The first hundred are listed."""
    header = ",".join(f"column{number}" for number in range(20_000))

    error = post(server, path, f"id,{header}\n").json()

    assert error["error_count"] == 20_000
    assert len(error["errors"]) == 100
    assert "names 20000 columns" in error["message"]
    assert "and 19990 more" in error["message"]
    assert len(error["message"]) < 500


def test_columns_missing_from_the_header_are_refused(server, name):
    path = server.declare(name, "fields: {a: {type: string, nullable: true}}\naccess: {read: [public]}\n")

    answer = post(server, path, "a;b\n1;2\n", columns="a")

    assert answer.status_code == 400
    assert server.client.get(path).json() == []


def test_trailing_comma_of_a_row_is_named(server, path):
    answer = post(server, path, "id,name\n1,a,\n2,b\n")

    assert answer.status_code == 207
    message = (
        "the row has 3 cells, the header 2; the last is empty, so remove the comma at the end of the line"
    )
    assert answer.json()["errors"][0]["message"] == message


def test_file_joined_to_one_line_names_curl(server, name):
    path = server.declare(name, "fields: {a: integer, b: integer}\n")
    headers = {"Content-Type": "text/csv"}

    joined = server.client.post(path, content="a,b1,23,4", headers=headers).json()
    whole = server.client.post(path, content="a,c\n1,2\n", headers=headers).json()

    assert joined["hint"].startswith("the body is one line: curl -d removes the line ends of a file")
    assert "curl" not in whole["hint"]
