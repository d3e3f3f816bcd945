"""What programs send that know nothing of the gateway: their own JSON and CSV, unchanged, through the front door."""

import io
import json
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone

import duckdb
import pandas
import polars
import pydantic
import pytest

SCALARS = {
    "name": "string",
    "n": "number",
    "whole": "integer",
    "amount": "decimal(12, 3)",
    "paid": "boolean",
    "day": "date",
    "clock": "time",
    "at": "timestamp",
    "local": "datetime",
    "key": "uuid",
}
COLUMNS = {
    "name": "VARCHAR",
    "n": "DOUBLE",
    "whole": "BIGINT",
    "amount": "DECIMAL(12, 3)",
    "paid": "BOOLEAN",
    "day": "DATE",
    "clock": "TIME",
    "at": "TIMESTAMPTZ",
    "local": "TIMESTAMP",
    "key": "UUID",
}
KEY, OTHER_KEY = "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d", "123e4567-e89b-12d3-a456-426614174000"
#: By field, values as the gateway serves them; the first is one that is written with as little as can be.
VALUES = {
    "name": ["Ada", "", " ", "NULL", "null", "None", "1", "1.10", "true", "[1, 2]", "{x}", 'q"t', "it's", "a\\b", "\\n", "a,b", "a: b",
             "a = b", "(x)", "two\nlines", " lead", "trail ", "é日本😀", "2026-11-23", "-", "[]", "'", '"', "\\", "a'b\"c\\d,e"],
    "n": [1.5, -1e300, 1e-320, 0.1, 3.0, 1.7976931348623157e308],
    "whole": [1, -9223372036854775808, 9223372036854775807],
    "amount": [1.5, -999999999.999, 0.001, 100],
    "paid": [True, False],
    "day": ["2026-11-23", "0001-01-01", "9999-12-31"],
    "clock": ["08:30:00", "08:30:00.5", "23:59:59.999999", "00:00:00"],
    "at": ["2026-11-23T08:30:00Z", "2026-11-23T08:30:00.123456Z", "9999-12-31T22:59:59.999999Z", "1970-01-01T00:00:00Z"],
    "local": ["2026-11-23T08:30:00", "2026-11-23T00:00:00.5", "9999-12-31T23:59:59.999999", "0001-01-01T00:00:00"],
    "key": [KEY, OTHER_KEY],
}  # fmt: skip


LISTS = {f"{field}s": f"{kind}[]" for field, kind in SCALARS.items()}


@pytest.fixture(scope="session")
def filled(server):
    """One connector with a field of every type, and of lists of it."""
    kinds = {"id": "integer"} | SCALARS | LISTS
    fields = "".join(f"  {field}: {{type: '{kind}', nullable: true}}\n" for field, kind in kinds.items())
    return server.declare("senders", f"fields:\n{fields}access: {{read: [public], change: [admin]}}\n")


def sent(server, path, body, media, fields):
    answer = server.client.post(path, content=body, headers={"Content-Type": media})
    assert answer.status_code == 201, (body, answer.text)
    return rows_of(server, path, fields)


def rows_of(server, path, fields):
    answer = server.client.get(path, params={"select": ",".join(fields), "order": "_id"})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)


def lists_of(server, path, field):
    return [row[field] for row in rows_of(server, path, [field])]


# ------------------------------------------------------------------------------------------------------
# DuckDB


@pytest.fixture(params=["UTC", "Europe/Paris", "America/St_Johns"], scope="module")
def database(request):
    with duckdb.connect() as database:
        database.execute(f"SET TimeZone = '{request.param}'")
        yield database


def copied(database, tmp_path, columns, rows, options):
    """Write rows of a table with COPY."""
    declared = ", ".join(f'"{name}" {type}' for name, type in columns.items())
    database.execute(f"CREATE OR REPLACE TABLE t ({declared})")
    places = ", ".join(f"CAST(? AS {type})" for type in columns.values())
    values = [value for row in rows for value in row]
    database.execute(f"INSERT INTO t VALUES {', '.join([f'({places})'] * len(rows))}", values)
    database.execute(f"COPY t TO '{tmp_path / 'rows'}' ({options})")
    return (tmp_path / "rows").read_bytes()


FORMATS = {
    "FORMAT json": "application/x-ndjson",
    "FORMAT json, ARRAY true": "application/json",
    "FORMAT csv": "text/csv",
}


