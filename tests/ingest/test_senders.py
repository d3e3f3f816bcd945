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


def declared(server, name, types):
    lines = "".join(f"  {field}: {{type: '{kind}', nullable: true}}\n" for field, kind in types.items())
    return server.declare(name, f"fields:\n{lines}access: {{read: [public]}}\n")


def sent(server, path, body, media):
    answer = server.client.post(path, content=body, headers={"Content-Type": media})
    assert answer.status_code == 201, (body, answer.text)
    return json.loads(server.client.get(f"{path}?order=_id").content)


# ------------------------------------------------------------------------------------------------------
# DuckDB


@pytest.fixture(params=["UTC", "Europe/Paris", "America/St_Johns"])
def database(request):
    with duckdb.connect() as database:
        database.execute(f"SET TimeZone = '{request.param}'")
        yield database


def copied(database, tmp_path, columns, rows, options):
    """Write rows of a table with COPY."""
    declared = ", ".join(f'"{name}" {type}' for name, type in columns.items())
    database.execute(f"CREATE TABLE t ({declared})")
    places = ", ".join(f"CAST(${number} AS {type})" for number, type in enumerate(columns.values(), 1))
    for row in rows:
        database.execute(f"INSERT INTO t VALUES ({places})", row)
    database.execute(f"COPY t TO '{tmp_path / 'rows'}' ({options})")
    return (tmp_path / "rows").read_bytes()


FORMATS = {
    "FORMAT json": "application/x-ndjson",
    "FORMAT json, ARRAY true": "application/json",
    "FORMAT csv": "text/csv",
}


@pytest.mark.parametrize("options", FORMATS)
def test_duckdb_copies_every_type(server, name, database, tmp_path, options):
    rows = [dict(zip(VALUES, each, strict=True)) for each in zip(*VALUES.values(), strict=False)]
    rows += [dict.fromkeys(VALUES)]
    path = declared(server, name, SCALARS)

    body = copied(database, tmp_path, COLUMNS, [list(row.values()) for row in rows], options)

    assert sent(server, path, body, FORMATS[options]) == rows


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("options", FORMATS)
def test_duckdb_copies_lists_of_every_type(server, name, database, tmp_path, options, field):
    values = VALUES[field]
    lists = [[], *([value] for value in values), values, values[::-1], values[:1] * 3, None]
    path = declared(server, name, {"id": "integer", "list": f"{SCALARS[field]}[]"})

    columns = {"id": "BIGINT", "list": f"{COLUMNS[field]}[]"}
    body = copied(database, tmp_path, columns, [[number, each] for number, each in enumerate(lists)], options)

    assert [row["list"] for row in sent(server, path, body, FORMATS[options])] == lists


# ------------------------------------------------------------------------------------------------------
# PostgreSQL: what its array_out gives, which its COPY … CSV puts in quotes

ARRAYS = {
    "string[]": {
        r'{a,"b,c","","NULL","null"," x","q\"","b\\s","{y}",é,a:b,1}': ["a", "b,c", "", "NULL", "null", " x", 'q"', "b\\s", "{y}", "é", "a:b", "1"],
        "{}": [],
    },
    "integer[]": {"{1,-9223372036854775808}": [1, -9223372036854775808]},
    "number[]": {"{1.5,1e+300}": [1.5, 1e300]},
    "decimal(5, 2)[]": {"{1.50,2}": [1.5, 2]},
    "boolean[]": {"{t,f}": [True, False]},
    "date[]": {"{2026-11-23}": ["2026-11-23"]},
    "time[]": {"{08:30:00}": ["08:30:00"]},
    "timestamp[]": {'{"2026-11-29 06:29:34.167936+00","0001-01-01 00:00:00+00"}': ["2026-11-29T06:29:34.167936Z", "0001-01-01T00:00:00Z"]},
    "datetime[]": {'{"2026-11-23 08:30:00"}': ["2026-11-23T08:30:00"]},
    "uuid[]": {f"{{{KEY}}}": [KEY]},
}  # fmt: skip


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@pytest.mark.parametrize("kind", ARRAYS)
def test_postgresql_copies_arrays(server, name, kind):
    path = declared(server, name, {"id": "integer", "list": kind})
    body = "id,list\n" + "".join(f"1,{quoted(array)}\n" for array in ARRAYS[kind])

    assert [row["list"] for row in sent(server, path, body, "text/csv")] == list(ARRAYS[kind].values())


