"""Edited rows: the body of a replay, which replaces rejected rows by corrected ones."""

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest import media_detection, payload
from gateway.ingest.excerpts import SHOWN_CHARACTERS_MAX, shorten
from gateway.media_types import Media
from gateway.strictjson import Json

_EXAMPLE_OF_ONE = 'write one JSON object, such as {"order_id": 3}'
_EXAMPLE = 'send [{"_id": 7, "order_id": 3, …}, …], or nothing to try them as they are'


def parse(data: bytes, connector: Connector) -> dict[int, Json]:
    """Parse edited rows by `_id`, which is that of the rejected row that each replaces.

    Raises:
        GatewayError: The body is neither JSON nor NDJSON, or a row has no `_id` of its own.
    """
    rows: dict[int, Json] = {}
    for number, value in enumerate(_values(data, connector), 1):
        if not isinstance(value, dict):
            raise _error(f"edited row {number} is {shorten(value)}, not an object")
        if "_id" not in value:
            raise _error(f"edited row {number} has no _id")
        id = value.pop("_id")
        if not isinstance(id, int) or isinstance(id, bool):
            is_quoted = isinstance(id, str) and id.isdecimal() and len(id) < SHOWN_CHARACTERS_MAX
            hint = f'write "_id": {id}, without quotes' if is_quoted else _EXAMPLE
            raise _error(f"the _id of edited row {number} is {shorten(id)}, not a whole number", hint)
        if id in rows:
            raise _error(f"two edited rows have the _id {shorten(id)}", "send each row once")
        rows[id] = value
    return rows


def parse_one(data: bytes, id: int, connector: Connector) -> dict[str, Json]:
    """Parse one edited row, which may name the `_id` of the rejected row that it replaces.

    Raises:
        GatewayError: It is not one JSON object, or it names another `_id`.
    """
    values = _values(data, connector)
    if len(values) != 1 or not isinstance(values[0], dict):
        found = shorten(values[0]) if len(values) == 1 else f"{len(values)} values"
        raise _error(f"the edited row is {found}, not one object", _EXAMPLE_OF_ONE)
    value = values[0]
    if value.pop("_id", id) != id:
        raise _error(f"the edited row has another _id than {id}", "leave _id out")
    return value


def _values(data: bytes, connector: Connector) -> list[Json]:
    """Parse the values of a body; an empty body and an empty object have none."""
    if not data.strip():
        return []
    media = media_detection.media_of(None, data)
    if media not in (Media.JSON, Media.NDJSON):
        raise _error(
            "the body is not a JSON object, a list of objects, or NDJSON",
            f"{_EXAMPLE}, in any format that the rows came in",
        )
    values: list[Json] = []
    for chunk in payload.parse(data, media, connector, len(data)):
        if chunk.errors:
            error = chunk.errors[0]
            line = f", line {error.line}" if error.line else ""
            raise _error(f"edited row {error.row}{line}: {error.message}")
        values += chunk.values
    return [] if values == [{}] else values


def _error(message: str, hint: str = _EXAMPLE) -> GatewayError:
    return GatewayError(Code.BODY_INVALID, message, hint=hint)
