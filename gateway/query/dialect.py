"""A query string to a Query: PostgREST's dialect for one table. Runs on the event loop.

https://docs.postgrest.org/en/stable/references/api/tables_views.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, not_implemented, suggest
from gateway.media_types import FORMATS
from gateway.printable import printable
from gateway.query import rewrites
from gateway.query.columns import ColumnNames
from gateway.query.filters import TREE_PARAMETERS, parse_filter, parse_tree
from gateway.query.paging import is_filter
from gateway.query.parameters import READ_PARAMETERS, WRITE_PARAMETERS, parameters_of
from gateway.query.query import Condition, Order, Query, Selected
from gateway.query.rewrites import Rewrite
from gateway.query.scanner import Scanner
from gateway.query.selection import parse_order, parse_select

_T = TypeVar("_T")

MAX_COUNT = 2**62
_AGGREGATE_HINT = "aggregate with a GET afterwards"


def parse(query_string: str, connector: Connector) -> Query:
    """Parse a query string, still percent-encoded.

    Raises:
        GatewayError: It names the parameter, the value, and the fix.
    """
    return _parse(parameters_of(query_string), connector)


def _parse(parameters: Sequence[tuple[str, str]], connector: Connector) -> Query:
    columns = ColumnNames(connector)
    options: dict[str, str] = {}
    where: list[Condition] = []
    for key, value in parameters:
        if key in READ_PARAMETERS and not is_filter(key, value, columns):
            options.setdefault(key, value)  # The first wins, as in PostgREST.
        elif key in TREE_PARAMETERS:
            where.append(_with_hint(key, value, columns, partial(parse_tree, key, value, columns)))
        elif key in WRITE_PARAMETERS:
            hint = rewrites.hint_for(key) or f"{key} goes with a POST"
            raise not_implemented(f"the parameter '{key}' on this method", hint)
        else:
            where.append(_with_hint(key, value, columns, partial(parse_filter, key, value, columns)))
    select, order = _select_and_order(options, columns)
    return Query(
        select,
        tuple(where),
        order,
        _count("limit", options["limit"]) if "limit" in options else None,
        _count("offset", options.get("offset", "0")),
        _count("cursor", options["cursor"]) if "cursor" in options else None,
        _format(options["format"]) if "format" in options else None,
    )


def _select_and_order(
    options: Mapping[str, str], columns: ColumnNames
) -> tuple[tuple[Selected, ...], tuple[Order, ...]]:
    """Parse `select` and `order`."""
    selected, ordered = options.get("select", ""), options.get("order", "")
    select = _with_hint("select", selected, columns, lambda: parse_select(selected, columns))
    return select, _with_hint("order", ordered, columns, lambda: parse_order(ordered, columns, select))


def _with_hint(key: str, value: str, columns: ColumnNames, parse: Callable[[], _T]) -> _T:
    """Call `parse` for a parameter. If it fails, the hint is the likeliest meaning that can be parsed."""
    try:
        return parse()
    except GatewayError as error:
        meanings = rewrites.candidates(key, value, columns.fields)
        meaning = next((rewrite for rewrite in meanings if _is_valid(rewrite, columns)), None)
        if meaning and meaning != [(key, value)]:
            error.hint = printable("write " + "&".join(f"{name}={text}" for name, text in meaning))
        elif error.code is Code.COLUMN_UNKNOWN:
            error.hint = rewrites.hint_for(key) or error.hint
        raise


def _is_valid(rewrite: Rewrite, columns: ColumnNames) -> bool:
    try:
        for key, value in rewrite:
            if key == "select":
                parse_select(value, columns)
            elif key == "order":
                parse_order(value, columns, ())
            elif key in TREE_PARAMETERS:
                parse_tree(key, value, columns)
            else:
                parse_filter(key, value, columns)
    except GatewayError:
        return False
    return all(value for _, value in rewrite)


def parse_edit(
    query_string: str, connector: Connector, *, is_delete: bool = True
) -> tuple[Query, tuple[Field, ...] | None]:
    """Parse the query string of a PATCH or DELETE: the filter, the form of the answer, and `columns`.

    Raises:
        GatewayError: As `parse`. Also without a filter, as PostgreSQL's safeupdate does, and for a limit: PostgREST
            ignores it, and so changes more rows than the client asked for.
    """
    parameters = parameters_of(query_string)
    named = [] if is_delete else [value for key, value in parameters if key == "columns"]
    query = _parse([pair for pair in parameters if is_delete or pair[0] != "columns"], connector)
    if not query.where:
        hint = "name the rows by a filter, such as id=eq.1; _id=gte.0 is all of them"
        raise GatewayError(Code.UNFILTERED, hint=hint)
    parts = (("limit", query.limit), ("offset", query.offset or None), ("cursor", query.cursor))
    for name, given in parts:
        if given is not None:
            hint = "name the rows by their filter alone, such as _id=in.(3,7)"
            raise not_implemented(f"the parameter '{name}' on PATCH and DELETE", hint)
    if query.is_grouped:
        raise not_implemented("an aggregate on PATCH and DELETE", _AGGREGATE_HINT)
    return query, _fields(named[0], connector, "columns") if named else None


def parse_write(query_string: str, connector: Connector) -> tuple[Query, tuple[Field, ...] | None]:
    """Parse the query string of a POST or PUT: the form of the returned rows, and `columns`.

    Raises:
        GatewayError: It names the parameter, the value, and the fix.
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
        elif key not in ("limit", "offset"):  # PostgREST ignores them, too.
            raise not_implemented(
                f"the parameter '{key}' on POST and PUT", _hint_of_write(key, value, connector)
            )
    names = ColumnNames(connector)
    options = dict(reversed(rest))
    select, order = _select_and_order(options, names)
    query = Query(
        select,
        order=order,
        format=_format(options["format"]) if "format" in options else None,
    )
    if query.is_grouped:
        raise not_implemented("an aggregate on POST and PUT", _AGGREGATE_HINT)
    return query, columns


