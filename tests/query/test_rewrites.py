"""A query that cannot be read is told what it most likely means, in words that can be read."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.connectors.connector_file import parse_connector
from gateway.errors import GatewayError
from gateway.query import dialect

CONNECTOR, _ = parse_connector(
    b"fields: {id: integer, name: {type: string, nullable: true}, amount: {type: 'decimal(12, 2)', nullable: true},"
    b" data: {type: json, nullable: true}, tags: {type: 'string[]', nullable: true}}",
    "c.yaml",
)
MEANT = [
    # order
    *[(f"order={text}", "order=amount.desc") for text in (
        "amount+desc", "amount%20DESC", "-amount", "amount.descending", "amount.DESC", "amount:desc", "amount,desc",
        "amount.desc,", ",amount.desc", "amount desc",
    )],
    *[(f"order={text}", "order=amount.desc.nullslast") for text in (
        "amount.desc.nulls_last", "amount.nullslast.desc", "amount desc nulls last", "-amount nulls last",
    )],
    ("order=amount.desc;id", "order=amount.desc,id"),
    ("order=amount desc, name asc, id", "order=amount.desc,name.asc,id"),
    # select
    ("select=id,,name", "select=id,name"),
    ("select=id,", "select=id"),
    ("select=id name", "select=id,name"),
    ("select=id;name", "select=id,name"),
    ("select=id as x, name", "select=x:id,name"),
    ("select=count(*)", "select=count()"),
    ("select=sum(amount) as total", "select=total:amount.sum()"),
    ("select=amount.sum", "select=amount.sum()"),
    ("select=id::varchar(20)", "select=id::varchar"),
    ("select=data.a.b", "select=data->a->b"),
    ("select=data['a']", "select=data->a"),
    ("select=tags[0]", "select=tags->0"),
    ("select=distinct name", "select=name"),
    # filters
    *[(f"id={text}", "id=eq.1") for text in ("=1", "==1", "eq1", "eq:1", "eq(1)", "equals.1", "EQ.1", "eq.=1")],
    *[(text, "id=gte.3") for text in (
        "id>=3", "id=>=3", "id__gte=3", "id[gte]=3", "id.gte=3", "id gte=3", "id=gte:3", "id=ge.3", "id=min.3",
    )],
    *[(text, "id=neq.3") for text in ("id!=3", "id=ne.3", "id=<>.3", "id__ne=3")],
    *[(f"id={text}", "id=in.(1,2)") for text in ("in.1,2", "in.[1,2]", "in(1,2)", "in.(1,2", "in:1,2")],
    ("id__in=1,2", "id=in.(1,2)"),
    ("id=not.in.1", "id=not.in.(1)"),
    ("id=between.1,5", "id=gte.1&id=lte.5"),
    ("id=between 1 and 5", "id=gte.1&id=lte.5"),
    *[(f"name={text}", "name=is.null") for text in ("isnull", "is.nil", "null", "None")],
    ("name=is.notnull", "name=is.not_null"),
    ("name=contains.a", "name=ilike.*a*"),
    ("name__icontains=a", "name=ilike.*a*"),
    ("name=startswith(a)", "name=ilike.a*"),
    ("name=fts.a", "name=ilike.*a*"),
    ("name=ilike%25a", "name=ilike.*a"),
    *[(f"tags={text}", "tags=cs.{a}") for text in ("cs.a", "cs.[a]", "cs.{a", "has.a")],
    ("tags=eq.a,b", "tags=eq.{a,b}"),
    ("id=eq(any).1,2", "id=eq(any).{1,2}"),
    ("data=eq.a", 'data=eq."a"'),
    ("data->a=eq.b", 'data->a=eq."b"'),
    ("data.a=eq.b", "data->>a=eq.b"),
    ("amount=gt.1,5", "amount=gt.1.5"),
    ("amount=gt.$5", "amount=gt.5"),
    # trees
    *[(f"or={text}", "or=(id.eq.1,id.gt.2)") for text in (
        "id.eq.1,id.gt.2", "(id.eq.1,id.gt.2", "(id.eq.1;id.gt.2)", "(id.eq.1,id.gt.2,)", "(id.eq.1,id.gt.2))",
        "(id=1,id>2)", "(id eq 1,id gt 2)",
    )],
    ("or=(and(id.eq.1,name.eq.a),id.gt.2", "or=(and(id.eq.1,name.eq.a),id.gt.2)"),
]  # fmt: skip
#: Where no other words are surely meant, the hint stays that of the place.
UNCLEAR = [
    "id=eq.one",
    "name=match.(a",
    "name=match.[",
    "id=gte.1.5",
    "id=in.(a,b)",
    "order=lower(name)",
    "limit=ten",
]


def hint_of(query: str) -> str | None:
    try:
        dialect.parse(query, CONNECTOR)
    except GatewayError as error:
        return error.hint or ""
    return None


@pytest.mark.parametrize(("query", "meant"), MEANT)
def test_query_of_another_dialect_is_rewritten(query, meant):
    assert hint_of(query) == f"write {meant}"
    assert hint_of(meant) is None


@pytest.mark.parametrize("query", UNCLEAR)
def test_unclear_query_is_not_rewritten(query):
    hint = hint_of(query)
    assert hint is not None
    assert not re.match("write (?:id|name|order)=", hint) or "NAME" in hint


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("id<3", "id=lt.3"),
        ("id>3", "id=gt.3"),
        ("id%3C3", "id=lt.3"),
        ("id!", "id=neq.VALUE"),
        ("id~a", "id=match.a"),
    ],
)
def test_comparison_without_equals_sign_is_rewritten(query, hint):
    assert hint_of(query).startswith(f"write it as {hint};")


@given(
    key=st.sampled_from(
        ["order", "select", "or", "id", "name", "tags", "data", "amount", "id__gte", "data.a", "x"]
    ),
    value=st.text(alphabet="abdeginqstu.,:;()[]{}<>=!~*%\"'->1 ", max_size=25),
)
@example("order", "desc,desc")
@example("select", "distinct ")
def test_rewritten_query_can_be_read(key, value):
    hint = hint_of(f"{key}={value}".replace("%", "%25").replace("&", "%26")) or ""
    is_template = any(words in hint for words in ("; ", "NAME", "WORD", "(a.eq.1,b.gt.2)"))
    if hint.startswith("write ") and "=" in hint and not is_template:
        meant = hint.removeprefix("write ").replace("%", "%25").replace("+", "%2B")
        assert hint_of(meant) is None
