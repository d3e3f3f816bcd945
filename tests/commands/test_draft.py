"""`gateway new` and `gateway load` agree: a draft loads its file, and an unreadable file is named."""

import csv
import gzip
import io
import json
import re
import shlex
import subprocess

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors import example_row, plan
from gateway.connectors.directory import ConnectorFile
from gateway.draft import columns, draft_file
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from tests.commands.test_verbs import gateway
from tests.support import shell
from tests.support.server import Server, eventually
from tests.support.sizes import examples

#: Cells that look like values of each type, and nearly so.
CELLS = st.sampled_from(
    [
        "0",
        "1",
        "-7",
        "007",
        "1.5",
        "1e400",
        "-1e400",
        "1e-400",
        "12345678901234567890",
        "1,5",
        "true",
        "no",
        "NA",
        "2026-01-31",
        "31.12.2026",
        "08:30",
        "x",
        "2026-01-31T08:30:00Z",
        "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c00",
        "{}",
        "[1]",
        "é",
        "",
        " ",
        "2026-01-31 08:30:00",
        '{"a": 1e400}',
        "[1e400]",
        'a "b"',
        "9" * 40,
    ]
)
NUMBERS = st.integers() | st.sampled_from([10**39, -(10**400), 2**63, -(2**63) - 1, 0])
SCALARS = st.none() | st.booleans() | NUMBERS | CELLS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)


@pytest.fixture(scope="session")
def numbers(server: Server) -> str:
    """Return the name of a connector for files that are refused before a row of them is stored."""
    server.declare("draft_numbers", "fields: {a: integer}\n")
    return "draft_numbers"


def require_loads(source: Source) -> None:
    """Draft a connector for a file, and validate the rows of the file as its endpoint does."""
    text = draft_file.render(columns.inspect(source, None), source.path.name).text
    declared = plan.parse_file(ConnectorFile.of("x.yaml", text.encode()))
    assert declared.connector is not None, (text, declared.findings)
    validator = Validator(declared.connector)
    for chunk in split(source, 2**20):
        validator.check(payload.parse(chunk.data, chunk.media, declared.connector, 2**20))


@examples(200)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_drafted_csv_loads(tmp_path_factory, rows):
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_MINIMAL, lineterminator="\n").writerows(
        [("first", "second"), *rows]
    )
    path = tmp_path_factory.getbasetemp() / "draft.csv"
    path.write_text(written.getvalue())

    require_loads(Source.from_path(path).with_options(",", None, None))


@examples(200)
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["a", "b"]), VALUES, min_size=1), min_size=1, max_size=6)
)
def test_drafted_ndjson_loads(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "draft.ndjson"
    text = "\n".join(map(json.dumps, rows))
    path.write_text(re.sub(r'"(-?1e-?400)"', r"\1", text))

    require_loads(Source.from_path(path))


# -- formats of files


ROWS = [("id", "name", "note"), ("1", "a, b", ""), ("2", 'say "hi"', "two\nlines"), ("3", "Zoë", "x;y|z")]
FIELDS = "fields: {id: integer, name: string, note: {type: string, nullable: true}}\n"


def text_of(separator=",", end="\n"):
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator=end).writerows(ROWS)
    return written.getvalue()


