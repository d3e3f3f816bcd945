"""A tree of YAML to a Connector, or to every finding that keeps it from being one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath

from gateway.connectors import schema
from gateway.connectors.connector import ABSENT, PUBLIC, SYSTEM_FIELDS, Access, Connector, Field
from gateway.connectors.constraints import PROBLEMS, show
from gateway.connectors.fieldtypes import FieldType, parse_type
from gateway.connectors.finding import Finding, Refused
from gateway.connectors.loader import Node, load
from gateway.errors import Code, suggest
from gateway.strictjson import Json

CONNECTOR_KEYS: Mapping[str, str] = {
    "name": "what the connector is called under `/-/`; default: the file's name without `.yaml`",
    "description": "what it is, for people",
    "path": "where it is served; default: `/` and its name",
    "fields": "the fields of a row, by name",
    "access": "who may use it: `ingest`, `read` and `change`, each a list of token names",
    "on_invalid": "`reject`: a batch with a bad row is refused whole",
}
LATER_KEYS = ("primary_key", "on_conflict", "retention")
FIELD_KEYS: Mapping[str, str] = {
    "type": "one of the types above",
    "nullable": "`true`: may be null or left out, and is stored as NULL",
    "default": "what is stored for a row that leaves it out",
    "description": "what it is, for people",
    "examples": "a list of example values",
    **{name: f"JSON Schema's `{keyword}`" for name, keyword in schema.KEYWORDS.items()},
}
ACCESS_KEYS: Mapping[str, str] = {
    "ingest": "who may POST rows",
    "read": "who may GET rows; `public` is anyone",
    "change": "who may PUT, PATCH and DELETE; has no effect yet",
}

MAX_FIELDS = 1000
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TOKEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
#: What the query dialect says in the place of a column name, and the characters it says it with.
RESERVED_NAMES = frozenset(
    ("select", "columns", "on_conflict", "order", "limit", "offset", "and", "or", "not")
)
#: What a comma inside braces leaves of an unquoted decimal(p, s).
_DECIMAL_TAIL = re.compile(r"[0-9]+ *\)(?:\[\])?")
_AWKWARD = re.compile(r"[.,:*()\"\[\]]|->")


def declare(text: bytes, file: str) -> tuple[Connector, list[Finding]]:
    """Read a connector file into the connector it declares, and the warnings about it.

    Raises:
        Refused: With every finding of the file, warnings included.
    """
    declaring = _Declaring(load(text, file), file)
    connector = declaring.connector(text.decode("utf-8-sig"))
    if connector is None or any(not finding.warning for finding in declaring.findings):
        raise Refused(
            sorted(declaring.findings, key=lambda finding: (finding.line or 0, finding.column or 0))
        )
    return connector, declaring.findings


class _Declaring:
    """Walks one file's tree and collects what is wrong with it."""

    def __init__(self, root: Node, file: str) -> None:
        self.findings: list[Finding] = []
        self._root = root
        self._file = file

    def connector(self, text: str) -> Connector | None:
        top = self._mapping(self._root, CONNECTOR_KEYS, "a connector", later=LATER_KEYS)
        if top is None:
            return None
        name = self._name(top.get("name"))
        path = self._path(top.get("path"), name)
        description = self._text(top.get("description"), "description")
        fields = self._fields(top.get("fields"))
        access = self._access(top.get("access"))
        self._on_invalid(top.get("on_invalid"))
        return Connector(name, path, fields, access, description, self._file, text)

    # -- the keys of a connector

    def _name(self, node: Node | None) -> str:
        name = PurePath(self._file).stem if node is None else node.value
        if not isinstance(name, str) or not NAME.fullmatch(name):
            where = "the file's name" if node is None else "the name"
            self._find(
                node or self._root,
                Code.DECLARATION_INVALID,
                f"{where} {name!r} is not a connector name: a to z, 0 to 9, _ and -, at most 63, a letter first",
                None if node else "rename the file, or write a name: in it",
            )
        return str(name)

    def _path(self, node: Node | None, name: str) -> str:
        if node is None:
            return f"/{name}"
        path = node.value
        if not isinstance(path, str) or not _PATH.fullmatch(path) or len(path) > 200:
            hint = "write it like /orders or /shop/orders: letters, digits and . _ ~ - between single slashes"
            self._find(node, Code.DECLARATION_INVALID, f"path {show(path)} is not one to serve at", hint)
        elif path.split("/")[1] == "-":
            self._find(
                node,
                Code.DECLARATION_INVALID,
                f"path '{path}' is the gateway's own",
                "/-/ operates the gateway",
            )
        return str(path)

    def _on_invalid(self, node: Node | None) -> None:
        if node is None or node.value == "reject":
            return
        if node.value == "keep":
            self._find(
                node, Code.NOT_SUPPORTED_YET, "on_invalid: keep is not supported yet", "leave it out: reject"
            )
        else:
            message = f"on_invalid {show(node.plain())} is not 'reject'"
            self._find(node, Code.DECLARATION_INVALID, message, "leave it out, or write on_invalid: reject")

    def _access(self, node: Node | None) -> Access:
        given = (self._mapping(node, ACCESS_KEYS, "access") if node else None) or {}
        if "change" in given:
            message = "access.change has no effect yet: rows can be read and added only"
            self._find(given["change"], Code.NOT_SUPPORTED_YET, message, warning=True)
        return Access(**{verb: self._tokens(names, verb) for verb, names in given.items()})

    def _tokens(self, node: Node, verb: str) -> frozenset[str]:
        if not isinstance(node.value, list):
            shown = show(node.plain())
            self._find(
                node,
                Code.DECLARATION_INVALID,
                f"access.{verb} {shown} is not a list",
                f"write {verb}: [NAME]",
            )
            return frozenset()
        for item in node.value:
            if not isinstance(item.value, str) or not TOKEN_NAME.fullmatch(item.value):
                self._find(item, Code.DECLARATION_INVALID, f"{show(item.plain())} is not the name of a token")
            elif item.value == PUBLIC and verb != "read":
                message = f"access.{verb} cannot be public: anyone could write"
                self._find(
                    item, Code.DECLARATION_INVALID, message, "name tokens; `gateway token NAME` makes one"
                )
        return frozenset(item.value for item in node.value if isinstance(item.value, str))

    # -- fields

    def _fields(self, node: Node | None) -> tuple[Field, ...]:
        if node is None:
            self._find(
                self._root,
                Code.KEY_MISSING,
                "the key 'fields' is missing",
                "write fields: and a line NAME: TYPE",
            )
            return ()
        if not isinstance(node.value, dict) or not node.value:
            self._find(
                node,
                Code.DECLARATION_INVALID,
                "fields must map names to types",
                "write a line NAME: TYPE each",
            )
            return ()
        if len(node.value) > MAX_FIELDS:
            self._find(node, Code.DECLARATION_INVALID, f"{len(node.value)} fields are more than {MAX_FIELDS}")
            return ()
        self._field_names(node)
        places = node.keys or {}
        fields = (self._field(name, item) for name, item in node.value.items())
        return tuple(
            replace(field, line=places[field.name].line, column=places[field.name].column)
            for field in fields
            if field
        )

    def _field_names(self, node: Node) -> None:
        seen: dict[str, str] = {}
        for name, key in (node.keys or {}).items():
            if not 1 <= len(name) <= 63 or not name.isprintable() or name != name.strip():
                message = f"the field name {name!r} is not 1 to 63 printable characters"
                self._find(key, Code.DECLARATION_INVALID, message)
            elif name.startswith("_"):
                own = ", ".join(field.name for field in SYSTEM_FIELDS)
                message = f"the field name '{name}' starts with _, which marks the gateway's own: {own}"
                self._find(key, Code.DECLARATION_INVALID, message, f"call it '{name.lstrip('_') or 'field'}'")
            elif other := seen.get(name.lower()):
                message = f"the fields '{other}' and '{name}' differ by case alone, which columns do not"
                self._find(key, Code.DECLARATION_INVALID, message, "rename one")
            elif name in RESERVED_NAMES:
                message = f"'{name}' is a word of the query dialect: a filter on this field cannot name it"
                self._find(
                    key,
                    Code.NAME_RESERVED,
                    message,
                    "another name spares consumers the trouble",
                    warning=True,
                )
            elif _AWKWARD.search(name):
                message = f"'{name}' has characters of the query dialect: select and order must quote it"
                self._find(
                    key,
                    Code.NAME_RESERVED,
                    message,
                    "a name of letters, digits and _ needs none",
                    warning=True,
                )
            seen[name.lower()] = name

    def _field(self, name: str, node: Node) -> Field | None:
        if isinstance(node.value, dict):
            given = self._mapping(node, FIELD_KEYS, f"field '{name}'") or {}
            if "type" not in given:
                self._find(
                    node, Code.KEY_MISSING, f"field '{name}' has no type", "write type: string, for one"
                )
        else:
            given = {"type": node}
        field_type = self._type(name, given.get("type"))
        nullable = self._flag(given.get("nullable"), f"{name}.nullable")
        description = self._text(given.get("description"), f"{name}.description")
        if field_type is None:
            return None
        constraints = self._constraints(name, field_type, given)
        return self._with_values(
            Field(name, field_type, nullable, constraints=constraints, description=description), given
        )

    def _type(self, name: str, node: Node | None) -> FieldType | None:
        if node is None:
            return None
        try:
            if not isinstance(node.value, str):
                raise ValueError(f"{show(node.plain())} is not a type")  # noqa: TRY004, TRY301  # one way out
            return parse_type(node.value)
        except ValueError as error:
            self._find(node, Code.DECLARATION_INVALID, f"field '{name}': {error}")
            return None

    def _constraints(self, name: str, field_type: FieldType, given: dict[str, Node]) -> dict[str, Json]:
        constraints = {}
        for key in (key for key in schema.KEYWORDS if key in given):
            node = given[key]
            if key not in field_type.constraints:
                takes = ", ".join(field_type.constraints)
                message = f"{name}.{key} does not apply to {field_type.name}"
                hint = f"{field_type.name} takes {takes}" if takes else f"{field_type.name} takes none"
                self._find(node, Code.DECLARATION_INVALID, message, hint)
            elif problem := PROBLEMS[key](node.plain(), field_type):
                self._find(node, Code.DECLARATION_INVALID, f"{name}.{key} {show(node.plain())} {problem}")
            else:
                constraints[key] = node.plain()
        for low, high in (("min_length", "max_length"), ("minimum", "maximum")):
            if low in constraints and high in constraints and constraints[low] > constraints[high]:
                message = f"{name}.{low} is greater than {name}.{high}: no value satisfies both"
                self._find(given[low], Code.DECLARATION_INVALID, message)
        return constraints

    def _with_values(self, field: Field, given: dict[str, Node]) -> Field:
        """Add the default and the examples, each of which the field itself must take."""
        validator = schema.compile_schema(schema.build_field(field))
        default: Json = ABSENT
        if node := given.get("default"):
            default = node.plain()
            if not validator.is_valid(default):
                self._refuse_value(node, field, f"{field.name}.default")
        examples: tuple[Json, ...] = ()
        if node := given.get("examples"):
            if isinstance(node.value, list):
                examples = tuple(item.plain() for item in node.value)
                for item in (item for item in node.value if not validator.is_valid(item.plain())):
                    self._refuse_value(item, field, f"{field.name}.examples")
            else:
                shown = show(node.plain())
                self._find(node, Code.DECLARATION_INVALID, f"{field.name}.examples {shown} is not a list")
        return replace(field, default=default, examples=examples)

    def _refuse_value(self, node: Node, field: Field, place: str) -> None:
        hint = f"expected {field.type.expects}" + (
            " that satisfies its constraints" if field.constraints else ""
        )
        message = f"{place} {show(node.plain())} is not a value of the field"
        self._find(node, Code.DECLARATION_INVALID, message, hint)

    # -- shapes

    def _mapping(
        self, node: Node, known: Iterable[str], owner: str, later: tuple[str, ...] = ()
    ) -> dict[str, Node] | None:
        known = tuple(known)
        if not isinstance(node.value, dict):
            shown = "empty" if node.value is None else show(node.plain())
            message = f"{owner} must be keys and values, but is {shown}"
            self._find(node, Code.DECLARATION_INVALID, message, f"the keys are {', '.join(known)}")
            return None
        for key, place in (node.keys or {}).items():
            if key in later:
                self._find(
                    place, Code.NOT_SUPPORTED_YET, f"the key '{key}' is not supported yet", "leave it out"
                )
            elif key not in known and not _DECIMAL_TAIL.fullmatch(key):  # The type says it.
                hint = suggest(key, known, f"{owner} has")
                self._find(place, Code.KEY_UNKNOWN, f"unknown key '{key}'", hint)
        return {key: item for key, item in node.value.items() if key in known}

    def _flag(self, node: Node | None, place: str) -> bool:
        if node is not None and not isinstance(node.value, bool):
            message = f"{place} {show(node.plain())} is not a boolean"
            self._find(node, Code.DECLARATION_INVALID, message, "write true or false")
        return bool(node and node.value is True)

    def _text(self, node: Node | None, place: str) -> str | None:
        if node is not None and not isinstance(node.value, str):
            message = f"{place} {show(node.plain())} is not text"
            self._find(node, Code.DECLARATION_INVALID, message, "put it in quotes")
        return node.value if node and isinstance(node.value, str) else None

    def _find(
        self, node: Node, code: Code, message: str, hint: str | None = None, *, warning: bool = False
    ) -> None:
        self.findings.append(Finding(self._file, node.line, node.column, code, message, hint, warning))
