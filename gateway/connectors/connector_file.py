"""A connector file to a Connector, or to all findings about it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath

from gateway.connectors.connector import PUBLIC, Access, Connector, Field
from gateway.connectors.constraints import show
from gateway.connectors.fields import parse_fields
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.connectors.name_patterns import NAME, TOKEN_NAME
from gateway.connectors.policy_keys import POLICY_KEYS, parse_policy, parse_primary_key
from gateway.connectors.synonyms import FIELDS, key_hint, other_file
from gateway.connectors.value_synonyms import token_hint
from gateway.connectors.yaml_text.document import YamlDocument, find_doubts, parse_document
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_values import YamlValues
from gateway.errors import Code

CONNECTOR_KEYS: Mapping[str, str] = {
    "name": "its name under `/-/`; default: the name of the file without `.yaml`",
    "description": "a description for people",
    "path": "the path of its endpoint; default: `/` and its name",
    "fields": "the fields of a row, by name",
    "access": "permissions: `ingest`, `read`, and `change`, each a list of token names",
    **POLICY_KEYS,
}
ACCESS_KEYS: Mapping[str, str] = {
    "ingest": "may POST rows",
    "read": "may GET rows; `public` is anyone",
    "change": "may change and delete rows with PUT, PATCH, and DELETE, and replace them by their primary key",
}

_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")


def parse_connector(text: bytes, file: str) -> tuple[Connector, list[Finding]]:
    """Parse a connector file; return the connector and the warnings about it.

    Raises:
        InvalidFileError: With every finding of the file, warnings included.
    """
    reading = parse_document(text, file)
    connector, findings = _parse(reading, file)
    if not reading.is_scanned and _has_errors(findings):
        reading = parse_document(text, file, is_suspect=True)
        connector, findings = _parse(reading, file)
    if connector is None or _has_errors(findings):
        findings = [_with_hint_of_text(finding, reading.text) for finding in findings]
        raise InvalidFileError(sorted(findings, key=lambda finding: (finding.line or 0, finding.column or 0)))
    return connector, [*findings, *find_doubts(reading.text, file)]


def _parse(reading: YamlDocument, file: str) -> tuple[Connector | None, list[Finding]]:
    """Build a connector from a tree; return it with the findings of both."""
    if reading.root is None:
        return None, reading.findings
    declaring = _ConnectorParser(reading.root, file)
    connector = declaring.connector(reading.text)
    own = [each for each in declaring.findings if (each.line, each.column) not in reading.spoiled]
    return connector, [*reading.findings, *map(reading.original, own)]


def _names_of(fields: Node | None) -> tuple[str, ...]:
    return tuple(fields.value) if fields and isinstance(fields.value, dict) else ()


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{.*\}|\{%.*%\}")


def _with_hint_of_text(finding: Finding, text: str) -> Finding:
    """Replace the hint if the line shows the cause: a template that is not rendered, or a comment."""
    lines = re.split(r"\r\n|\r|\n", text)
    if finding.line is None or finding.line > len(lines) or finding.code is not Code.DECLARATION_INVALID:
        return finding
    line = lines[finding.line - 1]
    found = _TEMPLATE.search(line)
    if found and found[0] in finding.message:
        return replace(finding, hint=f"the gateway reads finished files: replace {found[0]} by its value")
    comment = re.match(r"\s*(#\S.*)", line[(finding.column or 1) - 1 :])
    if comment and re.search(r"\bnull\b|has no type", finding.message):
        hint = f"a # behind a blank begins a comment: put the value in quotes, as in '{comment[1]}'"
        return replace(finding, hint=hint)
    return finding


def nearest_name(name: object) -> str | None:
    """Return the valid connector name that is nearest to an invalid one, None if there is none."""
    meant = re.sub(r"[^a-z0-9_-]+", "_", str(name).lower()).strip("_")
    return meant if NAME.fullmatch(meant) else None


def _nearest_path(text: str) -> str | None:
    """Return the path inside a URL, a template such as `/orders/{id}`, or a path with a query; None if there is none."""
    path = re.sub(r"^\w+://[^/]*|[?#].*$|/(?:\{[^}]*\}|:\w+|\*+)", "", text).rstrip("/")
    return path if path != text and _PATH.fullmatch(path) else None


def _has_errors(findings: Iterable[Finding]) -> bool:
    return any(not finding.is_warning for finding in findings)


def places_in_access(connector: Connector) -> Mapping[str, tuple[int, int]]:
    """Return the line and column of the first use of each name in `access`."""
    places: dict[str, tuple[int, int]] = {}
    top = parse_document(connector.text.encode(), connector.file).root
    access = top.value.get("access") if top and isinstance(top.value, dict) else None
    for names in access.value.values() if access and isinstance(access.value, dict) else ():
        for item in names.value if isinstance(names.value, list) else ():
            places.setdefault(str(item.value), (item.line, item.column))
    return places


class _ConnectorParser:
    """Builds a connector from the tree of one file, and collects findings."""

    def __init__(self, root: Node, file: str) -> None:
        self._values = YamlValues(file)
        self._root = root
        self._file = file

    @property
    def findings(self) -> list[Finding]:
        return self._values.findings

    def connector(self, text: str) -> Connector | None:
        if self._is_another_file():
            return None
        top = self._values.mapping(self._root, CONNECTOR_KEYS, "a connector", "connector")
        if top is None:
            return None
        if "fields" in top and not top["fields"].value:
            self._explain_fields_beside(top)
        name = self._name(top.get("name"))
        path = self._path(top.get("path"), name)
        description = self._values.text(top.get("description"), "description")
        fields = self._fields(top.get("fields"))
        access = self._access(top.get("access"))
        key = top.get("primary_key")
        return Connector(
            name,
            path,
            fields,
            access,
            description,
            self._file,
            text,
            parse_primary_key(key, fields, _names_of(top.get("fields")), self._values),
            parse_policy(top, self._values),
            (key.line, key.column) if key else (None, None),
        )

    def _is_another_file(self) -> bool:
        """Report a file of another kind, which then is the only finding."""
        keys = self._root.value if isinstance(self._root.value, dict) else {}
        other = None if "fields" in keys else other_file(keys)
        if _DIGEST.search(str(self._root.plain() if keys else "")) and "fields" not in keys:
            hint = "keep it outside the directory of connectors, and start with --tokens FILE"
            other = ("this is a tokens file, not a connector", hint)
        inside = [
            key for key, item in keys.items() if isinstance(item.value, dict) and "fields" in item.value
        ]
        if inside and "fields" not in keys and not other:
            hint = f"take the line {inside[0]}: out, and indent those below it by two blanks less"
            other = (f"the connector stands below '{inside[0]}', and not at the beginning of the lines", hint)
        if other:
            self._values.report(self._root, Code.DECLARATION_INVALID, *other)
        return other is not None

    def _explain_fields_beside(self, top: Mapping[str, Node]) -> None:
        """Add a hint to unknown keys beside empty `fields`: they may be fields without indentation."""
        beside = {key.line for name, key in (self._root.keys or {}).items() if name not in top}
        hint = "if it is a field, indent it below fields: by two blanks"
        self._values.findings[:] = [
            replace(each, hint=hint)
            if each.code is Code.KEY_UNKNOWN and each.line in beside and "did you mean" not in str(each.hint)
            else each
            for each in self._values.findings
        ]

    # -- the keys of a connector

    def _name(self, node: Node | None) -> str:
        name = PurePath(self._file).stem if node is None else node.value
        if not isinstance(name, str) or not NAME.fullmatch(name):
            where = "the file's name" if node is None else "the name"
            meant = nearest_name(name) if node else None
            in_file = f"write name: {meant}" if meant else None
            self._values.report(
                node or self._root,
                Code.DECLARATION_INVALID,
                f"{where} {name!r} is not a connector name: a to z, 0 to 9, _ and -, at most 63, a letter first",
                in_file if node else "rename the file, or write a name: in it",
            )
        return str(name)

    def _path(self, node: Node | None, name: str) -> str:
        if node is None:
            return f"/{name}"
        path = node.value
        if not isinstance(path, str) or not _PATH.fullmatch(path) or len(path) > 200:
            hint = "write it like /orders or /shop/orders: letters, digits and . _ ~ - between single slashes"
            meant = _nearest_path(path) if isinstance(path, str) else None
            if isinstance(path, str) and _PATH.fullmatch(f"/{path}"):
                hint = f"it begins with a slash: write path: /{path}"
            elif meant:
                hint = f"it is the path of all rows alone: write path: {meant}"
            self._values.report(node, Code.DECLARATION_INVALID, f"the path {show(path)} is invalid", hint)
        elif path.split("/")[1] == "-":
            self._values.report(
                node,
                Code.DECLARATION_INVALID,
                f"the path '{path}' is reserved",
                "choose a path that does not begin with /-/",
            )
        return str(path)

    def _access(self, node: Node | None) -> Access:
        given = (self._values.mapping(node, ACCESS_KEYS, "access", "access") if node else None) or {}
        return Access(**{verb: self._tokens(names, verb) for verb, names in given.items()})

    def _tokens(self, node: Node, verb: str) -> frozenset[str]:
        if not isinstance(node.value, list):
            shown = show(node.plain())
            self._values.report(
                node,
                Code.DECLARATION_INVALID,
                f"access.{verb} {shown} is not a list",
                token_hint(verb, node.value)
                or f"write {verb}: [{node.value if isinstance(node.value, str) else 'NAME'}]",
            )
            return frozenset()
        for item in node.value:
            if not isinstance(item.value, str) or not TOKEN_NAME.fullmatch(item.value):
                message = f"{show(item.plain())} is not the name of a token"
                self._values.report(item, Code.DECLARATION_INVALID, message, token_hint(verb, item.value))
            elif item.value == PUBLIC and verb != "read":
                message = f"access.{verb} cannot be public: anyone could write"
                self._values.report(
                    item, Code.DECLARATION_INVALID, message, "name tokens; `gateway token NAME` makes one"
                )
        return frozenset(item.value for item in node.value if isinstance(item.value, str))

    def _fields(self, node: Node | None) -> tuple[Field, ...]:
        if node is None:
            calls_them_otherwise = any(
                key_hint(key, CONNECTOR_KEYS, "connector") in (FIELDS, "write fields")
                for key in self._root.value
            )
            if not calls_them_otherwise:
                self._values.report(self._root, Code.KEY_MISSING, "the key 'fields' is missing", FIELDS)
            return ()
        return parse_fields(node, self._values)
