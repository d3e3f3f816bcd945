"""The bytes of a file to a tree of nodes with their places, and to everything that is wrong with them as YAML."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import yaml

from gateway.connectors.finding import Finding, Refused
from gateway.connectors.yaml_text import encoding
from gateway.connectors.yaml_text.event_reader import EventReader
from gateway.connectors.yaml_text.lost_text import find_lost_text, may_lose_text
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_text.repair import Repair, masked
from gateway.errors import Code

MAX_FILE_BYTES = 256 * 1024
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
            reader = EventReader(file)
            tree = reader.document(yaml.parse(decoded, Loader=_FAST))
            spoiled = frozenset(reader.spoiled)
            return Reading(tree, reader.findings, decoded, _unmoved, spoiled, is_scanned=False)
    mending = Repair(decoded, file, findings)
    root = mending.read()
    return Reading(root, mending.findings, decoded, mending.original, mending.spoiled)


def doubts(text: str, file: str) -> list[Finding]:
    """Return warnings about text that YAML reads as something else than it looks."""
    if may_lose_text(text):
        mending = Repair(text, file, [])
        return [mending.warning(fault) for fault in find_lost_text(text, masked(text))]
    return []


def _unmoved(finding: Finding) -> Finding:
    return finding


def _whole(file: str, message: str, hint: str | None = None) -> Finding:
    return Finding(file, None, None, Code.YAML_INVALID, message, hint)
