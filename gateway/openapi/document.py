"""A whole OpenAPI 3.1 document: the parts of connectors, and what they share.

https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Iterable, Mapping, Sequence

from gateway import __version__
from gateway.auth.permissions import Verb
from gateway.connectors.connector import Connector
from gateway.openapi import shared_components
from gateway.openapi.connector_part import ConnectorPart
from gateway.openapi.unique_names import unique_names
from gateway.strictjson import Json

OPENAPI = "3.1.1"
EVERY_VERB: frozenset[Verb] = frozenset(("ingest", "read", "change"))


def operation_suffixes(names: Iterable[str]) -> Mapping[str, str]:
    """Return the name of each connector in the names of its operations, where `-` is not allowed in most languages."""
    return unique_names(names)


def build(
    connectors: Sequence[tuple[Connector, frozenset[Verb]]], server: str, title: str = "gateway"
) -> Json:
    """Build the document of connectors, each with what its asker may do.

    Args:
        connectors: The connectors, and the verbs of the asker on each.
        server: The URL of the gateway, which ends with `/`: absolute, or relative to the document.
        title: The title of the document.
    """
    suffixes = operation_suffixes(connector.name for connector, _ in connectors)
    parts = [ConnectorPart.of(connector, verbs, suffixes[connector.name]) for connector, verbs in connectors]
    return of_parts(parts, server, title)


def of_parts(parts: Sequence[ConnectorPart], server: str, title: str = "gateway") -> Json:
    """Build the document of parts; the arguments are those of `build`."""
    parts = sorted(parts, key=lambda part: part.name)
    schemas = {name: schema for part in parts for name, schema in part.schemas.items()}
    parameters = {name: parameter for part in parts for name, parameter in part.parameters.items()}
    return {
        "openapi": OPENAPI,
        "info": {"title": title, "version": __version__, "description": _DESCRIPTION},
        "externalDocs": {"description": "The documentation of the gateway", "url": f"{server}-/docs"},
        "servers": [{"url": server.removesuffix("/") if "://" in server else server}],
        "tags": [_tag(part, server) for part in parts],
        "paths": {part.path: part.operations for part in parts if part.operations},
        "components": {
            "schemas": {**shared_components.SCHEMAS, **schemas},
            "parameters": parameters,
            "headers": shared_components.HEADERS,
            "responses": shared_components.RESPONSES,
            "securitySchemes": shared_components.SECURITY_SCHEMES,
        },
    }


def _tag(part: ConnectorPart, server: str) -> dict[str, Json]:
    docs = {
        "description": "The exact JSON Schema of a row",
        "url": f"{server}-/connectors/{part.name}/schema",
    }
    about = {"description": part.description} if part.description else {}
    return {"name": part.name, **about, "externalDocs": docs}


_DESCRIPTION = (
    "The endpoints that you may use, with the operations that you may use. Filters, `select`, and `order` are those of"
    " PostgREST for one table. Errors are JSON objects with a stable code. The documentation is at `/-/docs`."
)
