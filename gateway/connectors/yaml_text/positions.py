"""Lines, brackets and values around a position in YAML text."""

import re
from collections.abc import Iterator

KEY = r"[ ]*(?:- )*(?P<key>[\w$.-]+)"
PAIR = re.compile(rf"{KEY}[ ]*:[ \t]+(?P<value>[^\s#][^\n]*)")
TYPE = r"(?:string|integer|number|decimal|boolean|date|time|timestamp|datetime|uuid|json)\b"


def line_number(text: str, index: int) -> int:
    """Return the number of the line of an index, from 1."""
    return text.count("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Return the index behind the last character of a line."""
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def line_at(text: str, index: int) -> tuple[int, str]:
    """Return where the line of an index begins, and the line."""
    start = text.rfind("\n", 0, index) + 1
    return start, text[start : line_end(text, start)]


def indent_of(line: str) -> int:
    """Return the number of blanks that a line begins with."""
    return len(line) - len(line.lstrip(" "))


def lines_above(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield the lines above one that have content, the nearest first."""
    while start > 0:
        start, line = line_at(text, start - 1)
        if line.strip() and not line.lstrip().startswith("#"):
            yield start, line


def _is_in_flow(before: str) -> bool:
    return sum(before.count(each) for each in "{[") > sum(before.count(each) for each in "}]")


def value_end(text: str, start: int, *, first: bool = False) -> int:
    """Find where a value ends that begins at `start`: inside brackets before the next key, or the last closer."""
    line_start, line = line_at(text, start)
    end = line_end(text, start)
    rest = text[start:end]
    if comment := re.search(r"\s#", rest):
        rest = rest[: comment.start()]
    if _is_in_flow(line[: start - line_start]):
        next_key = re.search(r",\s*[\w]+:\s", rest) if not first else re.search(r"[,\]}]", rest)
        rest = rest[: next_key.start()] if next_key else re.sub(r"[\]}]\s*$", "", rest)
    return start + len(rest.rstrip())


def shorten(text: str) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= 60 else text[:59] + "…"


def single_quoted(text: str) -> str:
    """Quote a text as YAML does in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def value_start(text: str, index: int) -> int:
    """Find where the value begins that the index is in, or just behind."""
    start, line = line_at(text, index)
    before = line[: index - start]
    found = list(re.finditer(r"(?:[\w'\"]:|^\s*-|[\[{,]) *", before))
    return start + (found[-1].end() if found else indent_of(before))


def find_opening(before: str) -> int:
    """Find where the bracket opened that closes at the end of a text."""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        depth += (before[index] in "]}") - (before[index] in "[{")
        if not depth:
            return index
    return 0
