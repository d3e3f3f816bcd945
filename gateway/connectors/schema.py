"""The JSON Schema (draft 2020-12) of a connector, and its compiled validator."""

from collections.abc import Callable, Mapping

import jsonschema_rs

from gateway.connectors import literals, number_schema, portable_patterns
from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.lexical_forms import FORMATS, NO_NUL, TIMESTAMP_BEYOND, StringFormat
from gateway.strictjson import Json

#: The constraints of a field in YAML, as the JSON Schema keywords that they are.
KEYWORDS: Mapping[str, str] = {
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "format": "format",
    "enum": "enum",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
}


def build(connector: Connector) -> dict[str, Json]:
    """Build the schema that one row of the connector must satisfy, for a validator that reads numbers exactly."""
    return _build(connector, build_field)


def publish(connector: Connector) -> dict[str, Json]:
    """Build the schema that says the same to others, who may read numbers as doubles."""
    return _build(connector, publish_field)


def _build(connector: Connector, of_field: Callable[[Field], dict[str, Json]]) -> dict[str, Json]:
    schema: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": connector.name,
    }
    if connector.description:
        schema["description"] = connector.description
    schema["type"] = "object"
    schema["properties"] = {field.name: of_field(field) for field in connector.fields}
    aliases = connector.aliases
    for alias, field in aliases.items():
        former = {"description": f"What '{field.name}' was called before.", "deprecated": True}
        schema["properties"][alias] = {**of_field(field), **former}
    renamed = [field.name for field in aliases.values()]
    schema["required"] = [
        field.name for field in connector.fields if field.required and field.name not in renamed
    ]
    schema["additionalProperties"] = False
    if aliases:
        schema["allOf"] = [_by_one_name(alias, field) for alias, field in aliases.items()]
    return schema


def _by_one_name(alias: str, field: Field) -> dict[str, Json]:
    """Allow one of the two names of a renamed field, and not both."""
    if field.required:
        return {"oneOf": [{"required": [field.name]}, {"required": [alias]}]}
    return {"not": {"required": [field.name, alias]}}


def build_field(field: Field) -> dict[str, Json]:
    """Build the schema of one field's value."""
    schema = dict(field.type.schema)
    if field.type.item:
        schema["items"] = _constrained(field.type.item, field.constraints)
    else:
        schema = _constrained(field.type, field.constraints)
    if field.nullable:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*types, "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if field.description:
        schema["description"] = field.description
    if field.default is not ABSENT:
        schema["default"] = field.default
    if field.examples:
        schema["examples"] = list(field.examples)
    return schema


def publish_field(field: Field) -> dict[str, Json]:
    """Build the published schema of one field's value."""
    schema = build_field(field)
    if field.type.item:
        return {**schema, "items": _published(schema["items"])}
    return _published(schema)


def _published(schema: dict[str, Json]) -> dict[str, Json]:
    return (
        number_schema.number(schema)
        if number_schema.is_number(schema)
        else portable_patterns.portable(schema)
    )


def _constrained(type: FieldType, constraints: Mapping[str, Json]) -> dict[str, Json]:
    """Add constraints to a type's own schema, which they can only narrow."""
    schema = dict(type.schema)
    patterns = [schema.pop("pattern")] if "pattern" in schema else []
    for name, value in constraints.items():
        _narrow(schema, KEYWORDS[name], value)
    if "enum" in constraints or "format" in constraints:
        patterns = [each for each in patterns if each != NO_NUL]  # They let no U+0000 in by themselves.
    if "enum" in constraints:
        # A value is served in the spelling that is stored, and may be sent again.
        schema["enum"] = type.spelled(constraints["enum"])
    if "format" in constraints:
        patterns += _assert_format(schema, FORMATS[constraints["format"]])
    if "pattern" in constraints:
        patterns.append(constraints["pattern"])
    if patterns:
        schema["pattern"] = patterns.pop()
    if patterns:
        schema["allOf"] = [{"pattern": pattern} for pattern in patterns]
    return schema


def _assert_format(schema: dict[str, Json], format: StringFormat) -> tuple[str, ...]:
    """Return the patterns of a format, and set its maximum length."""
    if format.max_length is not None:
        _narrow(schema, "maxLength", format.max_length)
    return format.patterns


def _narrow(schema: dict[str, Json], keyword: str, value: Json) -> None:
    """Set a keyword; of two bounds the one that lets less through stays."""
    schema[keyword] = _NARROWER[keyword](schema[keyword], value) if keyword in schema else value


_NARROWER: Mapping[str, Callable[[Json, Json], Json]] = {"minimum": max, "maximum": min, "maxLength": min}


def compile_schema(schema: dict[str, Json]) -> jsonschema_rs.Validator:
    """Compile a schema for jsonschema-rs, its patterns for the engine that runs in linear time.

    Formats are asserted by the patterns beside them, so that every validator agrees on them.

    Raises:
        ValueError: Where a pattern is not one that engine takes.
    """
    try:
        return jsonschema_rs.Draft202012Validator(
            _with_years_read(schema),
            pattern_options=jsonschema_rs.RegexOptions(),
            validate_formats=False,
            keywords={_YEARS: _Years},
            retriever=_retrieve_nothing,
        )
    except jsonschema_rs.ValidationError as error:
        raise ValueError(error.message) from error


_YEARS = "x-years-in-utc"


class _Years:
    """The keyword that refuses an instant outside the years 1 to 9999 in UTC, by reading it."""

    def __init__(self, parent_schema: dict[str, Json], value: Json, schema_path: list[str | int]) -> None:
        """Accept the arguments of every keyword."""

    def validate(self, instance: Json) -> None:
        """Raise a ValueError for an instant outside those years."""
        literals.timestamp(instance)


def _with_years_read(schema: Json) -> Json:
    """Put the keyword in the place of the patterns that say the same in a published schema.

    PERF: those take 200 KB and 2 ms in each compiled schema. Only instants of the two days whose offset matters are read.
    """
    if isinstance(schema, list):
        return [_with_years_read(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = {key: _with_years_read(value) for key, value in schema.items()}
    if schema.get("not") is TIMESTAMP_BEYOND:
        del read["not"]
        read["if"] = {"type": "string", "pattern": "^(?:0001-01-01|9999-12-31)"}
        read["then"] = {_YEARS: True}
    return read


def _retrieve_nothing(uri: str) -> Json:
    raise ValueError(f"'{uri}' is not fetched")
