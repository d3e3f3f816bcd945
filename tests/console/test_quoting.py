"""Text in snippets is read as the same text by the language of each snippet: by its own parser, wherever one is here."""

import ast
import csv
import io
import json
import re
import subprocess

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.connectors.connector_file import parse_connector
from gateway.console.snippets import literals, quoting
from gateway.query.columns import ColumnNames
from gateway.query.parameters import parameters_of
from gateway.query.scanner import Scanner
from gateway.query.selection import parse_order, parse_select

#: Text with what one of the languages gives a meaning to.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("'\"`$\\#(){}!%*\n\r")
)
TEXTS = st.lists(TEXT, max_size=30)
#: Names of fields: 1 to 63 printable characters without blanks around them.
NAMES = (
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("'\"`$\\.,:*()[]->"),
        min_size=1,
        max_size=20,
    )
    .map(str.strip)
    .filter(lambda name: name and name.isprintable() and not name.startswith("_"))
)


def output(*command: str, text: str) -> str:
    """Return what a program prints that reads a text, without a change of line ends."""
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout.decode()


@given(TEXTS)
@settings(max_examples=30)
def test_shell_reads_words_unchanged(texts):
    script = " ".join(["printf '%s\\0'", *map(quoting.shell, [*texts, "end"])])

    for shell in ("bash", "sh"):
        assert output(shell, "-s", text=script).split("\0")[:-1] == [*texts, "end"]


@given(TEXT)
def test_python_reads_strings_unchanged(text):
    assert ast.literal_eval(quoting.double_quoted(text)) == text


@given(TEXTS)
@settings(max_examples=10)
def test_javascript_reads_strings_unchanged(texts):
    script = f"process.stdout.write(JSON.stringify([{', '.join(map(quoting.double_quoted, texts))}]))"

    assert json.loads(output("node", "--input-type=module", "-", text=script)) == texts


@given(TEXT)
@settings(max_examples=50)
def test_duckdb_reads_strings_unchanged_on_one_line(text):
    literal = quoting.sql(text)

    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {literal}").fetchone() == (text,)
    assert "\n" not in literal


@given(NAMES)
@settings(max_examples=50)
def test_duckdb_reads_names_unchanged(name):
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT 1 AS {quoting.sql_name(name)}").description[0][0] == name


@given(TEXT)
def test_power_query_strings_have_no_escape_left(text):
    """Read a string as the language's specification says: `""` is a quote, `#(#)` is a #, other text is itself."""
    literal = quoting.power_query(text)

    inside = literal[1:-1]
    assert re.fullmatch(r'(?:""|#\(#\)|#(?!\()|[^"#])*', inside, re.DOTALL)
    assert inside.replace('""', '"').replace("#(#)", "#") == text


@given(TEXT)
def test_formulas_read_strings_unchanged(text):
    inside = quoting.formula(text)[1:-1]

    assert re.fullmatch(r'(?:""|[^"])*', inside, re.DOTALL)
    assert inside.replace('""', '"') == text


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_csv_readers_read_cells_unchanged(texts):
    record = ",".join(map(quoting.csv_cell, texts))

    assert list(csv.reader(io.StringIO(record, newline=""))) == [texts]


@given(NAMES)
def test_dialect_reads_names_in_select_and_order(name):
    text = json.dumps({"fields": {name: "integer"}}, ensure_ascii=False)
    connector, _ = parse_connector(text.encode(), "c.yaml")
    columns = ColumnNames(connector)
    quoted = quoting.dialect_name(name)

    assert [each.name for each in parse_select(quoted, columns)] == [name]
    assert [each.column.field.name for each in parse_order(f"{quoted}.desc", columns, ())] == [name]


@given(TEXT)
def test_dialect_reads_keys_inside_json(key):
    scanner = Scanner("select", f"->{quoting.dialect_key(key)}")

    assert scanner.path() == ((key,), False)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_query_strings_are_read_as_their_parameters(pairs):
    text = quoting.query_string(pairs)

    assert parameters_of(text) == pairs
    assert not set(text) & set(" '\"`$\\*{}[]#<>|^!;")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(TEXT | st.just("__proto__"), values, max_size=3)
    ),
    max_leaves=8,
)
ROWS = st.dictionaries(NAMES, JSON, min_size=1, max_size=4)


@given(ROWS)
def test_python_and_json_read_rows_unchanged(row):
    assert ast.literal_eval(literals.PYTHON.row(row)) == row
    assert json.loads(literals.JSON.row(row)) == row


@given(st.lists(ROWS, max_size=10))
@settings(max_examples=10)
def test_javascript_reads_rows_unchanged(rows):
    script = f"process.stdout.write(JSON.stringify([{', '.join(map(literals.JAVASCRIPT.row, rows))}]))"

    assert json.loads(output("node", "--input-type=module", "-", text=script)) == rows
