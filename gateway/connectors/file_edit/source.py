"""The text of a file with its lines, and changes of it."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from gateway.connectors.file_edit.key_order import Path
from gateway.connectors.yaml_text.node import Node

#: The line breaks of YAML 1.1, which both parsers read.
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TAG = re.compile("!\\s+")
_HEADER = re.compile("[|>][-+0-9]*")
_COMMENT = re.compile("[ \t]*#[^\n\r\x85\u2028\u2029]*")


class Splice(NamedTuple):
    """New text in the place of that from `start` to `end`."""

    start: int
    end: int
    text: str


class Place(NamedTuple):
    """A value in the text.

    Attributes:
        node: The value.
        behind: The index behind the colon or the dash before it.
        indent: The indentation of its key or its dash.
        path: Where it stands in the tree.
        in_brackets: Whether it stands inside `{}` or `[]`.
    """

    node: Node
    behind: int
    indent: int
    path: Path
    in_brackets: bool = False


class SourceText:
    """The decoded text of a file."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def newline(self) -> str:
        """The line break that most lines have."""
        if "\n" not in self.text and "\r" in self.text:
            return "\r"
        return "\r\n" if 2 * self.text.count("\r\n") > self.text.count("\n") else "\n"

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in BREAK.finditer(self.text))]

    def line_start(self, index: int) -> int:
        """Return where the line of an index begins."""
        return self._starts[bisect_right(self._starts, index) - 1]

    def next_line(self, index: int) -> int:
        """Return where the line after that of an index begins; the end of the text behind the last line."""
        place = bisect_right(self._starts, index)
        return self._starts[place] if place < len(self._starts) else len(self.text)

    def line_end(self, index: int) -> int:
        """Return the index of the line break of a line."""
        found = BREAK.search(self.text, index)
        return found.start() if found else len(self.text)

    def line_number(self, index: int) -> int:
        """Return the number of the line of an index, from 1."""
        return bisect_right(self._starts, index)

    def column(self, index: int) -> int:
        """Return the number of characters before an index in its line."""
        return index - self.line_start(index)

    def starts_line(self, index: int) -> bool:
        """Return whether only blanks stand before an index in its line."""
        return not self.text[self.line_start(index) : index].strip(" ")

    def comment_at(self, index: int) -> str:
        """Return the comment that stands at an index, with the blanks before it; empty if there is none."""
        found = _COMMENT.match(self.text, index)
        return found[0] if found else ""

    def style_of(self, node: Node) -> str:
        """Return the first character of a value, which tells its style; empty if it has no text."""
        start = self.content_start(node)
        return self.text[start : min(start + 1, node.end)]

    def content_start(self, node: Node) -> int:
        """Return where a value begins behind the tag `!`, which says that it is text."""
        found = _TAG.match(self.text, node.start) if node.end > node.start else None
        return found.end() if found else node.start

    def is_block_text(self, node: Node) -> bool:
        """Return whether a value is a block scalar."""
        return isinstance(node.value, str) and self.style_of(node) in ("|", ">")

    def is_flow(self, node: Node) -> bool:
        """Return whether a value is a collection in brackets."""
        return isinstance(node.value, dict | list) and self.style_of(node) in ("{", "[")

    def is_block(self, node: Node) -> bool:
        """Return whether a value is a collection whose keys or items have lines of their own."""
        if isinstance(node.value, dict):
            first = next(iter((node.keys or {}).values()), None)
            return first is not None and first.start == node.start and not self.is_flow(node)
        return isinstance(node.value, list) and self.style_of(node) == "-"

    def last_leaf(self, node: Node) -> Node:
        """Return the value with which the text of a value ends; a collection in brackets is one."""
        while isinstance(node.value, dict | list) and node.value and not self.is_flow(node):
            node = list(node.value.values() if isinstance(node.value, dict) else node.value)[-1]
        return node

    def content_end(self, node: Node) -> int:
        """Return the end of a value, without the blank lines and comments that follow it."""
        leaf = self.last_leaf(node)
        if not self.is_block_text(leaf):
            return leaf.end
        if "+" in self.text[leaf.start : self.header_end(leaf)]:  # The blank lines are a part of the value.
            return leaf.end
        return leaf.start + len(self.text[leaf.start : leaf.end].rstrip())

    def visible_end(self, node: Node) -> int:
        """Return the end of the last line of a value that is not blank."""
        leaf = self.last_leaf(node)
        return leaf.start + len(self.text[leaf.start : leaf.end].rstrip())

    def header_end(self, node: Node) -> int:
        """Return where the header of a block scalar ends, such as `|-`."""
        start = self.content_start(node)
        found = _HEADER.match(self.text, start)
        return found.end() if found else start

    def content_lines(self, node: Node) -> list[str]:
        """Return the lines of a block scalar as they are written."""
        return BREAK.split(self.text[node.start : node.end])[1:]

    def end_line(self, node: Node) -> int:
        """Return where the line begins that follows a value in block context."""
        end = self.content_end(node)
        if end and self._starts[bisect_right(self._starts, end) - 1] == end:
            return end  # A block scalar that keeps its blank lines.
        return self.next_line(end)

    def applied(self, changes: Iterable[Splice], start: int, end: int) -> str:
        """Return a part of the text with changes that stand inside it."""
        parts: list[str] = []
        for change in sorted(changes):
            parts += (self.text[start : change.start], change.text)
            start = change.end
        return "".join([*parts, self.text[start:end]])
