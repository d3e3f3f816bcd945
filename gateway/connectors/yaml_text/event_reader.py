"""Parser events to a tree of nodes, by a dialect that is stricter than YAML 1.1.

PyYAML reads YAML 1.1 by itself. Here only `true` and `false` are booleans, and only JSON-like numbers are numbers:
`no`, `on`, `012`, `1_000`, `1:30` and dates are strings. Anchors, aliases, tags, duplicate keys and a second document
are errors. https://yaml.org/spec/1.2.2/#103-core-schema
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml

from gateway.connectors.finding import Finding
from gateway.connectors.yaml_text.node import Node
from gateway.errors import Code
from gateway.strictjson import Json

MAX_DEPTH = 20
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,399})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,3})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
} | dict.fromkeys(("null", "Null", "NULL", "~", ""), None)


class TooDeepError(yaml.MarkedYAMLError):
    """Values are nested deeper than `MAX_DEPTH`."""


class EventReader:
    """Builds the tree from parser events, so that nothing is constructed that was not asked for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.findings: list[Finding] = []
        self.spoiled: set[tuple[int, int]] = set()

    def document(self, events: Iterator[yaml.Event]) -> Node:
        """Build the tree of the first document; a second one is a finding."""
        node = Node(None, 1, 1)
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._find(event, "a second document starts here", "keep one connector a file")
            elif isinstance(event, yaml.NodeEvent):
                read = self._node(event, events, 1)
                node = read if documents == 1 else node
        return node

    def _node(self, event: Any, events: Iterator[yaml.Event], depth: int) -> Node:
        mark = event.start_mark  # Both parsers mark every event, each with a class of its own.
        if depth > MAX_DEPTH:
            raise TooDeepError(
                problem=f"the values are nested deeper than {MAX_DEPTH} levels", problem_mark=mark
            )
        if isinstance(event, yaml.AliasEvent):
            self.spoiled.add((mark.line + 1, mark.column + 1))
            hint = f"write the value out; text is put in quotes: '*{event.anchor}'"
            self._find(event, f"the alias '*{event.anchor}' is not read", hint)
            return Node(None, mark.line + 1, mark.column + 1)
        if event.anchor or event.tag:
            self._refuse_properties(event)
        if isinstance(event, yaml.ScalarEvent):
            value = self._text(event) if event.style else _scalar(event.value)
            return Node(value, mark.line + 1, mark.column + 1, None, mark.index, _end(event))
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(inner := next(events), yaml.SequenceEndEvent):
                items.append(self._node(inner, events, depth + 1))
            last = items[-1].end if items and not event.flow_style else _end(inner)
            return Node(items, mark.line + 1, mark.column + 1, None, mark.index, last)
        return self._mapping(event, events, depth)

    def _text(self, event: Any) -> str:
        """Return the text of a scalar in quotes or in block style; only its escapes can spell half a character."""
        if event.style == '"' and _SURROGATE.search(event.value):
            self._find(event, "the text has half of a surrogate pair", "write the character itself")
            event.value = ""  # So that nothing trips over it while the rest of the file is read.
        return str(event.value)

    def _mapping(self, start: Any, events: Iterator[yaml.Event], depth: int) -> Node:
        mark = start.start_mark
        value: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            item = self._node(next(events), events, depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                self._find(event, "a key must be a plain word", "write KEY: VALUE")
                continue
            if event.value in keys:
                message = f"the key {event.value[:80]!r} stands here again; it already stands in line {keys[event.value].line}"
                self._find(event, message, "delete one of them, or give it another name")
            value[event.value], keys[event.value] = item, key
        last = item.end if value and not start.flow_style else _end(event)
        return Node(value, mark.line + 1, mark.column + 1, keys, mark.index, last)

    def _refuse_properties(self, event: Any) -> None:
        """Refuse an anchor, which an alias could multiply, and a tag, which could make another type of it."""
        if event.anchor:
            message = f"the anchor '&{event.anchor}' is not read"
            hint = f"write the value out where it is used; text is put in quotes: '&{event.anchor}'"
            self._find(event, message, hint)
        if event.anchor or event.tag != "!":
            self.spoiled.add((event.start_mark.line + 1, event.start_mark.column + 1))
        if event.tag and event.tag != "!":
            self._find(event, f"the tag '{event.tag}' is not read", "delete it; text is put in quotes")

    def _find(self, event: Any, message: str, hint: str | None) -> None:
        mark = event.start_mark
        self.findings.append(
            Finding(self._file, mark.line + 1, mark.column + 1, Code.YAML_INVALID, message, hint)
        )


def _end(event: Any) -> int:
    """Return the index behind an event; both parsers mark every event."""
    return int(event.end_mark.index)


def _scalar(text: str) -> Json:
    """Return the value of a plain scalar, by the words and numbers of YAML 1.2's JSON schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return Decimal(text)
    return text
