"""A workbook is read as CSV with the values that a person sees, and a cell without a value is named."""

import datetime
import io
import itertools
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from gateway.rowfile import sniffing
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import SourceReader, sheet_note
from gateway.rowfile.workbook.formats import CellFormat, format_of
from tests.support.sizes import examples
from tests.support.workbooks import by_openpyxl, relations, sheet, styles, texts, workbook

REAL = Path(__file__).parents[1] / "data/workbooks/orders.xlsx"
CODES = ("yyyy-mm-dd", "h:mm", "[h]:mm", "d/m/yy h:mm", "0.00")
DAY, TIME, ELAPSED, INSTANT, AMOUNT = (f's="{place}"' for place in range(1, 6))


def read(data: bytes | Path, tmp_path, **options) -> str:
    path = data if isinstance(data, Path) else tmp_path / "book.xlsx"
    if isinstance(data, bytes):
        path.write_bytes(data)
    source = replace(
        Source.from_path(path).with_options(
            None, None, options.pop("header", None), options.pop("sheet", None)
        ),
        **options,
    )
    sniffing.check_content(source)
    reader = SourceReader(source)
    try:
        return b"".join(iter(lambda: reader.read(2**20), b"")).decode()
    finally:
        reader.close()


def one_cell(cell: str, **more) -> bytes:
    """Return a workbook with the column n, and one cell in it."""
    parts = {
        "xl/styles.xml": styles(*CODES),
        "xl/sharedStrings.xml": texts(
            "<t>seven</t>",
            "<r><t>rich </t></r><r><rPr/><t>text</t></r><rPh><t>reading</t></rPh>",
            "<t>a_x000D_b_x005F_x_xD800_</t>",
            "<t/>",
        ),
    }
    return workbook(sheet('<c r="A1" t="str"><v>n</v></c>', f'<c r="A2" {cell}</c>'), parts=parts, **more)


CELLS = {
    "><v>0.1</v>": "0.1",
    "><v>1</v>": "1",
    "><v>1.0</v>": "1",
    "><v>-0</v>": "0",
    "><v>1E3</v>": "1000",
    "><v>0.30000000000000004</v>": "0.30000000000000004",
    "><v>12345678901234567</v>": "12345678901234568",
    "><v>1152921504606846976</v>": "1152921504606846976",
    "><v>1E+22</v>": "10000000000000000000000",
    "><v>1E-7</v>": "0.0000001",
    "><v>1E300</v>": "1e+300",
    "><v>5E-324</v>": "5e-324",
    f"{AMOUNT}><v>2.5</v>": "2.5",
    f"{DAY}><v>1</v>": "1900-01-01",
    f"{DAY}><v>59</v>": "1900-02-28",
    f"{DAY}><v>61</v>": "1900-03-01",
    f"{DAY}><v>45351</v>": "2024-02-29",
    f"{DAY}><v>2958465</v>": "9999-12-31",
    f"{DAY}><v>45351.5</v>": "2024-02-29T12:00:00",
    f"{INSTANT}><v>45351</v>": "2024-02-29",
    f"{INSTANT}><v>45351.5242683912</v>": "2024-02-29T12:34:56.789",
    f"{INSTANT}><v>45351.3333333333</v>": "2024-02-29T08:00:00",
    f"{INSTANT}><v>45351.99999999999</v>": "2024-03-01",
    f"{TIME}><v>0</v>": "00:00:00",
    f"{TIME}><v>0.354166666666667</v>": "08:30:00",
    f"{TIME}><v>45351.5</v>": "2024-02-29T12:00:00",
    f"{ELAPSED}><v>1.26041666666667</v>": "30:15:00",
    f"{ELAPSED}><v>0.5</v>": "12:00:00",
    't="b"><v>1</v>': "true",
    't="b"><v>0</v>': "false",
    't="s"><v>0</v>': "seven",
    't="s"><v>1</v>': "rich text",
    't="s"><v>2</v>': '"a\rb_x_xD800_"',
    't="str"><f>A1</f><v>a"b,</v>': '"a""b,"',
    't="str"><v xml:space="preserve"> a </v>': " a ",
    't="str"><v>007</v>': "007",
    't="inlineStr"><is><t>in</t><t>line</t></is>': "inline",
    't="d"><v>2024-02-29T12:00:00</v>': "2024-02-29T12:00:00",
    't="d"><v>2024-02-29T00:00:00</v>': "2024-02-29",
    "><f>1+1</f><v>2</v>": "2",
}


@pytest.mark.parametrize("cell", CELLS)
def test_cell_has_the_value_that_is_seen(tmp_path, cell):
    assert read(one_cell(cell), tmp_path) == f"n\n{CELLS[cell]}\n"