READ = {
    "semicolon.csv": (text_of(";").encode(), ["--separator", ";"], "is separated by ';' and not by commas"),
    "crlf.csv": (text_of("|", "\r\n").encode(), ["--separator", "pipe"], "is separated by '|'"),
    "tabs.csv": (text_of("\t").encode(), ["--separator", "tab"], "is separated by tabs"),
    "caret.csv": (text_of("^").encode(), ["--separator", "^"], None),
    "rows.tsv": (text_of("\t").encode(), [], None),
    "excel.csv": (
        ("sep=;\r\n" + text_of(";", "\r\n")).encode("utf-8-sig"),
        ["--separator", ";"],
        "a line for Excel",
    ),
    "utf16.csv": (text_of().encode("utf-16"), ["--encoding", "utf-16"], "is UTF-16; use --encoding utf-16"),
    "utf16be.csv": (text_of().encode("utf-16-be"), ["--encoding", "utf-16-be"], "use --encoding utf-16-be"),
    "tabs16.csv": (text_of("\t").encode("utf-16"), ["--encoding", "utf-16", "--separator", "tab"], "UTF-16"),
    "windows.csv": (
        text_of().encode("cp1252"),
        ["--encoding", "cp1252"],
        "line 5 has the byte 0xEB, in Windows-1252 it is 'ë'",
    ),
    "packed.csv.gz": (gzip.compress(text_of(";").encode()), ["--separator", ";"], "is separated by ';'"),
    "headless.csv": (text_of().partition("\n")[2].encode(), ["--header", "id,name,note"], None),
}


@pytest.mark.parametrize("file", READ)
def test_file_is_named_and_then_read(server, name, tmp_path, file):
    data, options, words = READ[file]
    (tmp_path / file).write_bytes(data)
    if words:
        server.declare(name, FIELDS)
        for command in (("new", name, "--from", file, "--stdout"), ("load", name, file)):
            refused = gateway(server, *command, cwd=tmp_path)
            assert (refused.returncode, words in refused.stderr) == (1, True), refused.stderr
            assert options == [] or options[0] in refused.stderr

    drafted = gateway(server, "new", name, "--from", file, *options, "--stdout", cwd=tmp_path)
    assert drafted.returncode == 0, drafted.stderr
    server.declare(name, drafted.stdout)
    loaded = gateway(server, "load", name, file, *options, cwd=tmp_path)

    assert loaded.returncode == 0, loaded.stderr
    expected = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    assert server.client.get(f"/{name}").json() == [
        {"id": int(row["id"]), "name": row["name"], "note": row["note"] or None} for row in expected
    ]


def test_bad_rows_keep_lines_after_conversion(server, name, tmp_path):
    server.declare(name, "fields: {id: integer}\n")
    (tmp_path / "a.csv").write_text("sep=;\nid;x\n1;1\nz;2\n")
    (tmp_path / "b.csv").write_text("1;1\nz;2\n")

    for file, options, line in (("a.csv", [], 4), ("b.csv", ["--header", "id,x"], 2)):
        options = ["--separator", ";", "--without", "x", *options]
        ran = gateway(server, "load", name, tmp_path / file, *options)
        assert f"row 2, line {line}, field 'id': 'z' is not an integer" in ran.stderr


