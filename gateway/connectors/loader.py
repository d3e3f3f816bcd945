"""YAML text to a tree that knows its lines: the only module that imports yaml.

The dialect is stricter than YAML 1.1, which PyYAML reads by itself: only `true` and `false` are booleans,
only JSON-like numbers are numbers (`no`, `on`, `012`, `1_000`, `1:30` and dates are strings), and anchors,
aliases, tags, duplicate keys and a second document are errors. https://yaml.org/spec/1.2.2/#103-core-schema
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import yaml

from gateway.connectors import encoding, faults
from gateway.connectors.finding import Finding, Refused
from gateway.errors import Code
from gateway.strictjson import Json

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 20
#: How many faults of one text are mended to find the next, and how long such a text may be: each takes a reading.
MAX_MENDS = 20
MAX_MENDED = 32 * 1024

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


class Reading(NamedTuple):
    """A document as far as it can be read.

    Attributes:
        root: Its tree, or None where the text stops being readable.
        findings: What is wrong with it as YAML.
        text: The text as it was decoded.
        original: Moves a finding about the tree to its place in that text, which the reader may have mended.
        spoiled: Places of that tree where the reader refused a value, which therefore means nothing.
        is_scanned: Whether the text was looked through for characters that only look like others.
    """

    root: Node | None
    findings: list[Finding]
    text: str
    original: Callable[[Finding], Finding]
    spoiled: frozenset[tuple[int, int]] = frozenset()
    is_scanned: bool = True


def load(text: bytes, file: str) -> Node:
    """Read one YAML document.

    Raises:
        Refused: With every finding.
    """
    reading = read(text, file)
    if reading.findings or reading.root is None:
        raise Refused(reading.findings)
    return reading.root


def read(text: bytes, file: str, *, is_suspect: bool = False) -> Reading:
    """Read one YAML document, and go on behind its faults where that is possible.

    Args:
        text: The bytes of the file.
        file: The name that findings have.
        is_suspect: The text is YAML, but means nothing; look for characters that only look like others.
    """
    if len(text) > MAX_FILE_BYTES:
        message = f"the file has {len(text)} bytes; at most {MAX_FILE_BYTES} are read"
        hint = "a connector needs a few kilobytes: is this another file?"
        return Reading(None, [_whole(file, message, hint)], "", _unmoved)
    decoded, findings = encoding.decode(text, file)
    if decoded is None:
        return Reading(None, findings, "", _unmoved)
    if not findings and not is_suspect:
        # libyaml, where PyYAML has it: some twenty times as fast. What it cannot read is left to the other, whose
        # complaints name the index in the text.
        with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
            reader = _Reader(file)
            tree = reader.document(yaml.parse(decoded, Loader=_FAST))
            spoiled = frozenset(reader.spoiled)
            return Reading(tree, reader.findings, decoded, _unmoved, spoiled, is_scanned=False)
    mending = _Mending(decoded, file, findings)
    root = mending.read()
    return Reading(root, mending.findings, decoded, mending.original, mending.spoiled)


def doubts(text: str, file: str) -> list[Finding]:
    """Return warnings about text that YAML reads as something else than it looks."""
    if faults.may_lose(text):
        mending = _Mending(text, file, [])
        return [mending.warning(fault) for fault in faults.lost(text, _masked(text))]
    return []


def _unmoved(finding: Finding) -> Finding:
    return finding


def _whole(file: str, message: str, hint: str | None = None) -> Finding:
    return Finding(file, None, None, Code.YAML_INVALID, message, hint)


class _Mending:
    """Reads text that has faults: mends each one in memory, and begins anew."""

    def __init__(self, text: str, file: str, findings: list[Finding]) -> None:
        self.findings = findings
        self._file = file
        # PyYAML takes a lone CR for a line break, too.
        self._text = text if "\n" in text else text.replace("\r", "\n")
        #: For each edit its line, its column, where its new text ends, and by how much the rest of the line moved.
        self._moves: list[tuple[int, int, int, int]] = []
        self._told: set[tuple[int, str]] = set()
        #: Lines whose indentation was mended already. What is wrong with that of the others is not clear from there.
        self._indented: set[int] = set()
        self.spoiled: frozenset[tuple[int, int]] = frozenset()

    def read(self) -> Node | None:
        if fault := faults.unacceptable(self._text):
            self._find(fault)
        for fault in reversed(
            faults.scan(self._text, _masked(self._text))
        ):  # So that places before an edit hold.
            if not self._find(fault):
                return None
        for _ in range(MAX_MENDS if len(self._text) < MAX_MENDED else 1):
            reader = _Reader(self._file)
            try:
                root = reader.document(yaml.parse(self._text, Loader=yaml.SafeLoader))
            except (yaml.YAMLError, ValueError, OverflowError) as error:
                if isinstance(error, _TooDeep) or not self._find(faults.explain(self._text, _trouble(error))):
                    self._note_depth(error)
                    return None
            else:
                self.findings += map(self.original, reader.findings)
                self.spoiled = frozenset(reader.spoiled)
                return root
        return None

    def original(self, finding: Finding) -> Finding:
        """Move a finding from its place in the mended text to that in the text that was read."""
        line, column = finding.line, finding.column
        if line is None or column is None:
            return finding
        for edited, start, end, delta in reversed(self._moves):
            if line == edited and column >= end:
                column -= delta
            elif line == edited and column > start:
                column = start
        return replace(finding, column=column)

    def warning(self, fault: faults.Fault) -> Finding:
        line, column = self._place(fault.at)
        return Finding(self._file, line, column, Code.YAML_INVALID, fault.message, fault.hint, warning=True)

    def _find(self, fault: faults.Fault) -> bool:
        """Note a fault and mend it; False where that cannot be, and the text is readable no further."""
        line, column = self._place(fault.at)
        indented = {self._place(edit.start)[0] for edit in fault.edits if self._place(edit.start)[1] == 1}
        if (fault.at, fault.message) in self._told or indented & self._indented:
            return False
        self._told.add((fault.at, fault.message))
        self._indented |= indented
        finding = Finding(self._file, line, column, Code.YAML_INVALID, fault.message, fault.hint)
        self.findings.append(self.original(finding))
        for edit in sorted(fault.edits, reverse=True):
            line, column = self._place(edit.start)
            end = column + len(edit.text)
            self._moves.append((line, column, end, len(edit.text) - (edit.end - edit.start)))
            self._text = self._text[: edit.start] + edit.text + self._text[edit.end :]
        return bool(fault.edits)

    def _note_depth(self, error: Exception) -> None:
        if isinstance(error, _TooDeep) and error.problem_mark:
            line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
            hint = "a connector needs a few levels only: is a bracket never closed?"
            finding = Finding(self._file, line, column, Code.YAML_INVALID, str(error.problem), hint)
            self.findings.append(self.original(finding))

    def _place(self, index: int) -> tuple[int, int]:
        return self._text.count("\n", 0, index) + 1, index - self._text.rfind("\n", 0, index)


def _trouble(error: Exception) -> faults.Trouble:
    if not isinstance(error, yaml.MarkedYAMLError):  # Numbers and escapes that PyYAML's scanner trips over.
        return faults.Trouble("an escape or a number is out of range", "", 0, 0)
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    index = mark.index if mark else 0
    return faults.Trouble(
        error.problem or "", error.context or "", index, context.index if context else index
    )


def _masked(text: str) -> str:
    """Put other characters in the place of those in quotes, block texts and comments."""
    characters = list(text)
    with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken) and token.style:
                _mask(characters, token.start_mark.index, token.end_mark.index)
    masked = "".join(characters)
    for found in re.finditer(r"(?m:(?:^|(?<=[\s{\[,]))(?:\"[^\"\n]*\"|'[^'\n]*')|(?:^|(?<=\s))#.*$)", masked):
        _mask(characters, *found.span())
    return "".join(characters)


def _mask(characters: list[str], start: int, end: int) -> None:
    for index in range(start, end):
        if characters[index] != "\n":
            characters[index] = "x"


class _TooDeep(yaml.MarkedYAMLError):
    pass


class _Reader:
    """Builds the tree from parser events, so that nothing is constructed that was not asked for."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.findings: list[Finding] = []
        self.spoiled: set[tuple[int, int]] = set()

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
            raise _TooDeep(problem=f"the values are nested deeper than {MAX_DEPTH} levels", problem_mark=mark)
        if isinstance(event, yaml.AliasEvent):
            self.spoiled.add((line, column))
            hint = f"write the value out; text is put in quotes: '*{event.anchor}'"
            self._find(event, f"the alias '*{event.anchor}' is not read", hint)
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
                self._find(event, "a key must be a plain word", "write KEY: VALUE")
                continue
            if event.value in keys:
                message = f"the key {event.value[:80]!r} stands here again; it already stands in line {keys[event.value].line}"
                self._find(event, message, "delete one of them, or give it another name")
            value[event.value], keys[event.value] = item, key
        return Node(value, line, column, keys)

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


def _scalar(text: str) -> Json:
    """Tell a plain scalar's value by the words and numbers of YAML 1.2's JSON schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return Decimal(text)
    return text
