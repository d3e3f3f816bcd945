"""CSV that is read in columns gives the rows, and their lines, that are read one by one; whatever its text holds."""

import csv
import io
import itertools
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import polars
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.ingest.columnar.taken_fields import TakenFields
from gateway.media_types import Media
from tests.endpoints.test_roundtrip import CONSTRAINTS, JSON_VALUES, NUMERALS, PLAIN, TEXT, VALUES, yaml_of
from tests.ingest.test_columnar import MAX_ROW, connector_of, exactly, readers_of, require_equal
from tests.support.sizes import drawn, examples

KINDS = [*VALUES, *(f"{kind}[]" for kind in VALUES if kind != "json")]
#: Spellings that a cell may have, of one type or another, and near it.
SPELLINGS = [
    "", " ", "0", "-0", "+5", "007", "-007", "1_000", "0x1F", "1.", ".5", "-.5", "517.0", "517.5", "1e3", "1E+3", "1e-3", "-1.5e2",
    "-0.0", "0.0", "0e0", "0e-7000", "-0e0", "1e400", "1e-400", "1e-401", "1e399", "1e308", "1.8e308", "1.7976931348623157e308", "5e-324",
    "1e-324", "1e0400", "NaN", "nan", "inf", "-Infinity", "1 ", " 1", "\t1", "1\n", "٣", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "1" * 39, "0." + "1" * 39, "1.50000", "0." + "0" * 45, "1" * 400, "1" * 401,
    "0." + "0" * 398, "0." + "1" * 398, "0." + "1" * 399, "123456.789", "999999.999", "1000000", "0.0005", "1.0005",
    "true", "True", "TRUE", "t", "yes", "Y", "on", "1", "false", "f", "no", "N", "OFF", "ja", "İ",
    "2026-01-01", "2024-02-29", "2023-02-29", "0000-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "2026-01-01 00:00", "2026-01-01 00:00:00+01",
    "2026-01-01t00:00:00.123456789z", "2026-01-01T00:00:00,5Z", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+23:59", "08:30", "08:30:00.5",
    "24:00", "23:59:59.9999999", "0190D6B2-7b7e-7C3A-9f2e-3c1d5a6b7c8d", "0190d6b27b7e7c3a9f2e3c1d5a6b7c8d",
    "null", "NULL", "[]", "[1, 2]", "[1,2.0]", "{1,2}", "{}", "[a, b]", "['a', 'b']", '["a","b"]', '{a,"b c",NULL}', "[null]", "[[1]]", '{"a": 1}',
    '{"a":1,"a":2}', '"x"', '[1]}\n{"v":[2]', '[1]},{"v":[2]', "[1,\n2]", "[true]", "[1", '["1"]', "['1', 'true']", "[1.5, 2.25]", '["\\u0000"]',
    "[2026-01-01, 2026-01-02]", '["2026-01-01T00:00:00Z"]', "[-0.0]", "[1e400]", "a", "é", "😀", "a\0b", "a,b", 'a"b', "a\nb", "a\r\nb", "a\rb", "\ufeff",
    "n" * (MAX_ROW + 1),
]  # fmt: skip


DEFAULTS = {
    "string": "a", "integer": 1, "number": Decimal("1.5"), "boolean": True, "date": "2026-01-01", "time": "08:30",
    "datetime": "2026-01-01T08:30:00", "timestamp": "2026-01-01T08:30:00+01:00", "decimal(9, 3)": Decimal("1.5"),
    "uuid": "0190D6B2-7b7e-7c3a-9f2e-3c1d5a6b7c8d", "integer[]": [1], "string[]": ["a"], "json": {"a": [1]},
}  # fmt: skip


