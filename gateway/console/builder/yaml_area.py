"""The bytes of a file as the text of a text area, and back: line ends and a BOM that the area drops come back."""

import codecs
import re
from difflib import SequenceMatcher

_LINE_END = re.compile(r"\r\n|\r|\n")


def shown(text: bytes) -> str:
    """Return the text of a file for a text area. Bytes that are not UTF-8 are shown as U+FFFD."""
    return _LINE_END.sub("\n", text.decode("utf-8-sig", "replace"))


def received(area: str, before: bytes) -> bytes:
    """Return the bytes of what a text area sent; lines that are as before have the ends that they had.

    Args:
        area: What the area sent, with any line ends.
        before: The file whose text it showed.
    """
    area = _LINE_END.sub("\n", area)
    if area == shown(before):
        return before
    old = before.decode("utf-8-sig", "replace")
    ends = _LINE_END.findall(old)
    usual = max(set(ends), key=ends.count, default="\n")
    if set(ends) <= {usual}:
        text = area.replace("\n", usual)
    else:
        text = _with_ends(area.split("\n"), _LINE_END.split(old), ends, usual)
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode("utf-8", "replace")


def _with_ends(lines: list[str], old: list[str], ends: list[str], usual: str) -> str:
    """Join lines by the ends that they had in a file of mixed ends."""
    found = dict.fromkeys(range(len(lines)), usual)
    for start, place, size in SequenceMatcher(None, old, lines, autojunk=False).get_matching_blocks():
        found |= {place + each: ends[start + each] for each in range(size) if start + each < len(ends)}
    return "".join(line + found[number] for number, line in enumerate(lines[:-1])) + lines[-1]
