"""The parameters of a query string: their names, decoded from percent-encoding."""

import re
from collections.abc import Mapping

from gateway import percent
from gateway.errors import Code, GatewayError
from gateway.media_types import FORMATS
from gateway.query.filters import TREES
from gateway.query.operators import OPERATORS

MAX_PARAMETERS = 200
#: What shapes a read, by parameter, with its meaning for the docs.
READ_PARAMETERS: Mapping[str, str] = {
    "select": "the columns of the result: `select=id,total:amount,data->items->0->>name,amount::text,amount.sum()`",
    "order": "`order=amount.desc.nullslast,id`; nulls come last in ascending order and first in descending",
    "limit": "at most so many rows; a `Link` header leads to the next page",
    "offset": "so many rows are passed over",
    "format": "the format, whatever `Accept` says, for those who cannot send it: "
    + ", ".join(f"`{each}`" for each in FORMATS),
    "cursor": "the `_id` that the page comes after, in whatever order; the `Link` header has it",
}
#: What shapes a write.
WRITE_PARAMETERS: Mapping[str, str] = {
    "columns": "on POST, PUT and PATCH: the fields that are taken from the rows; others are passed over, absent ones are null, and on PATCH left as they are",
    "on_conflict": "on POST with `Prefer: resolution`: the primary key, by its fields; it can be left out",
}


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
    is_filter = key not in (*READ_PARAMETERS, *WRITE_PARAMETERS, *TREES)
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
