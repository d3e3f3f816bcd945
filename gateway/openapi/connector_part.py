"""The part of a document that describes one connector, built once for each set of verbs."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway import strictjson
from gateway.auth.permissions import Verb
from gateway.connectors import example_row
from gateway.connectors.connector import Connector
from gateway.openapi import filters, row_schemas
from gateway.openapi.operations import Operations
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class ConnectorPart:
    """One connector in a document.

    Attributes:
        name: Its name, which is its tag.
        description: Its description, or None.
        path: Its path.
        operations: Its operations by method.
        schemas: The schemas of its rows.
        parameters: The parameters that its operations refer to; those that connectors share are equal in all parts.
    """

    name: str
    description: str | None
    path: str
    operations: Json
    schemas: Mapping[str, Json]
    parameters: Mapping[str, Json]

    @classmethod
    def of(cls, connector: Connector, verbs: frozenset[Verb], suffix: str) -> "ConnectorPart":
        """Build the part of a connector.

        Args:
            connector: The connector.
            verbs: What the asker may do. Without `access.change` a connector has no changes, not even for the admin token.
            suffix: The connector's name in the names of its operations.
        """
        if not connector.access.change:
            verbs = verbs - {"change"}
        row, missing = example_row.build(connector)
        found = filters.parameters(connector, row)
        operations = Operations(connector, verbs, suffix, {} if missing else row, found)
        return cls(
            connector.name,
            connector.description,
            connector.path,
            operations.path_item(),
            row_schemas.build(connector, verbs),
            operations.parameters,
        )

    def written(self) -> "ConnectorPart":
        """Return the part with its JSON written once, for all documents that it is in."""
        return ConnectorPart(
            self.name,
            self.description,
            self.path,
            strictjson.written(self.operations),
            {name: strictjson.written(schema) for name, schema in self.schemas.items()},
            {name: strictjson.written(parameter) for name, parameter in self.parameters.items()},
        )
