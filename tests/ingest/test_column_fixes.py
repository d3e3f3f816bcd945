"""The hints of columns that do not fit are typed as they stand: then the column has the values that were meant."""

import base64
import datetime
import io
import json
import re
import uuid
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest

from gateway.errors import Code, GatewayError
from gateway.ingest.arrow.columns import read_columns
from tests.ingest.test_columnar import connector_of
from tests.support.arrow_bodies import PARQUET, parquet, stream

UUID = uuid.UUID("0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d")
MOMENT = datetime.datetime(2026, 11, 23, 8, 30, 0, 123456)
DAY = MOMENT.date()
INSTANT, DAYTIME, NOON = "2026-11-23T08:30:00.123456Z", "2026-11-23T08:30:00.123456", "2026-11-23T00:00:00"
SECONDS = 1_795_422_600
NAIVE, ZONED = pa.timestamp("us"), pa.timestamp("us", "Europe/Berlin")
FINE, FINE_ZONED = pa.timestamp("ns"), pa.timestamp("ns", "UTC")
BYTES, SPAN = pa.binary(), pa.duration("us")


def member(type: pa.DataType, value) -> pa.Array:
    """Structs with a member of a type, which is null once."""
    parts = [pa.array([1, 2, None]), pa.array([value, None, None], type)]
    return pa.StructArray.from_arrays(parts, ["x", "m"], mask=pa.array([False, False, True]))


def members(value) -> list:
    return [{"x": 1, "m": value}, {"x": 2, "m": None}, None]


