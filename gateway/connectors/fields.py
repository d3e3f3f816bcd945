"""The `fields` of a connector file, from a tree of YAML to Field values."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.connectors import schema
from gateway.connectors.connector import ABSENT, SYSTEM_FIELDS, Field
from gateway.connectors.constraints import PROBLEMS, show
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.type_names import is_cut_at_comma, parse_type
from gateway.connectors.synonyms import key_hint, meant_by
from gateway.connectors.value_synonyms import constraint_hint, default_hint, list_hint, pattern_doubt
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_values import YamlValues
from gateway.errors import Code
from gateway.strictjson import Json

FIELD_KEYS: Mapping[str, str] = {
    "type": "the type, such as integer or decimal(12, 2)",
    "nullable": "`true`: may be null or left out, and is stored as NULL",
    "default": "the value of a row that leaves it out",
    "description": "a description for people",
    "examples": "a list of example values",
    **{name: f"JSON Schema's `{keyword}`" for name, keyword in schema.KEYWORDS.items()},
    "backfill": "for a change: the value of stored rows that have none",
    "using": "for a change: SQL over the old field that computes the new values, such as `CAST(amount AS BIGINT)`",
    "renamed_from": "for a change: the former name of the field, which rows and queries may still use;"
    " `null` says that it is not a renamed field",
}

MAX_FIELDS = 1000
MAX_USING = 2000
#: Words and characters of the query dialect that a column name can be mistaken for.
RESERVED_NAMES = frozenset(
    ("select", "columns", "on_conflict", "order", "limit", "offset", "and", "or", "not")
)
#: Characters for which `select` and `order` need quotes around a name.
AWKWARD = re.compile(r"[.,:*()\"\[\]]|->")


def _ends_inside(sql: str) -> bool:
    """Return whether more brackets are opened than closed, without those in strings."""
    bare = re.sub(r"'[^']*'", "", sql)
    return bare.count("(") > bare.count(")")


def parse_fields(node: Node, values: YamlValues) -> tuple[Field, ...]:
    """Parse the fields that can be read; report the findings to `values`."""
    if not isinstance(node.value, dict) or not node.value:
        message, hint = _no_fields(node)
        values.report(node, Code.DECLARATION_INVALID, message, hint)
        return ()
    if {"type", "properties"} <= node.value.keys() and isinstance(node.value["properties"].value, dict):
        hint = "write its properties right below fields:, each as NAME: TYPE"
        values.report(node, Code.DECLARATION_INVALID, "a JSON Schema stands below fields:", hint)
        return ()
    if len(node.value) > MAX_FIELDS:
        values.report(node, Code.DECLARATION_INVALID, f"{len(node.value)} fields are more than {MAX_FIELDS}")
        return ()
    reading = _FieldParser(values)
    places = node.keys or {}
    for name, key in places.items():
        reading.check_name(name, key)
    read = (reading.field(name, item, places[name]) for name, item in node.value.items())
    fields = tuple(field for field in read if field)
    reading.check_former_names(node.value, fields)
    return fields


def _unquoted(value: Json, field: Field) -> str | None:
    """Build the hint for a number or a boolean in quotes, None if the field is text."""
    if not isinstance(value, str) or field.type.name not in ("integer", "number", "boolean"):
        return None
    with contextlib.suppress(ValueError):
        return f"write {show(field.type.text.parse(value))} without quotes"
    return None


def _kind(keys: Mapping[str, Node]) -> str:
    """Return the name of the synonym table for the keys of a field, by its type."""
    text = next((item.value for key, item in keys.items() if key.lower() == "type"), None)
    meant = meant_by(text) if isinstance(text, str) else None
    with contextlib.suppress(ValueError):
        type_ = parse_type(meant.type if meant else str(text))
        if "min_length" in type_.constraints:
            return "string field"
        return "number field" if "minimum" in type_.constraints else "plain field"
    return "field"


def _cut_off(keys: Mapping[str, Node]) -> tuple[str, ...]:
    """Return the keys without a value that a comma inside braces has cut off from a type or a list."""
    type_, listed = keys.get("type"), keys.get("enum")
    is_cut = type_ is not None and is_cut_at_comma(str(type_.value))
    if not is_cut and not (listed is not None and isinstance(listed.value, str)):
        return ()
    return tuple(key for key, item in keys.items() if item.value is None and key not in FIELD_KEYS)


def _is_known_elsewhere(key: str) -> bool:
    return key_hint(key, FIELD_KEYS, "field") is not None


def _no_fields(node: Node) -> tuple[str, str]:
    """Build the message and the hint for a value that is not a mapping of fields."""
    must = "fields must map names to types"
    if node.value == {}:
        return f"{must}, but there is no field", "add one, as NAME: TYPE"
    if not node.value:
        return (
            f"{must}, but nothing stands below it",
            "indent the lines NAME: TYPE below fields: by two blanks",
        )
    if not isinstance(node.value, list):
        return f"{must}, but is {show(node.plain())}", "write a line NAME: TYPE for each, below fields:"
    first = node.value[0].plain()
    example = "NAME: TYPE"
    if isinstance(first, str):
        example = f"{first}: TYPE"
    elif isinstance(first, dict) and isinstance(first.get("name"), str):
        example = _as_line(first)
    elif isinstance(first, dict) and first:
        name, value = next(iter(first.items()))
        example = f"{name}: {value if isinstance(value, str) else 'TYPE'}"
    hint = f"write a line for each, without the -: {example}"
    return f"{must}, but is a list of {len(node.value)}", hint


def _as_line(item: Mapping[str, Json]) -> str:
    """Write a field of the form `name: …, type: …` as a line of a connector file."""
    rest = {key: value for key, value in item.items() if key != "name"}
    if rest.keys() == {"type"} and isinstance(rest["type"], str):
        return f"{item['name']}: {rest['type']}"
    pairs = ", ".join(
        f"{key}: {value if isinstance(value, str) else show(value)}" for key, value in rest.items()
    )
    return f"{item['name']}: {{{pairs}}}"


class _FieldParser:
    """Reads the fields of one file."""

    def __init__(self, values: YamlValues) -> None:
        self._values = values
        self._seen: dict[str, str] = {}

    def check_name(self, name: str, key: Node) -> None:
        find = self._values.report
        if not 1 <= len(name) <= 63 or not name.isprintable() or name != name.strip():
            message = f"the field name {name!r} is not 1 to 63 printable characters"
            find(key, Code.DECLARATION_INVALID, message)
        elif name.startswith("_"):
            own = ", ".join(field.name for field in SYSTEM_FIELDS)
            message = f"the field name '{name}' starts with _, which marks the gateway's own: {own}"
            find(key, Code.DECLARATION_INVALID, message, f"call it '{name.lstrip('_') or 'field'}'")
        elif other := self._seen.get(name.lower()):
            message = f"the fields '{other}' and '{name}' differ by case alone, which columns do not"
            find(key, Code.DECLARATION_INVALID, message, "rename one")
        elif name in RESERVED_NAMES:
            message = f"'{name}' is a word of the query dialect: a filter on this field must quote it"
            hint = f'such as "{name}"=is.null; another name spares consumers the trouble'
            find(key, Code.NAME_RESERVED, message, hint, warning=True)
        elif AWKWARD.search(name):
            message = f"'{name}' has characters of the query dialect: select and order must quote it"
            find(key, Code.NAME_RESERVED, message, "a name of letters, digits and _ needs none", warning=True)
        self._seen[name.lower()] = name

    def check_former_names(self, nodes: Mapping[str, Node], fields: tuple[Field, ...]) -> None:
        """Report a former name that is still a field, or that two fields have."""
        names = {name.lower(): name for name in nodes}
        claimed: dict[str, str] = {}
        for field in (field for field in fields if field.renamed_from is not None):
            former = str(field.renamed_from)
            node = nodes[field.name].value["renamed_from"]
            still = names.get(former.lower())  # Columns do not tell names apart by case.
            if former in nodes or still not in (None, field.name):
                message = f"{field.name}.renamed_from '{former}' is still a field of this file"
                hint = "leave renamed_from out, or the field it names"
                self._values.report(node, Code.DECLARATION_INVALID, message, hint)
            elif other := claimed.get(former.lower()):
                message = f"{field.name}.renamed_from '{former}' is what '{other}' was renamed from, too"
                self._values.report(node, Code.DECLARATION_INVALID, message, "one field takes up its rows")
            claimed[former.lower()] = field.name

    def field(self, name: str, node: Node, key: Node) -> Field | None:
        cut_off = _cut_off(node.value) if isinstance(node.value, dict) else ()
        if isinstance(node.value, dict):
            kind = _kind(node.value)
            given = self._values.mapping(node, FIELD_KEYS, f"field '{name}'", kind, cut_off) or {}
            calls_it_otherwise = any(key_hint(key, FIELD_KEYS, "field") == "write type" for key in node.value)
            if "type" not in given and not calls_it_otherwise:
                hint = "write type: string, for one"
                if node.value and not given and not any(map(_is_known_elsewhere, node.value)):
                    hint = f"a field has no fields inside: write {name}: json, or a field for each"
                self._values.report(node, Code.KEY_MISSING, f"field '{name}' has no type", hint)
        else:
            given = {"type": node}
        field_type = self._type(name, given.get("type"))
        nullable = self._values.flag(given.get("nullable"), f"{name}.nullable")
        description = self._values.text(given.get("description"), f"{name}.description")
        if field_type is None:
            return None
        field = Field(
            name,
            field_type,
            nullable,
            constraints=self._constraints(name, field_type, given, cut_off),
            description=description,
            using=self._using(name, given.get("using")),
            renamed_from=self._former_name(name, given.get("renamed_from")),
            is_new="renamed_from" in given and given["renamed_from"].value is None,
            line=key.line,
            column=key.column,
        )
        return self._with_values(field, given)

    def _type(self, name: str, node: Node | None) -> FieldType | None:
        if node is None:
            return None
        try:
            if not isinstance(node.value, str):
                self._refuse_type(name, node)
                return None
            return parse_type(node.value)
        except ValueError as error:
            self._values.report(node, Code.DECLARATION_INVALID, f"field '{name}': {error}")
            return None

    def _refuse_type(self, name: str, node: Node) -> None:
        message, hint = (
            f"field '{name}': {show(node.plain())} is not a type",
            f"write {name}: string, for one",
        )
        if node.value is None:
            message = f"field '{name}' has no type: nothing stands after its colon"
            hint = f"write {name}: string, for one, or indent the lines that belong to it"
        elif isinstance(node.value, list):
            types = [item.value for item in node.value if item.value not in (None, "null")]
            meant = meant_by(str(types[0])) if types else None
            if meant and len(types) < len(node.value):
                hint = f"write {replace(meant, nullable=True)}"
            elif meant and len(types) == 1:
                hint = f"write {meant_by(f'{types[0]}[]')} for a list, {meant} for one value"
        self._values.report(node, Code.DECLARATION_INVALID, message, hint)

    def _constraints(
        self, name: str, field_type: FieldType, given: dict[str, Node], cut_off: Sequence[str]
    ) -> dict[str, Json]:
        constraints = {}
        for key in (key for key in schema.KEYWORDS if key in given):
            node = given[key]
            if key not in field_type.constraints:
                takes = ", ".join(field_type.constraints)
                message = f"{name}.{key} does not apply to {field_type.name}"
                hint = f"{field_type.name} takes {takes}" if takes else f"{field_type.name} takes none"
                hint = constraint_hint(key, field_type.name, field_type.constraints) or hint
                self._values.report(node, Code.DECLARATION_INVALID, message, hint)
            elif problem := PROBLEMS[key](node.plain(), field_type):
                if key == "enum" and isinstance(node.value, str):
                    problem = f"is not a list of values; {list_hint(key, node.value, cut_off)}"
                message = f"{name}.{key} {show(node.plain())} {problem}"
                self._values.report(node, Code.DECLARATION_INVALID, message)
            else:
                constraints[key] = node.plain()
                if key == "pattern" and (doubt := pattern_doubt(str(node.value))):
                    message = f"{name}.pattern {show(node.plain())} is written between slashes"
                    self._values.report(node, Code.DECLARATION_INVALID, message, doubt, warning=True)
        for low, high in (("min_length", "max_length"), ("minimum", "maximum")):
            if low in constraints and high in constraints and constraints[low] > constraints[high]:
                message = f"{name}.{low} is greater than {name}.{high}: no value satisfies both"
                self._values.report(given[low], Code.DECLARATION_INVALID, message)
        return constraints

    def _using(self, name: str, node: Node | None) -> str | None:
        text = self._values.text(node, f"{name}.using")
        if node is not None and text is not None and not 0 < len(text.strip()) <= MAX_USING:
            message = f"{name}.using has {len(text)} characters; 1 to {MAX_USING} are taken"
            self._values.report(node, Code.DECLARATION_INVALID, message)
        elif node is not None and text is not None and _ends_inside(text):
            message = f"{name}.using {show(text)} ends inside its brackets"
            hint = "inside { } put quotes around it, for a comma ends it there"
            self._values.report(node, Code.DECLARATION_INVALID, message, hint)
        return text

    def _former_name(self, name: str, node: Node | None) -> str | None:
        if node is not None and node.value is None:
            return None  # It says that there is none.
        former = self._values.text(node, f"{name}.renamed_from")
        if node is not None and former is not None and (former == name or former.startswith("_")):
            message = f"{name}.renamed_from '{former}' is not what a field was called before"
            self._values.report(node, Code.DECLARATION_INVALID, message, "leave it out")
        return former

    def _with_values(self, field: Field, given: dict[str, Node]) -> Field:
        """Add the default, the backfill, and the examples; each must satisfy the field."""
        if not given.keys() & {"default", "backfill", "examples"}:
            return field
        validator = schema.compile_schema(schema.build_field(field))
        values: dict[str, Json] = {"default": ABSENT, "backfill": ABSENT}
        for key in (key for key in values if key in given):
            values[key] = given[key].plain()
            if not validator.is_valid(values[key]) or (key == "backfill" and values[key] is None):
                self._refuse_value(given[key], field, f"{field.name}.{key}")
        examples: tuple[Json, ...] = ()
        if node := given.get("examples"):
            if isinstance(node.value, list):
                examples = tuple(item.plain() for item in node.value)
                for item in (item for item in node.value if not validator.is_valid(item.plain())):
                    self._refuse_value(item, field, f"{field.name}.examples")
            else:
                message = f"{field.name}.examples {show(node.plain())} is not a list"
                self._values.report(node, Code.DECLARATION_INVALID, message)
        return replace(field, **values, examples=examples)

    def _refuse_value(self, node: Node, field: Field, place: str) -> None:
        hint = f"expected {field.type.expects}" + (
            " that satisfies its constraints" if field.constraints else ""
        )
        if node.plain() is None and place.endswith(".default"):
            hint = "take it out, and write nullable: true for a field that may be null"
        hint = _unquoted(node.value, field) or default_hint(node.value) or hint
        why = (field.type.item or field.type).why_not(node.plain()) or "is not a value of the field"
        message = f"{place} {show(node.plain())} {why}"
        self._values.report(node, Code.DECLARATION_INVALID, message, hint)
