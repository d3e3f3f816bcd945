"""A body to rows: JSON object or array, NDJSON, CSV, a form."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_rows, form_rows, json_rows
from gateway.ingest.media_detection import media_of
from gateway.ingest.recognition import BodyHints
from gateway.ingest.rows import Rows, shorten
from gateway.media_types import Media
from gateway.strictjson import Json


def parse(
    data: bytes, media: Media, connector: Connector, max_row: int, columns: Sequence[Field] | None = None
) -> Iterator[Rows]:
    """Read the rows of a body, some at a time, so that few are Python values at once.

    Renamed fields are called by their present names, whatever a row calls them. With `columns` a CSV header may
    name anything; the cells of other columns are passed over. A row of more than `max_row` bytes is an error: a
    reader gets some thousand rows at a time.

    Raises:
        GatewayError: Where the body as a whole cannot be read; a row that cannot is an error in its `Rows`.
    """
    if media is Media.CSV:
        return csv_rows.parse(data, connector, max_row, columns)
    if media is Media.FORM:
        return form_rows.parse(data, connector, max_row)
    rows = (json_rows.parse if media is Media.JSON else json_rows.parse_lines)(data, connector, max_row)
    return by_present_names(rows, connector.aliases) if connector.aliases else rows


def read_object(data: bytes, content_type: str | None, connector: Connector) -> dict[str, Json]:
    """Read the one JSON object of a PATCH: new values by the present names of fields.

    Raises:
        GatewayError: Where it is something else.
    """
    media = media_of(content_type, data)
    if media is not Media.JSON:
        raise GatewayError(Code.MEDIA_TYPE_UNSUPPORTED, f"a PATCH is not {media.media_type}", hint=_ONE)
    parsed = json_rows.parse(data, connector, len(data), BodyHints.always(_ONE))
    rows = list(by_present_names(parsed, connector.aliases))
    if errors := [error for some in rows for error in some.errors]:
        raise GatewayError(Code.BODY_INVALID, f"the body is {errors[0].message}", hint=_ONE)
    values = [value for some in rows for value in some.values]
    if len(values) != 1:
        message = f"the body is a list of {len(values)} values, where one object says what the rows become"
        raise GatewayError(Code.BODY_INVALID, message, hint=_ONE)
    if not isinstance(values[0], dict):
        message = f"the body is a list of {shorten(values[0])}, where one object says what the rows become"
        raise GatewayError(Code.BODY_INVALID, message, hint=_ONE)
    return values[0]


_ONE = (
    'send one JSON object with the new values, such as {"paid": true}; the filter in the URL names the rows'
)


def by_present_names(rows: Iterable[Rows], aliases: Mapping[str, Field]) -> Iterator[Rows]:
    """Call renamed fields by their present names, but for a row that names one by both."""
    for some in rows:
        for value in (value for value in some.values if isinstance(value, dict)):
            for alias in aliases.keys() & value.keys():
                if aliases[alias].name not in value:
                    value[aliases[alias].name] = value.pop(alias)
        yield some


def only(rows: Iterable[Rows], fields: Sequence[Field], *, absent_is_null: bool) -> Iterator[Rows]:
    """Take only some fields of rows, as `columns` of a POST asks.

    An absent one is null where `absent_is_null` and null may be, else it stays absent, and takes its default.
    """
    for some in rows:
        some.values = [_only(value, fields, absent_is_null) for value in some.values]
        yield some


def _only(value: Json, fields: Sequence[Field], absent_is_null: bool) -> Json:
    if not isinstance(value, dict):
        return value
    nulls = {field.name: None for field in fields if field.nullable} if absent_is_null else {}
    return nulls | {field.name: value[field.name] for field in fields if field.name in value}
