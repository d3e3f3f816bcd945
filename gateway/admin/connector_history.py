"""The history of connectors for those who see every state, also of removed and purged ones."""

from datetime import datetime

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Asker
from gateway.auth.tokens import parse_instant
from gateway.connectors.name_patterns import NAME
from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError, unknown_connector
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

    async def version(self, asker: Asker, name: str, at: str) -> tuple[Event, bool]:
        """Return the last event of a connector up to an instant, and whether it is the last of all.

        Raises:
            GatewayError: As `read` does; 400 if the text is no instant, 404 if there was no version yet.
        """
        instant = _instant(at)
        events = await self.read(asker, name, MAX_EVENTS)
        event = next((each for each in events if each.at <= instant), None)
        if event is None:
            message = f"'{name}' had no version at {at[:50]}"
            raise GatewayError(
                Code.ENDPOINT_UNKNOWN, message, hint="look into its history for the first version"
            )
        return event, event is events[0]


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        message = f"at={text[:50]} is not an instant"
        raise GatewayError(
            Code.QUERY_INVALID, message, hint="write 2026-01-31, or 2026-01-31T12:00:00Z"
        ) from None