NAMED = {
    "page.csv": (b"<!DOCTYPE html>\n<html>", "is an HTML or XML page"),
    "empty.csv": (b"", "is empty: it has no rows"),
    "empty.csv.gz": (gzip.compress(b""), "is empty once decompressed"),
    "packed.csv": (gzip.compress(b"a\n1\n"), "is gzip; call it packed.csv.gz"),
    "book.csv": (b"PK\x03\x04rest", "is a zip archive; unzip it"),
    "book.xlsx": (b"PK\x03\x04rest", "its bytes are damaged"),
    "book.xlsm": (b"a,b\n1,2\n", "is not an Excel workbook; give it the suffix of its actual format"),
    "locked.xlsx": (
        b"\xd0\xcf\x11\xe0" + bytes(600),
        "has a password, or is a workbook of Excel 97; open it",
    ),
    "old.xls": (b"\xd0\xcf\x11\xe0", "is a workbook of Excel 97; open it, save it as .xlsx"),
    "book.xlsb": (b"PK\x03\x04", "is a binary workbook; open it in Excel, save it as .xlsx"),
    "book.xlsx.gz": (gzip.compress(b"PK"), "a workbook is compressed already: unpack it"),
    "parquet.csv": (b"PAR1\x15\x04rest", "is a Parquet file; call it parquet.parquet"),
    "rows.parquet": (b"a,b\n1,2\n", "is not Parquet; give it"),
    "table.html": (b"<table>", "is an HTML page"),
    "json.csv": (b'{"a": 1}\n{"a": 2}\n', "is JSON, not CSV; call it json.ndjson"),
    "lines.json": (b'{"a": 1}\n{"a": 2}\n', "has a JSON value on each line; call it lines.ndjson"),
    "array.ndjson": (b'[{"a": 1}]', "is a JSON array; call it array.json"),
    "nul.csv": (b"a,b\n\0\1\2,1\n", "has NUL bytes"),
    "lfs.csv": (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
    "mac.csv": (b"a,b\r1,2\r", "ends its lines with CR alone"),
    "blank.csv": (b"\n \n", "has blank lines only"),
    "rows.dat": (
        b"a,b\n1,2\n",
        "does not have the suffix of a file of rows: .csv, .tsv, .json, .ndjson, .jsonl, .parquet, .arrow",
    ),
    "comma.txt": (b"a,b\n1,2\n", "; if it is CSV, call it comma.csv"),
    "lines.txt": (b'{"a": 1}\n{"a": 2}\n', "; if it is JSON, call it lines.ndjson"),
    "places.geojson": (b'[{"a": 1}]', "; if it is JSON, call it places.json"),
    "packed": (gzip.compress(b"a\n1\n"), "; it is compressed: add .gz to the name"),
    "table.parq": (b"PAR1", "; it is Parquet: call it table.parquet"),
    "nothere.txt": (None, "nothere.txt does not exist"),
    "columns.json": (
        b'{"a": {"0": 1, "1": 2}, "b": {"0": 1, "1": 2}}',
        "is a table by columns, as pandas writes it; write it with to_json(orient='records'); call it columns.ndjson if",
    ),
    "split.json": (
        b'{"columns": ["a"], "index": [0], "data": [[1]]}',
        "is a table by columns, as pandas writes it",
    ),
    "data.json": (
        b'{"data": [{"a": 1}, {"a": 2}]}',
        "is one object, whose 'data' has 2 rows; extract them: jq .data data.json > new.json",
    ),
    "cut.json": (
        b'[{"a": 1}, {"a"',
        "cut.json: the JSON array ends without its ], so the file was probably cut off",
    ),
    "text.csv": (b"a,b\r\r\n1,2\r\r\n", "ends its lines with CR CR LF"),
}


@pytest.mark.parametrize("file", NAMED)
def test_file_of_other_format_is_named(server, numbers, tmp_path, file):
    data, words = NAMED[file]
    if data is not None:
        (tmp_path / file).write_bytes(data)

    for command in (("new", numbers, "--from", file, "--stdout"), ("load", numbers, file)):
        ran = gateway(server, *command, cwd=tmp_path)
        assert (ran.returncode, words in ran.stderr, ran.stdout) == (1, True, ""), ran.stderr


@pytest.mark.parametrize(
    "text", ["a\nx;y\nz\n", "a,b\n1;2,3\n4;5,6\n", 'a\n"x;y"\n"z;w"\n', "a b\n1\n", "a,b|c\n1,2|3\n"]
)
def test_commas_are_not_doubted_without_need(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)

    require_loads(Source.from_path(tmp_path / "x.csv"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--separator", ";;"], "is not one ASCII character"),
        (["--encoding", "utf-61"], "is not a known encoding"),
        (["--encoding", "ascii"], "is not ascii, the encoding of --encoding"),
        (["--without", "nmae"], "has no column 'nmae' to leave out; did you mean 'name'?"),
    ],
)
def test_invalid_reading_option_is_reported(server, name, tmp_path, options, words):
    server.declare(name, FIELDS)
    (tmp_path / "x.csv").write_text(text_of())

    for command in (("new", name, "--from", "x.csv", "--stdout"), ("load", name, "x.csv")):
        ran = gateway(server, *command, *options, cwd=tmp_path)
        assert (ran.returncode, words in ran.stderr) == (1, True), ran.stderr


# -- the header


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "1,2026-01-31\n2,2026-02-01\n",
            1,
            "seems to have no header: '1', '2026-01-31' in its first line are values",
        ),
        (
            "1,Ann\n2,Bob\n",
            1,
            "use --header a,b to name the columns (or --header 1,Ann if that line is the header)",
        ),
        ("1,1,Ann\n2,3,Bob\n", 1, "seems to have no header: '1' in its first line is a value;"),
        ("Ann,true\nBob,false\n", 1, "seems to have no header: 'true'"),
        ("Ann,1987\nBob,1990\n", 1, "seems to have no header: '1987'"),
        ("Ann,2.5,x\nBob,3,y\n", 1, "seems to have no header: '2.5'"),
        ("Ann,42\nBob,n/a\n", 0, "The first line has what looks like a value, '42'. If it is a row"),
        ("Sales,,\nid,name,n\n1,x,2\n", 1, "its first line has one name, 'Sales', for 3 columns with values"),
        (
            "a,b\n1\n",
            1,
            "line 2: the row has 1 cell, the header 2; write a separator for each cell that is empty",
        ),
        ("country,2019,2020\nNO,1,2\n", 0, ""),
        ("id,1,2,3\nx,4,5,6\n", 0, ""),
        ("Ann,42", 1, "or use --field 'NAME: TYPE' for each column instead of --from"),
        ("a,a,b,b\n1,2,3,4\n", 1, "columns 1 and 2 are both named 'a'; columns 3 and 4 are both named 'b'"),
        (" name,id\nx,1\n", 0, "The column ' name' starts with a blank"),
        ("Name,name\nx,1\n", 0, "The column 'name' differs from 'Name' by case alone"),
        (f"id,{'x' * 70}\n1,1\n", 0, "has 70 characters, and a field's name at most 63"),
        (",a\n0,1\n", 0, "Column 1 has values, but no name (the index of pandas"),
        ("_id,_x\n0,1\n", 1, "'_id' starts with _, which is reserved for the gateway; '_x' starts with _"),
    ],
)
def test_doubtful_header_is_reported(tmp_path, text, code, words):
    (tmp_path / "x.csv").write_text(text)

    ran = gateway(Server(tmp_path), "new", "x", "--from", "x.csv", "--stdout", cwd=tmp_path)

    assert (ran.returncode, words in ran.stderr) == (code, True), ran.stderr
    assert (ran.stdout == "") == (code == 1)


