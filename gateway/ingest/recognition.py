"""Recognition of bodies that are not what their media type says: what a body is, and the fix.

Only bodies that cannot be parsed are examined, so valid bodies pay nothing.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

from gateway import strictjson
from gateway.connectors.connector import Connector
from gateway.connectors.yaml_text.encoding import in_windows_1252, not_utf_8
from gateway.errors import Code, GatewayError
from gateway.ingest import json_array, signatures
from gateway.ingest.binary_formats import BINARY_NAMES
from gateway.ingest.body_text import first_of
from gateway.ingest.json_array import ArrayError
from gateway.media_types import Media
from gateway.printable import printable

#: How many bytes of a text, and of its first line, are examined.
_SAMPLE_BYTES, _LINE_BYTES = 512, 100_000
_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "vertical bars"}
_PAGE = re.compile(rb"<!doctype html|<html|<head|<body", re.IGNORECASE)
_PARTS = re.compile(rb"--[^\r\n]+\r?\nContent-Disposition:", re.IGNORECASE)
_PAIRS = re.compile(rb"[^=&\s,;]+=[^&\s]*(?:&[^=&\s,;]+=[^&\s]*)*")
_SEP_LINE = re.compile(rb"sep=(.)\r?$", re.IGNORECASE)
_NAMES = {
    Media.JSON: "JSON",
    Media.NDJSON: "NDJSON",
    Media.CSV: "CSV",
    Media.FORM: "a form",
    **BINARY_NAMES,
}


@dataclass(frozen=True, slots=True)
class BodyHints:
    """The hints of errors that ask for another body: the caller says what it expects.

    Attributes:
        rows: For a body that is neither an object nor a list.
        empty: For an empty body.
        form: For a form.
        objects: For several objects with commas between them.
        lines: For several objects, each on its own line.
    """

    rows: str
    empty: str
    form: str
    objects: str
    lines: str

    @classmethod
    def always(cls, hint: str) -> Self:
        """Return hints that are all the same."""
        return cls(hint, hint, hint, hint, hint)


#: The hints where rows are expected.
ROW_HINTS = BodyHints(
    rows="send one row {…}, or a list of rows [{…}, …]",
    empty="send rows: curl sends a file with --data-binary @FILE; where there are none, send [] as JSON",
    form=f"send it with Content-Type: {Media.FORM.media_type}, or as JSON",
    objects="send several rows as a list: [{…}, {…}]",
    lines=f"send rows that are a line each with Content-Type: {Media.NDJSON.media_type}",
)


def find(
    data: bytes, media: Media, connector: Connector, hints: BodyHints = ROW_HINTS
) -> GatewayError | None:
    """Return the error that names what a body is that cannot be parsed as `media`; None if it may be that."""
    start = first_of(data)
    if start == len(data):
        return empty(hints)
    text = data[start : start + _LINE_BYTES]
    names = [*(field.name for field in connector.fields), *connector.aliases]
    examiners: list[Callable[[], GatewayError | None]] = [
        lambda: of_bytes(data, media),
        lambda: _of_markup(text, media),
        lambda: _of_form(text, media, hints),
        lambda: _of_json(data, start, media) if media is not Media.JSON else _of_scalar(data, start, hints),
        lambda: _of_csv(data, text, names, media),
    ]
    # A line of NDJSON is a row, so its invalid bytes are an error of that row.
    if media is not Media.NDJSON:
        examiners.append(lambda: _of_encoding(text, media))
    return next((error for examine in examiners if (error := examine())), None)


def empty(hints: BodyHints = ROW_HINTS) -> GatewayError:
    """Return the error for an empty body of any format: mostly it is a file that could not be read."""
    return _error("the body is empty", hints.empty)


def of_bytes(data: bytes, media: Media) -> GatewayError | None:
    """Return the error for a body whose first bytes are not UTF-8 text but a known format or encoding."""
    not_media = f"not {_NAMES[media]}"
    file_format = signatures.format_of(data)
    if file_format and file_format.lacks_zeros(data):
        hint = "send it with curl --data-binary @FILE: -d removes zero bytes and line ends"
        return _error(f"the body is {file_format.name} without its zero bytes", hint)
    if file_format:
        return _error(f"the body is {file_format.name}, {not_media}", file_format.fix)
    encoding = next((name for mark, name in signatures.MARKS.items() if data.startswith(mark)), None)
    sample = data[:_SAMPLE_BYTES]
    if encoding is None and any(_is_half_zeros(sample, first) for first in (0, 1)):
        encoding = "UTF-16"
    if encoding:
        return _error(
            f"the body is text in {encoding}, not in UTF-8", f"convert it: iconv -f {encoding} -t UTF-8"
        )
    return None


def _is_half_zeros(sample: bytes, first: int) -> bool:
    """Return whether every other byte is mostly zero and the bytes between are not, as in UTF-16 of Latin text."""
    zeros, others = sample[first::2], sample[1 - first :: 2]
    return (
        len(zeros) > 1 and zeros.count(0) * 10 >= len(zeros) * 7 and others.count(0) * 10 <= len(others) * 2
    )


def not_binary(data: bytes, media: Media) -> GatewayError:
    """Return the error of a body that was sent as columns, and does not begin as they do."""
    start = first_of(data)
    if start == len(data):
        return empty()
    text = data[start : start + _LINE_BYTES]
    found = of_bytes(data, media) or _of_markup(text, media) or _of_json(data, start, media)
    kind = "text" if signatures.is_text(data[:_SAMPLE_BYTES]) else "something else"
    hint = f"send it with the Content-Type of its format, such as {Media.CSV.media_type}"
    return found or _error(f"the body is {kind}, not {_NAMES[media]}", hint)


def _of_markup(text: bytes, media: Media) -> GatewayError | None:
    name = _NAMES[media]
    if _PARTS.match(text):
        hint = "send the file itself, as curl --data-binary @FILE does; -F makes a form with parts"
        return _error(f"the body is a form with parts (multipart/form-data), not {name}", hint)
    if not text.startswith(b"<"):
        return None
    if _PAGE.search(text[:_SAMPLE_BYTES]):
        hint = "look at it: it may be an error or sign-in page of the source of the rows"
        return _error(f"the body is an HTML page, not {name}", hint)
    return _error(f"the body is XML, not {name}", "send the rows as JSON, NDJSON, or CSV")


def _of_form(text: bytes, media: Media, hints: BodyHints) -> GatewayError | None:
    line = text.strip()
    if not _PAIRS.fullmatch(line) or _SEP_LINE.match(line):
        return None
    return _error(f"the body is a URL-encoded form, not {_NAMES[media]}", hints.form)


def _of_json(data: bytes, start: int, media: Media) -> GatewayError | None:
    """Return the error for JSON that was sent as CSV, or as NDJSON although its rows are not lines."""
    first = data[start : start + 1]
    if first not in (b"{", b"["):
        return None
    if media is not Media.NDJSON:
        is_lines = (
            first == b"{" and _is_object(data[start:].split(b"\n", 1)[0]) and b"\n" in data[start:].strip()
        )
        name, sent_as = ("NDJSON", Media.NDJSON) if is_lines else ("JSON", Media.JSON)
        return _error(
            f"the body is {name}, not {_NAMES[media]}", f"send it with Content-Type: {sent_as.media_type}"
        )
    hint = f"send it with Content-Type: {Media.JSON.media_type}, or write each row into a line of its own"
    if first == b"[" and _is_list_of_rows(data, start):
        return _error("the body is a JSON list, not NDJSON", hint)
    if first == b"{" and b"\n" in data[start:].strip() and _is_object(data[start:]):
        return _error("the body is one JSON object over several lines, not NDJSON", hint)
    return None


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(strictjson.read(text), dict)
    except ValueError:
        return False


def _is_list_of_rows(data: bytes, start: int) -> bool:
    try:
        return all(data[begin : begin + 1] == b"{" for begin, _ in json_array.row_bounds(data, start))
    except ArrayError:
        return False


def _of_scalar(data: bytes, start: int, hints: BodyHints) -> GatewayError | None:
    """Return the error for a JSON value that is neither a row nor a list."""
    if len(data) - start > _LINE_BYTES:
        return None
    try:
        value = strictjson.read(data[start:])
    except ValueError:
        return None
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        hint = "remove one json.dumps or JSON.stringify"
        return _error("the body is a JSON string that holds JSON: it was encoded twice", hint)
    shown = strictjson.write(value).decode()
    kind = "a JSON string" if isinstance(value, str) else f"the JSON value {shown[:50]}"
    return _error(f"the body is {kind}, neither an object nor a list", hints.rows)


def _of_csv(data: bytes, text: bytes, names: Collection[str], media: Media) -> GatewayError | None:
    """Return the error for CSV that was sent as JSON, or has other separators than commas and line ends."""
    line = text.split(b"\n", 1)[0]
    if media is Media.CSV and (error := _of_other_csv(data, line, names)):
        return error
    if media is Media.CSV or line[:1] in (b"{", b"["):
        return None
    separator = next((mark for mark in (b",", *_SEPARATORS) if _known_names(line, mark, names)), None)
    if separator is None:
        return None
    other = f" with {_SEPARATORS[separator]} between its cells" if separator in _SEPARATORS else ""
    fix = ", with commas between its cells" if other else ""
    return _error(
        f"the body is CSV{other}, not {_NAMES[media]}",
        f"send it with Content-Type: {Media.CSV.media_type}{fix}",
    )


def _of_other_csv(data: bytes, line: bytes, names: Collection[str]) -> GatewayError | None:
    if found := _SEP_LINE.fullmatch(line):
        shown = printable(found[1].decode(errors="replace"))
        hint = "remove the line" + ("" if shown == "," else ", and write the cells with commas between them")
        return _error(f"line 1 is 'sep={shown}', which only Excel reads, and not the header", hint)
    if b"\r" in line.rstrip(b"\r") and b"\n" not in data.strip():
        hint = r"end lines with LF or CR LF: tr '\r' '\n' < FILE"
        return _error("the lines of the body end in CR alone", hint)
    if line.endswith(b"\r\r"):
        hint = r"end lines with LF or CR LF: tr -d '\r' < FILE; in Python write the file with open(…, newline='')"
        return _error("the lines of the body end in CR CR LF", hint)
    known_count = len(_known_names(line, b",", names))
    for separator, name in _SEPARATORS.items():
        count = len(_known_names(line, separator, names))
        if count > known_count or (separator in line and b"," not in line):
            hint = "write it with commas; in pandas to_csv(sep=','), in a spreadsheet choose the comma when saving"
            return _error(f"the cells of the header are separated by {name}, not by commas", hint)
    return None


def _known_names(line: bytes, separator: bytes, names: Collection[str]) -> list[str]:
    """Return the names of fields among the cells of a first line, if it has several cells."""
    cells = [cell.strip(b' \r"').decode(errors="replace") for cell in line.split(separator)]
    return [cell for cell in cells if cell in names] if len(cells) > 1 else []


def _of_encoding(text: bytes, media: Media) -> GatewayError | None:
    """Return the error for a first line that is not UTF-8, with the encoding that it most likely has."""
    line = text.split(b"\n", 1)[0]
    try:
        line.decode()
    except UnicodeDecodeError as error:
        character = in_windows_1252(line, error.start)
        hint = "convert it: iconv -f WINDOWS-1252 -t UTF-8" if character else f"send {_NAMES[media]} in UTF-8"
        return _error(f"line 1 of the body: {not_utf_8(line, error.start)}", hint)
    return None


def _error(message: str, hint: str) -> GatewayError:
    return GatewayError(Code.BODY_INVALID, message, hint=hint)
