"""Edits of maps and lists in brackets."""

import re
from collections.abc import Sequence

from gateway.connectors.file_edit.arrangement import Slot, is_in_place, walk
from gateway.connectors.file_edit.flow_units import FlowUnit
from gateway.connectors.file_edit.new_text import TextStyle, write_inline, write_pair
from gateway.connectors.file_edit.source import BREAK, Place, SourceText, Splice
from gateway.connectors.file_edit.unit_edit import Change, changes_inside

_LAST_LINE = re.compile(f"(?:{BREAK.pattern})[ \t]*\\Z")


class FlowEdit:
    """Edits one collection in brackets.

    Args:
        source: The text.
        units: The old units.
        place: The collection.
        style: The style of new text.
        change: Returns the changes of a value.
    """

    def __init__(
        self,
        source: SourceText,
        units: Sequence[FlowUnit],
        place: Place,
        style: TextStyle,
        change: Change,
    ) -> None:
        self._source = source
        self._units = units
        self._place = place
        keys = [unit.key for unit in units if unit.key]
        is_json = bool(keys) and all(source.style_of(key) == '"' for key in keys)
        self._style = style._replace(is_json=style.is_json or is_json)
        self._change = change

    def changes(self, slots: Sequence[Slot]) -> list[Splice]:
        """Return the changes that make the wanted keys or items of the old ones."""
        if is_in_place(slots, len(self._units)):
            return [change for slot in slots for change in self._inside(slot)]
        start, end = self._source.content_start(self._place.node) + 1, self._place.node.end - 1
        return [Splice(start, end, self._composed(slots))]

    def _composed(self, slots: Sequence[Slot]) -> str:
        node = self._place.node
        opening = self._units[0].start - len(self._units[0].lead)
        text = self._source.text[self._source.content_start(node) + 1 : opening]
        is_open = bool(text.strip())  # The text ends in a comment, so that a line break must follow.
        for step in walk(slots, len(self._units)):
            if step.slot is None:
                free = self._units[step.free or 0].free
                if free.strip():
                    text, is_open = self._joined(text, free, is_open=is_open), True
                continue
            is_last = step.slot is slots[-1]
            text = self._joined(text, self._separator(step.slot, step.slot is slots[0]), is_open=is_open)
            body, is_open = self._unit(step.slot, is_last=is_last)
            text += body
        return self._joined(text, self._source.text[self._units[-1].next : node.end - 1], is_open=is_open)

    def _joined(self, text: str, more: str, *, is_open: bool) -> str:
        if is_open and not BREAK.match(more):
            indent = " " * (self._place.indent + self._style.step)
            return f"{text}{self._style.newline}{indent}{more.lstrip(' ')}"
        return text + more

    def _separator(self, slot: Slot, is_first: bool) -> str:
        """Return the blanks and comments before a unit."""
        first = _without_comments(self._units[0].lead)
        second = _without_comments(self._units[1].lead) if len(self._units) > 1 else first
        if len(self._units) == 1 and not BREAK.search(first):
            second = " "
        lead = "" if slot.old is None else self._units[slot.old].lead
        if "#" in lead:
            return lead
        if is_first:
            return first
        return lead if slot.old else second

    def _unit(self, slot: Slot, *, is_last: bool) -> tuple[str, bool]:
        """Return a unit with its comma and the comment behind it, and whether the text ends in a comment."""
        has_comma = not is_last or self._units[-1].has_comma
        comma = "," if has_comma else ""
        if slot.old is None:
            return self._new(slot) + comma, False
        unit = self._units[slot.old]
        body = self._source.applied(self._inside(slot), unit.start, unit.end)
        after = unit.after if has_comma or "#" in unit.after else ""
        return body + after + comma + unit.trail, bool(unit.trail)

    def _new(self, slot: Slot) -> str:
        path = self._place.path
        if self._units[0].key:
            return write_pair(slot.key, slot.value, path, self._style)
        return write_inline(slot.value, (*path, 0), self._style, in_brackets=True)

    def _inside(self, slot: Slot) -> list[Splice]:
        """Return the changes inside an old unit: its value, and its name."""
        return changes_inside(self._source, self._units[slot.old or 0], slot, self._change)


def _without_comments(lead: str) -> str:
    """Return the last line break of the text before a unit with the blanks behind it."""
    found = _LAST_LINE.search(lead)
    return found[0] if found else lead