def test_header_may_look_like_values(server, name, tmp_path):
    (tmp_path / "x.csv").write_text("2019,2020\n1,2\n")
    drafted = gateway(
        server, "new", name, "--from", "x.csv", "--header", "2019,2020", "--stdout", cwd=tmp_path
    )
    path = server.declare(name, drafted.stdout)

    assert gateway(server, "load", name, "x.csv", cwd=tmp_path).returncode == 0
    assert server.client.get(path).json() == [{"2019": 1, "2020": 2}]


@pytest.mark.parametrize(
    ("text", "options", "names", "rows"),
    [
        ("Ann,42,2026-01-31\nBob,43,2026-02-01\n", [], "a,b,c", 2),
        ("Ann,42,2026-01-31\nBob,43,2026-02-01\n", [], "Ann,42,2026-01-31", 1),
        ('"x, y",1\nz,2\n', [], '"x, y",1', 1),
        ("Ann;4;\nBob;5;6\n", ["--separator", ";"], "a,b,c", 2),
        ("Ann;4;5\nBob;5;6\n", ["--separator", ";"], "Ann;4;5", 1),
        ("1,Ann\n2,Bob\n", [], "a,b", 2),
        ("Ann,42\nBob,n/a\n", [], "a,b", 2),
    ],
)
def test_suggested_header_drafts_and_loads(server, name, tmp_path, text, options, names, rows):
    (tmp_path / "x.csv").write_text(text)
    drafting = ("new", name, "--from", "x.csv", *options, "--stdout")
    doubted = gateway(server, *drafting, cwd=tmp_path)
    advised = [shlex.split(each)[0] for each in doubted.stderr.replace(")", "").split("--header ")[1:]]
    assert names in advised or names.replace(";", ",") in advised

    path = server.declare(name, gateway(server, *drafting, "--header", names, cwd=tmp_path).stdout)
    loaded = gateway(server, "load", name, "x.csv", *options, "--header", names, cwd=tmp_path)

    assert loaded.returncode == 0, loaded.stderr
    assert len(server.client.get(path).json()) == rows


