"""Typed values of a YAML tree: mappings of known keys, flags, and text, with findings for any other value."""

import re
from collections.abc import Container, Iterable

from gateway.connectors.constraints import show
from gateway.connectors.finding import Finding
from gateway.connectors.synonyms import key_hint, spelled_otherwise
from gateway.connectors.value_synonyms import span_hint
from gateway.connectors.yaml_text.node import Node
from gateway.errors import Code, suggest


class YamlValues:
    """Reads typed values from the tree of a file, and collects findings about them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []

    def mapping(
        self,
        node: Node,
        known: Iterable[str],
        owner: str,
        kind: str = "",
        explained: Container[str] = (),
    ) -> dict[str, Node] | None:
        """Read a mapping of known keys, also under other spellings of them.

        Args:
            node: The value.
            known: The keys.
            owner: The name of the mapping in messages.
            kind: The name of the synonym table of its keys.
            explained: Unknown keys that need no finding, because another finding explains them.
        """
        known = tuple(known)
        if not isinstance(node.value, dict):
            self._refuse_shape(node, known, owner)
            return None
        for key, place in (node.keys or {}).items():
            if key not in known and key not in explained:
                hint = key_hint(key, known, kind) or suggest(key, known, f"{owner} has")
                self.report(place, Code.KEY_UNKNOWN, f"unknown key {show(key)}", hint)
        taken = {key: item for key, item in node.value.items() if key in known}
        for key, item in node.value.items():
            meant = None if key in known or key in explained else spelled_otherwise(key, known, kind)
            if meant:
                taken.setdefault(meant, item)
        return taken

    def _refuse_shape(self, node: Node, known: tuple[str, ...], owner: str) -> None:
        shown = {type(None): "empty", list: f"the list {show(node.plain())}"}.get(
            type(node.value), show(node.plain())
        )
        hint = f"the keys are {', '.join(known)}"
        if isinstance(node.value, list) and any(isinstance(item.value, dict) for item in node.value):
            hint = f"write KEY: VALUE without the - before it; {hint}"
        elif isinstance(node.value, list):
            hint = f"write KEY: VALUE; {hint}"
        if owner == "a connector" and re.match(
            r"\s*(?:create|select|insert|alter)\s", str(node.value), re.IGNORECASE
        ):
            hint = "this is SQL: write fields: and a line NAME: TYPE for each column"
        if owner == "access" and re.fullmatch(r"\W*(?:public|anyone|all|everyone|\*)\W*", str(node.plain())):
            hint = "write access: {read: [public]} for anyone to read; the keys are ingest, read, change"
        elif owner == "access" and isinstance(node.value, list) and node.value:
            hint = f"write access: {{read: [{', '.join(str(item.plain()) for item in node.value)}]}}, for one; the keys are ingest, read, change"
        bare = re.match(r"[0-9]+", str(node.value)) if isinstance(node.value, int | str) else None
        if bare and known and owner in ("retention", "limits"):
            hint = f"write {owner}: {{{known[0]}: {bare[0]}}}"
        if owner == "retention":
            hint = span_hint(node.value) or hint
        message = f"{owner} must be keys and values, but is {shown}"
        self.report(node, Code.DECLARATION_INVALID, message, hint)

    def flag(self, node: Node | None, place: str) -> bool:
        """Read a boolean, false if it is missing."""
        if node is not None and not isinstance(node.value, bool):
            message = f"{place} {show(node.plain())} is not a boolean"
            self.report(node, Code.DECLARATION_INVALID, message, "write true or false")
        return bool(node and node.value is True)

    def text(self, node: Node | None, place: str) -> str | None:
        """Read a string, None if it is missing."""
        if node is not None and not isinstance(node.value, str):
            message = f"{place} {show(node.plain())} is not text"
            self.report(node, Code.DECLARATION_INVALID, message, "put it in quotes")
        return node.value if node and isinstance(node.value, str) else None

    def report(
        self, node: Node, code: Code, message: str, hint: str | None = None, *, warning: bool = False
    ) -> None:
        """Report a finding at a place of the file."""
        self.findings.append(Finding(self.file, node.line, node.column, code, message, hint, warning))
