"""The parameters of a query string: the known names, and the decoded values."""

import re
from collections.abc import Mapping

from gateway import percent
from gateway.errors import Code, GatewayError
from gateway.media_types import FORMATS
from gateway.query.filters import TREE_PARAMETERS
from gateway.query.operators import OPERATORS

MAX_PARAMETERS = 200
#: The parameters of a read that are not filters, with their meaning for the docs.
READ_PARAMETERS: Mapping[str, str] = {
    "select": "the columns of the result: `select=id,total:amount,data->items->0->>name,amount::text,amount.sum()`",
    "order": "`order=amount.desc.nullslast,id`; nulls come last in ascending order and first in descending",
    "limit": "the most rows in the result; a `Link` header leads to the next page",
    "offset": "the number of rows that are skipped",
    "format": "the format, for clients that cannot send `Accept`: "
    + ", ".join(f"`{format}`" for format in FORMATS),
    "cursor": "the `_id` after which the page begins, in any order; the `Link` header has it",
}
#: The parameters of a write, with their meaning for the docs.
WRITE_PARAMETERS: Mapping[str, str] = {
    "columns": "on POST, PUT, and PATCH: the fields that are taken from the rows. Others are ignored. Absent ones are null, or unchanged on PATCH",
    "on_conflict": "on POST with `Prefer: resolution`: the fields of the primary key; optional",
}


def parameters_of(query_string: str) -> list[tuple[str, str]]:
    """Return the decoded keys and values of a query string; a parameter without `=` is ignored.

    Raises:
        GatewayError: Bytes of a parameter are not UTF-8, or a comparison has no `=`.
    """
    for part in query_string.split("&"):
        # PostgREST ignores parameters without `=`. A comparison of another language must not be ignored.
        if "=" not in part and (found := _SIGN.search(part)):
            hint = f"write it as {_compared(part, found)}; the operators are {', '.join(OPERATORS)}"
            raise GatewayError(Code.QUERY_INVALID, f"'{part[:200]}' has no =", hint=hint)
        if "=" not in part:
            percent.decode(part, "the name of a parameter")
    parameters = [part.partition("=") for part in query_string.split("&") if "=" in part]
    if len(parameters) > MAX_PARAMETERS:
        raise GatewayError(Code.QUERY_INVALID, f"{len(parameters)} parameters are more than {MAX_PARAMETERS}")
    return [_decoded(key, value) for key, _, value in parameters]


#: A comparison operator of other languages, which may be percent-encoded.
_SIGN = re.compile(r"([<>!~]|%3[CEce]|%21|%7[Ee])+")
_SIGNS = {"<": "lt", "%3c": "lt", ">": "gt", "%3e": "gt", "~": "match", "%7e": "match"}


def _compared(part: str, sign: re.Match[str]) -> str:
    """Return a comparison without `=`, such as `id<3`, as a filter."""
    value = part[sign.end() :][:100] or "VALUE"
    return f"{part[: sign.start()][:100]}={_SIGNS.get(sign[0].lower(), 'neq')}.{value}"


def _decoded(key: str, value: str) -> tuple[str, str]:
    key = percent.decode(key, "the name of a parameter")
    is_filter = key not in (*READ_PARAMETERS, *WRITE_PARAMETERS, *TREE_PARAMETERS)
    return key, percent.decode(value, f"the value of {'the filter on ' if is_filter else ''}'{key[:100]}'")


def whole_number(query_string: str, name: str, *, maximum: int, default: int) -> int:
    """Parse a parameter that is a number from 0 to `maximum`, outside the dialect.

    Raises:
        GatewayError: Its value is something else.
    """
    text = dict(reversed(parameters_of(query_string))).get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > maximum:
        message = f"{name}={text[:100]} is not a whole number from 0 to {maximum}"
        raise GatewayError(Code.QUERY_INVALID, message)
    return int(text)