#: Cells that are empty: their row has no value, and is no row.
@pytest.mark.parametrize(
    "cell", ["><v/>", 't="s"><v>3</v>', 't="str"><f>""</f><v></v>', DAY + ">", 't="str"><f>""</f>']
)
def test_cell_without_a_value_is_empty(tmp_path, cell):
    assert read(one_cell(cell), tmp_path) == "n\n"


WRONG = {
    't="e"><f>NA()</f><v>#N/A</v>': "A2 has the error #N/A; correct its formula, or clear it",
    't="e"><v>#DIV/0!</v>': "A2 has the error #DIV/0!",
    "><f>1+1</f>": "A2 has a formula that was never computed; open the file in a spreadsheet program, and save it",
    "><f>1+1</f><v></v>": "A2 has a formula that was never computed",
    't="b"><f>1=1</f><v/>': "A2 has a formula that was never computed",
    f"{DAY}><v>60</v>": "A2 has the number 60 in the format of a date, and Excel's day 60 never was",
    f"{DAY}><v>0</v>": "A2 has the number 0 in the format of a date",
    f"{DAY}><v>-1</v>": "A2 has the number -1.0 in the format of a date or time, and is neither",
    f"{TIME}><v>-0.5</v>": "A2 has the number -0.5 in the format of a date or time",
    f"{DAY}><v>2958466</v>": "A2 has the number 2958466 in the format of a date, which is after the year 9999",
    f"{DAY}><v>1E300</v>": "A2 has the number 1e+300 in the format of a date",
    "><v>x</v>": "A2 has a number that no sheet can have",
    "><v>1E999</v>": "A2 has a number that no sheet can have",
    "><v>nan</v>": "A2 has a number that no sheet can have",
    't="s"><v>9</v>': "A2 refers to a text that the file does not have",
}


@pytest.mark.parametrize("cell", WRONG)
def test_cell_without_a_meaning_is_named(tmp_path, cell):
    with pytest.raises(ValueError) as raised:
        read(one_cell(cell), tmp_path)

    assert str(raised.value).startswith(f"{tmp_path}/book.xlsx: the sheet 'Rows': {WRONG[cell]}")


def test_days_from_1904_are_counted_from_there(tmp_path):
    properties = '<workbookPr date1904="1"/>'
    for cell, shown in (("0", "1904-01-01"), ("60", "1904-03-01"), ("43889.5", "2024-02-29T12:00:00")):
        assert read(one_cell(f"{DAY}><v>{cell}</v>", properties=properties), tmp_path) == f"n\n{shown}\n"
    with pytest.raises(ValueError, match="which is after the year 9999"):
        read(one_cell(f"{DAY}><v>2957004</v>", properties=properties), tmp_path)


@pytest.mark.parametrize(
    ("code", "format"),
    [
        ("General", "NUMBER"),
        ("0.00E+00", "NUMBER"),
        ('#,##0 "days"', "NUMBER"),
        ("[Red]-0;[Blue]d", "NUMBER"),
        ("[$-407]#,##0.00\\ [$yen]", "NUMBER"),
        ("@", "NUMBER"),
        ("[$-F800]dddd\\,\\ mmmm", "DAY"),
        ("mmm", "DAY"),
        ("yyyy", "DAY"),
        ("m/d/yy h:mm AM/PM", "DAY"),
        ("mm:ss.0", "TIME"),
        ("[$-F400]h:mm:ss\\ AM/PM", "TIME"),
        ("[hh]:mm:ss", "DURATION"),
        ("[mm]:ss", "DURATION"),
        ("[s]", "DURATION"),
    ],
)
def test_format_code_tells_dates_from_numbers(code, format):
    assert format_of(code) is CellFormat[format]


# -- rows and columns


def test_real_workbook_of_libreoffice_is_exact(tmp_path):
    assert read(REAL, tmp_path) == (
        "id,note,price,total,day,packed,opens,paid,share,worked\n"
        '1,"two, ""lines""\nof ½",0.1,0.3,2024-02-29,2024-02-29T12:34:56.789,08:30:00,true,0.07,30:15:00\n'
        "2,merged,,12345678901234600,1999-12-31,2024-03-01,,false,,\n"
    )
    assert read(REAL, tmp_path, sheet="notes") == "draft\n", "a hidden sheet has a name"
    with pytest.raises(ValueError, match=r"the sheet '2025': A3 has the error #N/A"):
        read(REAL, tmp_path, sheet="2")
    note = sheet_note(Source.from_path(REAL))
    assert (
        note
        == "The rows are those of the first sheet, 'Orders'; another sheet is '2025', and --sheet chooses one"
    )


def test_empty_rows_and_columns_are_left_out(tmp_path):
    data = by_openpyxl(
        [], [None, None], ["a", None, "c", None], [], [1, None, None, None], [None, 2, 3], [None]
    )

    assert read(data, tmp_path) == "a,,c\n1,,\n,2,3\n"


