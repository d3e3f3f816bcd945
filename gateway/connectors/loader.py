"""YAML text to a tree that knows its lines: the only module that imports yaml.

The dialect is stricter than YAML 1.1, which PyYAML reads by itself: only `true` and `false` are booleans,
only JSON-like numbers are numbers (`no`, `on`, `012`, `1_000`, `1:30` and dates are strings), and anchors,
aliases, tags, duplicate keys and a second document are errors. https://yaml.org/spec/1.2.2/#103-core-schema
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from gateway.connectors.finding import Finding, Refused
from gateway.errors import Code
from gateway.strictjson import Json

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 20

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,399})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,3})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
} | dict.fromkeys(("null", "Null", "NULL", "~", ""), None)


class Node(NamedTuple):
    """A YAML value and where it stands.

    `value` is a dict of key to Node, a list of Node, or a str, int, Decimal, bool or None;
    `keys` holds, for a dict, where each key stands.
    """

    value: Json
    line: int
    column: int
    keys: "dict[str, Node] | None" = None

    def plain(self) -> Json:
        """Give the value without its places, as JSON."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def load(text: bytes, file: str) -> Node:
    """Read one YAML document.

    Raises:
        Refused: With every finding up to the first place where the text stops being readable.
    """
    if len(text) > MAX_FILE_BYTES:
        raise Refused([_whole(file, f"the file has {len(text)} bytes; at most {MAX_FILE_BYTES} are read")])
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused([_whole(file, f"byte {error.start} is not UTF-8", "save the file as UTF-8")]) from error
    try:
        # libyaml, where PyYAML has it: some twenty times as fast. What it cannot read is left to the other,
        # which says better what is wrong, and where.
        reader = _Reader(file)
        node = reader.document(yaml.parse(decoded, Loader=_FAST))
    except (yaml.YAMLError, ValueError, OverflowError):
        reader, node = _read_slowly(decoded, file)
    if reader.findings:
        raise Refused(reader.findings)
    return node


#: What most often ails a `{ }` or a `[ ]`.
_FLOW = "close what is open; inside { } and [ ] put quotes around text that has a comma, a bracket or a quote in it"


def _read_slowly(decoded: str, file: str) -> "tuple[_Reader, Node]":
    reader = _Reader(file)
    try:
        return reader, reader.document(yaml.parse(decoded, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        hint = _FLOW if "flow" in problem else None
        finding = Finding(file, line, column, Code.YAML_INVALID, f"not YAML: {problem}", hint)
        raise Refused([*reader.findings, finding]) from error
    except (ValueError, OverflowError) as error:  # Numbers and escapes that PyYAML's scanner trips over.
        raise Refused(
            [*reader.findings, _whole(file, "not YAML: an escape or a number out of range")]
        ) from error
    except yaml.YAMLError as error:
        raise Refused([*reader.findings, _whole(file, f"not YAML: {error}".splitlines()[0])]) from error


def _whole(file: str, message: str, hint: str | None = None) -> Finding:
    return Finding(file, None, None, Code.YAML_INVALID, message, hint)


class _TooDeep(yaml.MarkedYAMLError):
    pass


class _Reader:
    """Builds the tree from parser events, so that nothing is constructed that was not asked for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.findings: list[Finding] = []

    def document(self, events: Iterator[yaml.Event]) -> Node:
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
        line, column = mark.line + 1, mark.column + 1
        if depth > MAX_DEPTH:
            raise _TooDeep(problem=f"nested deeper than {MAX_DEPTH}", problem_mark=mark)
        if isinstance(event, yaml.AliasEvent):
            self._find(event, f"the alias '*{event.anchor}' is not read", "write the value out")
            return Node(None, line, column)
        if event.anchor or event.tag:
            self._refuse_properties(event)
        if isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):
                self._find(event, "the text has half of a surrogate pair", "write the character itself")
                event.value = ""  # So that nothing trips over it while the rest of the file is read.
            return Node(event.value if event.style else _scalar(event.value), line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(events), yaml.SequenceEndEvent):
                items.append(self._node(inner, events, depth + 1))
            return Node(items, line, column)
        return self._mapping(events, depth, line, column)

    def _mapping(self, events: Iterator[yaml.Event], depth: int, line: int, column: int) -> Node:
        value: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            item = self._node(next(events), events, depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                self._find(event, "a key must be a plain word", None)
                continue
            if event.value in keys:
                first = keys[event.value].line
                self._find(
                    event, f"the key '{event.value}' stands here again", f"it already stands in line {first}"
                )
            value[event.value], keys[event.value] = item, key
        return Node(value, line, column, keys)

    def _refuse_properties(self, event: Any) -> None:
        """Refuse an anchor, which an alias could multiply, and a tag, which could make another type of it."""
        if event.anchor:
            message = f"the anchor '&{event.anchor}' is not read"
            self._find(event, message, "write the value out where it is used")
        if event.tag and event.tag != "!":
            self._find(event, f"the tag '{event.tag}' is not read", "leave the tag out")

    def _find(self, event: Any, message: str, hint: str | None) -> None:
        mark = event.start_mark
        self.findings.append(
            Finding(self._file, mark.line + 1, mark.column + 1, Code.YAML_INVALID, message, hint)
        )


def _scalar(text: str) -> Json:
    """Tell a plain scalar's value by the words and numbers of YAML 1.2's JSON schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return Decimal(text)
    return text
