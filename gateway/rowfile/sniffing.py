"""Content sniffing: errors for files whose first bytes contradict their names and the options."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.connectors.yaml_text.encoding import in_windows_1252
from gateway.ingest import signatures
from gateway.media_types import Media
from gateway.rowfile.compression import COMPRESSED, decompressed
from gateway.rowfile.option_error import FileFormat, FileOptionError
from gateway.rowfile.separators import SEP_LINE
from gateway.rowfile.source import Source

#: The number of bytes that are examined, and the number of lines among them.
_HEAD_BYTES, _LINES_MAX = 2**16, 50
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|!--)", re.IGNORECASE)
#: Separators as they are named in messages, and as values of --separator.
_NAMES = {b";": "';'", b"\t": "tabs", b"|": "'|'", b",": "','"}
_OPTIONS = {b";": "';'", b"\t": "tab", b"|": "'|'"}
_CELL_IN_QUOTES = re.compile(rb'"(?:[^"]++|"")*+"')


def check_content(source: Source) -> None:
    """Check that the first bytes of a file fit its format.

    Raises:
        ValueError: They do not; the message names the actual format and the next action.
        OSError, EOFError, zstandard.ZstdError: The file cannot be read.
    """
    with source.path.open("rb") as raw:
        begin = raw.read(16)
        if not begin:
            raise _wrong(source, "is empty: it has no rows")
        if source.is_workbook:
            _check_workbook(source, begin)
        elif source.media is Media.ARROW:
            _check_arrow(source, begin)
        elif source.media is not Media.PARQUET:
            raw.seek(0)
            file = decompressed(raw, source.path)
            is_packed = file is not raw
            _check_text(source, file.read(_HEAD_BYTES), is_packed=is_packed)
        elif not begin.startswith(b"PAR1"):
            raise _wrong(source, "is not Parquet; give it the suffix of its actual format")


def _check_arrow(source: Source, begin: bytes) -> None:
    if begin.startswith(b"FEA1"):
        raise _wrong(source, "is Feather of version 1; write it with a newer pandas or pyarrow")
    if not begin.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        raise _wrong(source, "is not Arrow; give it the suffix of its actual format")


def _check_workbook(source: Source, begin: bytes) -> None:
    if source.path.suffix.lower() in COMPRESSED:
        raise _wrong(source, "is a compressed workbook; a workbook is compressed already: unpack it")
    if begin.startswith(b"\xd0\xcf\x11\xe0"):
        raise _wrong(
            source,
            "has a password, or is a workbook of Excel 97; open it, remove the password, and save it as .xlsx",
        )
    if not begin.startswith(b"PK\x03\x04"):
        raise _wrong(source, "is not an Excel workbook; give it the suffix of its actual format")


def _check_text(source: Source, head: bytes, *, is_packed: bool) -> None:
    if kind := signatures.format_of(head):
        name, stem = source.name, source.stem
        fix = kind.file_fix.format(name=name, stem=stem, path=_typed(source))
        raise _wrong(source, f"is {kind.name}; {fix}")
    if not head:
        raise _wrong(source, "is empty once decompressed" if is_packed else "is empty: it has no rows")
    if source.encoding is None:
        _check_utf8(source, head)
    else:
        head = head.decode(source.encoding, "replace").encode()
    if _MARKUP.match(head):
        raise _wrong(source, "is an HTML or XML page, not rows; check what its download returned")
    if head.startswith(b"version https://git-lfs"):
        raise _wrong(source, "is a pointer of Git LFS, not the file itself; run git lfs pull")
    _CHECKS[source.media](source, head.removeprefix(b"\xef\xbb\xbf"))


def _check_utf8(source: Source, head: bytes) -> None:
    for mark, encoding in signatures.MARKS.items():
        if head.startswith(mark):
            raise _encoded(
                source, f"is {encoding}; use --encoding {encoding.lower()}, or save it as UTF-8", encoding
            )
    sample = head[:200]
    if len(sample) > 3 and b"\0" in sample and not (any(sample[1::2]) and any(sample[::2])):
        encoding = "utf-16-be" if not any(sample[::2]) else "utf-16-le"
        raise _encoded(source, f"is UTF-16 without a byte order mark; use --encoding {encoding}", encoding)
    if b"\0" in sample:
        raise _wrong(source, "is not text: it has NUL bytes; give it the suffix of its actual format")
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4 or len(head) < _HEAD_BYTES:
            raise _not_utf8(source, head, error.start) from error


def _not_utf8(source: Source, head: bytes, place: int) -> FileOptionError:
    line = head.count(b"\n", 0, place) + 1
    character = in_windows_1252(head, place)
    shown = f", in Windows-1252 it is '{character}'" if character else ""
    byte = f"line {line} has the byte 0x{head[place]:02X}{shown}"
    return _encoded(source, f"is not UTF-8: {byte}; use --encoding cp1252, or its actual encoding", "cp1252")


# -- JSON


def _check_json(source: Source, head: bytes) -> None:
    first, _, rest = head.strip().partition(b"\n")
    if first.startswith(b"{") and rest.strip() and _is_json(first):
        raise _of_format(source, "has a JSON value on each line", "ndjson")
    _check_is_row(source, head)


def _check_is_row(source: Source, head: bytes) -> None:
    """Check that a single JSON object is a row, not a table."""
    if not head.lstrip().startswith(b"{") or len(head) == _HEAD_BYTES:
        return
    try:
        value = msgspec.json.decode(head)
    except msgspec.DecodeError:
        return
    name, stem = _typed(source), source.stem
    if _is_from_pandas(value):
        message = "is a table by columns, as pandas writes it; write it with to_json(orient='records')"
        raise _wrong(source, f"{message}; call it {stem}.ndjson if it is one row")
    key, rows = next(iter(value.items())) if len(value) == 1 else ("", None)
    if isinstance(rows, list) and len(rows) > 1 and all(isinstance(row, dict) for row in rows):
        path = f".{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f".[{msgspec.json.encode(key).decode()}]"
        message = f"is one object, whose {key!r} has {len(rows)} rows; extract them"
        fix = f"jq {shlex.quote(path)} {name} > new.json"
        raise _wrong(source, f"{message}: {fix} (or call it {stem}.ndjson if it is one row)")


def _is_from_pandas(table: dict[str, Any]) -> bool:
    """Return whether `to_json` wrote the object: by columns or by index, split, or with a schema."""
    if set(table) == {"columns", "index", "data"} or ("pandas_version" in str(table.get("schema", ""))):
        return True
    columns = list(table.values())
    if not columns or not all(isinstance(column, dict) and column for column in columns):
        return False
    numbers = [str(place) for place in range(len(columns[0]))]
    return all(list(column) == numbers for column in columns)


def _check_ndjson(source: Source, head: bytes) -> None:
    if head.lstrip().startswith(b"["):
        raise _of_format(source, "is a JSON array", "json")


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


# -- CSV


def _check_csv(source: Source, head: bytes) -> None:
    line = head.lstrip().partition(b"\n")[0]
    if line.startswith((b"{", b"[{")) and (_is_json(line) or line.rstrip().endswith((b"[{", b"{"))):
        raise _of_format(source, "is JSON, not CSV", "json" if line.startswith(b"[") else "ndjson")
    if b"\n" not in head and b"\r" in head.rstrip(b"\r"):
        message = "ends its lines with CR alone, as old Macs did; turn them into line feeds first"
        raise _wrong(source, f"{message}: tr '\\r' '\\n' < {_typed(source)} > new.csv")
    if line.endswith(b"\r\r"):
        message = "ends its lines with CR CR LF, because a program wrote CR LF as text on Windows"
        raise _wrong(source, f"{message}: tr -d '\\r' < {_typed(source)} > new.csv")
    _check_first_line(source, head)
    if source.separator is None:
        _check_separator(source, head)


def _check_first_line(source: Source, head: bytes) -> None:
    """Check that the first line is neither blank nor a comment."""
    lines = [line.strip() for line in head.splitlines()]
    if not any(lines):
        raise _wrong(source, "has blank lines only, and no rows")
    count = _leading_comments(lines)
    skipped = lines[:count]
    if not skipped or (source.header and not any(skipped)):
        return
    is_comment, is_mixed = all(skipped), any(skipped)
    what = "comments (#)" if is_comment else "comments (#) and blank lines" if is_mixed else "blank lines"
    wanted = "a row" if source.header else "the header"
    name = shlex.quote(source.name)
    removed = f"the first {count} lines" if count > 1 else "the first line"
    read = {".gz": f"gzip -dc {name} | ", ".zst": f"zstd -dc {name} | "}.get(source.path.suffix.lower(), "")
    fix = f": {read}tail -n +{count + 1}{'' if read else f' {name}'} > new.csv"
    is_bytes = source.encoding is None or not source.encoding.startswith(("utf-16", "utf-32"))
    message = f"begins with {what}, but its first line must be {wanted}; remove {removed}"
    raise _wrong(source, f"{message}{fix if is_bytes else ''}")


def _leading_comments(lines: Sequence[bytes]) -> int:
    """Count the blank lines and comments at the beginning; a header may also begin with #."""
    count = next((place for place, line in enumerate(lines) if line and not line.startswith(b"#")), 0)
    if count and lines[count - 1]:
        signs = [[line.count(sign) for sign in _NAMES] for line in lines[count - 1 : count + 1]]
        count -= signs[0] == signs[1] and (count == 1 or any(signs[0]))
    return count


