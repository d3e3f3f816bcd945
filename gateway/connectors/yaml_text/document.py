"""The bytes of a file to a tree of nodes with their places, and to everything that is wrong with them as YAML."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import yaml

from gateway.connectors.finding import Finding, InvalidFileError
from gateway.connectors.yaml_text import encoding
from gateway.connectors.yaml_text.event_reader import EventReader
from gateway.connectors.yaml_text.lost_text import find_lost_text, may_lose_text
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_text.repair import TextRepair, masked
from gateway.errors import Code

MAX_FILE_BYTES = 256 * 1024
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlDocument(NamedTuple):
    """A document as far as it can be read.

    Attributes:
        root: Its tree, or None where the text stops being readable.
        findings: What is wrong with it as YAML.
        text: The text as it was decoded.
        original: Moves a finding about the tree to its place in that text, which the reader may have repaired.
        spoiled: Places of that tree where the reader refused a value, which therefore means nothing.
        is_scanned: Whether the text was looked through for characters that only look like others.
    """

    root: Node | None
    findings: list[Finding]
    text: str
    original: Callable[[Finding], Finding]
    spoiled: frozenset[tuple[int, int]] = frozenset()
    is_scanned: bool = True


def load_document(text: bytes, file: str) -> Node:
    """Read one YAML document.

    Raises:
        Refused: With every finding.
    """
    reading = parse_document(text, file)
    if reading.findings or reading.root is None:
        raise InvalidFileError(reading.findings)
    return reading.root


def parse_document(text: bytes, file: str, *, is_suspect: bool = False) -> YamlDocument:
    """Read one YAML document, and go on behind its faults where that is possible.

    Args:
        text: The bytes of the file.
        file: The name that findings have.
        is_suspect: The text is YAML, but means nothing; look for characters that only look like others.
    """
    if len(text) > MAX_FILE_BYTES:
        message = f"the file has {len(text)} bytes; at most {MAX_FILE_BYTES} are read"
        hint = "a connector needs a few kilobytes: is this another file?"
        return YamlDocument(None, [_whole(file, message, hint)], "", _unmoved)
    decoded, findings = encoding.decode(text, file)
    if decoded is None:
        return YamlDocument(None, findings, "", _unmoved)
    if not findings and not is_suspect:
        # libyaml, where PyYAML has it: some twenty times as fast. What it cannot read is left to the other, whose
        # complaints name the index in the text.
        with contextlib.suppress(yaml.YAMLError, ValueError, OverflowError):
            reader = EventReader(file)
            tree = reader.document(yaml.parse(decoded, Loader=_FAST))
            spoiled = frozenset(reader.spoiled)
            return YamlDocument(tree, reader.findings, decoded, _unmoved, spoiled, is_scanned=False)
    repair = TextRepair(decoded, file, findings)
    root = repair.read()
    return YamlDocument(root, repair.findings, decoded, repair.original, repair.spoiled)


def find_doubts(text: str, file: str) -> list[Finding]:
    """Return warnings about text that YAML reads as something else than it looks."""
    if may_lose_text(text):
        repair = TextRepair(text, file, [])
        return [repair.warning(fault) for fault in find_lost_text(text, masked(text))]
    return []


def _unmoved(finding: Finding) -> Finding:
    return finding


def _whole(file: str, message: str, hint: str | None = None) -> Finding:
    return Finding(file, None, None, Code.YAML_INVALID, message, hint)