def test_cells_without_names_follow_each_other(tmp_path):
    rows = sheet(
        "<c><v>1</v></c><c><v>2</v></c>", '<c r="B9"><v>3</v></c>', '<c><v>4</v></c><c r="B"><v>5</v></c>'
    )

    assert read(workbook(rows), tmp_path) == "1,2\n,3\n4,5\n"


def test_value_beside_the_columns_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"C3 has a value right of B1, the last column name; name its column in"
    ):
        read(by_openpyxl(["a", "b"], [1, 2], [1, 2, 3]), tmp_path)
    with pytest.raises(ValueError, match=r"C1 has a value right of the 2 columns of --header"):
        read(by_openpyxl([1, 2, 3]), tmp_path, header="a,b")


def test_header_option_names_the_columns(tmp_path):
    assert read(by_openpyxl([1, 2], [3]), tmp_path, header="a,b") == "a,b\n1,2\n3,\n"
    assert read(by_openpyxl(["a", "b"], [3]), tmp_path, header="a,b") == "a,b\n3,\n"


SHEETS = (
    '<sheet name="secret" sheetId="1" state="veryHidden" r:id="worksheet1"/>'
    '<sheet name="chart" sheetId="2" r:id="chartsheet1"/>'
    '<sheet name="Eins" sheetId="3" r:id="worksheet2"/>'
    '<sheet name="1" sheetId="4" r:id="worksheet1"/>'
)


@pytest.mark.parametrize(
    ("wanted", "value"), [(None, "two"), ("eins", "two"), ("1", "one"), ("2", "one"), ("secret", "one")]
)
def test_sheet_is_chosen_by_name_or_number(tmp_path, wanted, value):
    one, two = (sheet(f'<c t="str"><v>{value}</v></c>') for value in ("one", "two"))
    data = workbook(one, names=SHEETS, parts={"xl/worksheets/sheet2.xml": two})

    assert read(data, tmp_path, sheet=wanted) == f"{value}\n"
    for unknown in ("3", "0", "zwei", "9" * 50):
        with pytest.raises(ValueError, match=f"book.xlsx: it has no sheet '{unknown}'; "):
            read(data, tmp_path, sheet=unknown)


@pytest.mark.parametrize(
    ("file", "options", "words"),
    [
        ("a.xlsx", {"separator": ";"}, "is a workbook; --separator and --encoding are for CSV"),
        ("a.xlsx", {"encoding": "cp1252"}, "is a workbook"),
        ("a.csv", {"sheet": "1"}, "is not a workbook; --sheet is for .xlsx"),
    ],
)
def test_option_of_another_format_is_refused(tmp_path, file, options, words):
    (tmp_path / file).write_bytes(b"x")
    given = {name: options.get(name) for name in ("separator", "encoding", "header", "sheet")}

    with pytest.raises(ValueError, match=words):
        Source.from_path(tmp_path / file).with_options(**given)


# -- other programs

#: The largest number of a sheet, by Excel's specification; openpyxl writes 16 digits, which round a larger one to infinity.
LARGEST = 9.99999999999999e307
NAIVE = st.datetimes(datetime.datetime(1900, 3, 1), datetime.datetime(9999, 12, 30))
VALUES = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(-LARGEST, LARGEST),
    st.booleans(),
    st.dates(datetime.date(1900, 3, 1)),
    NAIVE.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    st.times().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffe\uffff"), min_size=1
    ).filter(lambda text: not text.startswith("=")),
)


