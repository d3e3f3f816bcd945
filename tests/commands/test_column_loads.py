"""`gateway load` sends the columns of Parquet and Arrow, and goes on with a load in the form in which it began."""

import datetime
import json
import re
from decimal import Decimal

import polars
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from tests.commands.test_load import load, records
from tests.commands.test_verbs import ORDERS, gateway, stored
from tests.support.row_files import write_rows


@pytest.fixture
def orders(cleared):
    cleared.declare("orders", ORDERS)
    return cleared


FIELDS = """fields:
  id: integer
  name: {type: string, nullable: true}
  price: {type: number, nullable: true}
  exact: decimal(12, 2)
  paid: boolean
  day: date
  at: timestamp
  local: datetime
"""
ROW = {
    "id": 1,
    "name": "Ada",
    "price": 0.1,
    "exact": Decimal("1.50"),
    "paid": True,
    "day": datetime.date(2026, 1, 31),
    "at": datetime.datetime(2026, 1, 31, 8, 30, tzinfo=datetime.UTC),
    "local": datetime.datetime(2026, 1, 31, 8, 30, 0, 5),
}
ROWS = [ROW, {**ROW, "id": 2, "name": None, "price": float("nan"), "paid": False}]
TABLE = pa.Table.from_pylist(ROWS, pa.schema([(name, pa.scalar(value).type) for name, value in ROW.items()]))
SERVED = [
    {
        "id": 1,
        "name": "Ada",
        "price": 0.1,
        "exact": 1.50,
        "paid": True,
        "day": "2026-01-31",
        "at": "2026-01-31T08:30:00Z",
        "local": "2026-01-31T08:30:00.000005",
    }
]
SERVED += [{**SERVED[0], "id": 2, "name": None, "price": None, "paid": False}]
WRITERS = {
    "pyarrow.parquet": lambda path: pq.write_table(TABLE, path),
    "pyarrow.feather": lambda path: pyarrow.feather.write_feather(TABLE, str(path)),
    "pandas.parquet": lambda path: TABLE.to_pandas().to_parquet(path),
    "pandas.feather": lambda path: TABLE.to_pandas().to_feather(path),
    "polars.parquet": lambda path: polars.from_arrow(TABLE).write_parquet(path),
    "polars.arrow": lambda path: polars.from_arrow(TABLE).write_ipc(path),
    "polars.ipc": lambda path: polars.from_arrow(TABLE).write_ipc_stream(path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_columns_have_the_values_of_json(server, name, tmp_path, writer):
    server.declare(name, FIELDS)
    path = tmp_path / writer
    WRITERS[writer](path)

    ran = gateway(server, "load", name, path)

    assert ran.returncode == 0, ran.stderr
    assert server.client.get(f"/{name}").json() == SERVED
    batch = server.client.get(f"/-/connectors/{name}/batches").json()[0]
    assert batch["rows"] == 2
    assert "0 rows are stored" in gateway(server, "load", name, path).stdout


@pytest.mark.parametrize("writer", WRITERS)
def test_draft_of_columns_takes_their_file(server, name, tmp_path, writer):
    path = tmp_path / writer
    WRITERS[writer](path)
    ran = gateway(server, "new", name, "--from", path, "--stdout")
    assert ran.returncode == 0, ran.stderr
    server.declare(name, ran.stdout)

    ran = gateway(server, "load", name, path)

    assert ran.returncode == 0, ran.stderr
    assert len(server.client.get(f"/{name}").json()) == 2


def test_bad_value_of_a_column_is_named(server, name, tmp_path):
    server.declare(name, "fields: {id: {type: integer, maximum: 2}}\n")
    path = tmp_path / "rows.arrow"
    pyarrow.feather.write_feather(pa.table({"id": [1, 2, 3]}), str(path))
    ran = gateway(server, "load", name, path)
    assert ran.returncode == 1
    assert "row 3, field 'id': 3 is " in ran.stderr

    pyarrow.feather.write_feather(pa.table({"id": [1], "note": ["x"]}), str(path))
    ran = gateway(server, "load", name, path)
    assert ran.stderr == (
        f"Error: {path}: PGRST204: the schema names 'note', which is not a field (the fields are id); nothing of it is"
        " stored. Without this column: --without note\n"
    )
    assert gateway(server, "load", name, path, "--without", "note").returncode == 0
    pyarrow.feather.write_feather(pa.table({"id": [2], "note": ["x"]}), str(path))
    ran = gateway(server, "load", name, path, "--without", "nota")
    assert "the file has no column 'nota' to leave out; did you mean 'note'?" in ran.stderr


def test_unfit_column_names_file_and_row(server, name, tmp_path):
    server.declare(name, "fields: {id: integer, at: {type: timestamp, nullable: true}}\n")
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": [1.5], "at": [1]}), path)
    ran = gateway(server, "load", name, path)
    assert ran.returncode == 1
    assert ran.stderr.startswith(
        f"Error: {path}: 42804: the column 'at' is int64, and the field at is timestamp ("
    )
    assert "in pandas: pandas.to_datetime(df['at'], unit='s', utc=True)" in ran.stderr
    assert ran.stderr.endswith("; nothing of it is stored\n")

    moments = [0] * 3000 + [1001]
    table = pa.table({"id": range(3001), "at": pa.array(moments, pa.timestamp("ns", "UTC"))})
    pq.write_table(table, path)
    ran = gateway(server, "load", name, path, "--batch", "20K")
    assert "is timestamp; row 3,001: a value has nanoseconds" in ran.stderr
    assert "the same command continues after them" in ran.stderr


NESTED = """fields:
  id: integer
  tags: string[]
  raw: string
  payload: json
  parts: json
  key: uuid
  times: {type: "timestamp[]", nullable: true}
"""


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_nested_columns_have_the_values_of_a_post(server, name, tmp_path, format):
    server.declare(name, NESTED)
    path = tmp_path / f"rows.{format}"
    columns = {
        "id": [1, 2],
        "tags": [["a"], []],
        "raw": [b"\xff", b""],
        "payload": ['{"a": 1.10}', "[1]"],
        "parts": [{"x": 1, "y": None}, {"x": None, "y": "b"}],
        "key": pa.array([b"0123456789abcdef"] * 2, pa.binary(16)),
        "times": pa.array([[1_000_000_000], None], pa.list_(pa.timestamp("ns", "UTC"))),
    }
    table = pa.table(columns)
    if format == "parquet":
        pq.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, str(path))

    ran = gateway(server, "load", name, path)

    assert ran.returncode == 0, ran.stderr
    uuid = "30313233-3435-3637-3839-616263646566"
    assert server.client.get(f"/{name}").text == (
        f'[{{"id":1,"tags":["a"],"raw":"/w==","payload":{{"a":1.10}},"parts":{{"x":1,"y":null}},"key":"{uuid}",'
        f'"times":["1970-01-01T00:00:01Z"]}},\n{{"id":2,"tags":[],"raw":"","payload":[1],"parts":{{"x":null,"y":"b"}},'
        f'"key":"{uuid}","times":null}}]'
    )
    assert "0 rows are stored" in gateway(server, "load", name, path).stdout


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_file_that_is_cut_off_is_named(orders, tmp_path, format):
    path = tmp_path / f"rows.{format}"
    if format == "parquet":
        pq.write_table(TABLE, path)
    else:
        pyarrow.feather.write_feather(TABLE, str(path))
    path.write_bytes(path.read_bytes()[:-20])

    ran = gateway(orders, "load", "orders", path)

    assert ran.returncode == 1
    assert f"{path} is not {format.title()}, or it is cut off: " in ran.stderr


def test_stream_without_its_end_is_named(orders, tmp_path):
    """Cut a stream behind its last batch, as a writer leaves it that is killed between two batches."""
    path = tmp_path / "rows.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])

    ran = gateway(orders, "load", "orders", path)

    assert ran.returncode == 1
    assert f"{path} has no end marker, so it is cut off; write it again" in ran.stderr


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_file_that_grows_is_stored_once(orders, tmp_path, format):
    file = write_rows(tmp_path / f"rows.{format}", range(5000))
    load(orders, file, "--batch", "10K")
    write_rows(file, range(9000))
    code, said = load(orders, file, "--batch", "20K")
    assert code == 0
    assert said.startswith("4,000 rows are stored at /orders. 5,000 were stored before"), said
    assert stored(orders) == list(range(9000))

    other = write_rows(tmp_path / "other.feather", range(9100))
    code, said = load(orders, other)
    assert (code, "the first 9,000 rows of" in said) == (1, True), said
    write_rows(file, [*range(100), *range(7, 9000)])
    code, said = load(orders, file)
    assert (code, "the first 100 rows are the same, and not all" in said) == (1, True), said
    assert load(orders, file, "--rest")[0] == 0


def as_before(record, file) -> None:
    """Rewrite the record of a load of NDJSON as the version before columns wrote that of a Parquet file."""
    head, *lines = record.read_text().split("\n")[1:]
    first = json.loads(head)
    del first["columnar"]
    record.write_text("\n".join(["", json.dumps({**first, "file": str(file)}), *lines]))


@pytest.mark.parametrize("rows", [3000, 4000])
@pytest.mark.parametrize("is_pending", [False, True])
def test_load_begun_as_text_goes_on_as_text(orders, tmp_path, rows, is_pending):
    """Load the rest of a file that the version before began: it sent the rows as NDJSON, and named their texts."""
    file = write_rows(tmp_path / "rows.parquet", range(3000))
    (text,) = split(Source.from_path(file), 2**20)
    ndjson = tmp_path / "rows.ndjson"
    ndjson.write_bytes(text.data)
    load(orders, ndjson, "--batch", "9K")
    (record,) = records(orders)
    as_before(record, file)
    if is_pending:  # Killed before the answer to the last batch was recorded.
        lines = record.read_text().split("\n")
        record.write_text(
            "\n".join(lines[: next(at for at in range(len(lines) - 1, 0, -1) if "pending" in lines[at]) + 1])
        )
    write_rows(file, range(rows))

    code, said = load(orders, file, "--batch", "20K")

    assert code == 0, said
    assert said.startswith(f"{counted(rows - 3000)} stored at /orders. 3,000 were stored before"), said
    assert stored(orders) == list(range(rows))
    assert load(orders, file)[1].startswith("0 rows are stored")
    assert records(orders) == [record]


def counted(rows: int) -> str:
    return f"{rows:,} rows are"


def test_unanswered_columns_are_known_by_their_rows(orders, tmp_path):
    """Send rows again under their key with other bytes, as another version of pyarrow may write them."""
    file = write_rows(tmp_path / "rows.feather", range(3000))
    load(orders, file)
    (record,) = records(orders)
    lines = record.read_text().split("\n")
    record.write_text("\n".join(lines[:-2]))
    file.write_bytes(b"")
    table = pa.table({"n": pa.array(range(3000), pa.int32())})
    pyarrow.feather.write_feather(table, str(file))

    code, said = load(orders, file)

    assert (code, stored(orders)) == (0, list(range(3000))), said
    assert said.startswith("0 rows are stored at /orders. 3,000 were stored before"), said


def test_body_is_compressed_for_another_host_alone(orders, tmp_path):
    file = write_rows(tmp_path / "rows.csv", range(5000))

    def received() -> float:
        text = orders.client.get("/-/metrics").text
        found = re.findall(
            r'^gateway_http_received_bytes_total\{connector="orders"\} (\S+)', text, re.MULTILINE
        )
        return sum(map(float, found))

    for host, is_packed in (("0.0.0.0", True), ("127.0.0.1", False)):
        url = orders.url.replace("127.0.0.1", host)
        before = received()
        assert load(orders, file, "--again", "--url", url)[0] == 0
        assert (received() - before < file.stat().st_size) == is_packed
    assert stored(orders) == [*range(5000), *range(5000)]


def test_error_behind_good_rows_stores_these(server, name, tmp_path):
    """Store the batches before a cell that cannot be read, although the next one was read ahead of them."""
    server.declare(name, "fields: {n: string}\n")
    file = tmp_path / "rows.csv"
    file.write_text("n\n" + "good\n" * 5000 + '"open\n')

    ran = gateway(server, "load", name, file, "--batch", "1K")

    assert ran.returncode == 1
    assert "quote" in ran.stderr
    assert len(server.client.get(f"/{name}").json()) > 4000
