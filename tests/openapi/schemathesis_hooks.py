"""Hooks of schemathesis: what OpenAPI cannot say about requests, and the page `openapi` of the documentation explains.

Schemathesis imports this in its own process. It knows the connectors of the gateway by their files, as their consumers do.
"""

import io
import itertools
import os
from decimal import ROUND_DOWN, Context, Decimal

import pyarrow.ipc
import pyarrow.parquet
import schemathesis
from hypothesis import strategies as st

from gateway.connectors import example_row
from gateway.media_types import Media
from gateway.openapi import filters
from gateway.openapi.body_examples import example_body
from tests.openapi.samples import SCHEMATHESIS, connector_of
from tests.support import query_strategies as dialect

CONNECTORS = {
    connector.path: connector
    for connector in (connector_of(name, text) for name, text in SCHEMATHESIS.items())
}
_keys = itertools.count()
_EXACT = Context(prec=400)


# -- values

_DATES = st.dates().map(str)
_CLOCKS = st.times().map(lambda value: value.replace(microsecond=0).isoformat())
_LOCAL = st.datetimes().map(lambda value: value.isoformat())
schemathesis.openapi.format("time-local", _CLOCKS)
schemathesis.openapi.format("date-time-local", _LOCAL)
#: Without leap seconds and instants beyond the years 1 to 9999, which RFC 3339 has and the type `timestamp` has not.
schemathesis.openapi.format("date-time", _LOCAL.map(lambda text: f"{text}Z"))
schemathesis.openapi.format("email", st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.com", fullmatch=True))


def _repaired(field, value):
    """Round a number to the digits of its decimal, and put another value for a null of a JSON field."""
    if isinstance(value, list) and field.type.item:
        return [_repaired_scalar(field.type.item, each) for each in value]
    if value is None and field.type.name == "json" and not field.nullable:
        return {}
    return _repaired_scalar(field.type, value)


def _repaired_scalar(type, value):
    step = type.schema.get("multipleOf")
    if step is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) >= 10**13:
        return 1  # As a double it has not all the digits of the decimal, and may be rounded beyond a bound.
    # A price is greater than 0, and the least one is a cent.
    return float(Decimal(repr(value)).quantize(Decimal(step), ROUND_DOWN, _EXACT) or step)


def _repaired_row(connector, row):
    fields = {field.name: field for field in connector.fields}
    return {name: _repaired(fields[name], value) if name in fields else value for name, value in row.items()}


@st.composite
def rows(draw, connector):
    """Give a row of values that the fields are known to take."""
    row, missing = example_row.build(connector)
    assert not missing
    for field in connector.fields:
        if not field.required and draw(st.booleans()):
            del row[field.name]
    return row


@st.composite
def texts(draw, connector, media):
    """Give rows as NDJSON or CSV; CSV has no row without columns."""
    if media is Media.CSV:
        return example_body(media, draw(rows(connector)) or example_row.build(connector)[0])
    row = draw(rows(connector))
    return example_body(media, row) * draw(st.integers(1, 3))


# -- the query string


@st.composite
def filter_of(draw, connector):
    """Give a filter as its key and its text."""
    if connector.name == "queries":
        top, _, column, _ = draw(dialect.filters())
        return dialect.spell(column), top
    field = draw(
        st.sampled_from([each for each in connector.fields if each.name not in filters.OTHER_PARAMETERS])
    )
    known = [
        operator
        for operator in filters.operators_of(field.type)
        # Objects have no order.
        if field.type.name != "json" or operator.name in ("eq", "neq", "isdistinct", "in", "is", "cs")
    ]
    operator = draw(st.sampled_from(known))
    value = example_row.build(connector)[0].get(field.name)
    text = filters.filter_text(operator, field.type.example if value is None else value)
    return field.name, draw(st.sampled_from(["", "not."])) + text


