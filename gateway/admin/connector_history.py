"""The history of connectors for those who see every state, also of removed and purged ones."""

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Asker
from gateway.connectors.connector_file import NAME
from gateway.endpoints.services import Storage
from gateway.errors import unknown_connector
from gateway.store.definition import Event

MAX_EVENTS = 1000


class ConnectorHistory:
    """Reads the events of connectors."""

    def __init__(self, connectors: VisibleConnectors, storage: Storage) -> None:
        self._connectors = connectors
        self._storage = storage

    async def read(self, asker: Asker, name: str, limit: int) -> list[Event]:
        """Return the last events of a connector, newest first.

        Raises:
            GatewayError: 404 if there never was one that the asker may see, 401 or 403 if it may not see the history.
        """
        if not asker.views:
            self._connectors.find_for(asker, name)
            permissions.require_seen(False, asker, f"the history of '{name}'")
        if not NAME.fullmatch(name):
            raise unknown_connector(name)
        definitions = self._storage.reader.definitions
        events = await self._storage.read_pool.call(lambda: definitions.history(name, limit))
        if not events and limit:
            raise unknown_connector(name)
        return events