#: The type of the field, the column, the values that are meant, and which of several expressions means them.
CASES = [
    ("string", pa.array([True, False, None]), ["true", "false", None], 0),
    ("string", pa.array([True, False]), ["true", "false"], 0),
    ("string", pa.array([1, 20]), ["1", "20"], 0),
    ("string", pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"], 0),
    ("string", pa.array([1, None, 20]), ["1", None, "20"], 0),
    ("string", pa.array([1.5, None]), ["1.5", None], 1),
    ("string", pa.array([Decimal("1.50"), None]), ["1.50", None], 0),
    ("string", pa.array(["é".encode(), None]), ["é", None], 0),
    ("string", pa.array([b"\xff", None]), ["/w==", None], 1),
    ("string", pa.array([UUID.bytes, None], pa.binary(16)), [str(UUID), None], 0),
    ("string", pa.array([UUID.bytes, None], pa.uuid()), [str(UUID), None], 0),
    ("string", pa.array([90_000_000, None], SPAN), ["0 days 00:01:30", None], 0),
    ("integer", pa.array([True, False, None]), [1, 0, None], 0),
    ("integer", pa.array([b"12", None]), [12, None], 0),
    ("integer", pa.array([90_000_000, None], SPAN), [90, None], 0),
    ("decimal(5, 2)", pa.array([True, None]), [1, None], 0),
    ("decimal(5, 2)", pa.array([1_250_000, None], SPAN), [1.25, None], 0),
    ("number", pa.array([True, None, False]), [1, None, 0], 0),
    ("number", pa.array(["1", "1.5", None]), [1, 1.5, None], 0),
    ("number", pa.array([1_500_000, None], SPAN), [1.5, None], 0),
    ("number", pa.array([2**53 + 1, 1]), [2**53, 1], 0),
    ("boolean", pa.array([1, 0]), [True, False], 0),
    ("boolean", pa.array([1, None, 0]), [True, None, False], 0),
    ("boolean", pa.array([Decimal(1), None, Decimal(0)]), [True, None, False], 0),
    ("boolean", pa.array(["True", "false", None]), [True, False, None], 0),
    ("date", pa.array([MOMENT, None], NAIVE), ["2026-11-23", None], 0),
    ("date", pa.array([MOMENT, None], ZONED), ["2026-11-23", None], 0),
    ("date", pa.array([20_780, 1]), ["2026-11-23", "1970-01-02"], 0),
    ("date", pa.array([SECONDS, None]), ["2026-11-23", None], 0),
    ("date", pa.array([20261123, 20261124]), ["2026-11-23", "2026-11-24"], 0),
    ("date", pa.array([20261123, None]), ["2026-11-23", None], 0),
    ("date", pa.array([b"2026-11-23", None]), ["2026-11-23", None], 0),
    ("time", pa.array([MOMENT, None], NAIVE), ["08:30:00.123456", None], 0),
    ("time", pa.array([MOMENT, None], ZONED), ["09:30:00.123456", None], 0),
    ("time", pa.array([5_400_000_000, None], SPAN), ["01:30:00", None], 0),
    ("time", pa.array([1001, None], pa.time64("ns")), ["00:00:00.000001", None], 0),
    ("timestamp", pa.array([MOMENT, None], NAIVE), [INSTANT, None], 0),
    ("timestamp", pa.array([DAY, None]), [f"{NOON}Z", None], 0),
    ("timestamp", pa.array([SECONDS, 1]), ["2026-11-23T08:30:00Z", "1970-01-01T00:00:01Z"], 0),
    ("timestamp", pa.array([0, SECONDS * 1000]), ["1970-01-01T00:00:00Z", "2026-11-23T08:30:00Z"], 0),
    ("timestamp", pa.array([SECONDS, None]), ["2026-11-23T08:30:00Z", None], 0),
    ("timestamp", pa.array([SECONDS + 0.123456, None]), [INSTANT, None], 0),
    ("timestamp", pa.array([SECONDS * 1000 + 123]), ["2026-11-23T08:30:00.123Z"], 0),
    ("timestamp", pa.array([SECONDS * 10**6 + 123456]), [INSTANT], 0),
    ("timestamp", pa.array([SECONDS * 10**9 + 123456789]), [INSTANT], 0),
    ("timestamp", pa.array([20261123]), [f"{NOON}Z"], 0),
    ("timestamp", pa.array([1001, None], FINE_ZONED), ["1970-01-01T00:00:00.000001Z", None], 0),
    ("datetime", pa.array([MOMENT, None], ZONED), ["2026-11-23T09:30:00.123456", None], 0),
    ("datetime", pa.array([DAY, None]), [NOON, None], 0),
    ("datetime", pa.array([SECONDS, 1]), ["2026-11-23T08:30:00", "1970-01-01T00:00:01"], 0),
    ("datetime", pa.array([20261123]), [NOON], 0),
    ("datetime", pa.array([1001, None], FINE), ["1970-01-01T00:00:00.000001", None], 0),
    ("string", pa.array([1001, None], FINE), ["1970-01-01T00:00:00.000001", None], 0),
    ("uuid", pa.array([UUID.bytes, None]), [str(UUID), None], 0),
    ("uuid", pa.array([str(UUID).encode(), None]), [str(UUID), None], 1),
    ("json", pa.array([b'{"a": 1}', None]), [{"a": 1}, None], 0),
    ("json", pa.array([UUID.bytes, None], pa.binary(16)), [str(UUID), None], 0),
    ("json", pa.array([UUID.bytes, None], pa.uuid()), [str(UUID), None], 0),
    ("json", pa.array([90_000_000, None], SPAN), [90, None], 0),
    ("json", member(BYTES, b"a"), members("a"), 0),
    ("json", member(BYTES, b"\xff"), members("/w=="), 1),
    ("json", member(pa.binary(16), UUID.bytes), members(str(UUID)), 0),
    ("json", member(pa.uuid(), UUID.bytes), members(str(UUID)), 0),
    ("json", member(SPAN, 90_000_000), members(90), 0),
    ("json", member(FINE, 1001), members("1970-01-01T00:00:00.000001"), 0),
    ("json", member(FINE_ZONED, 1001), members("1970-01-01T00:00:00.000001Z"), 0),
    ("json", member(pa.time64("ns"), 1001), members("00:00:00.000001"), 0),
    ("json", pa.array([[b"a", None], None]), [["a", None], None], 0),
    ("string[]", pa.array(['["a", "b"]', "[]", None]), [["a", "b"], [], None], 0),
    ("string[]", pa.array(["a,b", None]), [["a", "b"], None], 1),
    ("integer[]", pa.array(["1,2", None]), [[1, 2], None], 1),
    ("number[]", pa.array(["[1.5]", None]), [[1.5], None], 0),
    ("integer[]", pa.array([1, 2]), [[1], [2]], 0),
    ("number[]", pa.array([1.5, None]), [[1.5], None], 0),
    ("timestamp[]", pa.array([MOMENT, None], ZONED), [[INSTANT], None], 0),
    ("string[]", pa.array([[1, 2], [], None]), [["1", "2"], [], None], 0),
    ("string[]", pa.array([[1], None]), [["1"], None], 0),
    ("string[]", pa.array([[1.5], None]), [["1.5"], None], 1),
    ("string[]", pa.array([[True], None]), [["true"], None], 0),
    ("string[]", pa.array([[b"a"], None]), [["a"], None], 0),
    ("integer[]", pa.array([[True], None]), [[1], None], 0),
    ("number[]", pa.array([["1.5"], None]), [[1.5], None], 0),
    ("number[]", pa.array([[2**53 + 1], None]), [[2**53], None], 0),
    ("boolean[]", pa.array([["True", "false"], None]), [[True, False], None], 0),
    ("boolean[]", pa.array([[1, 0], None]), [[True, False], None], 0),
    ("uuid[]", pa.array([[UUID.bytes], None], pa.list_(BYTES)), [[str(UUID)], None], 0),
    ("date[]", pa.array([[MOMENT], None], pa.list_(NAIVE)), [["2026-11-23"], None], 0),
    ("date[]", pa.array([[20261123, 20261124], None]), [["2026-11-23", "2026-11-24"], None], 0),
    ("time[]", pa.array([[MOMENT], None], pa.list_(NAIVE)), [["08:30:00.123456"], None], 0),
    ("timestamp[]", pa.array([[MOMENT], None], pa.list_(NAIVE)), [[INSTANT], None], 0),
    ("timestamp[]", pa.array([[DAY], None]), [[f"{NOON}Z"], None], 0),
    ("timestamp[]", pa.array([[SECONDS], None]), [["2026-11-23T08:30:00Z"], None], 0),
    ("datetime[]", pa.array([[DAY], None]), [[NOON], None], 0),
    ("datetime[]", pa.array([[1001], None], pa.list_(FINE)), [["1970-01-01T00:00:00.000001"], None], 0),
]  # fmt: skip
IDS = [f"{number} {kind} {array.type}"[:60] for number, (kind, array, *_) in enumerate(CASES)]


def table_of(array: pa.Array) -> pa.Table:
    return pa.table({"a": array})


def in_nullable_pandas(array: pa.Array):
    return in_pandas(array, are_nullable=True)


def in_pandas(array: pa.Array, *, are_nullable: bool = False):
    df = table_of(array).to_pandas()
    df = df.convert_dtypes() if are_nullable else df
    # As lists are made in pandas, and not as they are read: only arrays have nanoseconds.
    if pa.types.is_list(array.type) and array.type.value_type != FINE:
        df["a"] = pandas.Series(array.to_pylist(), dtype=object)
    names = {"df": df, "pandas": pandas, "json": json, "uuid": uuid, "base64": base64}

    def write_again(expression: str) -> bytes:
        return df.assign(a=eval(expression, names)).to_parquet(index=False)

    return df.to_parquet(index=False), "pandas", write_again


def in_polars(array: pa.Array):
    frame = polars.from_arrow(table_of(array))

    def write_again(expression: str | None) -> bytes:
        sink = io.BytesIO()
        (frame.with_columns(eval(expression, {"pl": polars})) if expression else frame).write_parquet(sink)
        return sink.getvalue()

    return write_again(None), "polars", write_again


#: The types that a program cannot have.
_NOT_IN_PANDAS = (pa.time64("ns"), *[member(type, None).type for type in (pa.time64("ns"), FINE, FINE_ZONED)])
NOT_WRITTEN = {
    in_pandas: _NOT_IN_PANDAS,
    in_nullable_pandas: _NOT_IN_PANDAS,
    in_polars: (pa.uuid(), member(pa.uuid(), None).type),
}


def post(server, path, body):
    return server.client.post(path, content=body, headers={"Content-Type": PARQUET})


def typed(answer, program: str, way: int) -> str | None:
    """Return the expression of one of the ways of a hint; None if it has none in a program."""
    assert (answer.status_code, answer.json().get("code")) == (400, "42804"), answer.text
    found = re.search(rf"in {program}: (.+?)(?=; in |$)", answer.json()["hint"].split("; or ")[way])
    return found and found[1]


@pytest.mark.parametrize(("kind", "array", "meant", "way"), CASES, ids=IDS)
def test_hint_as_typed_gives_the_values(server, name, kind, array, meant, way):
    path = server.declare(
        name, f"fields: {{a: {{type: '{kind}', nullable: true}}}}\naccess: {{read: [public]}}\n"
    )
    ways = 0
    for write in (in_pandas, in_nullable_pandas, in_polars):
        if array.type in NOT_WRITTEN[write]:
            continue
        before, program, write_again = write(array)
        expression = typed(post(server, path, before), program, way)
        if expression is None:
            continue
        answer = post(server, path, write_again(expression))

        assert answer.is_success, f"{expression}: {answer.text}"
        stored = server.client.get(path, params={"offset": ways * len(array), "order": "_id"}).json()
        assert [row["a"] for row in stored] == meant, expression
        ways += 1
    assert ways


@pytest.mark.parametrize("kind", ["INTERVAL '1 day'", "uuid()"])
@pytest.mark.parametrize(("field", "meant"), [("string", str), ("json", str), ("number", float)])
def test_hint_for_duckdb_gives_the_values(server, name, tmp_path, kind, field, meant):
    path = server.declare(name, f"fields: {{a: {field}}}\naccess: {{read: [public]}}\n")
    file = tmp_path / "a.parquet"

    def post_value(value):
        with duckdb.connect() as connection:
            connection.execute(f"COPY (SELECT {value} AS a) TO '{file}' (FORMAT parquet)")
        return post(server, path, file.read_bytes())

    expression = typed(post_value(kind), "DuckDB", 0)
    if expression is None:
        assert (field, kind) == ("number", "uuid()")
        return
    assert post_value(expression.replace("…", kind)).status_code == 201
    (row,) = server.client.get(path).json()
    assert isinstance(row["a"], meant)


def test_pyarrow_of_a_hint_gives_the_values(server, name):
    path = server.declare(name, "fields: {a: time}\naccess: {read: [public]}\n")
    table = table_of(pa.array([1001], pa.time64("ns")))

    expression = typed(post(server, path, parquet(table)), "pyarrow", 0)
    table = table.set_column(0, "a", eval(expression, {"table": table, "pyarrow": pa}))

    assert post(server, path, parquet(table)).status_code == 201
    assert server.client.get(path).json() == [{"a": "00:00:00.000001"}]


FLAT = [
    pa.array([True]), pa.array([1]), pa.array([2**64 - 1], pa.uint64()), pa.array([1.5]), pa.array([float("nan"), None]),
    pa.array([float("inf")]), pa.array([Decimal("1.5")]), pa.array([10**40], pa.decimal256(45, 0)),
    pa.array(["x"]), pa.array([b"x"]), pa.array([b"x"], pa.large_binary()), pa.array([b"xyz"], pa.binary(3)),
    pa.array([b"x" * 12], pa.binary(12)), pa.array([UUID.bytes], pa.binary(16)), pa.array([UUID.bytes]),
    pa.array([None], BYTES), pa.array([MOMENT.date()]), pa.array([MOMENT.time()]), pa.array([MOMENT], ZONED),
    pa.array([MOMENT]), pa.array([1], FINE), pa.array([1], pa.time64("ns")), pa.array([1], pa.duration("ns")),
    pa.array([(1, 2, 3)], pa.month_day_nano_interval()), pa.array([{}], pa.struct([])),
]  # fmt: skip
NESTINGS = {
    "flat": lambda array: array,
    "list": lambda array: pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array),
    "struct": lambda array: pa.StructArray.from_arrays([array], ["m' {df} {i}"]),
    "map": lambda array: pa.MapArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["k"]), array[:1]),
    "keys": lambda array: pa.MapArray.from_arrays(
        pa.array([0, 1], pa.int32()), array.drop_null()[:1], pa.array(["x"])
    ),
}
FIELDS = [
    "string",
    "integer",
    "number",
    "decimal(5, 2)",
    "boolean",
    "date",
    "time",
    "timestamp",
    "datetime",
    "uuid",
    "json",
]


def refusal(array: pa.Array, kind: str) -> GatewayError | None:
    """The error of a column for a field of a type; None if it is taken."""
    connector = connector_of(f"fields: {{a: {{type: '{kind}', nullable: true}}}}")
    try:
        read_columns(stream(table_of(array)), connector, None, 2**20)
    except GatewayError as error:
        return error
    return None


@pytest.mark.parametrize("outer", NESTINGS)
@pytest.mark.parametrize("inner", NESTINGS)
def test_type_that_a_hint_declares_takes_the_column(inner, outer):
    for flat in FLAT:
        if not len(flat.drop_null()) and "keys" in (inner, outer):
            continue
        array = NESTINGS[outer](NESTINGS[inner](flat))
        for kind in (*FIELDS, *[f"{kind}[]" for kind in FIELDS if kind != "json"]):
            error = refusal(array, kind)
            if error is None:
                continue
            assert (error.code, bool(error.hint)) == (Code.COLUMN_UNFIT, True), error.body()
            assert error.message.startswith("the column 'a' is "), error.message
            declared = re.search(r"or declare the field as ([a-z]+(?:\(\d+, \d+\))?(?:\[\])?)$", error.hint)
            assert not declared or refusal(array, declared[1]) is None, (kind, array.type, error.hint)