@pytest.mark.parametrize("options", FORMATS)
def test_duckdb_copies_every_type(server, path, database, tmp_path, options):
    rows = [dict(zip(VALUES, each, strict=True)) for each in zip(*VALUES.values(), strict=False)]
    rows += [dict.fromkeys(VALUES)]

    body = copied(database, tmp_path, COLUMNS, [list(row.values()) for row in rows], options)

    assert sent(server, path, body, FORMATS[options], VALUES) == rows


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("options", FORMATS)
def test_duckdb_copies_lists_of_every_type(server, path, database, tmp_path, options, field):
    values = VALUES[field]
    lists = [[], *([value] for value in values), values, values[::-1], values[:1] * 3, None]
    columns = {"id": "BIGINT", f"{field}s": f"{COLUMNS[field]}[]"}

    body = copied(database, tmp_path, columns, [[number, each] for number, each in enumerate(lists)], options)

    got = sent(server, path, body, FORMATS[options], columns)
    assert got == [{"id": number, f"{field}s": each} for number, each in enumerate(lists)]


# ------------------------------------------------------------------------------------------------------
# PostgreSQL: what its array_out gives, which its COPY … CSV puts in quotes

ARRAYS = {
    "names": {
        r'{a,"b,c","","NULL","null"," x","q\"","b\\s","{y}",é,a:b,1}': ["a", "b,c", "", "NULL", "null", " x", 'q"', "b\\s", "{y}", "é", "a:b", "1"],
        "{}": [],
    },
    "wholes": {"{1,-9223372036854775808}": [1, -9223372036854775808]},
    "ns": {"{1.5,1e+300}": [1.5, 1e300]},
    "amounts": {"{1.50,2}": [1.5, 2]},
    "paids": {"{t,f}": [True, False]},
    "days": {"{2026-11-23}": ["2026-11-23"]},
    "clocks": {"{08:30:00}": ["08:30:00"]},
    "ats": {'{"2026-11-29 06:29:34.167936+00","0001-01-01 00:00:00+00"}': ["2026-11-29T06:29:34.167936Z", "0001-01-01T00:00:00Z"]},
    "locals": {'{"2026-11-23 08:30:00"}': ["2026-11-23T08:30:00"]},
    "keys": {f"{{{KEY}}}": [KEY]},
}  # fmt: skip


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@pytest.mark.parametrize("field", ARRAYS)
def test_postgresql_copies_arrays(server, path, field):
    body = f"id,{field}\n" + "".join(f"1,{quoted(array)}\n" for array in ARRAYS[field])

    sent(server, path, body, "text/csv", [field])

    assert lists_of(server, path, field) == list(ARRAYS[field].values())


#: Cells of lists that more than one program could have meant, or none.
CELLS = [
    ("names", '["a", "b"]', ["a", "b"]),
    ("names", "[1, 1.10, true]", ["1", "1.10", "true"]),  # JSON could not mean it, and DuckDB does.
    ("names", "['a', 'b c']", ["a", "b c"]),  # Python's str()
    ("names", "['a', \"it's\"]", ["a", "it's"]),
    ("names", "[a, 'b, c']", ["a", "b, c"]),
    ("names", '["a", 1]', None),
    ("names", "[null]", None),
    ("names", "[a, NULL]", None),
    ("names", "{a,NULL}", None),
    ("names", "[None, 'a']", None),  # Python's, where None is no string.
    ("names", r"['a\nb']", None),
    ("names", '{"a": 1}', None),
    ("names", "{a}b", None),
    ("names", "[a](b)", None),
    ("names", "[a,,b]", None),
    ("names", "{a,{b}}", None),
    ("names", "[[a]]", None),
    ("names", "[a", None),
    ("names", "a", None),
    ("wholes", "[1, 2]", [1, 2]),
    ("wholes", "{1,2}", [1, 2]),
    ("wholes", "{ 1 , 2 }", [1, 2]),
    ("wholes", "[1, x]", None),
    ("wholes", "{1,x}", None),
    ("paids", "{t,no}", [True, False]),
]


@pytest.mark.parametrize(("field", "cell", "expected"), CELLS)
def test_list_in_a_cell_is_read_or_refused(server, path, field, cell, expected):
    """It is JSON where it can be, then what DuckDB and PostgreSQL write."""
    body = f"id,{field}\n1,{quoted(cell)}\n"

    answer = server.client.post(path, content=body, headers={"Content-Type": "text/csv"})

    taken = (201, [expected]) if expected is not None else (422, [])
    assert (answer.status_code, lists_of(server, path, field)) == taken


