"""A Query to parameterised SQL that yields the response's text, row by row.

No byte of a request is ever part of the SQL: names come from the connector, values are parameters.
"""

from dataclasses import dataclass
from typing import Any

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.ingest.payload import Media
from gateway.query.dialect import COMPARISONS, Filter, Order, Query
from gateway.store.database import literal, quote
from gateway.store.store import table_of


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters, and what stands around the text of its rows.

    Attributes:
        sql: Selects one VARCHAR column, never null: the rows' text.
        parameters: In the order of the question marks.
        head: What the body begins with.
        skip: How many bytes at the start of the first row are not sent, for they only separate rows.
        tail: What the body ends with.
    """

    sql: str
    parameters: tuple[Any, ...]
    head: bytes = b""
    skip: int = 0
    tail: bytes = b""


def build(query: Query, connector: Connector, media: Media) -> Statement:
    """Build the SELECT for a query in one of the media types."""
    parameters: list[Any] = []
    columns = ", ".join(quote(field.name) for field in query.select)
    inner = f"SELECT {columns} FROM {table_of(connector)}"
    if query.filters:
        inner += " WHERE " + " AND ".join(_condition(each, parameters) for each in query.filters)
    if not _is_commit_order(query.order):
        inner += " ORDER BY " + ", ".join([*map(_order, query.order), quote("_id")])
    if query.limit is not None:
        inner += " LIMIT ?"
        parameters.append(query.limit)
    if query.offset:
        inner += " OFFSET ?"
        parameters.append(query.offset)
    if media is Media.CSV:
        header = ",".join(_csv_cell(field.name) for field in query.select) + "\n"
        return Statement(_outer(_csv_row(query.select), inner), tuple(parameters), header.encode())
    row = _json_row(query.select)
    if media is Media.NDJSON:
        return Statement(_outer([*row, "chr(10)"], inner), tuple(parameters))
    return Statement(_outer(["','", "chr(10)", *row], inner), tuple(parameters), b"[", 2, b"]")


def _outer(parts: list[str], inner: str) -> str:
    """Join the parts of a row's text in one go: `||` would copy the text once for each of them."""
    return f"SELECT concat({', '.join(parts)}) FROM ({inner})"


def _is_commit_order(order: tuple[Order, ...]) -> bool:
    """Tell whether the order asked for is the one the rows lie in.

    Rows are only ever appended, by one thread, in the order of `_id`, and DuckDB keeps insertion order
    through filters and limits (https://duckdb.org/docs/stable/sql/dialect/order_preservation): without an
    ORDER BY nothing has to be sorted, and ten million rows stream in bounded memory.
    """
    return not order or (order[0].field.name == "_id" and not order[0].descending)


def _order(term: Order) -> str:
    direction = "DESC" if term.descending else "ASC"
    return f"{quote(term.field.name)} {direction} NULLS {'FIRST' if term.nulls_first else 'LAST'}"


_IS = {
    "null": "IS NULL",
    "not_null": "IS NOT NULL",
    "true": "IS TRUE",
    "false": "IS FALSE",
    "unknown": "IS NULL",
}


def _condition(condition: Filter, parameters: list[Any]) -> str:
    column, placeholder = quote(condition.field.name), condition.field.type.placeholder
    if condition.operator == "is":
        sql = f"{column} {_IS[condition.values[0]]}"
    elif condition.operator == "in":
        parameters.extend(condition.values)
        # An empty list is a syntax error on DuckDB 1.5; nothing is in it, and null is not known to be.
        items = ", ".join([placeholder] * len(condition.values))
        sql = f"{column} IN ({items})" if items else "false"
    else:
        parameters.extend(condition.values)
        sql = f"{column} {COMPARISONS[condition.operator]} {placeholder}"
    return f"(NOT {sql})" if condition.negated else f"({sql})"


def _json_row(fields: tuple[Field, ...]) -> list[str]:
    parts = []
    for number, field in enumerate(fields):
        key = strictjson.write(field.name).decode()
        parts.append(literal(("{" if number == 0 else ",") + key + ":"))
        parts.append(f"coalesce({field.type.json.format(quote(field.name))}, 'null')")
    return [*parts, "'}'"]


def _csv_row(fields: tuple[Field, ...]) -> list[str]:
    parts = []
    for field in fields:
        cell = field.type.csv.format(quote(field.name))
        if field.type.quotable:
            quoted = f"""concat('"', replace({cell}, '"', '""'), '"')"""
            cell = f"""CASE WHEN regexp_matches({cell}, '^$|[",\\r\\n]|^\\s|\\s$') THEN {quoted} ELSE {cell} END"""
        parts += [f"coalesce({cell}, '')", "','"]
    return [*parts[:-1], "chr(10)"]


def _csv_cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') else name