def test_number_rounded_to_infinity_is_an_error(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(by_openpyxl(["n"], [1.7976931348623155e308]))

    with pytest.raises(ValueError, match="A2 has a number that no sheet can have; save the file again"):
        read(path, tmp_path)


@examples(100)
@given(value=VALUES)
def test_value_of_openpyxl_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("book") / "book.xlsx"
    data = by_openpyxl(["n"], [value])
    path.write_bytes(data)
    reference = openpyxl.load_workbook(io.BytesIO(data), data_only=True).active["A2"].value

    shown = read(path, path.parent).removeprefix("n\n")

    text = shown.removesuffix("\n")
    if isinstance(value, bool):
        assert text == str(reference).lower()
    elif isinstance(value, int | float):
        assert float(Decimal(text)) == float(reference), "the file has 16 digits of a number"
    elif isinstance(value, str):
        assert text.strip('"').replace('""', '"') == value.strip('"')
    elif isinstance(value, datetime.time):
        assert datetime.time.fromisoformat(text) == value
    else:
        kind = type(value)
        assert datetime.datetime.fromisoformat(text) == (
            value if kind is datetime.datetime else datetime.datetime.combine(value, datetime.time())
        )


def test_workbook_of_xlsxwriter_is_read(tmp_path):
    for options in ({"constant_memory": True}, {"in_memory": True}, {"use_zip64": True}):
        book = xlsxwriter.Workbook(tmp_path / "book.xlsx", options)
        page = book.add_worksheet()
        page.write_row(0, 0, ["a", "b", "c"])
        page.write_datetime(
            1, 0, datetime.datetime(2024, 2, 29, 1, 2, 3), book.add_format({"num_format": "d.m.yy"})
        )
        page.write_formula(1, 1, "=1+1", None, 2)
        page.write_rich_string(1, 2, "x", book.add_format({"bold": True}), "y")
        book.close()

        assert read(tmp_path / "book.xlsx", tmp_path) == "a,b,c\n2024-02-29T01:02:03,2,xy\n"


# -- files that are no workbooks, or wish harm


def archive(**parts: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, data in parts.items():
            written.writestr(name, data)
    return file.getvalue()


ROWS = workbook(sheet("<c><v>1</v></c>"))
EMPTY_CELLS = '<c r="A1" t="s"><v>0</v></c>'
BROKEN = {
    "no archive": (b"n\n1\n", "is not an Excel workbook; give it"),
    "empty": (b"", "is empty"),
    "password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "has a password, or is a workbook of Excel 97",
    ),
    "cut": (ROWS[:-30], "its bytes are damaged"),
    "flipped": (ROWS[:300] + bytes([ROWS[300] ^ 0xFF]) + ROWS[301:], "damaged"),
    "other archive": (archive(readme="x"), "it is a ZIP archive, but no workbook"),
    "no sheet": (workbook("", names="<x/>"), "it has no sheet with cells"),
    "lost part": (
        workbook("", names='<sheet name="a" r:id="worksheet2"/>'),
        "it has no part 'xl/worksheets/sheet2.xml'",
    ),
    "cut XML": (workbook("<worksheet><sheetData><row>"), "its XML is damaged"),
    "entities": (workbook('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), "its XML has a document type"),
    "long tag": (workbook(sheet(f'<c r="A1" x="{"y" * 2**23}"/>')), "its XML has a tag that is too long"),
    "far column": (workbook(sheet('<c r="XFE1"><v>1</v></c>')), "a column 'XFE', which no sheet has"),
    "no column": (workbook(sheet('<c r="é1"><v>1</v></c>')), "which no sheet has"),
    "long text": (
        workbook(sheet(f'<c t="str"><v>{"x" * 2**21}</v></c>')),
        "it has a text of more than 1,048,576 characters in one cell",
    ),
    "repeated text": (
        workbook(
            sheet('<c r="A1"><v>1</v></c>', *[EMPTY_CELLS] * 200),
            parts={"xl/sharedStrings.xml": texts(f"<t>{'x' * 2**20}</t>")},
        ),
        "have too much text for a sheet",
    ),
    "many texts": (
        workbook(sheet(), parts={"xl/sharedStrings.xml": f"<sst>{'<si/>' * 2**17}</sst>"}),
        "its texts have more than 1,000,000 bytes together; save the sheet as CSV",
    ),
    "large part": (
        workbook(sheet(*["<c/>"] * 2**17)),
        "its part 'xl/worksheets/sheet1.xml' has more than 1,000,000 bytes once decompressed",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_workbook_is_refused_in_words(tmp_path, kind):
    data, words = BROKEN[kind]
    bounds = {"text_bytes_max": 1_000_000} if kind in ("many texts", "large part") else {}

    with pytest.raises(ValueError) as raised:
        read(data, tmp_path, **bounds)

    assert words in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/book.xlsx")


def test_many_parts_are_refused_before_they_are_listed(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for number in range(20_000):
            written.writestr(f"{number:050}", b"")

    with pytest.raises(ValueError, match="its table of contents is too large for a workbook"):
        read(file.getvalue(), tmp_path)


def test_any_damage_is_an_error_of_the_file(tmp_path):
    """Read the file with other bytes, and cut: an error in words, or the same rows."""
    data = REAL.read_bytes()
    rows = read(REAL, tmp_path)
    changed = (data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :] for at in range(0, len(data), 23))
    for bad in itertools.chain((data[:end] for end in range(1, len(data), 97)), changed):
        try:
            said = read(bad, tmp_path)
        except ValueError as error:
            said = str(error)
        assert said == rows or "book.xlsx" in said


def test_target_outside_the_archive_is_no_part(tmp_path):
    data = workbook(
        sheet(), parts={"xl/_rels/workbook.xml.rels": relations(worksheet1="../../../../../etc/passwd")}
    )

    with pytest.raises(ValueError, match="it has no part 'etc/passwd'"):
        read(data, tmp_path)
