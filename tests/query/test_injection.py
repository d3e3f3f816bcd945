"""No byte of a request reaches SQL text: the SQL has a vocabulary of its own, and nothing else is ever in it."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector_file import parse_connector
from gateway.errors import GatewayError
from gateway.media_types import Media
from gateway.query import dialect, digits
from gateway.query.row_formats import Output
from gateway.query.statement import Statement
from gateway.store.errors import CAST_FAILED
from tests.support.sizes import examples, scaled

CONNECTOR = """
fields:
  i: {type: integer, nullable: true}
  d: {type: "decimal(8, 2)", nullable: true}
  n: {type: number, nullable: true}
  s: {type: string, nullable: true}
  b: {type: boolean, nullable: true}
  t: {type: timestamp, nullable: true}
  u: {type: uuid, nullable: true}
  l: {type: "string[]", nullable: true}
  j: {type: json, nullable: true}
  'we"ird; --': {type: string, nullable: true}
access: {read: [public]}
"""
CONNECTOR_VALUE, _ = parse_connector(CONNECTOR.encode(), "injection.yaml")
IDENTIFIERS = {
    '"injection@0"',
    '"_id"',
    '"_ingested_at"',
    '"_batch"',
    '"we""ird; --"',
    *(f'"{name}"' for name in "idnsbtulj"),
}
WORDS = frozenset(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP",
        "BY",
        "ALL",
        "ORDER",
        "ASC",
        "DESC",
        "NULLS",
        "FIRST",
        "LAST",
        "LIMIT",
        "OFFSET",
        "AS",
        "AND",
        "OR",
        "NOT",
        "IN",
        "IS",
        "NULL",
        "make_timestamp",
        "epoch_us",
        "TRUE",
        "FALSE",
        "DISTINCT",
        "LIKE",
        "ILIKE",
        "ESCAPE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "CAST",
        "TRY_CAST",
        "AT",
        "TIME",
        "ZONE",
        "true",
        "false",
        "rows",
        "place",
        "lambda",
        "x",
        "concat",
        "coalesce",
        "chr",
        "replace",
        "to_json",
        "array_to_string",
        "list_transform",
        "list_bool_or",
        "regexp_matches",
        "regexp_full_match",
        "json_type",
        "json_extract",
        "json_extract_string",
        "json_keys",
        "json_array_length",
        "len",
        "substr",
        "error",
        "SMALLINT",
        "json_valid",
        "left",
        "length",
        "ltrim",
        "rtrim",
        "upper",
        "contains",
        "starts_with",
        "translate",
        "regexp_extract",
        "regexp_replace",
        *("document", "number", "pair", "part", "digits", "sign", "whole", "behind", "power"),
        "isfinite",
        "isnan",
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "VARCHAR",
        "BIGINT",
        "DOUBLE",
        "BOOLEAN",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "UUID",
        "JSON",
        "DECIMAL",
    ]
)
STRINGS = {
    "'nan'", "'NaN'", "'inf'", "'Infinity'",
    "'['", "']'", "','", "'{'", "'}'", "''", "'\"'", "'\"\"'", "'null'", "' '", "'T'", "'Z'", "'UTC'", "'$'", "'none'",
    "'\\'", "'s'", "'si'", "'NULL'", "'VARCHAR'", "'BOOLEAN'", "'ARRAY'", "'OBJECT'", "'true'", "'false'",
    "'\"NaN\"'", "'\"Infinity\"'", "'\"-Infinity\"'", "'\\s*[+-]?[0-9]+\\s*'", "'^$|[\",\\r\\n]|^\\s|\\s$'",
    f"'{CAST_FAILED}'", "'[]'", "'{}'", "'^\\s*[{](.*)[}]\\s*$'", "'(?i)nan|inf|,\\s*[\\]}]'", "'gs'",
    r"""'"(?:[^"\\]|\\.)*"'""",
    *re.findall(
        "'[^']*'",
        digits.is_lossy("j") + digits.marked("j") + digits.unmarked("j") + digits.rest("j")
        + digits.is_written("j", 2**60, str),
    ),
}  # fmt: skip
TOKEN = re.compile(
    r"""(?P<identifier>"(?:[^"]|"")*")|(?P<string>'(?:[^']|'')*')|(?P<parameter>\$\d+)|(?P<number>\d+)"""
    r"""|(?P<column>_[cpae]\d+\b|e\d+\b|_place\b)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark><=|>=|<>|<@|@>|&&|\|\||::|[(),.*=<>:\[\]+-])|\s+""",
)
HOSTILE = [
    "'; DROP TABLE rows.\"injection\"; --", '"; SELECT 1; --', "' OR '1'='1", "x' UNION SELECT * FROM gateway.batches --",
    "$1", "?", "/*", "*/", "\\", "\\'", '\\"', "\x00", "\n", "a,b", "a)b", "(", "{", "}", "->", "->>", "::", "::text",
    "1; CHECKPOINT", "read_csv('/etc/passwd')", "pg_sleep(10)", "é", "\u2028", "😀", "%", "_", "null", "NULL", "",
]  # fmt: skip
texts = (
    st.sampled_from(HOSTILE)
    | st.text(max_size=8)
    | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
)


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


