"""A query string to a Query: PostgREST's dialect for one table.

https://docs.postgrest.org/en/stable/references/api/tables_views.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from gateway import percent
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, not_implemented, suggest
from gateway.media_types import FORMATS
from gateway.printable import printable
from gateway.query import rewrites
from gateway.query.columns import Columns
from gateway.query.filters import TREES, parse_filter, parse_tree
from gateway.query.operators import OPERATORS
from gateway.query.query import Condition, Order, Query, Selected
from gateway.query.rewrites import Rewrite
from gateway.query.scanner import Scanner
from gateway.query.selection import parse_order, parse_select

_T = TypeVar("_T")

MAX_PARAMETERS = 200
MAX_COUNT = 2**62
_AGGREGATE_AFTER = "aggregate with a GET afterwards"

#: What shapes a read, by parameter, with its meaning for the docs.
SHAPES: Mapping[str, str] = {
    "select": "the columns of the result: `select=id,total:amount,data->items->0->>name,amount::text,amount.sum()`",
    "order": "`order=amount.desc.nullslast,id`; nulls come last in ascending order and first in descending",
    "limit": "at most so many rows; a `Link` header leads to the next page",
    "offset": "so many rows are passed over",
    "format": "the format, whatever `Accept` says, for those who cannot send it: "
    + ", ".join(f"`{each}`" for each in FORMATS),
    "cursor": "the `_id` that the page comes after, in whatever order; the `Link` header has it",
}
#: What shapes a write.
WRITES: Mapping[str, str] = {
    "columns": "on POST, PUT and PATCH: the fields that are taken from the rows; others are passed over, absent ones are null, and on PATCH left as they are",
    "on_conflict": "on POST with `Prefer: resolution`: the primary key, by its fields; it can be left out",
}


def parse(query_string: str, connector: Connector) -> Query:
    """Read a query string, still percent-encoded.

    Raises:
        GatewayError: Naming the parameter, the value and what would be right.
    """
    return _parse(parameters_of(query_string), connector)


def _parse(parameters: Sequence[tuple[str, str]], connector: Connector) -> Query:
    columns = Columns(connector)
    shape: dict[str, str] = {}
    where: list[Condition] = []
    for key, value in parameters:
        if key in SHAPES and not _is_filter(key, value, columns):
            shape.setdefault(key, value)  # The first wins, as upstream has it.
        elif key in TREES:
            where.append(_read(key, value, columns, partial(parse_tree, key, value, columns)))
        elif key in WRITES:
            hint = rewrites.of_name(key) or f"{key} goes with a POST"
            raise not_implemented(f"the parameter '{key}' on this method", hint)
        else:
            where.append(_read(key, value, columns, partial(parse_filter, key, value, columns)))
    select, order = _shape(shape, columns)
    return Query(
        select,
        tuple(where),
        order,
        _count("limit", shape["limit"]) if "limit" in shape else None,
        _count("offset", shape.get("offset", "0")),
        _count("cursor", shape["cursor"]) if "cursor" in shape else None,
        _format(shape["format"]) if "format" in shape else None,
    )


def _shape(shape: Mapping[str, str], columns: Columns) -> tuple[tuple[Selected, ...], tuple[Order, ...]]:
    """Read `select` and `order`."""
    selected, ordered = shape.get("select", ""), shape.get("order", "")
    select = _read("select", selected, columns, lambda: parse_select(selected, columns))
    return select, _read("order", ordered, columns, lambda: parse_order(ordered, columns, select))


def _read(key: str, value: str, columns: Columns, read: Callable[[], _T]) -> _T:
    """Read a parameter; where it cannot be read, the hint is what it most likely means, if that can be."""
    try:
        return read()
    except GatewayError as error:
        meant = next(
            (each for each in rewrites.of(key, value, columns.fields) if _is_readable(each, columns)), None
        )
        if meant and meant != [(key, value)]:
            error.hint = printable("write " + "&".join(f"{name}={text}" for name, text in meant))
        elif error.code is Code.COLUMN_UNKNOWN:
            error.hint = rewrites.of_name(key) or error.hint
        raise


def _is_readable(rewrite: Rewrite, columns: Columns) -> bool:
    try:
        for key, value in rewrite:
            if key == "select":
                parse_select(value, columns)
            elif key == "order":
                parse_order(value, columns, ())
            elif key in TREES:
                parse_tree(key, value, columns)
            else:
                parse_filter(key, value, columns)
    except GatewayError:
        return False
    return all(value for _, value in rewrite)


def parse_edit(
    query_string: str, connector: Connector, *, deletes: bool = True
) -> tuple[Query, tuple[Field, ...] | None]:
    """Read the query string of a PATCH or DELETE: the filter of the rows, the shape of the answer, and `columns`.

    Raises:
        GatewayError: As `parse`; where there is no filter, as PostgreSQL's safeupdate has it; and for a limit,
            which upstream passes over, doing more than was asked.
    """
    parameters = parameters_of(query_string)
    named = [] if deletes else [value for key, value in parameters if key == "columns"]
    query = _parse([each for each in parameters if deletes or each[0] != "columns"], connector)
    if not query.where:
        hint = "name the rows by a filter, such as id=eq.1; _id=gte.0 is all of them"
        raise GatewayError(Code.UNFILTERED, hint=hint)
    parts = (("limit", query.limit), ("offset", query.offset or None), ("cursor", query.cursor))
    for name, given in parts:
        if given is not None:
            hint = "name the rows by their filter alone, such as _id=in.(3,7)"
            raise not_implemented(f"the parameter '{name}' on PATCH and DELETE", hint)
    if query.is_grouped:
        raise not_implemented("an aggregate on PATCH and DELETE", _AGGREGATE_AFTER)
    return query, _fields(named[0], connector, "columns") if named else None


def parse_write(query_string: str, connector: Connector) -> tuple[Query, tuple[Field, ...] | None]:
    """Read the query string of a POST or PUT: the shape of the rows it answers with, and `columns`.

    Raises:
        GatewayError: Naming the parameter, the value and what would be right.
    """
    columns = None
    rest = []
    for key, value in parameters_of(query_string):
        if key == "columns":
            columns = columns or _fields(value, connector, key)
        elif key == "on_conflict":
            _require_key(_fields(value, connector, key), connector)
        elif key in ("select", "order", "format"):
            rest.append((key, value))
        elif key not in ("limit", "offset"):  # Upstream passes them over, too.
            raise not_implemented(
                f"the parameter '{key}' on POST and PUT", _hint_of_write(key, value, connector)
            )
    known = Columns(connector)
    shape = dict(reversed(rest))
    select, order = _shape(shape, known)
    query = Query(
        select,
        order=order,
        format=_format(shape["format"]) if "format" in shape else None,
    )
    if query.is_grouped:
        raise not_implemented("an aggregate on POST and PUT", _AGGREGATE_AFTER)
    return query, columns


def _hint_of_write(key: str, value: str, connector: Connector) -> str:
    """Say what does what a filter on POST or PUT was meant to do, or which parameter was meant."""
    if key in (*TREES, *Columns(connector).fields):
        if not connector.access.change:
            return f"POST stores all rows of its body: leave '{key}' out"
        merge = ", or POST with Prefer: resolution=merge-duplicates" if connector.primary_key else ""
        return f"to change the rows of a filter, PATCH {connector.path}?{key}={value[:100]}{merge}; PUT replaces all rows"
    if hint := rewrites.of_name(key):
        return hint
    return suggest(key, (*WRITES, "select", "order", "format"), "the parameters are")


def parameters_of(query_string: str) -> list[tuple[str, str]]:
    """Split a query string into decoded keys and values; one without `=` says nothing.

    Raises:
        GatewayError: Where bytes of it are not UTF-8, naming the parameter and the bytes.
    """
    for part in query_string.split("&"):
        # Upstream drops what has no `=`; a comparison that was meant as one must not be dropped.
        if "=" not in part and (found := _SIGN.search(part)):
            hint = f"write it as {_compared(part, found)}; the operators are {', '.join(OPERATORS)}"
            raise GatewayError(Code.QUERY_INVALID, f"'{part[:200]}' has no =", hint=hint)
        if "=" not in part:
            percent.decode(part, "the name of a parameter")
    parameters = [part.partition("=") for part in query_string.split("&") if "=" in part]
    if len(parameters) > MAX_PARAMETERS:
        raise GatewayError(Code.QUERY_INVALID, f"{len(parameters)} parameters are more than {MAX_PARAMETERS}")
    return [_decoded(key, value) for key, _, value in parameters]


#: A comparison as other languages write it, which may be percent-encoded.
_SIGN = re.compile(r"([<>!~]|%3[CEce]|%21|%7[Ee])+")
_SIGNS = {"<": "lt", "%3c": "lt", ">": "gt", "%3e": "gt", "~": "match", "%7e": "match"}


def _compared(part: str, sign: re.Match[str]) -> str:
    """Write a comparison without `=`, such as `id<3`, as a filter."""
    value = part[sign.end() :][:100] or "VALUE"
    return f"{part[: sign.start()][:100]}={_SIGNS.get(sign[0].lower(), 'neq')}.{value}"


def _decoded(key: str, value: str) -> tuple[str, str]:
    key = percent.decode(key, "the name of a parameter")
    is_filter = key not in (*SHAPES, *WRITES, *TREES)
    return key, percent.decode(value, f"the value of {'the filter on ' if is_filter else ''}'{key[:100]}'")


def whole_number(query_string: str, name: str, *, most: int, default: int) -> int:
    """Read a parameter that is a number from 0 to `most`, where nothing else of the dialect is.

    Raises:
        GatewayError: Where it is another value.
    """
    text = dict(reversed(parameters_of(query_string))).get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > most:
        message = f"{name}={text[:100]} is not a whole number from 0 to {most}"
        raise GatewayError(Code.QUERY_INVALID, message)
    return int(text)


_RANGE = re.compile(r"(?:items=)?([0-9]{1,18})-([0-9]{0,18})")


def names_rows(range_header: str | None) -> bool:
    """Tell whether a Range header names rows: `0-24`. Other units and forms are passed over, as upstream has it."""
    return _RANGE.fullmatch((range_header or "").strip()) is not None


def within(query: Query, range_header: str | None) -> Query:
    """Narrow a query to the rows that a Range header names.

    Raises:
        GatewayError: Where nothing can be in that range.
    """
    found = _RANGE.fullmatch((range_header or "").strip())
    if not found or query.limit == 0 or query.cursor is not None:
        return query
    first = int(found[1])
    last = int(found[2]) if found[2] else None
    limited = None if query.limit is None else query.offset + query.limit - 1
    ends = [end for end in (last, limited) if end is not None]
    start = max(first, query.offset)
    if ends and min(ends) < start:
        message = f"no row can be in the range {range_header}"
        raise GatewayError(Code.RANGE_INVALID, message, hint="write Range: FIRST-LAST, counted from 0")
    return replace(query, offset=start, limit=min(ends) - start + 1 if ends else None)


def capped(query: Query, most: int | None) -> Query:
    """Limit a query to `most` rows, where it does not ask for fewer."""
    if most is None or (query.limit is not None and query.limit <= most):
        return query
    return replace(query, limit=most)


def next_page(query_string: str, query: Query, cursor: int, connector: Connector) -> str:
    """Give the query string of the page that follows."""
    columns = Columns(connector)
    kept: dict[object, str] = {}
    for number, part in enumerate(each for each in query_string.split("&") if "=" in each):
        key, value = parameters_of(part)[0]
        if key not in SHAPES or _is_filter(key, value, columns):
            kept[number] = part
        elif key not in ("cursor", "offset", "limit"):
            kept.setdefault(key, part)
    # Whatever came in unescaped, in a header it may not be a bracket, a space or a byte beyond ASCII.
    parts = [quote(part, _IN_URLS) for part in kept.values()]
    return "&".join([*parts, f"limit={query.limit}", f"cursor={cursor}"])


_IN_URLS = "%!$'()*+,/:;=?@[]"


def _is_filter(key: str, value: str, columns: Columns) -> bool:
    """Tell a filter on a field called `format` or `cursor` from the parameter, which has no operator."""
    return key in ("format", "cursor") and key in columns.fields and "." in value


def _require_key(fields: tuple[Field, ...], connector: Connector) -> None:
    """Let `on_conflict` name the primary key, in whatever order."""
    if {field.name for field in fields} != set(connector.primary_key):
        own = ", ".join(connector.primary_key)
        hint = (
            f"the primary key is {own}" if own else "the connector has none; write primary_key: in its file"
        )
        names = ", ".join(field.name for field in fields)
        raise GatewayError(Code.KEY_UNKNOWN_COLUMNS, f"there is no primary key of {names}", hint=hint)


def _fields(text: str, connector: Connector, key: str) -> tuple[Field, ...]:
    """Read a list of fields."""
    scanner = Scanner(key, text)
    fields: list[Field] = []
    while True:
        name = scanner.name()
        field = connector.find_input(name)
        if field is None:
            names = [each.name for each in connector.fields]
            hint = suggest(name, names, "the fields are")
            raise GatewayError(Code.FIELD_UNKNOWN, f"{key} names '{name}', which is no field", hint=hint)
        fields.append(field)
        if scanner.ended:
            return tuple({field.name: field for field in fields}.values())
        if not scanner.skip(","):
            raise scanner.error('separate names by commas, such as id,"a name"')


_COUNTS = {
    "limit": "write a number, such as limit=100; leave it out for all rows",
    "offset": "write a number, such as offset=100",
    "cursor": "follow the Link header of a page, which has the cursor of the next one",
}


def _count(key: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,19}", text.strip()) or int(text) > MAX_COUNT:
        message = f"{key}={text[:100]} is not a whole number up to {MAX_COUNT}"
        hint = "separate parameters by &" if "=" in text else _COUNTS[key]
        raise GatewayError(Code.QUERY_INVALID, message, hint=hint)
    if int(text) < 0:
        raise GatewayError(Code.RANGE_INVALID, f"{key}={text} is negative", hint="count from 0")
    return int(text)


def _format(text: str) -> str:
    if text not in FORMATS:
        hint = suggest(text, FORMATS, "use one of")
        raise GatewayError(Code.QUERY_INVALID, f"format={text} is not a format", hint=hint)
    return text
