"""The keys of a map, or the items of a list, that stand in brackets."""

import re
from typing import NamedTuple

from gateway.connectors.file_edit.source import Place, SourceText
from gateway.connectors.yaml_text.node import Node

_COMMENT = "#[^\n\r\x85\u2028\u2029]*+"
_BREAK = "(?:\r\n|[\n\r\x85\u2028\u2029])"
_COLON = re.compile(rf"(?:\s|{_COMMENT})*+:")
_COMMA = re.compile(f"((?:[^#,]|{_COMMENT})*+),")
#: A comment behind a value or its comma, in the same line.
_TRAIL = re.compile(f"[ \t]*{_COMMENT}")
#: The comment lines directly above a value, with the line break before them; or only the blanks before it.
_LEAD = re.compile(f"(?:{_BREAK}[ \t]*{_COMMENT})*{_BREAK}[ \t]*\\Z|[ \t]*\\Z")


class FlowUnit(NamedTuple):
    """A key with its value, or an item.

    Attributes:
        free: The text before its comment that belongs to neither neighbor.
        lead: The comment lines directly above it, and the blanks before it.
        start: Where its key or its value begins.
        end: Where its value ends.
        after: The text before its comma.
        has_comma: Whether a comma follows it.
        trail: The comment behind its comma.
        next: Where the text begins that follows all of this.
        place: Its value.
        key: Its key, None for an item.
    """

    free: str
    lead: str
    start: int
    end: int
    after: str
    has_comma: bool
    trail: str
    next: int
    place: Place
    key: Node | None = None

    @property
    def name(self) -> str:
        """Its key as text."""
        return str(self.place.path[-1])


def units_of(source: SourceText, place: Place) -> list[FlowUnit]:
    """Return the units of a collection in brackets that is not empty."""
    node = place.node
    above = source.content_start(node) + 1
    above += len(_comment(source, above))
    pairs = list(node.value.items() if isinstance(node.value, dict) else enumerate(node.value))
    keys = [node.keys[name] if node.keys else None for name, _ in pairs]
    starts = [key.start if key else item.start for key, (_, item) in zip(keys, pairs, strict=True)]
    limits = [*starts[1:], node.end - 1]
    units: list[FlowUnit] = []
    for key, (name, item), limit in zip(keys, pairs, limits, strict=True):
        inner = Place(item, item.start, place.indent, (*place.path, name), in_brackets=True)
        units.append(_unit(source, above, inner, key, limit))
        above = units[-1].next
    return units


def _unit(source: SourceText, above: int, place: Place, key: Node | None, limit: int) -> FlowUnit:
    text, item = source.text, place.node
    start, end = key.start if key else item.start, item.end
    if key:
        colon = _COLON.match(text, key.end, limit)
        place = place._replace(behind=colon.end() if colon else key.end)
        end = item.end if item.end > item.start else place.behind
    before = text[above:start]
    found = _LEAD.search(before)
    lead = found.start() if found else len(before)
    comma = _COMMA.match(text, end, limit)
    behind = comma.end() if comma else end
    trail = _comment(source, behind)
    return FlowUnit(
        before[:lead],
        before[lead:],
        start,
        end,
        comma[1] if comma else "",
        comma is not None,
        trail,
        behind + len(trail),
        place,
        key,
    )


def _comment(source: SourceText, index: int) -> str:
    """Return the comment that stands at an index, with the blanks before it; empty if there is none."""
    found = _TRAIL.match(source.text, index)
    return found[0] if found else ""
