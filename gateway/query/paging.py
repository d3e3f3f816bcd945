"""Paging: ranges of rows, limits, and the link to the next page."""

import re
from dataclasses import replace
from urllib.parse import quote

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.query.columns import ColumnNames
from gateway.query.parameters import READ_PARAMETERS, parameters_of
from gateway.query.query import Query

#: Rows in a Range header.
RANGE = re.compile(r"(?:items=)?([0-9]{1,18})-([0-9]{0,18})")


def names_rows(range_header: str | None) -> bool:
    """Return whether a Range header names rows: `0-24`. Other units and forms are ignored, as in PostgREST."""
    return RANGE.fullmatch((range_header or "").strip()) is not None


def within(query: Query, range_header: str | None) -> Query:
    """Return a query limited to the rows that a Range header names.

    Raises:
        GatewayError: No row can be in that range.
    """
    found = RANGE.fullmatch((range_header or "").strip())
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


def capped(query: Query, max_rows: int | None) -> Query:
    """Return a query limited to `max_rows` rows, unless it asks for fewer."""
    if max_rows is None or (query.limit is not None and query.limit <= max_rows):
        return query
    return replace(query, limit=max_rows)


def next_page(query_string: str, query: Query, cursor: int, connector: Connector) -> str:
    """Return the query string of the next page."""
    columns = ColumnNames(connector)
    kept: dict[object, str] = {}
    for number, part in enumerate(part for part in query_string.split("&") if "=" in part):
        key, value = parameters_of(part)[0]
        if key not in READ_PARAMETERS or is_filter(key, value, columns):
            kept[number] = part
        elif key not in ("cursor", "offset", "limit"):
            kept.setdefault(key, part)
    # A header must not have a bracket, a space, or a byte beyond ASCII, even if the request had it unescaped.
    parts = [quote(part, _SAFE_IN_URLS) for part in kept.values()]
    return "&".join([*parts, f"limit={query.limit}", f"cursor={cursor}"])


_SAFE_IN_URLS = "%!$'()*+,/:;=?@[]"


def is_filter(key: str, value: str, columns: ColumnNames) -> bool:
    """Return whether a key is a filter on a field called `format` or `cursor`: the parameter has no operator."""
    return key in ("format", "cursor") and key in columns.fields and "." in value
