"""A body to rows: a JSON object or array, NDJSON, CSV, Parquet, Arrow, or a form. Runs on the event loop or in a parse thread."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_rows, form_rows, json_rows
from gateway.ingest.arrow import rows as arrow_rows
from gateway.ingest.excerpts import shorten
from gateway.ingest.media_detection import media_of
from gateway.ingest.recognition import BodyHints
from gateway.ingest.rows import Rows
from gateway.media_types import BINARY, Media
from gateway.strictjson import Json

#: The most bytes of a body that is unpacked, if the caller does not say.
MAX_BODY = 2**26


def parse(
    data: bytes,
    media: Media,
    connector: Connector,
    max_row: int,
    columns: Sequence[Field] | None = None,
    max_body: int = MAX_BODY,
) -> Iterator[Rows]:
    """Parse the rows of a body in chunks, so that few rows are Python values at a time.

    Values of renamed fields get the present names. With `columns` a CSV header may name anything; the cells of other
    columns are skipped. Parquet and Arrow may have `max_body` bytes when they are unpacked. A row of more than `max_row` bytes is an error, because each chunk holds thousands of rows.

    Raises:
        GatewayError: The body as a whole cannot be parsed. A row that cannot is an error in its `Rows`.
    """
    if media is Media.CSV:
        return csv_rows.parse(data, connector, max_row, columns)
    if media in BINARY:
        return arrow_rows.parse(data, connector, max_row, columns, max_body)
    if media is Media.FORM:
        return form_rows.parse(data, connector, max_row)
    rows = (json_rows.parse if media is Media.JSON else json_rows.parse_lines)(data, connector, max_row)
    return by_present_names(rows, connector.aliases) if connector.aliases else rows


def parse_object(data: bytes, content_type: str | None, connector: Connector) -> dict[str, Json]:
    """Parse the JSON object of a PATCH: new values by the present names of fields.

    Raises:
        GatewayError: The body is something else.
    """
    media = media_of(content_type, data)
    if media is not Media.JSON:
        raise GatewayError(
            Code.MEDIA_TYPE_UNSUPPORTED, f"a PATCH is not {media.media_type}", hint=_OBJECT_HINT
        )
    parsed = json_rows.parse(data, connector, len(data), BodyHints.always(_OBJECT_HINT))
    rows = list(by_present_names(parsed, connector.aliases))
    if errors := [error for chunk in rows for error in chunk.errors]:
        raise GatewayError(Code.BODY_INVALID, f"the body is {errors[0].message}", hint=_OBJECT_HINT)
    values = [value for chunk in rows for value in chunk.values]
    if len(values) != 1:
        message = (
            f"the body is a list of {len(values)} values, where one object with the new values is expected"
        )
        raise GatewayError(Code.BODY_INVALID, message, hint=_OBJECT_HINT)
    if not isinstance(values[0], dict):
        message = (
            f"the body is a list of {shorten(values[0])}, where one object with the new values is expected"
        )
        raise GatewayError(Code.BODY_INVALID, message, hint=_OBJECT_HINT)
    return values[0]


_OBJECT_HINT = (
    'send one JSON object with the new values, such as {"paid": true}; the filter in the URL names the rows'
)


def by_present_names(rows: Iterable[Rows], aliases: Mapping[str, Field]) -> Iterator[Rows]:
    """Replace former names of fields with the present ones, except in a row that has both."""
    for chunk in rows:
        for value in (value for value in chunk.values if isinstance(value, dict)):
            for alias in aliases.keys() & value.keys():
                if aliases[alias].name not in value:
                    value[aliases[alias].name] = value.pop(alias)
        yield chunk


def only(rows: Iterable[Rows], fields: Sequence[Field], *, absent_is_null: bool) -> Iterator[Rows]:
    """Keep only some fields of rows, as `columns` of a POST asks.

    With `absent_is_null` an absent nullable field becomes null. Otherwise it stays absent, and gets its default.
    """
    for chunk in rows:
        chunk.values = [_only(value, fields, absent_is_null) for value in chunk.values]
        yield chunk


def _only(value: Json, fields: Sequence[Field], absent_is_null: bool) -> Json:
    if not isinstance(value, dict):
        return value
    nulls = {field.name: None for field in fields if field.nullable} if absent_is_null else {}
    return nulls | {field.name: value[field.name] for field in fields if field.name in value}
