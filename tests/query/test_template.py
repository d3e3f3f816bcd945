"""A question that differs from an earlier one in values alone becomes what it would become by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector_file import parse_connector
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.read_request import ReadRequest, ReadRequestParser
from gateway.errors import GatewayError
from gateway.query.template import Template, split_values

CONNECTOR = parse_connector(
    b"""
fields:
  i: integer
  d: decimal(6, 2)
  n: number
  s: string
  b: boolean
  t: timestamp
  day: date
  u: uuid
  l: string[]
  j: json
  order: string
  format: string
  cursor: integer
  eq: integer
access: {read: [public]}
""",
    "c.yaml",
)[0]
NAMES = [
    *(field.name for field in CONNECTOR.fields),
    "_id",
    "select",
    "limit",
    "and",
    "nope",
    "j->a",
    "on_conflict",
]
VALUES = [
    "1", "-3", "+7", "007", "1.5", "1.505", "99999.99", "1e3", "99999999999999999999", "a", "", "A.b", "true", "null",
    "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
    "{a}", "%61", "a+b", "a%20b", "é", "eq.1", "desc", "[1]", "-", "1:30",
]  # fmt: skip
OPERATORS = [
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "not.eq",
    "eq(any)",
    "in",
    "is",
    "like",
    "isdistinct",
    "cs",
    "x",
]
REST = [
    "select=i", "select=i,s.count()", "order=i.desc", "order=eq.desc", "limit=3", "limit=0", "offset=2", "cursor=5",
    "format=csv", "or=(i.eq.1,i.eq.2)", "and=(i.eq.1)", "s=in.(a,b)", "select=eq.5", "order=gt.5", "i", "i>3", "",
]  # fmt: skip

parts = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(OPERATORS)).map(lambda each: f"{each[0]}={each[1]}."),
    st.sampled_from(["i=gte.", "i=lt.", "d=lte.", "t=gt.", "s=eq."]),
    st.sampled_from(REST),
)
values = st.lists(st.sampled_from(VALUES), min_size=5, max_size=5)
others = st.sampled_from(
    [{}, {"range": "0-9"}, {"accept": "application/vnd.pgrst.object+json"}, {"prefer": "count=exact"}, {"method": "HEAD"}]
)  # fmt: skip


def outcome(read):
    """Give all that is done with a Read, or the error."""
    try:
        made = read()
        statement = made.statement
        parts = (
            statement.page,
            statement.rows(),
            statement.count(),
            statement.page_count(),
            statement.anchor_count(),
        )
        shown = (
            made.prefers,
            made.coding,
            made.query_string,
            statement.output,
            statement.query,
            statement.connector,
        )
        return (
            parts,
            shown,
            made.fingerprint,
            made.etag((1, 2)),
            statement.end() if statement.query.limit else None,
        )
    except GatewayError as error:
        return error.code, str(error), error.details, error.hint, error.headers


@given(st.lists(parts, min_size=1, max_size=5), st.lists(values, min_size=2, max_size=4), others)
def test_remembered_shape_reads_like_a_new_one(parts, rounds, other):
    reads = ReadRequestParser(CONNECTOR)
    for texts in rounds:
        query = "&".join(
            part + text if part.endswith(".") else part for part, text in zip(parts, texts, strict=False)
        )
        words = RequestHeaders(**{"method": "GET", "query_string": query, "accept": "*/*", **other})

        assert outcome(lambda words=words: reads.of(words)) == outcome(
            lambda words=words: ReadRequest.of(CONNECTOR, words)
        )


def words_of(query):
    return RequestHeaders("GET", query, "*/*")


@pytest.mark.parametrize(
    ("query", "is_remembered"),
    [
        ("i=gte.1&i=lt.2", True),
        ("i=gte.1&select=i&order=i.desc&limit=5", True),
        ("d=eq.1.5&t=lt.2026-01-01&format=eq.x", True),
        ("select=i", False),
        ("i=in.(1,2)", False),
        ("i=eq.1&or=(i.eq.1,i.eq.2)", False),
        ("d=eq.1.505", False),
        ("l=eq.a", False),
        ("j=eq.1", False),
        ("j->a=eq.1", False),
        ("order=eq.desc&s=in.(a)", False),
    ],
)
def test_only_plain_comparisons_are_remembered(query, is_remembered):
    reads = ReadRequestParser(CONNECTOR)
    outcome(lambda: reads.of(words_of(query)))

    assert bool(reads._templates) is is_remembered


def test_value_of_another_type_is_refused():
    reads = ReadRequestParser(CONNECTOR)
    reads.of(words_of("i=eq.1"))

    with pytest.raises(GatewayError, match="'x' in the filter on 'i'"):
        reads.of(words_of("i=eq.x"))


def test_template_fits_its_own_shape_only():
    statement = ReadRequest.of(CONNECTOR, words_of("i=gte.1")).statement

    assert Template.of(split_values("i=gte.1")[0], statement) is not None
    assert Template.of(split_values("i=gt.1")[0], statement) is None
    assert Template.of(split_values("d=gte.1")[0], statement) is None
    assert Template.of(split_values("i=gte.1&i=gte.1")[0], statement) is None


def test_remembered_shapes_are_bounded():
    reads = ReadRequestParser(CONNECTOR)
    for limit in range(1, 1000):
        reads.of(words_of(f"i=eq.1&limit={limit}"))

    assert len(reads._templates) == 128