def test_doubtful_draft_suggests_working_command(tmp_path):
    (tmp_path / "x.csv").write_text("Ann,42\nBob,n/a\n")
    ran = gateway(Server(tmp_path), "new", "x", "--from", "x.csv", cwd=tmp_path)
    remove, again = re.search(r"name the columns: rm (.*) && gateway (.*)", ran.stdout).groups()
    (tmp_path / remove).unlink()

    assert gateway(Server(tmp_path), *shlex.split(again), cwd=tmp_path).returncode == 0
    assert "a: string" in (tmp_path / remove).read_text()


BEFORE_HEADER = {
    "\n\na,b\n1,2\n": "begins with blank lines",
    "# made by x\na,b\n1,2\n": "begins with comments (#)",
    "# x\n\n# y\na,b\n1,2\n": "begins with comments (#) and blank lines",
    "## meta\n#a,b\n1,2\n": "begins with comments (#)",
}


@pytest.mark.parametrize("text", BEFORE_HEADER)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_lines_before_header_suggest_working_command(server, name, tmp_path, text, suffix):
    file = tmp_path / f"my rows.csv{suffix}"
    file.write_bytes(gzip.compress(text.encode()) if suffix else text.encode())
    server.declare(
        name,
        'fields: {b: integer, a: {type: integer, nullable: true}, "#a": {type: integer, nullable: true}}\n',
    )
    for command in (("new", name, "--from", file.name, "--stdout"), ("load", name, file.name)):
        ran = gateway(server, *command, cwd=tmp_path)
        assert (ran.returncode, BEFORE_HEADER[text] in ran.stderr) == (1, True), ran.stderr

    subprocess.run(["sh", "-c", re.search(r"remove [^:]*: (.*)", ran.stderr)[1]], cwd=tmp_path, check=True)

    assert gateway(server, "load", name, "new.csv", cwd=tmp_path).returncode == 0


def test_header_may_begin_with_comment_sign(tmp_path):
    (tmp_path / "x.csv").write_text("#id,b\n1,2\n")

    assert (
        '"#id": integer'
        in gateway(Server(tmp_path), "new", "x", "--from", "x.csv", "--stdout", cwd=tmp_path).stdout
    )


@pytest.mark.parametrize("kind", ["csv", "json", "ndjson", "parquet"])
def test_column_left_out_is_not_loaded(server, name, tmp_path, kind):
    frame = pandas.DataFrame({"_id": ["x", "y"], "n": [1, 2], "a,b": ["p", "q"]})
    path = tmp_path / f"rows.{kind}"
    write = {
        "csv": lambda: frame.to_csv(path, index=False),
        "json": lambda: frame.to_json(path, orient="records"),
        "ndjson": lambda: frame.to_json(path, orient="records", lines=True),
        "parquet": lambda: frame.to_parquet(path),
    }
    write[kind]()
    drafted = gateway(server, "new", name, "--from", path, "--stdout")
    assert f"gateway load {name} {path} --without _id" in drafted.stderr
    server.declare(name, drafted.stdout)

    ran = gateway(server, "load", name, path, "--without", "_id")

    assert ran.returncode == 0, ran.stderr
    assert server.client.get(f"/{name}").json() == [{"n": 1, "a,b": "p"}, {"n": 2, "a,b": "q"}]


# -- new without a file of rows, and its output


def curl_of(said: str) -> str:
    (command,) = (line.strip() for line in said.splitlines() if line.startswith("  curl "))
    return command


