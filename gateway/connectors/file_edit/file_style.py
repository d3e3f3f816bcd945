"""The style of a file, which new text of it has, too."""

import re
from collections.abc import Iterator

from gateway import strictjson
from gateway.connectors.file_edit.new_text import TextStyle
from gateway.connectors.file_edit.source import SourceText
from gateway.connectors.yaml_text.node import Node


def style_of(source: SourceText, root: Node) -> TextStyle:
    """Return the style of a file."""
    is_json = source.is_flow(root) and strictjson.is_valid(source.text.encode())
    return TextStyle(source.newline, _step(source, root), _has_blocks(source, root), is_json)


def _step(source: SourceText, root: Node) -> int:
    """Return by how many blanks the first map inside another is indented."""
    for outer, inner in _maps(source, root):
        if (step := source.column(inner.start) - source.column(outer.start)) > 0:
            return step
    return TextStyle().step


def _maps(source: SourceText, node: Node) -> Iterator[tuple[Node, Node]]:
    for item in node.value.values() if isinstance(node.value, dict) and source.is_block(node) else ():
        if isinstance(item.value, dict) and item.value and source.is_block(item):
            yield node, item
            yield from _maps(source, item)


def _has_blocks(source: SourceText, root: Node) -> bool:
    """Return whether all fields with rules have a line for each key."""
    fields = root.value.get("fields")
    items = fields.value.values() if fields and isinstance(fields.value, dict) else ()
    maps = [item for item in items if isinstance(item.value, dict)]
    return bool(maps) and all(source.is_block(each) for each in maps)


def style_before(source: SourceText, style: TextStyle, end: int, indent: int) -> TextStyle:
    """Return the style of a value in front of what follows a line: a block scalar would take a deeper comment."""
    text = source.text[source.next_line(end) :] if end < len(source.text) else ""
    follows = re.match(r"\s*?^( *)#", text, re.MULTILINE)
    is_deeper = follows is not None and len(follows[1]) > indent
    return style._replace(has_block_text=style.has_block_text and not is_deeper)