def _hint_of_write(key: str, value: str, connector: Connector) -> str:
    """Return the hint for a filter on POST or PUT, or for an unknown parameter."""
    if key in (*TREE_PARAMETERS, *ColumnNames(connector).fields):
        if not connector.access.change:
            return f"POST stores all rows of its body: leave '{key}' out"
        merge = ", or POST with Prefer: resolution=merge-duplicates" if connector.primary_key else ""
        return f"to change the rows of a filter, PATCH {connector.path}?{key}={value[:100]}{merge}; PUT replaces all rows"
    if hint := rewrites.hint_for(key):
        return hint
    return suggest(key, (*WRITE_PARAMETERS, "select", "order", "format"), "the parameters are")


def _require_key(fields: tuple[Field, ...], connector: Connector) -> None:
    """Check that `on_conflict` names the primary key, in any order."""
    if {field.name for field in fields} != set(connector.primary_key):
        key = ", ".join(connector.primary_key)
        hint = (
            f"the primary key is {key}" if key else "the connector has none; write primary_key: in its file"
        )
        names = ", ".join(field.name for field in fields)
        raise GatewayError(Code.KEY_UNKNOWN_COLUMNS, f"there is no primary key of {names}", hint=hint)


def _fields(text: str, connector: Connector, key: str) -> tuple[Field, ...]:
    """Parse a list of fields."""
    scanner = Scanner(key, text)
    fields: list[Field] = []
    while True:
        name = scanner.name()
        field = connector.find_input(name)
        if field is None:
            names = [known.name for known in connector.fields]
            hint = suggest(name, names, "the fields are")
            raise GatewayError(Code.FIELD_UNKNOWN, f"{key} names '{name}', which is not a field", hint=hint)
        fields.append(field)
        if scanner.is_at_end:
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
