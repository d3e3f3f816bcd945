"""The schemas of a connector's rows. A dot is in their names, which a connector's name cannot have, so none clashes."""

from collections.abc import Mapping

from gateway.auth.permissions import Verb
from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.openapi import field_schema
from gateway.strictjson import Json


def build(connector: Connector, verbs: frozenset[Verb]) -> dict[str, dict[str, Json]]:
    """Build the schemas of a whole row and a row of a response, a row that is sent, and the object of a PATCH.

    A row of a response requires nothing, because `select` chooses its columns; and it may have columns that `select` names.
    """
    name, fields = connector.name, connector.fields
    properties = {field.name: field_schema.build(field) for field in fields}
    system = {field.name: field_schema.build(field) for field in SYSTEM_FIELDS}
    key = {"x-gateway-primary-key": list(connector.primary_key)} if connector.primary_key else {}
    about = {"description": connector.description} if connector.description else {}
    required = [field.name for field in fields if field.required]
    text = "A row of a response, with the columns that `select` names; without it, every field."
    schemas = {name: _object(properties, list(properties), **about, **key)}
    if "read" in verbs:
        schemas[part_of(name)] = _object({**properties, **system}, description=text)
    if verbs & {"ingest", "change"}:
        schemas[insert_of(name)] = _object(properties, required, additionalProperties=False)
    if "change" in verbs:
        schemas[update_of(name)] = _object(properties, additionalProperties=False)
    return schemas


def part_of(name: str) -> str:
    """Return the name of the schema of a row in a response."""
    return f"{name}.part"


def insert_of(name: str) -> str:
    """Return the name of the schema of a row that is sent."""
    return f"{name}.insert"


def update_of(name: str) -> str:
    """Return the name of the schema of the object of a PATCH."""
    return f"{name}.update"


def reference(name: str) -> dict[str, Json]:
    """Return the reference to a schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(
    properties: Mapping[str, Json], required: list[str] | None = None, **more: Json
) -> dict[str, Json]:
    needs = {"required": required} if required else {}
    return {"type": "object", **more, "properties": properties, **needs}
