"""What `using` may say: one expression over one field. Everything else that SQL has is refused by name."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.store.sql.expression import FUNCTIONS, parse
from tests.support.server import put

FIELD = Field("x", SCALARS["string"], renamed_from="former")

#: An expression, a value, and what it makes of it.
TAKEN = [
    ("x", "a", "a"),
    ('"x"', "a", "a"),
    ("X || former", "a", "aa"),
    ("CAST(x AS BIGINT)", "12", 12),
    ("x::decimal(9, 2)::varchar", "1.5", "1.50"),
    ("TRY_CAST(x AS INT)", "a", None),
    ("TRY(x::INT)", "a", None),
    ("coalesce(nullif(x, ''), 'none')", "", "none"),
    ("CASE WHEN x = 'a' THEN 1 ELSE 2 END", "a", 1),
    ("if(x > 'b', 1, 0)", "a", 0),
    ("x IN ('a', 'b') AND NOT x LIKE 'b%' OR x IS NULL", "a", True),
    ("x BETWEEN 'a' AND 'c'", "b", True),
    ("strptime(x, '%d/%m/%Y')::DATE::VARCHAR", "23/11/2026", "2026-11-23"),
    ("CAST(regexp_replace(x, '[^0-9]', '', 'g') AS BIGINT)", "1 234 EUR", 1234),
    ("string_split(x, ',')", "a,b", ["a", "b"]),
    ("[upper(v) FOR v IN string_split(x, ',') IF v <> 'b']", "a,b", ["A"]),
    ("list_transform(string_split(x, ','), lambda v: v || x)", "a,b", ["aa,b", "ba,b"]),
    ("list_transform([x], lambda source, _id: source || _id)", "a", ["a1"]),
    ('list_transform([x], lambda "the ""old"" x": x || \'b\')', "a", ["ab"]),
    ("list_transform([x], lambda x: x || 'b')", "a", ["ab"]),
    ("x::JSON ->> '$.a'", '{"a": 5}', "5"),
    ("(x::JSON -> 'a')::BIGINT + 1", '{"a": 5}', 6),
    ("string_split(x, ',')[2]", "a,b", "b"),
    ("x /* what it was */ -- and is", "a", "a"),
    ("'it''s ' || x || ' 😀'", "a", "it's a 😀"),
]


@pytest.mark.parametrize(("text", "value", "expected"), TAKEN, ids=[case[0] for case in TAKEN])
def test_expression_runs_over_column_of_any_name(text, value, expected):
    sql = parse(text, FIELD).over('the "old" x')

    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE t ("the ""old"" x" VARCHAR)')
        connection.execute("INSERT INTO t VALUES (?)", [value])
        assert connection.execute(f"SELECT {sql} FROM t").fetchall() == [(expected,)]


REFUSED = [
    ("", "not one SQL expression"),
    ("x, x", "not one SQL expression"),
    ("x AS y", "not one SQL expression"),
    ("x FROM t", "not one SQL expression"),
    ("x WHERE true", "not one SQL expression"),
    ("x GROUP BY ALL", "not one SQL expression"),
    ("x ORDER BY 1", "not one SQL expression"),
    ("x LIMIT 1", "not one SQL expression"),
    ("[list_transform([x], lambda secret: secret)[1], secret]", "names 'secret'"),
    ("to_json([list_transform([x], lambda y, _id: y)[1], _id])", "names '_id'"),
    ("list_transform([x], lambda y: list_transform([y], lambda z: z))", "lambda inside a lambda"),
    ("x USING SAMPLE 1", "not one SQL expression"),
    ("x QUALIFY true", "not one SQL expression"),
    ("DISTINCT x", "not one SQL expression"),
    ("x UNION SELECT 'b'", "not one SQL expression"),
    ("x; DROP TABLE t", "not one SQL expression"),
    ("x; SELECT 1", "not one SQL expression"),
    ("WITH t AS (SELECT 1) SELECT 1", "not one SQL expression"),
    ("(SELECT 1)", "a query inside it"),
    ("x IN (SELECT text FROM gateway.connectors)", "a query inside it"),
    ("EXISTS (FROM gateway.batches)", "a query inside it"),
    ("x = ANY (SELECT 'a')", "a query inside it"),
    ("*", "a *"),
    ("COLUMNS(*)", "a *"),
    ("?", "a parameter"),
    ("$1", "a parameter"),
    ("#1", "positional reference"),
    ("row_number() OVER ()", "a window function"),
    ("other", "it names 'other', but 'x' is the only name"),
    ("_id", "it names '_id'"),
    ("rowid", "it names 'rowid'"),
    ("t.x", "it names 't.x'"),
    ("current_timestamp", "it names 'current_timestamp'"),
    ("list_transform([x], lambda v: v || other)", "it names 'other'"),
    ("now()", "it calls now"),
    ("random()", "it calls random"),
    ("uuid()", "it calls uuid"),
    ("nextval('s')", "it calls nextval"),
    ("getenv('HOME')", "it calls getenv"),
    ("current_setting('threads')", "it calls current_setting"),
    ("getvariable('v')", "it calls getvariable"),
    ("read_text('/etc/passwd')", "it calls read_text"),
    ("query('SELECT 1')", "it calls query"),
    ("list_transform([x], lambda v: getenv(v))", "it calls getenv"),
    ("repeat(x, 1000000000)", "it calls repeat"),
    ("range(1000000000000)", "it calls range"),
    ("list_reduce([x, x], lambda a, b: a || b)", "it calls list_reduce"),
    ("sum(x)", "it calls sum"),
    ("unnest([x])", "it calls unnest"),
    ("lower(x) FILTER (WHERE true)", "sees one value at a time"),
    ("pg_catalog2.lower(x)", "write lower"),
    ("uper(x)", "did you mean 'upper'?"),
    ("NOT " * 490 + "x", "too deep"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_expression_beyond_its_value_is_refused_by_name(text, words):
    """Check that an expression is refused if it reads anything except the value, and that the refusal names the part."""
    with pytest.raises(ValueError, match=r".") as refused:
        parse(text, FIELD)

    assert words in str(refused.value)


@given(st.text(alphabet="x()[]{}'\"-+*/,;:.|<>=? \n\\$#1aSELECTfromwith", max_size=60))
def test_random_text_is_refused_or_one_expression(text):
    try:
        sql = parse(text, FIELD).over("y")
    except ValueError:
        return
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (y VARCHAR)")
        try:
            assert connection.execute(f"SELECT {sql} FROM t").fetchall() == []
        except duckdb.Error as error:  # It may not fit the type.
            assert isinstance(error, duckdb.BinderException | duckdb.DataError | duckdb.ProgrammingError)  # noqa: PT017


def test_allowed_functions_depend_on_the_value_alone():
    """Check that none is volatile, and none is a table, an aggregate, or a pragma, under any of its names."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "SELECT function_name, function_type, stability FROM duckdb_functions()"
        ).fetchall()
    known = {}
    for name, kind, stability in found:
        known.setdefault(name.lower(), set()).add((kind, stability))
    for name in FUNCTIONS:
        kinds = {kind for kind, _ in known.get(name, {("scalar", None)})}
        assert kinds & {"scalar", "macro"}, name
        assert ("scalar", "VOLATILE") not in known.get(name, ()), name


def test_invalid_expression_is_refused_without_rows(server, name):
    """Check that its finding names the line of the file."""
    put(
        server.connectors / f"{name}.yaml",
        "fields:\n  a: integer\n  b: {type: integer, using: getenv('HOME')}\n",
    )

    state = server.reload()[f"{name}.yaml"]

    assert (state["state"], state["findings"][0]["line"], state["findings"][0]["code"]) == (
        "refused",
        3,
        "GW505",
    )
    assert "it calls getenv" in state["findings"][0]["message"]
    (server.connectors / f"{name}.yaml").unlink()
