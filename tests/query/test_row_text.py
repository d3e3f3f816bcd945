"""What is written of a row is the same, whichever of the ways to write it the database takes."""

import itertools
from decimal import Decimal

import pytest

from gateway import strictjson

KINDS = {
    "string": ["", " a", 'say "x"', "a,b\r\n", "\t\\/\b é 😀", "{}", "\u007f\u001f"],
    "integer": [0, -1, 2**63 - 1, -(2**63)],
    "number": [0.1, -0.0, 1e300, 5, 1e-7, 123456789012345680],
    "decimal(12, 2)": [0, Decimal("-0.05"), Decimal("9999999999.99")],
    "decimal(3, 3)": [Decimal("0.5"), Decimal("-0.001"), 0],
    "decimal(38, 0)": [10**38 - 1],
    "boolean": [True, False],
    "date": ["0001-01-01", "9999-12-31", "1582-10-10", "1969-12-31"],
    "time": ["00:00:00", "23:59:59.999999", "12:00:00.5"],
    "timestamp": [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.999999Z",
        "1582-10-10T12:00:00.1Z",
        "2026-03-29T02:30:00.000001+02:00",
    ],
    "datetime": ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "1969-12-31T23:59:59.5"],
    "uuid": ["0190D6B2-7B7E-7C3A-9F2E-3C1D5A6B7C8D"],
    "json": [{"a": [1, "x"]}, "text", 1.5, True, []],
    "string[]": [[], ["a", 'b"c']],
    "timestamp[]": [["0001-01-01T00:00:00Z", "2026-01-01T00:00:00.25Z"]],
}


@pytest.fixture(scope="session")
def path(server):
    lines = ["fields:"]
    for number, kind in enumerate(KINDS):
        lines += [f'  f{number}: "{kind}"', f'  n{number}: {{type: "{kind}", nullable: true}}']
    path = server.declare("written", "\n".join([*lines, "access: {read: [public]}"]))
    rows = []
    for values in itertools.zip_longest(*KINDS.values()):
        row = {}
        for number, (value, known) in enumerate(zip(values, KINDS.values(), strict=True)):
            row |= {f"f{number}": known[0] if value is None else value, f"n{number}": value}
        rows.append(row)
    answer = server.client.post(
        path, content=strictjson.write(rows), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201, answer.text
    return path


def lines(text):
    return [line.removeprefix("[").rstrip(",]") for line in text.split("\n") if line]


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_rows_are_alike_in_every_order(server, path, accept):
    """In their own order they are written right over the table, in another over the page."""
    headers = {"Accept": accept}
    stored = server.client.get(f"{path}?order=_id", headers=headers).text
    turned = server.client.get(f"{path}?order=_id.desc", headers=headers).text

    assert lines(stored) == lines(turned)[::-1]
    assert len(lines(stored)) == max(map(len, KINDS.values()))


@pytest.mark.parametrize("number", range(len(KINDS)), ids=list(KINDS))
def test_cells_are_alike_in_every_order(server, path, number):
    names = f"_id,f{number},n{number}"
    rows = server.client.get(f"{path}?select={names}&order=_id").json()
    for name in ("f", "n"):
        stored, turned = (
            [
                server.client.get(f"{path}?select={name}{number}&_id=eq.{row['_id']}{order}&format=csv").text
                for row in rows
            ]
            for order in ("", "&order=_id.desc")
        )
        assert stored == turned


def test_stripped_nulls_change_no_other_value(server, path):
    """Where nulls are stripped, every value is written the same as where they are not."""
    stripped = server.client.get(
        f"{path}?order=_id", headers={"Accept": "application/vnd.pgrst.array+json;nulls=stripped"}
    ).json()
    rows = server.client.get(f"{path}?order=_id").json()

    assert stripped == [{name: value for name, value in row.items() if value is not None} for row in rows]
