"""`gateway new` and `gateway load` take a workbook: its first sheet, or another one, and each row once."""

import shutil

import pandas
import pytest

from tests.commands.test_verbs import gateway
from tests.rowfile.test_workbooks import REAL
from tests.support.workbooks import by_openpyxl


@pytest.fixture
def drafted(server, name, tmp_path):
    """Draft a connector from a file, and declare it."""

    def draft(file, *options):
        ran = gateway(server, "new", name, "--from", file, "--stdout", *options)
        assert ran.returncode == 0, ran.stderr
        server.declare(name, ran.stdout)
        return ran

    return draft


def test_real_workbook_is_drafted_and_loaded(server, drafted, name, tmp_path):
    file = tmp_path / "orders.xlsx"
    shutil.copy(REAL, file)
    ran = drafted(file)
    for line in ("id: integer", "note: string", "day: date", "packed: datetime", "paid: boolean"):
        assert f"  {line}" in ran.stdout
    note = (
        "The rows are those of the first sheet, 'Orders'; another sheet is '2025', and --sheet chooses one."
    )
    assert note in ran.stderr

    ran = gateway(server, "load", name, file)

    assert (ran.returncode, note in ran.stderr) == (0, True), ran.stderr
    assert ran.stdout == f"2 rows are stored at /{name}.\n"
    assert server.client.get(f"/{name}").json() == [
        {
            "id": 1,
            "note": 'two, "lines"\nof ½',
            "price": 0.1,
            "total": 0.3,
            "day": "2024-02-29",
            "packed": "2024-02-29T12:34:56.789",
            "opens": "08:30:00",
            "paid": True,
            "share": 0.07,
            "worked": "30:15:00",
        },
        {
            "id": 2,
            "note": "merged",
            "price": None,
            "total": 12345678901234600,
            "day": "1999-12-31",
            "packed": "2024-03-01T00:00:00",
            "opens": None,
            "paid": False,
            "share": None,
            "worked": None,
        },
    ]
    assert "0 rows are stored" in gateway(server, "load", name, file).stdout


def test_sheet_option_reads_another_sheet(server, name, tmp_path):
    server.declare(name, "fields: {draft: string}\n")
    file = tmp_path / "orders.xlsx"
    shutil.copy(REAL, file)

    failed = gateway(server, "load", name, file, "--sheet", "2025")
    assert failed.returncode == 1
    assert (
        f"{file}: the sheet '2025': A3 has the error #N/A; correct its formula, or clear it" in failed.stderr
    )
    failed = gateway(server, "load", name, file, "--sheet", "Order")
    assert "it has no sheet 'Order'; did you mean 'Orders'?" in failed.stderr
    failed = gateway(server, "load", name, file, "--sheet", "Notes")
    assert "has no rows after its header" in failed.stderr


def test_workbook_of_pandas_that_grows_is_stored_once(server, drafted, name, tmp_path):
    file = tmp_path / "rows.xlsx"
    frame = pandas.DataFrame(
        {"id": range(3000), "at": pandas.date_range("2024-01-01", periods=3000, freq="8h")}
    )
    frame[:2000].to_excel(file, index=False)
    drafted(file)
    assert gateway(server, "load", name, file, "--batch", "20K").stdout.startswith("2,000 rows are stored")
    frame.to_excel(file, index=False)

    ran = gateway(server, "load", name, file, "--batch", "20K")

    assert ran.stdout.startswith("1,000 rows are stored"), ran.stdout + ran.stderr
    rows = server.client.get(f"/{name}", params={"limit": 3000}).json()
    assert [row["id"] for row in rows] == list(range(3000))
    assert [row["at"] for row in rows] == [at.strftime("%Y-%m-%dT%H:%M:%S") for at in frame["at"]]


def test_types_follow_the_fields_and_not_the_cells(server, name, tmp_path):
    """Store a number in a text field as it is seen, and a decimal with the digits of its double."""
    server.declare(name, "fields: {code: string, price: 'decimal(9, 4)', n: number}\n")
    file = tmp_path / "rows.xlsx"
    file.write_bytes(by_openpyxl(["code", "price", "n"], [7, 0.1, 1e300], ["007", 1234.5678, 5]))

    assert gateway(server, "load", name, file).returncode == 0
    assert server.client.get(f"/{name}").json() == [
        {"code": "7", "price": 0.1, "n": 1e300},
        {"code": "007", "price": 1234.5678, "n": 5},
    ]


def test_bad_row_is_named_by_its_number(server, name, tmp_path):
    server.declare(name, "fields: {id: integer}\n")
    file = tmp_path / "rows.xlsx"
    file.write_bytes(by_openpyxl(["id"], [1], [], [2], ["x"]))

    ran = gateway(server, "load", name, file)

    assert ran.returncode == 1
    assert "row 3, field 'id': 'x' is not an integer" in ran.stderr