#: Templates that the grammar takes whatever stands in them, and such that it mostly refuses.
TEMPLATES = [
    ("s", "eq.{0}"), ("s", "not.neq.{0}"), ("s", "like.{0}"), ("s", 'ilike(any).{{"{1}"}}'), ("s", "match.{0}"),
    ("s", 'in.("{1}",{2})'), ("s", 'gt(all).{{"{1}",NULL}}'), ("s", "isdistinct.{0}"), ("l", 'cs.{{"{1}"}}'), ("l", 'ov.{{"{1}","x"}}'),
    ("l", 'lt.{{"{1}"}}'), ("or", '(s.eq."{1}",and(s.gt."{1}",i.is.null))'), ("not.and", '(s.in.("{1}"))'),
    ('j->"{1}"', "eq.1"), ('j->>"{1}"', "eq.{0}"), ('j->"{1}"->0->>"{1}"', "like.{0}"), ("j", 'cs.{{"{3}":["{3}"]}}'),
    ("j", 'eq.["{3}",{{"{3}":null}}]'), ("j->a", 'gt."{3}"'), ("l->>0", "eq.{0}"),
    ("select", '"{1}":s,i'), ("select", 'x:j->"{1}"->>"{1}",s::text'), ("select", '"{1}":d.sum(),b'), ("select", '*,"{1}":u::text'),
    ("select", 'j->"{1}"::text,n::int,t::date,s::bool,s::json,x:s::text[],y:l::int[],z:j::float8[],w:i::int2,i::bool,j::float8'), ("order", 'j->"{1}".desc,l,s.nullsfirst'),
    ("limit", "3"), ("offset", "2"), ('we"ird; --', "eq.{0}"), ("select", '"we\\"ird; --","{1}":n.avg()'), ("order", '"we\\"ird; --"'),
    ("{0}", "eq.{0}"), ("{0}", "{0}"), ("s", "{0}"), ("select", "{0}"), ("order", "{0}"), ("or", "({0})"), ("cursor", "{0}"), ("i", "in.({0})"),
]  # fmt: skip


def spell_json(text):
    return json.dumps(text)[1:-1]


@st.composite
def query_strings(draw):
    parameters = []
    for key, value in draw(st.lists(st.sampled_from(TEMPLATES), min_size=1, max_size=4)):
        text = draw(texts)
        parts = (text, escape(text), re.sub(r'[,()"\\]', "", text), spell_json(text))
        parameters.append((key.format(*parts), value.format(*parts)))
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in parameters)


OUTPUTS = [
    Output(Media.JSON, ""), Output(Media.JSON, "", is_singular=True, is_stripped=True), Output(Media.NDJSON, ""),
    Output(Media.CSV, ""), Output(Media.PARQUET, ""),
]  # fmt: skip


@pytest.mark.scaled
def test_sql_holds_no_text_of_a_query():
    """It has the words of the gateway alone, and enough of the queries reach it."""
    reached = []

    @examples(1500)
    @given(query_string=query_strings(), output=st.sampled_from(OUTPUTS))
    def check(query_string, output):
        try:
            statement = Statement(dialect.parse(query_string, CONNECTOR_VALUE), CONNECTOR_VALUE, output)
            statements = [statement.page, statement.rows(), statement.count(), statement.page_count()]
            statements += [statement.end()] if statement.query.limit else []
        except GatewayError:
            return
        reached.append(query_string)
        for sql in statements:
            place = 0
            while place < len(sql.text):
                token = TOKEN.match(sql.text, place)
                assert token, sql.text[place:]
                place = token.end()
                kind = token.lastgroup
                if kind == "identifier":
                    assert token[0] in IDENTIFIERS
                elif kind == "string":
                    assert token[0] in STRINGS
                elif kind == "word":
                    assert token[0] in WORDS
                elif kind == "parameter":
                    assert 1 <= int(token[0][1:]) <= len(sql.parameters)

    check()
    assert len(reached) > scaled(200)


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("injection", CONNECTOR)
    assert server.client.post(path, json=[{"i": 1, "s": "x"}, {"i": 2, "s": "'"}]).status_code == 201
    return path


@examples(300)
@given(query_string=query_strings())
def test_hostile_query_is_answered_or_refused(server, path, query_string):
    answer = server.client.get(f"{path}?{query_string}")

    assert answer.status_code in (200, 400, 416), (query_string, answer.text)
    assert server.client.get(f"{path}?select=count()").json() == [{"count": 2}]
