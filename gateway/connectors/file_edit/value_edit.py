"""Edits of single values: in their places, or from behind the colon where a value spans lines."""

from collections.abc import Mapping

from gateway.connectors.file_edit import block_units, flow_units
from gateway.connectors.file_edit.arrangement import Slot, arrange_items, arrange_keys
from gateway.connectors.file_edit.block_edit import BlockEdit
from gateway.connectors.file_edit.block_text import WIDTH, write_block
from gateway.connectors.file_edit.file_style import style_before
from gateway.connectors.file_edit.flow_edit import FlowEdit
from gateway.connectors.file_edit.key_order import in_order, is_same_at
from gateway.connectors.file_edit.new_text import TextStyle, write_inline, write_pair, write_value
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.same_value import normalize
from gateway.connectors.file_edit.scalar_text import fits_brackets, write_scalar
from gateway.connectors.file_edit.source import BREAK, Place, SourceText, Splice
from gateway.strictjson import Json


class ValueEdit:
    """Edits the values of one file.

    Args:
        source: The text.
        style: The style of new text.
        renamed: The former name of each field with a new name.
    """

    def __init__(self, source: SourceText, style: TextStyle, renamed: Mapping[str, str]) -> None:
        self._source = source
        self._style = style
        self._renamed = renamed

    def changes(self, place: Place, wanted: Json) -> list[Splice]:
        """Return the changes that put a wanted value in the place of an old one."""
        node = place.node
        old = normalize(node.plain())
        if is_same_at(place.path, old, wanted):
            return []
        if type(old) is type(wanted) and isinstance(old, dict | list) and old and wanted:
            if self._source.is_flow(node):
                return self._flow_edit(place).changes(self._slots(place, old, wanted))
            if not place.in_brackets:
                return self._block_edit(place).changes(self._slots(place, old, wanted))
        if _is_short_field(place, old, wanted) and (change := self._lengthened(place, wanted)):
            return [change]
        return [self._in_brackets(place, wanted) if place.in_brackets else self._in_lines(place, wanted)]

    def _flow_edit(self, place: Place) -> FlowEdit:
        units = flow_units.units_of(self._source, place)
        return FlowEdit(self._source, units, place, self._style, self.changes)

    def _block_edit(self, place: Place) -> BlockEdit:
        if not self._source.is_block(place.node):
            line = self._source.line_number(place.node.start)
            raise EditRefusedError(f"what begins in line {line} is written with ? or !")
        units = block_units.units_of(self._source, place)
        return BlockEdit(self._source, units, place.path, self._style, self.changes)

    def _slots(self, place: Place, old: Json, wanted: Json) -> list[Slot]:
        if isinstance(old, list):
            return arrange_items(old, wanted)
        renamed = self._renamed if place.path == ("fields",) else {}
        return arrange_keys(list(old), wanted, place.path, renamed)

    def _lengthened(self, place: Place, wanted: Mapping[str, Json]) -> Splice | None:
        """Return the change from `x: integer` to `x: {type: integer, …}`, with the type as it is written."""
        node = place.node
        written = self._source.text[node.start : node.end]
        if wanted["type"] != node.value or BREAK.search(written) or self._source.is_block_text(node):
            return None
        is_quoted = written[:1] in ("'", '"')
        if not is_quoted and not fits_brackets(written):
            written = write_scalar(node.value, in_brackets=True)
        if self._style.is_block and not place.in_brackets:
            return None
        rest = {key: value for key, value in wanted.items() if key != "type"}
        pairs = [write_pair(key, rest[key], place.path, self._style) for key in in_order(rest, place.path)]
        return Splice(node.start, node.end, "{" + ", ".join([f"type: {written}", *pairs]) + "}")

    def _in_brackets(self, place: Place, wanted: Json) -> Splice:
        """Return the change of a value inside brackets."""
        written = self._inline(place, wanted)
        node = place.node
        if node.end > node.start:
            return self._in_place(place, written)
        sign = "" if self._source.text[place.behind - 1] == ":" else ":"
        return Splice(place.behind, place.behind, f"{sign} {written}")

    def _in_place(self, place: Place, written: str) -> Splice:
        """Return the change of a value to one in a line; a # right behind it must not become a part of it."""
        gap = " " if self._source.text.startswith("#", place.node.end) else ""
        return Splice(place.node.start, place.node.end, written + gap)

    def _inline(self, place: Place, wanted: Json) -> str:
        if isinstance(wanted, dict | list):
            return write_inline(wanted, place.path, self._style, in_brackets=place.in_brackets)
        quote = self._source.style_of(place.node)
        return write_scalar(
            wanted,
            quote=quote if quote in ("'", '"') and isinstance(place.node.value, str) else "",
            in_brackets=place.in_brackets,
            is_json=self._style.is_json,
        )

    def _in_lines(self, place: Place, wanted: Json) -> Splice:
        """Return the change of a value behind a colon or a dash of its own line."""
        source, node = self._source, place.node
        is_block_text, is_block = source.is_block_text(node), source.is_block(node)
        end = source.line_end(source.visible_end(node))
        style = style_before(source, self._style, end, place.indent)
        written = write_value(wanted, place.path, place.indent, style)
        if not is_block_text and not is_block and not BREAK.search(written):
            inline = self._inline(place, wanted)
            if node.end > node.start:
                return self._in_place(place, inline)
            return Splice(place.behind, place.behind, f" {inline}")
        comment = source.comment_at(place.behind)
        if is_block_text:
            comment += source.comment_at(source.header_end(node))
        elif not is_block:
            comment += source.comment_at(node.end)
        text = self._block_text(place, wanted, comment) if is_block_text else None
        written = write_value(wanted, place.path, place.indent, style, behind=comment)
        text = text or written
        # A block scalar without a line break at the end of the file is another text.
        is_last = end == len(source.text) and BREAK.search(text) is not None
        return Splice(place.behind, end, text + self._style.newline if is_last else text)

    def _block_text(self, place: Place, wanted: Json, comment: str) -> str | None:
        """Write a text as a block scalar, as the old one is; None where that is impossible."""
        if not isinstance(wanted, str) or not wanted.strip():
            return None
        source, newline = self._source, self._style.newline
        lines = source.content_lines(place.node)
        indent = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
        indent = max(indent, place.indent + 1) if indent else place.indent + self._style.step
        width = max([WIDTH, *(len(line) - indent for line in lines)])
        block = write_block(wanted, indent, newline, source.style_of(place.node), width)
        if block is None:
            return None
        header, _, rest = block.partition(newline)
        return f" {header}{comment}{newline}{rest}"


def _is_short_field(place: Place, old: Json, wanted: Json) -> bool:
    """Return whether a type becomes a map with the type."""
    is_field = len(place.path) == 2 and place.path[0] == "fields"
    return is_field and isinstance(old, str) and isinstance(wanted, dict) and "type" in wanted
