"""A quote that is never closed swallows rows: the whole batch is refused, whatever is kept otherwise."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import csv_records
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from tests.support import verbs
from tests.support.server import ROOT, serving

KEEPING = """
fields:
  a: {type: integer, nullable: true}
  b: {type: string, nullable: true}
on_invalid: keep
access: {read: [public], change: [admin]}
"""
CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="session")
def filled(server):
    return server.declare("unclosed_quotes", KEEPING)


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("limited"), GATEWAY_MAX_ROW="2K") as server:
        server.declare("c", KEEPING)
        yield server


def count(server, path):
    return server.client.get(path, params={"select": "count()"}).json()[0]["count"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('a,b\n1,x\n2,"5 inch\n3,x\n4,x\n', "line 3, cell 2:"),
        ('a,b\n1,x\n2,"5 inch\n3,x\n4,x', "(2 lines more)"),
        ('a,b\n1,x\n2,"5 inch\n3,x\n', "(1 line more)"),
        ('a,b\n1,x\n2,"5 inch', "(0 lines more)"),
        ('a,b\n"1","x\ny"\n2,"z\n3,x\n', "line 4, cell 2:"),
        ('a,b\n1,"x\ny","z\n3,x\n', "line 3, cell 3:"),
        ('a,b\r\n1,x\r\n2,"5 inch\r\n3,"x"\r\n4,""\r\n5,"', "line 6, cell 2:"),
        ('"a,b\n1,x\n2,y\n', "line 1, cell 1:"),
        ('a,b\n1,"x""\n2,y\n', "line 2, cell 2:"),
        ('a,b\n1,x\n"', "line 3, cell 1:"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("columns", [None, "a"])
def test_unclosed_quote_refuses_the_batch(server, path, body, place, method, columns):
    server.client.post(path, json={"a": 7})

    answer = server.client.request(
        method, path, content=body.encode(), headers=CSV, params={"columns": columns} if columns else {}
    )

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "PGRST102"
    assert place in answer.json()["message"]
    assert "never closed" in answer.json()["message"]
    assert count(server, path) == 1


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('5" x', "a quote is in the middle of cell 2"),
        ('"5" x', "a quote is in the middle of cell 2"),
        ('"5 inch\n3,x\n4,6" x', "the quote that opens cell 2 closes 2 lines below, in the middle of a cell"),
    ],
)
def test_misplaced_quote_rejects_its_row(server, path, cell, words):
    body = f"a,b\n2,{cell}\n8,x\n"

    answer = server.client.post(path, content=body.encode(), headers=CSV)

    assert answer.status_code == 207
    bad = answer.json()["errors"][0]
    assert (bad["row"], bad["line"]) == (1, 2)
    assert words in bad["message"]
    rows = server.client.get(path).json()
    assert rows[-1] == {"a": 8, "b": "x"}
    assert count(server, path) + answer.json()["rejected"] == body.count("\n") - 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", 'a,b\n1,x\n2,"' + "y" * 3000 + '"\n3,x\n'),
        ("text/csv", "a,b\n1,x\n2," + "y" * 3000 + '"z\n3,x\n'),
        ("text/csv", 'a,b\n1,x\n2,"' + "y\n" * 1500 + '"\n3,x\n'),
        ("text/csv", "a,b\n1,x\n2," + "y," * 1500 + "\n3,x\n"),
        ("text/csv", "a,b\n1,x\n2," + "é" * 1500 + "\n3,x\n"),
        ("application/x-ndjson", '{"a":1}\n{"b":"' + "y" * 3000 + "\n" + '{"a":3}\n'),
    ],
    ids=range(6),
)
def test_row_larger_than_the_limit_is_refused(limited, kind, body):
    path = limited.emptied("/c")

    answer = limited.client.post(path, content=body.encode(), headers={"Content-Type": kind})

    assert answer.status_code == 422, answer.text
    assert "row 2" in answer.json()["message"]
    assert "at most 2048 are allowed (GATEWAY_MAX_ROW)" in answer.json()["message"]
    assert count(limited, path) == 0


HEADERS = [
    ("a,b" + " " * 3000, 413),
    ('a,"b' + "\n" * 3000 + '"', 413),
    ("a,b," + ",".join(f"c{number}" for number in range(1000)), 413),
    ("a,b" + "," * 2044, 201),
]


def test_header_larger_than_the_limit_is_refused(limited):
    path = limited.emptied("/c")
    for header, status in HEADERS:
        for columns in ({}, {"columns": "a,b"}):
            answer = limited.client.post(
                path,
                content=f"{header}\n1,x{',' * 2044}\n",
                headers={"Content-Type": "text/csv"},
                params=columns,
            )

            assert answer.status_code == status, answer.text
            if status == 413:
                assert "the CSV header has " in answer.json()["message"]
                assert "at most 2048 are allowed (GATEWAY_MAX_ROW)" in answer.json()["message"]
    assert count(limited, path) == 2


def load(server, *arguments):
    token = server.admin["Authorization"].removeprefix("Bearer ")
    environment = {
        **os.environ,
        "GATEWAY_URL": server.url,
        "GATEWAY_TOKEN": token,
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(server.data.parent / "state"),
    }
    return verbs.run(["load", *map(str, arguments)], environment)


@pytest.mark.parametrize("rows", [20, 20_000])
def test_load_refuses_an_unclosed_quote(server, path, tmp_path, rows):
    """Nothing of its piece is sent."""
    lines = [f"{n},some text" for n in range(rows)]
    lines[9] = '9,"5 inch'
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(["a,b", *lines, ""]))

    ran = load(server, path.strip("/"), file, "--batch", "100K")

    assert ran.returncode == 1
    assert "line 11, cell 2" in ran.stderr
    assert f"({rows - 10:,} lines more)" in ran.stderr
    assert count(server, path) == 0


def refused_or(read):
    try:
        return read()
    except UnclosedQuoteError as error:
        return str(error)


@given(text=st.text(alphabet='a,"\n\r', max_size=60), size=st.integers(1, 40))
def test_pieces_of_any_file_equal_the_whole(tmp_path_factory, text, size):
    """A file is cut where its records end, malformed ones too, or it is refused as the whole is."""
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(f"a,b\n{text}".encode())
    whole = refused_or(lambda: [record for _, _, record in csv_records.read(file.read_bytes(), 0)][1:])
    chunks = refused_or(lambda: list(split(Source.from_path(file), size)))
    if isinstance(whole, str):
        assert chunks == whole
        return

    read = [
        (chunk.line + line - 2, record)
        for chunk in chunks
        for line, _, record in csv_records.read(chunk.data, 0)
        if line > 1
    ]

    assert [record for _, record in read if record != [None]] == [
        record for record in whole if record != [None]
    ]
