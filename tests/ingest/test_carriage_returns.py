"""A carriage return outside of quotes is the fault of its row: it is no line end, and no part of a cell (as COPY has it)."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import csv_records

FIELDS = """
fields:
  a: {type: string, nullable: true}
  b: {type: string, nullable: true}
on_invalid: keep
access: {read: [public], change: [admin]}
"""
CSV = {"Content-Type": "text/csv"}


@pytest.fixture(scope="session")
def filled(server):
    return server.declare("carriage_returns", FIELDS)


@pytest.mark.parametrize(
    ("line", "cell"),
    [
        (b"1,x\r\r\n", 2),
        (b"1\r,x\r\n", 1),
        (b"\r1,x\n", 1),
        (b"1,x\r2,y\r3,z\n", 2),
        (b'"1",x\ry\n', 2),
        (b'"1"\r,x\n', 1),
        (b'1,"x"\r\r\n', 2),
        (b'"1","x"\r"2","y"\r\n', 2),
        (b"1,\r\r\n", 2),
    ],
)
def test_carriage_return_outside_quotes_rejects_its_row(server, path, line, cell):
    answer = server.client.post(path, content=b"a,b\nfirst,1\n" + line + b"last,2\n", headers=CSV)

    assert answer.status_code == 207, answer.text
    (bad,) = answer.json()["errors"]
    assert (bad["row"], bad["line"]) == (2, 3)
    assert bad["message"] == (
        f"cell {cell} has a carriage return (CR) outside of quotes; put the cell in quotes, or end lines with LF"
    )
    assert server.client.get(path).json() == [{"a": "first", "b": "1"}, {"a": "last", "b": "2"}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_carriage_return_in_quotes_is_kept(server, path, end):
    rows = [["x\r", "\r"], ["\r\n", "a\rb"]]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=end).writerows([["a", "b"], *rows])

    answer = server.client.post(path, content=text.getvalue().encode(), headers=CSV)

    assert answer.status_code == 201, answer.text
    assert [[row["a"], row["b"]] for row in server.client.get(path).json()] == rows


@given(text=st.text(alphabet='a,"\n\r', max_size=40))
def test_cells_without_quotes_hold_no_carriage_return(text):
    try:
        found = [record for _, _, record in csv_records.read(text.encode(), 0)]
    except csv_records.UnclosedQuoteError:
        return

    cells = [cell or "" for record in found if isinstance(record, list) for cell in record]
    assert '"' in text or not any("\r" in cell for cell in cells)