def cell(text: str | None, *, in_quotes: bool = False) -> str:
    if text is None:
        return ""
    if in_quotes or text == "" or any(each in text for each in '",\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def spelled(value, kind: str = "string") -> str | None:
    """A value as a plain writer of CSV writes it."""
    if value is None or (isinstance(value, str) and kind != "json"):
        return value
    return format(value, "f") if isinstance(value, Decimal) else strictjson.write(value).decode()


def text_of(rows, *, header, end: str = "\n", in_quotes: bool = False) -> bytes:
    lines = [header, *rows]
    return "".join(
        ",".join(cell(each, in_quotes=in_quotes) for each in line) + end for line in lines
    ).encode()


def value_of(kind: str, values=PLAIN):
    return st.lists(values[kind[:-2]], max_size=3) if kind.endswith("[]") else values[kind]


def bodies(rows, header) -> list[bytes]:
    """Rows as different programs write them."""
    return [
        text_of(rows, header=header),
        text_of(rows, header=header, end="\r\n"),
        b"\xef\xbb\xbf" + text_of(rows, header=header, end="\r\n").removesuffix(b"\r\n"),
        text_of(rows, header=header) + b"\n\r\n",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_spelling_equals_one_by_one(kind):
    connector = connector_of(yaml_of({"a": (kind, True, {})}))
    for text in SPELLINGS:
        require_equal(text_of([[text], [None]], header=["a"]), Media.CSV, connector)


@pytest.mark.scaled
@pytest.mark.parametrize("kind", ["integer", "number", "decimal(9, 3)", "decimal(38, 38)", "decimal(4, 0)"])
def test_texts_of_digits_and_signs_are_read_alike(kind):
    """Each by itself: one that Arrow does not read makes columns look at all of them more closely."""
    connector = connector_of(yaml_of({"a": (kind, True, {})}))
    texts = ("".join(each) for size in range(1, 5) for each in itertools.product("017.-", repeat=size))
    texts = [
        *texts,
        *("9" * size + point for size in (17, 18, 19, 35, 36, 37, 38, 39) for point in ("", ".5", ".123")),
    ]
    for text in drawn(texts):
        require_equal(text_of([[text]], header=["a"]), Media.CSV, connector)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nullable", [True, False])
@examples(100)
@given(data=st.data())
def test_cell_of_any_spelling_equals_one_by_one(kind, nullable, data):
    extras = st.just({"default": DEFAULTS[kind]}) if kind in DEFAULTS else st.nothing()
    constraints = data.draw(CONSTRAINTS.get(kind.removesuffix("[]"), st.just({})) | extras)
    connector = connector_of(yaml_of({"a": (kind, nullable, constraints), "id": ("integer", True, {})}))
    spelling = (
        st.sampled_from(SPELLINGS)
        | value_of(kind, VALUES).map(lambda each: spelled(each, kind))
        | value_of(kind).map(lambda each: spelled(each, kind))
        | NUMERALS
        | TEXT
    )
    cells = data.draw(st.lists(st.none() | spelling, min_size=1, max_size=4))

    for header in (["a"], ["a", "id"], ["id", "a"]):
        rows = [[text if name == "a" else "7" for name in header] for text in cells]
        for body in bodies(rows, header):
            require_equal(body, Media.CSV, connector)


@pytest.mark.parametrize("kind", KINDS)
@examples(50)
@given(data=st.data())
def test_plain_cells_are_read_in_columns(kind, data):
    """Else a reader that is never sure would pass every other test."""
    connector = connector_of(yaml_of({"a": (kind, True, {}), "b": (kind, False, {})}))
    check = readers_of(connector)[1]._schema_check
    value = value_of(kind).filter(lambda each: not check.bad_fields({"a": each, "b": each}))
    values = data.draw(st.lists(st.tuples(st.none() | value, value), min_size=1, max_size=4))
    rows = [[spelled(each, kind) for each in row] for row in values]
    # Of lists, the other reader is left zeros with a sign, integers with a point, and the greatest numbers. It rejects
    # a number of more characters than JSON may have digits.
    odd = {"number[]": "-0|E", "integer[]": "[.]0|E", "number": ".{401}"}.get(kind, "^$")
    is_odd = any(re.search(odd, each or "x") for row in rows for each in row)

    for body in bodies(rows, ["a", "b"]):
        assert require_equal(body, Media.CSV, connector) or is_odd, body


@examples(100)
@given(
    texts=st.lists(
        st.sampled_from(
            [
                None,
                "null",
                " null ",
                ' {"a": 1} ',
                "1e2",
                "[1,2]\n",
                '"x"',
                '{"a":"é"}',
                '{"a":1,"a":2}',
                "{",
                "nan",
                "1 2",
                '"\ud800"'.encode("utf-8", "replace").decode(),
                "\ufeff1",
            ]
        )
        | JSON_VALUES.map(lambda each: strictjson.write(each).decode()),
        min_size=1,
        max_size=4,
    ),
    nullable=st.booleans(),
)
def test_many_json_cells_equal_one_by_one(texts, nullable):
    connector = connector_of(yaml_of({"a": ("json", nullable, {}), "id": ("integer", True, {})}))
    for count in (1, 80):
        require_equal(
            text_of([[text, "1"] for text in texts] * count, header=["a", "id"]), Media.CSV, connector
        )


#: What might end a cell or a record.
PUT = [
    b'"', b'""', b'"""', b",", b",,", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r\n", b"\0", b"\xef\xbb\xbf", b"\xff", "é".encode(), b" ", b"a", b'"a"',
    b'"a\nb"', b'"a\r\nb"', b'"a\rb"', b'"a""b"', b'"a"b', b'a"b', b'" ', b'\n"', b'"\n', b'",', b',"', b"#", b"'", b";", b"\\", b'\\"', b"\x0b", b"\x1a", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"x" * MAX_ROW,
]  # fmt: skip
STRINGS = """
fields:
  a: {type: string, nullable: true}
  b: {type: string, nullable: true}
  c: {type: string, default: x}
"""


@examples(1000)
@given(
    header=st.sampled_from([b"a", b"a,b", b"b,a,c", b'"a",b', b"a,b,", b",a,b", b"a,,b", b"b,c"]),
    end=st.sampled_from([b"\n", b"\r\n"]),
    records=st.lists(
        st.lists(st.sampled_from(PUT) | st.sampled_from([b"1,2\n", b"1,2,3\n", b"1\n"]), max_size=6),
        max_size=5,
    ),
)
@example(b"a", b"\n", [[b"1", b"\n", b"\n"]])
@example(b"a,b", b"\n", [[b"1,2\n", b"\r"]])
@example(b"a,b", b"\n", [[b"1,2\n"], [b"\n", b"\n"], [b"1,2\n"]])
@example(b"a,b", b"\n", [[b"\n"] * 100])
@example(b"a,b", b"\r\n", [[b"\r\n"] * 100])
@example(b"a,b", b"\n", [[b"1,2\n"] * 20, [b"\n"] * 100])
def test_text_with_odd_bytes_equals_one_by_one(header, end, records):
    body = header + end + end.join(b"".join(each) for each in records)

    require_equal(body, Media.CSV, connector_of(STRINGS))


@examples(300)
@given(
    rows=st.lists(
        st.lists(
            st.none() | TEXT | st.sampled_from(["a\nb", "\n", 'a"', "", "\r\n\n"]), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=6,
    ),
    place=st.integers(0, 200),
    put=st.sampled_from(PUT),
    cut=st.integers(0, 2),
)
@example([[None, "", None]], 0, b"", 0)
def test_mutilated_csv_equals_one_by_one(rows, place, put, cut):
    connector = connector_of(STRINGS)
    for body in bodies(rows, ["a", "b", "c"]):
        require_equal(body, Media.CSV, connector)
        at = place % (len(body) + 1)
        require_equal(body[:at] + put + body[at + cut :], Media.CSV, connector)


@examples(100)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.text('ab\r\n",é', max_size=5),
            st.text('ab\r\n",é', min_size=1, max_size=5),
            st.text('ab\r\n",é', min_size=1, max_size=5),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_quoted_cells_are_read_in_columns(rows):
    for body in bodies(rows, ["a", "b", "c"]):
        assert require_equal(body, Media.CSV, connector_of(STRINGS)), body
    everything = text_of(rows, header=["a", "b", "c"], in_quotes=True)
    assert require_equal(everything, Media.CSV, connector_of(STRINGS)) or any(None in row for row in rows)


RENAMED = """
fields:
  id: integer
  name: {type: string, nullable: true, renamed_from: title}
  n: {type: integer, default: 7, nullable: true}
  d: {type: "decimal(5, 2)", default: 1.5}
  l: {type: "string[]", nullable: true}
"""


@examples(300)
@given(data=st.data())
def test_any_header_and_columns_equal_one_by_one(data):
    connector = connector_of(RENAMED)
    names = ["id", "name", "title", "n", "d", "l", "other", "", " ", "ID"]
    header = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=6))
    header = list(dict.fromkeys([*header, "id"])) if data.draw(st.booleans()) else header
    cells = st.sampled_from([None, "1", "2", "1", "2", "", "x\ny"])
    rows = data.draw(
        st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), min_size=1, max_size=4)
    )
    taken = None
    if data.draw(st.booleans()):
        chosen = data.draw(
            st.lists(st.sampled_from(connector.fields), min_size=1, unique_by=lambda each: each.name)
        )
        taken = TakenFields(chosen, data.draw(st.booleans()))

    for body in bodies(rows, header):
        require_equal(body, Media.CSV, connector, taken)