#: Cells of `string[]` and of `integer[]` that more than one program could have meant, or none.
CELLS = [
    ("string[]", '["a", "b"]', ["a", "b"]),
    ("string[]", "[1, 1.10, true]", ["1", "1.10", "true"]),  # JSON could not mean it, and DuckDB does.
    ("string[]", "['a', 'b c']", ["a", "b c"]),  # Python's str()
    ("string[]", "['a', \"it's\"]", ["a", "it's"]),
    ("string[]", "[a, 'b, c']", ["a", "b, c"]),
    ("string[]", '["a", 1]', None),
    ("string[]", "[null]", None),
    ("string[]", "[a, NULL]", None),
    ("string[]", "{a,NULL}", None),
    ("string[]", "[None, 'a']", None),  # Python's, where None is no string.
    ("string[]", r"['a\nb']", None),
    ("string[]", '{"a": 1}', None),
    ("string[]", "{a}b", None),
    ("string[]", "[a](b)", None),
    ("string[]", "[a,,b]", None),
    ("string[]", "{a,{b}}", None),
    ("string[]", "[[a]]", None),
    ("string[]", "[a", None),
    ("string[]", "a", None),
    ("integer[]", "[1, 2]", [1, 2]),
    ("integer[]", "{1,2}", [1, 2]),
    ("integer[]", "{ 1 , 2 }", [1, 2]),
    ("integer[]", "[1, x]", None),
    ("integer[]", "{1,x}", None),
    ("boolean[]", "{t,no}", [True, False]),
]


@pytest.mark.parametrize(("kind", "cell", "expected"), CELLS)
def test_a_list_in_a_cell_is_json_where_it_can_be(server, name, kind, cell, expected):
    path = declared(server, name, {"id": "integer", "list": kind})
    quoted = cell.replace('"', '""')

    answer = server.client.post(
        path, content=f'id,list\n1,"{quoted}"\n', headers={"Content-Type": "text/csv"}
    )

    stored = [row["list"] for row in server.client.get(path).json()]
    assert (answer.status_code, stored) == ((201, [expected]) if expected is not None else (422, []))


# ------------------------------------------------------------------------------------------------------
# Python

TIMES = {"day": "date", "clock": "time", "at": "timestamp", "local": "datetime", "key": "uuid"}
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
def test_python_writes_times(server, name, writer, many):
    media, write = WRITERS[writer]
    path = declared(server, name, TIMES)

    assert sent(server, path, write(OBJECTS * many), media) == SERVED * many


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("lines", [False, True])
def test_pandas_writes_times_of_every_unit(server, name, unit, lines):
    frame = pandas.DataFrame(
        {
            "at": pandas.to_datetime(["2026-11-23T08:30:00+01:00", "2026-11-23T00:00:00Z"], utc=True),
            "local": pandas.to_datetime(["2026-11-23T08:30:00", "2026-11-24T00:00:00"]),
        }
    )
    path = declared(server, name, {"at": "timestamp", "local": "datetime"})
    expected = [
        {"at": "2026-11-23T07:30:00Z", "local": "2026-11-23T08:30:00"},
        {"at": "2026-11-23T00:00:00Z", "local": "2026-11-24T00:00:00"},
    ]

    body = frame.to_json(orient="records", date_format="iso", date_unit=unit, lines=lines)
    media = "application/x-ndjson" if lines else "application/json"
    assert sent(server, path, body, media) == expected
    assert sent(server, path, frame.to_csv(index=False), "text/csv") == expected * 2
    # Where all are at midnight, pandas writes days.
    assert sent(server, path, frame[1:].to_csv(index=False), "text/csv") == expected * 2 + expected[1:]


def test_polars_writes_zones_and_nanoseconds(server, name):
    path = declared(server, name, {"at": "timestamp", "local": "datetime", "clock": "time"})
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
        sent(server, path, buffer.getvalue(), "text/csv")
        sent(server, path, written.write_ndjson(), "application/x-ndjson")
    moment = "2026-11-23T08:30:00.123457"
    assert (
        server.client.get(path).json()
        == [{"at": f"{moment}Z", "local": moment, "clock": "00:00:00.123457"}] * 4
    )
