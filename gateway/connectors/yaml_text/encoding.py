"""Bytes of a connector file to text, and the plain words for bytes that are another kind of file."""

from collections.abc import Sequence

from gateway.connectors.finding import Finding
from gateway.errors import Code

_RESAVE = "save the file as UTF-8"
#: How files of other kinds begin, what they are, and what to do.
_OTHERS: Sequence[tuple[bytes, str, str]] = (
    (b"\xff\xfe\x00\x00", "the file is UTF-32", _RESAVE),
    (b"\x00\x00\xfe\xff", "the file is UTF-32", _RESAVE),
    (b"\xff\xfe", "the file is UTF-16", _RESAVE),
    (b"\xfe\xff", "the file is UTF-16", _RESAVE),
    (b"\x1f\x8b", "the file is compressed with gzip", "put the file itself there: gunzip FILE"),
    (b"\x28\xb5\x2f\xfd", "the file is compressed with zstd", "put the file itself there: unzstd FILE"),
    (b"PK\x03\x04", "the file is a ZIP archive", "put the files of it there"),
    (
        b"PAR1",
        "the file is Parquet, which holds rows",
        "gateway new NAME --from FILE writes a connector for it",
    ),
    (b"version https://git-lfs", "the file is a pointer of Git LFS, not the file itself", "run git lfs pull"),
    (b"<!DOCTYPE", "the file is an HTML page, not YAML", "put the connector file itself there"),
    (b"<!doctype", "the file is an HTML page, not YAML", "put the connector file itself there"),
    (b"<html", "the file is an HTML page, not YAML", "put the connector file itself there"),
    (b"```", "the file begins with a code fence of Markdown", "delete the lines with ```"),
    (b"diff --git", "the file is a diff, not YAML", "put the changed file itself there"),
    (b"--- a/", "the file is a diff, not YAML", "put the changed file itself there"),
    (b"<?xml", "the file is XML, not YAML", "put the connector file itself there"),
)


def decode(text: bytes, file: str) -> tuple[str | None, list[Finding]]:
    """Decode a file, bytes that are not UTF-8 as U+FFFD; None where it is no text in UTF-8 at all."""
    for start, message, hint in _OTHERS:
        if text.startswith(start):
            return None, [_finding(file, None, None, message, hint)]
    if _is_utf_16(text):
        return None, [_finding(file, None, None, "the file is UTF-16 without a byte order mark", _RESAVE)]
    try:
        return text.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        decoded = text.decode("utf-8-sig", "replace")
        before = decoded[: decoded.index("\ufffd")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return decoded, [_finding(file, line, column, not_utf_8(text, error.start), _RESAVE)]


def _is_utf_16(text: bytes) -> bool:
    """Return whether every other byte is NUL, as in Latin text."""
    sample = text[:200]
    return len(sample) > 3 and (not any(sample[1::2]) or not any(sample[::2]))


def not_utf_8(text: bytes, start: int) -> str:
    """Name a byte that is not UTF-8, and the character it most likely is."""
    character = in_windows_1252(text, start)
    meant = f"; in Windows-1252 it is '{character}'" if character else ""
    return f"the byte 0x{text[start]:02X} is not UTF-8{meant}"


def in_windows_1252(text: bytes, start: int) -> str | None:
    """Return the character that a byte is in Windows-1252; None where it is none that can be shown."""
    character = text[start : start + 1].decode("cp1252", errors="ignore")
    return character if character and character.isprintable() else None


def _finding(file: str, line: int | None, column: int | None, message: str, hint: str) -> Finding:
    return Finding(file, line, column, Code.YAML_INVALID, message, hint)
