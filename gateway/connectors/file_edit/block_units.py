"""The keys of a map, or the items of a list, that have lines of their own."""

import re
from typing import NamedTuple

from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.source import Place, SourceText
from gateway.connectors.yaml_text.node import Node

_COLON = re.compile(r"\s*:")


class BlockUnit(NamedTuple):
    """A key with its value, or an item.

    Attributes:
        lead: Where its line begins, or the comment directly above it.
        start: Where its key or its dash stands.
        end: Where the line after it begins.
        place: Its value.
        key: Its key, None for an item.
        is_alone: Whether its line begins with it; the first unit may stand behind the dash of an item.
    """

    lead: int
    start: int
    end: int
    place: Place
    key: Node | None = None
    is_alone: bool = True

    @property
    def name(self) -> str:
        """Its key as text."""
        return str(self.place.path[-1])


def units_of(source: SourceText, place: Place) -> list[BlockUnit]:
    """Return the units of a block collection that is not empty.

    Raises:
        EditRefusedError: A key is written with a `?`.
    """
    node = place.node
    above = source.next_line(place.behind) if place.path else 0
    units: list[BlockUnit] = []
    indent = source.column(node.start)
    if isinstance(node.value, dict):
        names, items = list(node.value), list(node.value.values())
    else:
        names, items = list(range(len(node.value))), node.value
    for name, item in zip(names, items, strict=True):
        key = (node.keys or {})[name] if isinstance(name, str) else None
        start = key.start if key else _dash(source, node, units, item)
        units.append(_unit(source, above, start, Place(item, 0, indent, (*place.path, name)), key))
        above = units[-1].end
    return units


def _unit(source: SourceText, above: int, start: int, place: Place, key: Node | None) -> BlockUnit:
    line = source.line_start(start)
    is_alone = source.starts_line(start)
    if not is_alone and (line >= above or "?" in source.text[line:start]):
        raise EditRefusedError(f"line {source.line_number(start)} has a key that is written with ?")
    colon = _COLON.match(source.text, key.end) if key else None
    behind = colon.end() if colon else start + 1
    lead = _lead(source, above, line, place) if is_alone else start
    return BlockUnit(lead, start, source.end_line(place.node), place._replace(behind=behind), key, is_alone)


def _dash(source: SourceText, node: Node, before: list[BlockUnit], item: Node) -> int:
    """Return where the dash of an item stands."""
    if not before:
        return node.start
    index = before[-1].end
    while index < item.start:
        start = index + source.column(node.start)
        if source.text[start : start + 1] == "-" and source.starts_line(start):
            return start
        index = source.next_line(index)
    raise EditRefusedError(f"the dash of an item is not found before line {source.line_number(item.start)}")


def _lead(source: SourceText, above: int, line: int, place: Place) -> int:
    """Return where the comment lines begin that stand directly above a line, with the same indentation.

    Those at the start of the file are about the file.
    """
    first = line
    while first > above:
        previous = source.line_start(first - 1)
        if not source.text.startswith(" " * place.indent + "#", previous):
            return first
        first = previous
    is_header = len(place.path) == 1 and first == 0
    return line if is_header else first