def _check_separator(source: Source, head: bytes) -> None:
    if found := SEP_LINE.match(head):
        message = f"begins with a line for Excel, {found[0].strip().decode(errors='replace')!r}"
        if found[1] != b",":
            raise _separated(source, f"{message}: it is separated by", found[1])
        wrong = f"{source.shown} {message}; use --separator ',' to skip it"
        raise FileOptionError(wrong, "separator", ",")
    lines = [line for line in _CELL_IN_QUOTES.sub(b"x", head).splitlines() if line.strip()]
    is_cut = len(head) == _HEAD_BYTES and len(lines) > 1
    lines = lines[: min(len(lines) - 1, _LINES_MAX)] if is_cut else lines[:_LINES_MAX]
    counts = {sign: Counter(line.count(sign) for line in lines) for sign in _NAMES}
    if not lines or (lines[0].count(b",") and len(counts[b","]) == 1):
        return
    fitting = [sign for sign in _OPTIONS if lines[0].count(sign) and len(counts[sign]) == 1]
    if not lines[0].count(b","):
        fitting = fitting or [sign for sign in _OPTIONS if lines[0].count(sign) > 1]
    if fitting:
        sign = max(fitting, key=lines[0].count)
        raise _separated(source, "is separated by", sign)


def _separated(source: Source, what: str, sign: bytes) -> FileOptionError:
    shown = _NAMES.get(sign, f"'{sign.decode(errors='replace')}'")
    option = _OPTIONS.get(sign, shown)
    use = f"use --separator {option} (or --separator ',' if that is no separator)"
    message = f"{source.shown} {what} {shown} and not by commas; {use}"
    return FileOptionError(message, "separator", "tab" if sign == b"\t" else sign.decode(errors="replace"))


def _typed(source: Source) -> str:
    """Return the path of a file as a word of a shell command."""
    return shlex.quote(source.shown)


def _encoded(source: Source, what: str, encoding: str) -> FileOptionError:
    return FileOptionError(f"{source.shown} {what}", "encoding", encoding.lower())


def _of_format(source: Source, what: str, format: FileFormat) -> FileOptionError:
    return FileOptionError(f"{source.shown} {what}; call it {source.stem}.{format}", "format", format)


def _wrong(source: Source, what: str) -> ValueError:
    return ValueError(f"{source.shown} {what}")


_CHECKS: dict[Media, Callable[[Source, bytes], None]] = {
    Media.CSV: _check_csv,
    Media.JSON: _check_json,
    Media.NDJSON: _check_ndjson,
}
