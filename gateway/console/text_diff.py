"""The difference of two texts, line by line."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

#: The lines around a difference that are shown.
_CONTEXT = 3
#: The most lines of a text that are compared: difflib takes time that grows with their square.
LINES_MAX = 1000


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line: kept, inserted, or deleted; or the gap between two places, without text."""

    kind: Literal["same", "ins", "del", "gap"]
    text: str


def diff_lines(old: str | None, new: str | None) -> list[DiffLine] | None:
    """Return the lines of two texts that differ, with some around them; None if they are too long to compare."""
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) > LINES_MAX:
        return None
    return list(_compared(before, after))


def _lines(text: str | None) -> list[str]:
    # Not splitlines: YAML takes a form feed or U+2028 inside a line.
    return [] if not text else text.removesuffix("\n").split("\n")


def _compared(before: list[str], after: list[str]) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if number:
            yield DiffLine("gap", "")
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (DiffLine("same", line) for line in before[old_start:old_end])
                continue
            yield from (DiffLine("del", line) for line in before[old_start:old_end])
            yield from (DiffLine("ins", line) for line in after[new_start:new_end])