def test_new_prints_working_curl_command(cleared, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("n,amount,at,doc,tags\n1,1.50,2026-01-31T08:30:00Z,{},[1]\n")
    ran = gateway(cleared, "new", "sales", "--from", file)

    assert ran.returncode == 0, ran.stderr
    assert "sales.yaml is written, with 5 fields." in ran.stdout
    assert "Only the admin token may write or read its rows" in ran.stdout
    eventually(lambda: cleared.client.get("/sales").status_code == 200)
    answer = subprocess.check_output(["bash", "-c", curl_of(ran.stdout) + " -s"], text=True)
    assert json.loads(answer)["stored"] == 1
    loaded = ran.stdout.split("To load the file: gateway ")[1].split()
    assert gateway(cleared, *loaded).stdout == "1 row is stored at /sales.\n"


FIELD_LINES = [
    "amount: decimal(12, 2)",
    "note: {type: string, nullable: true, min_length: 30}",
    "kind: {type: string, enum: [sold, back]}",
    "share: {type: number, exclusive_minimum: 0, exclusive_maximum: 1}",
    "count: {type: integer, minimum: 500}",
    "mail: {type: string, format: email}",
    "tags: string[]",
    "it's: {type: string, default: \"it's\"}",
    "code: {type: string, max_length: 2}",
]


def test_new_works_without_a_sample(cleared):
    words = [word for line in FIELD_LINES for word in ("--field", line)]
    ran = gateway(cleared, "new", "sales", *words)

    assert ran.returncode == 0, ran.stderr
    assert (cleared.connectors / "sales.yaml").read_text() == "fields:\n" + "".join(
        f"  {line}\n" for line in FIELD_LINES
    )
    eventually(lambda: cleared.client.get("/sales").status_code == 200)
    answer = subprocess.check_output(["bash", "-c", curl_of(ran.stdout) + " -s"], text=True)
    assert json.loads(answer)["stored"] == 1, answer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--field", "n: integr"], "'n: integr': field 'n': 'integr' is not a type; did you mean 'integer'?"),
        (["--field", "n integer"], "'n integer': "),
        (["--field", "n: integer", "--field", "n: string"], "'n: string': the key 'n' stands here again"),
        (["--field", "n: {type: integer"], "'n: {type: integer'"),
        (
            ["--field", "n: integer\naccess: {read: [public]}"],
            "is not a line such as 'amount: decimal(12, 2)'",
        ),
        (["--field", "_n: integer"], "starts with _"),
        (["--field", ""], "is not a line such as"),
        ([], "--from FILE with rows, or --field"),
        (["--field", "n: integer", "--from", "x.csv"], "in one of two ways"),
        (["--from", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--from", "."], "is a directory"),
    ],
)
def test_new_reports_invalid_fields(tmp_path, words, said):
    server = Server(tmp_path, is_forked=True)

    ran = gateway(server, "new", "x", *words, cwd=tmp_path)

    assert (ran.returncode, said in ran.stderr, ran.stdout) == (1, True, ""), ran.stderr
    assert list(server.connectors.iterdir()) == []


def test_example_names_fields_without_value():
    text = b'fields: {code: {type: string, pattern: "^[A-Z]{3}$"}, n: integer}\n'
    declared = plan.parse_file(ConnectorFile.of("x.yaml", text)).connector

    assert example_row.build(declared) == ({"n": 42}, ["code"])


# -- suggested commands of gateway load


OTHERWISE = [
    ("a,b\n1,x\n2,y\n", [], ["--header", "b,a"], 1, "(then: none; now: --header b,a); nothing was stored"),
    ("1,x\n2,y\n", ["--header", "a,b"], [], 1, "(then: --header a,b; now: none); nothing was stored"),
    (
        "a;b\n1;x\n2;y\n",
        ["--separator", ";"],
        ["--separator", ";", "--without", "b"],
        0,
        "now: --separator ';' --without b)",
    ),
    ("a,b\n1,é\n2,ü\n3,z\n", [], ["--encoding", "latin-1"], 1, "(then: none; now: --encoding latin-1)"),
]


@pytest.mark.parametrize(("text", "then", "now", "code", "words"), OTHERWISE)
def test_options_different_from_earlier_load_are_reported(
    server, name, tmp_path, text, then, now, code, words
):
    server.declare(name, "fields: {a: integer, b: {type: string, nullable: true}}\n")
    (tmp_path / "x.csv").write_text(text)
    first = gateway(server, "load", name, "x.csv", *then, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    stored = server.client.get(f"/{name}").json()

    ran = gateway(server, "load", name, "x.csv", *now, cwd=tmp_path)

    assert (ran.returncode, words in ran.stderr) == (code, True), ran.stderr
    assert server.client.get(f"/{name}").json() == stored
    same = gateway(server, "load", name, "x.csv", *then, cwd=tmp_path)
    assert (same.returncode, same.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (",a\n0,1\n", ["--without", "1"]),
        ("a,,\n1,x,y\n", ["--without", "2", "--without", "3"]),
        ("a,other,an other\n1,2,3\n", ["--without", "other", "--without", "an other"]),
    ],
)
def test_unknown_column_suggests_working_without_option(server, name, tmp_path, text, options):
    server.declare(name, "fields: {a: integer}\n")
    (tmp_path / "x.csv").write_text(text)
    refused = gateway(server, "load", name, "x.csv", cwd=tmp_path)

    assert shlex.split(re.search(r"(?:this column|these columns): (.*)", refused.stderr)[1]) == options
    assert gateway(server, "load", name, "x.csv", *options, cwd=tmp_path).returncode == 0
    assert server.client.get(f"/{name}").json() == [{"a": 1}]


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '{"a": 1, "b": [{"x": 1}, {"x": 2}]}', '{"a": [1, 2]}', '{"a": {"x": 1}}', '{"a": []}'],
)
def test_file_of_one_object_is_one_row(tmp_path, text):
    (tmp_path / "x.json").write_text(text)

    require_loads(Source.from_path(tmp_path / "x.json"))


