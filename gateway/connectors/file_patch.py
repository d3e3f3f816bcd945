"""Patches of connector files that `git apply` takes."""

import difflib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

CONTEXT_LINES = 3
_SAFE = re.compile(r"[!#-\[\]-~ ]+")


def git_patch(file: str, old: bytes | None, new: bytes | None, directory: str = "") -> bytes:
    """Return the patch from one text of a file to another; empty if they are the same.

    Args:
        file: The name of the file.
        old: Its text before, None if the patch adds the file.
        new: Its text after, None if the patch deletes the file.
        directory: The path of its directory in the repository, where that is not the root.
    """
    if old == new:
        return b""
    path = str(PurePosixPath(directory.strip("/")) / file)
    before, after = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = [f"diff --git {before} {after}"]
    if old is None:
        head.append("new file mode 100644")
    if new is None:
        head.append("deleted file mode 100644")
    hunks = b"".join(_hunks(_lines(old or b""), _lines(new or b"")))
    if hunks:  # An empty file has none.
        head.append(f"--- {'/dev/null' if old is None else _with_end(before)}")
        head.append(f"+++ {'/dev/null' if new is None else _with_end(after)}")
    return "".join(f"{line}\n" for line in head).encode() + hunks


def _lines(text: bytes) -> list[bytes]:
    """Split a text behind each LF; `splitlines` would split at form feeds and CR, too."""
    lines = text.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _hunks(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    # Lines that stand in a long file many times, such as blank ones, are no anchors for the matcher.
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT_LINES):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n".encode()
        for tag, start, end, start_new, end_new in group:
            if tag == "equal":
                yield from _marked(b" ", old[start:end])
            else:
                yield from _marked(b"-", old[start:end])
                yield from _marked(b"+", new[start_new:end_new])


def _range(start: int, end: int) -> str:
    """Return a range of lines as a hunk names it; an empty one has the number of the line before it."""
    return f"{start + 1 if end > start else start},{end - start}"


def _marked(mark: bytes, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _quoted(path: str) -> str:
    """Quote a path as git does: other bytes than printable ASCII as octal numbers."""
    if _SAFE.fullmatch(path):
        return path
    shown = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in path.encode(errors="surrogateescape")
    )
    return f'"{"".join(shown)}"'


def _with_end(path: str) -> str:
    """Mark the end of a path that has blanks, behind which patches may have a date."""
    return f"{path}\t" if " " in path and not path.startswith('"') else path