@pytest.mark.parametrize("absent_is_null", [True, False])
@pytest.mark.parametrize("header", ["id", "id,title", "junk,id", "id,n", "d,id,other,l"])
def test_taken_columns_are_read_in_columns(header, absent_is_null):
    connector = connector_of(RENAMED)
    cells = {"id": "1", "title": "x", "n": "", "d": "", "l": '"[""a""]"', "junk": '"a\nb"', "other": ""}
    line = ",".join(cells[name] for name in header.split(","))
    body = f"{header}\n{line}\n{line}\n".encode()

    assert require_equal(body, Media.CSV, connector, TakenFields(connector.fields, absent_is_null))
    assert require_equal(body, Media.CSV, connector, TakenFields(connector.fields[:1], absent_is_null))


@examples(200)
@given(
    sizes=st.lists(
        st.sampled_from([0, 1, 20, 900, 1000, 1990, 1995, 1999, 2000, 2001, 2002, 4100]),
        min_size=1,
        max_size=6,
    ),
    filling=st.sampled_from(["x", '"', "\n", 'a"\n', "é"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_too_long_record_is_found_among_others(sizes, filling, end):
    connector = connector_of("fields: {id: integer, note: string}")
    rows = [["7", (filling * size)[: max(1, size // len(cell(filling)))]] for size in sizes]
    body = text_of(rows, header=["id", "note"], end=end)

    is_short = all(len(text_of([row], header=[], end=end)) <= MAX_ROW // 3 for row in rows)
    assert require_equal(body, Media.CSV, connector) or not is_short


def test_kind_spellings_are_read_in_columns():
    connector = connector_of(
        "fields: {i: integer, b: boolean, d: 'decimal(5, 2)', n: number, u: uuid, t: timestamp, l: 'string[]'}"
    )
    plain = [
        "1",
        "true",
        "1.5",
        "1.5",
        "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
        "2026-01-01T00:00:00Z",
        '["a"]',
    ]
    kind = [
        "517.0",
        "Yes",
        "+1.5e0",
        ".5",
        "0190D6B2-7B7E-7C3A-9F2E-3C1D5A6B7C8D",
        "2026-01-01 00:00+01",
        '{a,"b c"}',
    ]

    rows = [plain, kind, [*plain[:-1], "[a, b]"]]
    assert require_equal(text_of(rows, header=list("ibdnutl")), Media.CSV, connector)


MEASURES = """
fields:
  id: integer
  at: {type: timestamp, nullable: true}
  day: {type: date, nullable: true}
  price: {type: "decimal(9, 2)", nullable: true}
  x: {type: number, nullable: true}
  ok: {type: boolean, nullable: true}
  note: {type: string, nullable: true}
"""
SELECTED = """
  SELECT i AS id, ('2026-01-01 00:00:00+00'::TIMESTAMPTZ + to_milliseconds(i * 7001))::TIMESTAMPTZ AS at, '2026-01-01'::DATE + i::INTEGER AS day,
  (i * 1.25)::DECIMAL(9, 2) AS price, CASE WHEN i % 3 > 0 THEN i / 7 END AS x, i % 2 = 0 AS ok,
  ['plain', 'with "quotes"', 'two\nlines', 'a,b', 'é', NULL][1 + i % 6] AS note FROM range(50) t(i)
"""


def of_pyarrow(rows: pa.Table) -> bytes:
    written = io.BytesIO()
    pyarrow.csv.write_csv(rows, written)
    return written.getvalue()


def of_duckdb(rows: pa.Table, path: Path) -> bytes:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("rows", rows)
        connection.execute(f"COPY rows TO '{path}' (FORMAT csv)")
    return path.read_bytes()


def of_postgres(rows: pa.Table) -> bytes:
    return text_of(
        [[as_postgres(each) for each in row.values()] for row in rows.to_pylist()], header=rows.column_names
    )


def as_postgres(value) -> str | None:
    return (
        None
        if value is None
        else "ft"[value]
        if isinstance(value, bool)
        else str(value).replace("+00:00", "+00")
    )


def of_excel(rows: pa.Table) -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, "excel")
    writer.writerow(rows.column_names)
    writer.writerows(
        [
            [str(each).upper() if isinstance(each, bool) else each for each in row.values()]
            for row in rows.to_pylist()
        ]
    )
    return b"\xef\xbb\xbf" + written.getvalue().encode()


def test_files_of_many_programs_are_read_in_columns(tmp_path):
    connector = connector_of(MEASURES)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.sql(SELECTED).to_arrow_table()
    frame = rows.to_pandas()
    files = {
        "pyarrow": of_pyarrow(rows),
        "duckdb": of_duckdb(rows, tmp_path / "rows.csv"),
        "pandas": frame.to_csv(index=False).encode(),
        "pandas with numbers of gaps": frame.assign(id=frame["id"].astype(float))
        .to_csv(index=False)
        .encode(),
        "polars": polars.from_arrow(rows).write_csv().encode(),
        "postgres": of_postgres(rows),
        "excel": of_excel(rows),
    }
    for program, file in files.items():
        found = readers_of(connector)[0].parse(file, Media.CSV, MAX_ROW)
        assert found is not None, (program, file)
        assert require_equal(file, Media.CSV, connector), program
        assert exactly(found.table.select(["id", "at", "day", "price", "ok"])) == exactly(
            rows.select(["id", "at", "day", "price", "ok"]).cast(found.table.schema.remove(6).remove(4))
        ), program


def test_files_of_other_programs_are_served_equal(server, name, tmp_path):
    path = server.declare(name, f"{MEASURES}access: {{read: [public], change: [admin]}}\n")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.sql(SELECTED).to_arrow_table()
    for file in (of_pyarrow(rows), of_duckdb(rows, tmp_path / "rows.csv")):
        server.client.delete(path, params={"_id": "gte.0"})

        answer = server.client.post(path, content=file, headers={"Content-Type": "text/csv"})

        assert (answer.status_code, answer.json()["stored"]) == (201, 50), answer.text
        served = server.client.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"})
        table = pa.ipc.open_stream(served.content).read_all().select(rows.column_names)
        assert exactly(table.cast(rows.schema)) == exactly(rows)


def test_key_conflict_names_line_of_row_behind_long_cells(server, name):
    path = server.declare(name, "fields: {id: integer, note: string}\nprimary_key: [id]\n")
    body = b'"id",note\r\n1,"two\r\nlines"\r\n2,"a ""b"""\r\n1,c\r\n3,"\n\n"\r\n2,d\r\n'

    answer = server.client.post(path, content=body, headers={"Content-Type": "text/csv"})

    assert answer.status_code == 409
    assert [(each["row"], each["line"]) for each in answer.json()["errors"]] == [(3, 5), (5, 9)]


def test_skipped_columns_may_hold_anything(server, name):
    path = server.declare(
        name,
        "fields: {id: integer, n: {type: integer, default: 7}, s: {type: string, nullable: true}}\naccess: {read: [public]}\n",
    )
    body = b'x,id,y\n"a\n""b""",1,\n\xc3\xa9,2,1e999\n'

    answer = server.client.post(
        path, params={"columns": "id,n"}, content=body, headers={"Content-Type": "text/csv"}
    )

    assert answer.status_code == 201, answer.text
    assert server.client.get(path).json() == [{"id": 1, "n": 7, "s": None}, {"id": 2, "n": 7, "s": None}]
