"""Shapes of YAML: mappings of known keys, flags and text, each with a finding where it is something else."""

import re
from collections.abc import Iterable

from gateway.connectors.constraints import show
from gateway.connectors.finding import Finding
from gateway.connectors.loader import Node
from gateway.connectors.synonyms import key_hint
from gateway.errors import Code, suggest

#: What a comma inside braces leaves of an unquoted decimal(p, s).
_DECIMAL_TAIL = re.compile(r"[0-9]+ *\)(?:\[\])?")


class Shapes:
    """Takes values of a file's tree for what they should be, and collects what is wrong with them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []

    def mapping(self, node: Node, known: Iterable[str], owner: str, kind: str = "") -> dict[str, Node] | None:
        """Take a mapping of known keys; `kind` names the table of what other tools call them."""
        known = tuple(known)
        if not isinstance(node.value, dict):
            self._refuse_shape(node, known, owner)
            return None
        for key, place in (node.keys or {}).items():
            if key not in known and not _DECIMAL_TAIL.fullmatch(key):  # The type says it.
                hint = key_hint(key, known, kind) or suggest(key, known, f"{owner} has")
                self.find(place, Code.KEY_UNKNOWN, f"unknown key {show(key)}", hint)
        return {key: item for key, item in node.value.items() if key in known}

    def _refuse_shape(self, node: Node, known: tuple[str, ...], owner: str) -> None:
        shown = {type(None): "empty", list: f"the list {show(node.plain())}"}.get(
            type(node.value), show(node.plain())
        )
        hint = f"the keys are {', '.join(known)}"
        if isinstance(node.value, list) and any(isinstance(item.value, dict) for item in node.value):
            hint = f"write KEY: VALUE without the - before it; {hint}"
        elif isinstance(node.value, list):
            hint = f"write KEY: VALUE; {hint}"
        bare = re.match(r"[0-9]+", str(node.value)) if isinstance(node.value, int | str) else None
        if bare and known and owner in ("retention", "limits"):
            hint = f"write {owner}: {{{known[0]}: {bare[0]}}}"
        message = f"{owner} must be keys and values, but is {shown}"
        self.find(node, Code.DECLARATION_INVALID, message, hint)

    def flag(self, node: Node | None, place: str) -> bool:
        """Take a boolean, false where there is none."""
        if node is not None and not isinstance(node.value, bool):
            message = f"{place} {show(node.plain())} is not a boolean"
            self.find(node, Code.DECLARATION_INVALID, message, "write true or false")
        return bool(node and node.value is True)

    def text(self, node: Node | None, place: str) -> str | None:
        """Take a string, None where there is none."""
        if node is not None and not isinstance(node.value, str):
            message = f"{place} {show(node.plain())} is not text"
            self.find(node, Code.DECLARATION_INVALID, message, "put it in quotes")
        return node.value if node and isinstance(node.value, str) else None

    def find(
        self, node: Node, code: Code, message: str, hint: str | None = None, *, warning: bool = False
    ) -> None:
        """Note what is wrong with a place of the file."""
        self.findings.append(Finding(self.file, node.line, node.column, code, message, hint, warning))
