"""The reader of connectors' definitions: a part of `store/interface.py`."""

from collections.abc import Mapping
from typing import Protocol

from gateway.connectors.connector import Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.store.definition import Definition, Event, Move


class AppliedVersions(Protocol):
    """The applied versions of connectors, and their history, without their tables."""

    def all(self) -> list[Definition]:
        """List the last applied version of every connector, removed ones included, purged ones not."""

    def history(self, name: str, limit: int) -> list[Event]:
        """List the events of a connector, newest first."""

    def moves(self) -> list[Move]:
        """List the changes of paths, oldest first; those of a purged connector are left out."""

    def purged(self) -> list[str]:
        """List the connectors of which only the history is left."""

    def last_change(self) -> int:
        """Return a number that is another one after a change of connectors by another gateway; from memory."""


class DefinitionReader(AppliedVersions, Protocol):
    """The applied versions of connectors, their history, and their tables."""

    def stored(self, connector: Connector) -> Connector:
        """Return a connector of a stored definition with what the engine knows about its table."""

    def hidden(self, connector: Connector) -> Mapping[str, FieldType]:
        """Return the columns of a connector's table that are not fields, with their types."""
