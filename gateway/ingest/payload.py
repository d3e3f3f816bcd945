"""A body to rows: JSON object or array, NDJSON, CSV, a form."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_rows, form_rows, json_rows, recognition
from gateway.ingest.body_text import after_blanks, start_of
from gateway.ingest.rows import Rows, shorten
from gateway.media_types import RECEIVED, RECEIVED_TYPES, Media
from gateway.strictjson import Json

#: What a form is sent as, and what curl says when it was told nothing; no form starts with a bracket.
_FORM = Media.FORM.media_type
_NAMED = ", ".join(media.media_type for media in RECEIVED)
_CURL = "; curl adds this type by itself, so say -H 'Content-Type: text/csv' --data-binary @FILE: -d takes line ends out"
#: What else bodies are called out there, and what to do about it.
_HINTS = {
    "multipart/form-data": "send the file itself, as curl --data-binary @FILE does; -F makes a form with parts",
    "application/csv": "write text/csv",
    "text/x-csv": "write text/csv",
    "application/vnd.ms-excel": "save the sheet as CSV (UTF-8), and send it as text/csv",
    "text/json": "write application/json",
    "text/tab-separated-values": "write the cells with commas between them, and send them as text/csv",
    "application/gzip": "say Content-Encoding: gzip, and with Content-Type what is inside",
    "application/x-gzip": "say Content-Encoding: gzip, and with Content-Type what is inside",
    "application/zstd": "say Content-Encoding: zstd, and with Content-Type what is inside",
    Media.PARQUET.media_type: "load a Parquet file with gateway load",
    "application/x-parquet": "load a Parquet file with gateway load",
}


#: The parameter of text/csv for a body without a header (RFC 4180, section 3).
_WITHOUT_HEADER = re.compile(r"(?:^|;)\s*header\s*=\s*\"?absent\"?\s*(?:;|$)", re.IGNORECASE)


def tell_media(content_type: str | None, data: bytes) -> Media:
    """Tell what a body is by its Content-Type, and by its first byte where that says nothing.

    Raises:
        GatewayError: Where the type is one the gateway does not read.
    """
    name = _declared(content_type or "")
    media = RECEIVED_TYPES.get(name)
    if media is not None and media is not Media.FORM:
        return media
    start = after_blanks(data, start_of(data))
    is_bracket = data[start : start + 1] in (b"{", b"[")
    if not name or (media is Media.FORM and is_bracket):
        return _sniff(data, start)
    if media is Media.FORM and form_rows.is_form(data):
        return Media.FORM
    if media is Media.FORM and start == len(data):
        raise recognition.empty()
    if media is Media.FORM and (other := recognition.of_bytes(data, media)):
        raise other
    message = f"the Content-Type '{name}' is not read"
    if media is Media.FORM:
        message = f"the Content-Type is '{name}', but the body is no form: a=1&b=2"
    hint = f"{_HINTS[name]}; or use" if name in _HINTS else "use"
    raise GatewayError(
        Code.MEDIA_TYPE_UNSUPPORTED,
        message,
        hint=f"{hint} one of {_NAMED}{_CURL if media is Media.FORM else ''}",
        headers={"Accept": _NAMED},
    )


@functools.lru_cache(32)  # There are few; what is raised is not remembered.
def _declared(content_type: str) -> str:
    """Give the name of a Content-Type, where its text is UTF-8 as far as it says."""
    name, _, parameters = content_type.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\";\s]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower().replace("-", "") not in ("utf8", "usascii"):
        raise GatewayError(
            Code.MEDIA_TYPE_UNSUPPORTED, f"the charset '{charset[1]}' is not read", hint="send UTF-8"
        )
    if name.strip().lower() == Media.CSV.media_type and _WITHOUT_HEADER.search(parameters):
        message = "the Content-Type says header=absent, but line 1 of CSV names the columns here"
        hint = "put a line with the names of the columns before the rows, and leave header=absent out"
        raise GatewayError(Code.MEDIA_TYPE_UNSUPPORTED, message, hint=hint)
    return name.strip().lower()


def _sniff(data: bytes, start: int) -> Media:
    """Tell by the first byte; an object whose first line is one by itself, with more behind it, is NDJSON."""
    first = data[start : start + 1]
    if first == b"[":
        return Media.JSON
    if first != b"{":
        return Media.CSV
    end = data.find(b"\n", start)
    if end < 0 or after_blanks(data, end) == len(data):
        return Media.JSON
    try:
        strictjson.read(data[start:end])
    except ValueError:
        return Media.JSON
    return Media.NDJSON


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


#: How a row is read that is no text.
UNREADABLE = '{"media": null}'


def without_end(text: str) -> str:
    """Take the end of its line from a text, and no more."""
    return text.removesuffix("\n").removesuffix("\r")


def reading(
    data: bytes,
    media: Media,
    columns: Sequence[Field] | None,
    *,
    absent_is_null: bool,
    resolution: str | None = None,
) -> str:
    """Say as JSON how the rows of a body are taken, for single ones to be taken again in the same way."""
    header = without_end(csv_rows.header_of(data).decode(errors="replace")) if media is Media.CSV else None
    names = None if columns is None else [field.name for field in columns]
    told = {"media": media.media_type, "header": header, "columns": names, "absent_is_null": absent_is_null}
    return strictjson.write({**told, "resolution": resolution}).decode()


def read_object(data: bytes, content_type: str | None, connector: Connector) -> dict[str, Json]:
    """Read the one JSON object of a PATCH: new values by the present names of fields.

    Raises:
        GatewayError: Where it is something else.
    """
    media = tell_media(content_type, data)
    if media is not Media.JSON:
        raise GatewayError(Code.MEDIA_TYPE_UNSUPPORTED, f"a PATCH is not {media.media_type}", hint=_ONE)
    try:
        rows = list(parse(data, media, connector, len(data)))
    except GatewayError as error:
        if error.hint in json_rows.OF_ROWS:
            error.hint = _ONE
        raise
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
