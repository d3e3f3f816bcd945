"""The JSON Schema of a connector file, for editors: built from the tables of the parser."""

from gateway.connectors import schema
from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.connectors.constraints import MAX_PATTERN
from gateway.connectors.fields import FIELD_KEYS, MAX_FIELDS, MAX_USING
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.connectors.fieldtypes.type_names import TYPE_NAMES
from gateway.connectors.lexical_forms import FORMATS
from gateway.connectors.policy_keys import IDEMPOTENCY, LIMIT_KEYS, ON_CONFLICT, ON_INVALID, RETENTION_KEYS
from gateway.strictjson import Json

_SCALAR_NAMES = "|".join(name for name in SCALARS if not name.startswith("decimal") and name != "json")
_DECIMAL = r"decimal\(\s*[0-9]{1,2}\s*,\s*[0-9]{1,2}\s*\)"
_COUNT = {"type": "integer", "minimum": 0}
_ABOVE_ZERO = {"type": "number", "exclusiveMinimum": 0}

_VALUES: dict[str, Json] = {
    "name": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
    "description": {"type": "string"},
    "path": {"type": "string", "pattern": "^(/[A-Za-z0-9._~-]+)+$", "maxLength": 200},
    "fields": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_FIELDS,
        "propertyNames": {"pattern": "^[^_]", "maxLength": 63},
        "additionalProperties": {"oneOf": [{"$ref": "#/$defs/type"}, {"$ref": "#/$defs/field"}]},
    },
    "access": {"$ref": "#/$defs/access"},
    "primary_key": {
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
    },
    "on_conflict": {"enum": list(ON_CONFLICT)},
    "on_invalid": {"enum": list(ON_INVALID)},
    "keep_at_most": {
        "oneOf": [_COUNT, {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,6})? ?%$"}],
    },
    "idempotency": {"enum": list(IDEMPOTENCY)},
    "retention": {"$ref": "#/$defs/retention"},
    "limits": {"$ref": "#/$defs/limits"},
    "read_limit": {"type": "integer", "minimum": 1},
    "days": _ABOVE_ZERO,
    "rows": {"type": "integer", "minimum": 1},
    "rows_per_second": _ABOVE_ZERO,
    "requests_per_second": _ABOVE_ZERO,
    "type": {"$ref": "#/$defs/type"},
    "nullable": {"type": "boolean"},
    "default": {},
    "examples": {"type": "array"},
    "min_length": _COUNT,
    "max_length": _COUNT,
    "pattern": {"type": "string", "format": "regex", "maxLength": MAX_PATTERN},
    "format": {"enum": list(FORMATS)},
    "enum": {"type": "array", "minItems": 1},
    **{name: {"type": "number"} for name in schema.KEYWORDS if name.endswith("imum")},
    "backfill": {},
    "using": {"type": "string", "minLength": 1, "maxLength": MAX_USING},
    "renamed_from": {"type": ["string", "null"], "pattern": "^[^_]", "maxLength": 63},
    **{key: {"type": "array", "items": {"type": "string"}} for key in ACCESS_KEYS},
}


def _object(keys: dict[str, str], required: list[str]) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": {key: {**_VALUES[key], "description": text} for key, text in keys.items()},
        "required": required,
        "additionalProperties": False,
    }


FILE_SCHEMA: dict[str, Json] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "gateway connector",
    "description": "One file in connectors.d: a live, validated, durable HTTP endpoint.",
    **_object(dict(CONNECTOR_KEYS), ["fields"]),
    "$defs": {
        "type": {
            "type": "string",
            "description": f"One of {', '.join(TYPE_NAMES)}, or a list of scalars such as string[].",
            "pattern": rf"^((({_SCALAR_NAMES})|{_DECIMAL})(\[\])?|json)$",
        },
        "field": _object(dict(FIELD_KEYS), ["type"]),
        "access": _object(dict(ACCESS_KEYS), []),
        "retention": {**_object(dict(RETENTION_KEYS), []), "minProperties": 1},
        "limits": {**_object(dict(LIMIT_KEYS), []), "minProperties": 1},
    },
}
