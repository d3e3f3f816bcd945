"""Edits of maps and lists whose keys or items have lines of their own."""

import re
from collections.abc import Sequence

from gateway.connectors.file_edit.arrangement import Slot, is_in_place, walk
from gateway.connectors.file_edit.block_units import BlockUnit
from gateway.connectors.file_edit.file_style import style_before
from gateway.connectors.file_edit.key_order import Path
from gateway.connectors.file_edit.new_text import TextStyle, write_entry, write_value
from gateway.connectors.file_edit.scalar_text import write_key
from gateway.connectors.file_edit.source import BREAK, SourceText, Splice
from gateway.connectors.file_edit.unit_edit import Change, changes_inside
from gateway.strictjson import Json

_BREAKS = "\n\r\x85\u2028\u2029"
_BLANK_LINE = re.compile(f"[ \t]*(?:\r\n|[{_BREAKS}])")
_BLANK_END = re.compile(f"(?:^|[{_BREAKS}])[ \t]*(?:\r\n|[{_BREAKS}])\\Z")
_COMMENT_LINE = re.compile(f"(?:(?<=[{_BREAKS}])|^)[ \t]+(?=#)")


class BlockEdit:
    """Edits one block collection.

    Args:
        source: The text.
        units: The old units.
        path: Where the collection stands in the tree.
        style: The style of new text.
        change: Returns the changes of a value.
    """

    def __init__(
        self,
        source: SourceText,
        units: Sequence[BlockUnit],
        path: Path,
        style: TextStyle,
        change: Change,
    ) -> None:
        self._source = source
        self._units = units
        self._path = path
        self._style = style
        self._change = change
        self._indent = units[0].place.indent

    def changes(self, slots: Sequence[Slot]) -> list[Splice]:
        """Return the changes that make the wanted keys or items of the old ones."""
        if is_in_place(slots, len(self._units)):
            return [change for slot in slots for change in self._inside(slot)]
        start, end = self._units[0].lead, self._units[-1].end
        return [Splice(start, end, self._composed(slots))]

    def _composed(self, slots: Sequence[Slot]) -> str:
        text, held = "", ""
        before: Slot | None = None
        staying = {slot.old for slot in slots if slot.stays}
        for step in walk(slots, len(self._units)):
            if step.slot is None:
                free = self._free(step.free or 0)
                if before and not self._are_neighbors(before, step.free or 0):
                    free = self._out_of_block_text(before, free)
                if step.free not in staying and not free.strip():
                    held = free  # The blank lines above a key that is gone.
                elif _BLANK_LINE.match(free):
                    text, held = text + free, ""
                else:
                    text, held = text + held + free, ""
                continue
            text += held if step.slot.stays else ""
            held = ""
            text = self._with_unit(text, step.slot, before, is_last=step.slot is slots[-1])
            before = step.slot
        return text

    def _free(self, number: int) -> str:
        """Return the text between a unit and the one before it: blank lines, and comments of neither."""
        return self._source.text[self._units[number - 1].end : self._units[number].lead]

    def _with_unit(self, text: str, slot: Slot, before: Slot | None, *, is_last: bool) -> str:
        """Append a unit to the new text."""
        lead, body = self._unit(slot, is_last=is_last)
        if before and not self._are_neighbors(before, slot.old):
            lead = self._out_of_block_text(before, lead)
        if text and self._is_spaced and not (slot.stays and slot.old) and not _BLANK_END.search(text):
            lead = self._style.newline + lead
        if not text and not self._units[0].is_alone:
            return body + lead  # No comment can stand above what begins in the middle of a line.
        return f"{text}{lead}{' ' * self._indent}{body}"

    def _unit(self, slot: Slot, *, is_last: bool) -> tuple[str, str]:
        """Return the comment above a unit, and the unit without its indentation."""
        must_end = not is_last or self._ends_line(self._units[-1])
        if slot.old is None:
            text = self._new(slot, is_last=is_last)
            return "", text + self._style.newline if must_end or _is_of_lines(slot.value) else text
        unit = self._units[slot.old]
        changes = self._inside(slot)
        if must_end and not self._ends_line(unit):
            changes += self._chomping(unit, changes)
        body = self._source.applied(changes, unit.start, unit.end)
        if must_end:
            body += "" if body[-1:] in _BREAKS else self._style.newline
        elif self._ends_line(unit) and not self._ends_with_block_text(slot):
            body = body.rstrip(_BREAKS)
        lead = self._source.text[unit.lead : unit.start]
        return lead[: len(lead) - self._indent] if unit.is_alone else "", body

    def _ends_line(self, unit: BlockUnit) -> bool:
        """Return whether a line break ends a unit, as it does but at the end of some files."""
        return self._source.text[unit.end - 1 : unit.end] in tuple(_BREAKS)

    def _new(self, slot: Slot, *, is_last: bool) -> str:
        style, end = self._style, self._units[-1].end - 1
        if is_last:
            style = style_before(self._source, style, end, self._indent)
        if self._units[0].key:
            return write_entry(slot.key, slot.value, self._path, self._indent, style, self._gap(slot.key))
        return f"-{write_value(slot.value, (*self._path, 0), self._indent, style)}"

    def _inside(self, slot: Slot) -> list[Splice]:
        """Return the changes inside an old unit: its value, and its name."""
        unit = self._units[slot.old or 0]
        changes = changes_inside(self._source, unit, slot, self._change)
        return changes + self._realigned(unit, changes)

    def _realigned(self, unit: BlockUnit, changes: Sequence[Splice]) -> list[Splice]:
        """Return the change of the blanks before the comment behind a unit, so that the comment keeps its column."""
        end = self._source.content_end(unit.place.node)
        comment = self._source.comment_at(end)
        blanks = len(comment) - len(comment.lstrip(" "))
        new = "".join(change.text for change in changes)
        old = self._source.text[unit.start : end]
        if blanks < 2 or not changes or BREAK.search(new + old) or changes[-1].end > end:
            return []
        longer = len(new) - sum(change.end - change.start for change in changes)
        return [Splice(end, end + blanks, " " * max(2, blanks - longer))]

    def _chomping(self, unit: BlockUnit, changes: Sequence[Splice]) -> list[Splice]:
        """Return the change that keeps a line break out of a block scalar that ends the file without one."""
        leaf = self._source.last_leaf(unit.place.node)
        if not self._source.is_block_text(leaf) or any(change.end > leaf.start for change in changes):
            return []
        start, end = self._source.content_start(leaf), self._source.header_end(leaf)
        header = self._source.text[start:end]
        return [Splice(start, end, f"{header.rstrip('+-')}-")]

    # -- the style of new text

    def _gap(self, key: str) -> str:
        """Return the blanks behind the colon of a new key, so that aligned values stay aligned."""
        columns = {self._source.column(unit.place.node.start) for unit in self._units}
        is_aligned = len(columns) == 1 and len({len(unit.name) for unit in self._units}) > 1
        return " " * max(1, min(columns) - self._indent - len(write_key(key)) - 1) if is_aligned else " "

    @property
    def _is_spaced(self) -> bool:
        """True if a blank line stands before each unit."""
        numbers = range(1, len(self._units))
        return len(self._units) > 1 and all(_BLANK_LINE.match(self._free(number)) for number in numbers)

    # -- comments behind block scalars, which would be a part of them

    def _are_neighbors(self, before: Slot, old: int | None) -> bool:
        return before.old is not None and old is not None and before.old + 1 == old

    def _out_of_block_text(self, before: Slot, text: str) -> str:
        """Move comments to the indentation of keys if they follow a block scalar, which would take those that are deeper."""
        return _COMMENT_LINE.sub(" " * self._indent, text) if self._ends_with_block_text(before) else text

    def _ends_with_block_text(self, slot: Slot) -> bool:
        if _is_of_lines(slot.value):
            return True
        old = None if slot.old is None else self._source.last_leaf(self._units[slot.old].place.node)
        return old is not None and self._source.is_block_text(old)


def _is_of_lines(value: Json) -> bool:
    """Return whether a value ends with a text of several lines, which may be a block scalar."""
    while isinstance(value, dict | list) and value:
        value = list(value.values() if isinstance(value, dict) else value)[-1]
    return isinstance(value, str) and "\n" in value
