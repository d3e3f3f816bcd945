"""The schema of one field in a document: short, for code generators copy it into every model.

The exact schema of a row is at `/-/connectors/NAME/schema`. This one has no `default`, because TypeScript's generator makes
such a property required; and no `multipleOf`, because validators that divide doubles refuse good values for it.
"""

from collections.abc import Mapping

from gateway import strictjson
from gateway.connectors import portable_patterns
from gateway.connectors.connector import ABSENT, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.schema import KEYWORDS
from gateway.strictjson import Json


def build(field: Field) -> dict[str, Json]:
    """Build the schema of a field's value, in a row that is sent or served."""
    item = field.type.item
    if item:
        schema = {**field.type.outline, "items": _constrained(item, field.constraints)}
    else:
        schema = _constrained(field.type, field.constraints)
    if field.nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if text := _description(field):
        schema["description"] = text
    if field.examples:
        schema["examples"] = list(field.examples)
    return schema


def _constrained(type: FieldType, constraints: Mapping[str, Json]) -> dict[str, Json]:
    schema = dict(type.outline)
    schema |= {KEYWORDS[name]: value for name, value in constraints.items()}
    if "enum" in schema:
        schema["enum"] = type.spelled(schema["enum"])
    if "pattern" in schema:
        portable = portable_patterns.portable({"pattern": schema.pop("pattern")})
        schema |= {"pattern": portable["pattern"]} if "pattern" in portable else {}
    return schema


def _description(field: Field) -> str:
    """Return the field's description, and its default, which no keyword names here."""
    sentences = [field.description] if field.description else []
    if field.default is not ABSENT:
        sentences.append(f"Left out: {strictjson.write(field.default).decode()}.")
    return " ".join(sentences)