def test_file_without_header_suggests_header_option(server, name, tmp_path):
    server.declare(name, "fields: {a: string, b: integer}\n")
    told = {
        "Ann,1\n": "if its only line is a row, use --header a,b,c",
        "Ann,1\nBob,2\n": "If its first line is a row, --header names the columns, as in --header a,b,c",
    }
    for text, words in told.items():
        (tmp_path / "x.csv").write_text(text)
        assert words in gateway(server, "load", name, "x.csv", cwd=tmp_path).stderr


def test_row_of_empty_cells_is_one_error(server, name):
    path = server.declare(name, "fields: {a: integer, b: string, c: {type: string, nullable: true}}\n")

    answer = server.client.post(
        path, content="a,b,c\n1,x,\n,,\n,,z\n", headers={"Content-Type": "text/csv"}
    ).json()

    found = [
        (error["line"], error["field"], error["message"].partition(":")[0]) for error in answer["errors"]
    ]
    assert found == [
        (3, None, "every cell of the row is empty, and values are required"),
        (4, "a", "a value is required"),
        (4, "b", "a value is required"),
    ]
    assert (answer["code"], answer["error_count"]) == ("23502", 3)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("-", "standard input cannot be read a second time"),
        ("/dev/stdin", "/dev/stdin is not a regular file: a stream cannot be read a second time"),
        (
            "https://example.com/rows.csv",
            "is a URL, not a file; download it first: curl -fLO https://example.com/rows.csv",
        ),
        ("s3://bucket/rows.parquet", "s3://bucket/rows.parquet is a URL, not a file"),
    ],
)
def test_streams_and_urls_suggest_download(server, numbers, tmp_path, file, words):
    for command in (("new", numbers, "--stdout", "--from", file), ("load", numbers, file)):
        ran = subprocess.run(
            ["sh", "-c", f"true | {shlex.join(['gateway', *command])}"],
            cwd=tmp_path,
            env=shell.environment(tmp_path, GATEWAY_URL=server.url),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, words in ran.stderr) == (1, True), ran.stderr