@st.composite
def queries(draw, connector, method):
    """Give the parameters of a request."""
    if method in ("post", "put"):
        query = {"columns": _names([field.name for field in connector.fields])} if draw(st.booleans()) else {}
        if method == "post" and connector.primary_key and draw(st.booleans()):
            query["on_conflict"] = _names(connector.primary_key)
        return query
    is_edit = method in ("patch", "delete")
    query = dict(draw(st.lists(filter_of(connector), min_size=int(is_edit), max_size=2)))
    if connector.name == "queries" and draw(st.booleans()):
        text, (operator, negated, _) = draw(dialect.trees())
        query[("not." if negated else "") + operator] = text[text.index("(") :]
    if is_edit:
        return query
    query["select"] = draw(_selects(connector))
    if query["select"] != "count()":
        query["order"] = draw(_orders(connector))
        page = draw(st.sampled_from(["", "limit", "cursor"]))
        query |= {"limit": draw(st.integers(0, 30))} if page else {}
        query |= {"cursor": draw(st.integers(1, 30))} if page == "cursor" and not query["order"] else {}
    if draw(st.booleans()):
        query["format"] = draw(st.sampled_from(["json", "ndjson", "csv", "parquet", "arrow"]))
    return {name: value for name, value in query.items() if value != ""}


def _names(names):
    return ",".join(f'"{name}"' for name in names)


def _selects(connector):
    names = [f'"{field.name}"' for field in connector.fields]
    some = st.lists(st.sampled_from([*names, "_id", "_batch", "_ingested_at"]), max_size=4, unique=True)
    renamed = st.sampled_from(names).map(lambda name: f"as_text:{name}::text")
    return some.map(",".join) | renamed | st.sampled_from(["*", "count()", "_id,*"])


def _orders(connector):
    if connector.name == "queries":
        return dialect.orders().map(lambda order: order[0])
    names = [f'"{field.name}"' for field in connector.fields]
    terms = st.tuples(st.sampled_from(names), st.sampled_from(["", ".asc", ".desc.nullslast"])).map("".join)
    return st.lists(terms, max_size=2).map(",".join)


# -- requests


@schemathesis.hook
def before_generate_case(context, strategy):
    """Write what the document describes as text: the query string, and rows as NDJSON and CSV."""
    operation = context.operation
    connector, method = CONNECTORS[operation.path], operation.method.lower()
    return st.builds(
        _completed,
        strategy,
        queries(connector, method),
        texts(connector, Media.NDJSON),
        texts(connector, Media.CSV),
    )


def _completed(case, query, ndjson, csv):
    case.query = query
    bodies = {"application/x-ndjson": ndjson, "text/csv": csv}
    if case.media_type in bodies:
        case.body = bodies[case.media_type]
        case.query.pop("columns", None)
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    """Repair what no schema could express, in every phase."""
    connector = CONNECTORS[case.operation.path]
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = f"{os.getpid()}-{next(_keys)}"
    (case.headers or {}).pop("Idempotency-After", None)
    prefer = (case.headers or {}).get("Prefer", "")
    if "max-affected" in prefer:
        del case.headers["Prefer"]
    if "Range" in (case.headers or {}):
        case.headers["Range"] = "0-9"
    if isinstance(case.body, dict):
        case.body = _repaired_row(connector, case.body)
    elif isinstance(case.body, list):
        case.body = [_repaired_row(connector, row) for row in case.body]
        if "resolution=merge" in prefer:
            del case.body[1:]


@schemathesis.serializer("application/x-ndjson", "text/csv")
def text_body(context, value):
    """Send text as it is."""
    return value.encode()


@schemathesis.deserializer("application/vnd.apache.parquet")
def parquet_rows(context, response):
    """Read Parquet."""
    return pyarrow.parquet.read_table(io.BytesIO(response.content)).num_rows


@schemathesis.deserializer("application/vnd.apache.arrow.stream")
def arrow_rows(context, response):
    """Read an Arrow stream."""
    return pyarrow.ipc.open_stream(response.content).read_all().num_rows
