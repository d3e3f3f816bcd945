"""The parameters of requests that are not filters: of the query string, and headers.

Connectors share them. Their names among the components begin with a capital letter, which no connector's name does.
"""

from collections.abc import Iterable, Mapping

from gateway.connectors.connector import Connector
from gateway.media_types import FORMATS
from gateway.query.paging import RANGE
from gateway.query.parameters import READ_PARAMETERS, WRITE_PARAMETERS
from gateway.query.preferences import BY_METHOD, PREFERENCES
from gateway.store.batch import MAX_KEY_CHARACTERS
from gateway.strictjson import Json

_COUNT = {"type": "integer", "minimum": 0}
_NAMES = {"type": "string", "minLength": 1}
#: What a string cannot say of itself about a parameter of the query string.
_SCHEMAS: Mapping[str, Mapping[str, Json]] = {
    "limit": _COUNT,
    "offset": _COUNT,
    "cursor": _COUNT,
    "format": {"type": "string", "enum": list(FORMATS)},
    "columns": _NAMES,
    "on_conflict": _NAMES,
}
_TREES = {
    "and": "conditions that all hold: `(amount.gte.1,amount.lt.2,not.or(a.eq.1,b.is.null))`",
    "or": "conditions of which one holds: `(a.eq.1,and(b.gt.2,c.is.null))`",
}


def read_parameters() -> dict[str, dict[str, Json]]:
    """Build the parameters of a GET and of a HEAD, without `Prefer` and `Range`."""
    return {**_query(READ_PARAMETERS), **tree_parameters(), "If-None-Match": _IF_NONE_MATCH}


def tree_parameters() -> dict[str, dict[str, Json]]:
    """Build the parameters `and` and `or`, for GET, HEAD, PATCH, and DELETE."""
    return {
        name.capitalize(): _parameter("query", name, text, {"type": "string", "pattern": r"^\([\s\S]+\)$"})
        for name, text in _TREES.items()
    }


def range_parameter() -> dict[str, dict[str, Json]]:
    """Build the header `Range` of a GET; a document describes ranges of rows, and not those of bytes."""
    text = "rows, counted from 0, as an alternative to `limit` and `offset`: `0-24`"
    return {"Range": _parameter("header", "Range", text, {"type": "string", "pattern": f"^{RANGE.pattern}$"})}


def write_parameters(names: Iterable[str]) -> dict[str, dict[str, Json]]:
    """Build the parameters of those names of a write."""
    return _query({name: WRITE_PARAMETERS[name] for name in names})


_KEY = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "pattern": "^[!#-~]+$"}


def idempotency_key(connector: Connector) -> dict[str, dict[str, Json]]:
    """Build the header `Idempotency-Key` of a POST; it has no example, because each batch has a key of its own."""
    text = (
        "identifies the batch: sent again with the same key, it is stored once, and the receipt is the same"
    )
    parameter = _parameter("header", "Idempotency-Key", text, _KEY)
    if connector.policy.needs_key:
        return {"Idempotency-Key.required": {**parameter, "required": True}}
    return {"Idempotency-Key": parameter}


def idempotency_after() -> dict[str, dict[str, Json]]:
    """Build the header `Idempotency-After` of a POST."""
    text = "the `Idempotency-Key` of the batch that must be stored before this one"
    return {"Idempotency-After": _parameter("header", "Idempotency-After", text, _KEY)}


def prefer(method: str, *, resolutions: Iterable[str] = ()) -> dict[str, dict[str, Json]]:
    """Build the header `Prefer` of a method.

    `return` is left out: with it the response has another body, and generated clients need one type of it.

    Args:
        method: The method.
        resolutions: The values of `resolution` that the connector and the asker's rights allow.
    """
    values = {name: PREFERENCES[name][0] for name in BY_METHOD[method] if name != "return"}
    values["resolution"] = tuple(resolutions)
    values = {name: allowed for name, allowed in values.items() if allowed}
    token = "|".join(f"{name}=(?:{'|'.join(map(_value, allowed))})" for name, allowed in values.items())
    text = "; ".join(
        f"`{name}={'|'.join(allowed)}`: {PREFERENCES[name][1]}" for name, allowed in values.items()
    )
    schema = {"type": "string", "pattern": f"^(?:{token})(?:, (?:{token}))*$"}
    name = ".".join(("Prefer", method, *values.get("resolution", ())))
    return {name: _parameter("header", "Prefer", text, schema)}


def _value(value: str) -> str:
    return "[0-9]{1,9}" if value == "N" else value


def _query(meanings: Mapping[str, str]) -> dict[str, dict[str, Json]]:
    return {
        name.capitalize(): _parameter("query", name, text, _SCHEMAS.get(name, {"type": "string"}))
        for name, text in meanings.items()
    }


def _parameter(place: str, name: str, text: str, schema: Mapping[str, Json]) -> dict[str, Json]:
    return {"name": name, "in": place, "description": text, "schema": schema}


_IF_NONE_MATCH = _parameter(
    "header",
    "If-None-Match",
    "the `ETag` of an earlier response: 304 without a body while the rows are the same",
    {"type": "string"},
)