# ------------------------------------------------------------------------------------------------------
# Python

PARIS = timezone(timedelta(hours=1))
OBJECTS = [
    {"day": date(2026, 11, 23), "clock": time(8, 30), "at": datetime(2026, 11, 23, 8, 30, tzinfo=UTC),
     "local": datetime(2026, 11, 23, 8, 30), "key": uuid.UUID(KEY)},
    {"day": date(9999, 12, 31), "clock": time(23, 59, 59, 999999), "at": datetime(9999, 12, 31, 23, 59, 59, 500000, PARIS),
     "local": datetime(2026, 11, 23), "key": uuid.UUID(OTHER_KEY)},
]  # fmt: skip
SERVED = [
    {"day": "2026-11-23", "clock": "08:30:00", "at": "2026-11-23T08:30:00Z", "local": "2026-11-23T08:30:00", "key": KEY},
    {"day": "9999-12-31", "clock": "23:59:59.999999", "at": "9999-12-31T22:59:59.5Z", "local": "2026-11-23T00:00:00", "key": OTHER_KEY},
]  # fmt: skip


class Row(pydantic.BaseModel):
    day: date
    clock: time
    at: datetime
    local: datetime
    key: uuid.UUID


def in_polars(rows):
    frame = polars.DataFrame([{**row, "at": None, "key": str(row["key"])} for row in rows])
    moments = [row["at"].astimezone(UTC) for row in rows]
    return frame.with_columns(at=polars.Series(moments, dtype=polars.Datetime("us", "UTC")))


WRITERS = {
    "json.dumps(default=str)": ("application/json", lambda rows: json.dumps(rows, default=str)),
    "pydantic": (
        "application/x-ndjson",
        lambda rows: "\n".join(Row(**row).model_dump_json() for row in rows),
    ),
    "polars NDJSON": ("application/x-ndjson", lambda rows: in_polars(rows).write_ndjson()),
    "polars CSV": ("text/csv", lambda rows: in_polars(rows).write_csv()),
    "pandas CSV": ("text/csv", lambda rows: pandas.DataFrame(rows).to_csv(index=False)),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("many", [1, 100])
def test_python_writes_times(server, path, writer, many):
    media, write = WRITERS[writer]

    assert sent(server, path, write(OBJECTS * many), media, SERVED[0]) == SERVED * many


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("lines", [False, True])
def test_pandas_writes_times_of_every_unit(server, path, unit, lines):
    frame = pandas.DataFrame(
        {
            "at": pandas.to_datetime(["2026-11-23T08:30:00+01:00", "2026-11-23T00:00:00Z"], utc=True),
            "local": pandas.to_datetime(["2026-11-23T08:30:00", "2026-11-24T00:00:00"]),
        }
    )
    expected = [
        {"at": "2026-11-23T07:30:00Z", "local": "2026-11-23T08:30:00"},
        {"at": "2026-11-23T00:00:00Z", "local": "2026-11-24T00:00:00"},
    ]

    body = frame.to_json(orient="records", date_format="iso", date_unit=unit, lines=lines)
    media = "application/x-ndjson" if lines else "application/json"
    assert sent(server, path, body, media, expected[0]) == expected
    assert sent(server, path, frame.to_csv(index=False), "text/csv", expected[0]) == expected * 2
    # Where all are at midnight, pandas writes days.
    days = frame[1:].to_csv(index=False)
    assert sent(server, path, days, "text/csv", expected[0]) == expected * 2 + expected[1:]


def test_polars_writes_zones_and_nanoseconds(server, path):
    frame = polars.DataFrame(
        {
            "at": polars.Series(
                [1_795_422_600_123_456_789], dtype=polars.Datetime("ns")
            ).dt.replace_time_zone("UTC"),
            "local": polars.Series([1_795_422_600_123_456_789], dtype=polars.Datetime("ns")),
            "clock": polars.Series([123456789], dtype=polars.Time),
        }
    )
    paris = frame.with_columns(polars.col("at").dt.convert_time_zone("Europe/Paris"))

    for written in (frame, paris):
        buffer = io.BytesIO()
        written.write_csv(buffer)
        sent(server, path, buffer.getvalue(), "text/csv", frame.columns)
        got = sent(server, path, written.write_ndjson(), "application/x-ndjson", frame.columns)
    moment = "2026-11-23T08:30:00.123457"
    assert got == [{"at": f"{moment}Z", "local": moment, "clock": "00:00:00.123457"}] * 4
