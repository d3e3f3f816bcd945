"""The connectors that an asker may see, for every resource under `/-/`."""

from collections.abc import Iterator
from dataclasses import dataclass

from falcon.asgi import Request

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Asker, Extent, Sight
from gateway.connectors.connector import Connector
from gateway.connectors.name_patterns import NAME
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Live
from gateway.endpoints.removed import RemovedConnector
from gateway.errors import unknown_connector


@dataclass(frozen=True, slots=True)
class VisibleConnector:
    """A connector with what its asker may see of it.

    Attributes:
        endpoint: The connector at its path.
        asker: The sender of the request.
        sight: What it may see and do.
    """

    endpoint: Endpoint
    asker: Asker
    sight: Sight

    @property
    def connector(self) -> Connector:
        """The contents of its connector file."""
        return self.endpoint.connector

    def token_of(self, extent: Extent) -> str | None:
        """Return the token whose batches or rejected rows are meant, None for those of all tokens.

        Without a token it is the empty name, which no token has.
        """
        return None if extent == "all" else self.asker.token or ""

    def token_among(self, extent: Extent, wanted: str | None) -> str | None:
        """Return the token whose batches are meant where the asker chooses one, as `token_of` does.

        Another one's batches, where it may see only its own, are those of the empty name.
        """
        own = self.token_of(extent)
        if wanted is None:
            return own
        return wanted if own in (None, wanted) else ""

    def require(self, seen: Extent | bool, part: str) -> None:
        """Check that the asker may see a part of it.

        Raises:
            GatewayError: 401 without a token, 403 with another one.
        """
        permissions.require_seen(seen, self.asker, f"{part} of '{self.connector.name}'")


@dataclass(frozen=True, slots=True)
class KnownConnector:
    """A served connector, or a removed one whose rows are kept, with what its asker may see of it.

    Attributes:
        connector: The contents of its connector file, of the last one if it was removed.
        asker: The sender of the request.
        sight: What it may see and do.
        removed: Its removal, None for a served one.
    """

    connector: Connector
    asker: Asker
    sight: Sight
    removed: RemovedConnector | None


class VisibleConnectors:
    """Finds connectors of the live snapshot. Belongs to the event loop."""

    def __init__(self, credentials: Credentials, live: Live) -> None:
        self._credentials = credentials
        self._live = live

    def asker(self, req: Request) -> Asker:
        """Return the sender of a request, which its Authorization header proves.

        Raises:
            GatewayError: As `Credentials.authenticate` does.
        """
        return self._credentials.asker(req.auth)

    def all(self, asker: Asker) -> Iterator[VisibleConnector]:
        """Yield the connectors that an asker may see, by name."""
        for _, endpoint in sorted(self._live.snapshot.endpoints.items()):
            sight = permissions.sight_of(asker, endpoint.connector.access)
            if sight.is_visible:
                yield VisibleConnector(endpoint, asker, sight)

    def all_known(self, asker: Asker) -> list[KnownConnector]:
        """List the connectors that an asker may see, by name; a viewer also sees removed ones whose rows are kept."""
        known = [KnownConnector(each.connector, asker, each.sight, None) for each in self.all(asker)]
        if asker.views:
            for removed in self._live.snapshot.gone.values():
                sight = permissions.sight_of(asker, removed.connector.access)
                known.append(KnownConnector(removed.connector, asker, sight, removed))
        return sorted(known, key=lambda each: each.connector.name)

    def find(self, req: Request, name: str) -> VisibleConnector:
        """Find a connector for the sender of a request.

        Raises:
            GatewayError: 404 if the connector is unknown or not visible to it, 410 if the connector was removed.
        """
        return self.find_for(self.asker(req), name)

    def find_for(self, asker: Asker, name: str) -> VisibleConnector:
        """Find a connector for an asker, as `find` does."""
        snapshot = self._live.snapshot
        endpoint = snapshot.endpoints.get(name) if NAME.fullmatch(name) else None
        if endpoint is not None:
            return visible_to(asker, endpoint)
        removed = snapshot.gone.get(name)
        if removed and permissions.sight_of(asker, removed.connector.access).is_visible:
            raise removed.error(is_admin=asker.is_admin)
        raise unknown_connector(name)

    def find_known(self, asker: Asker, name: str) -> KnownConnector:
        """Find a connector for an asker; a removed one whose rows are kept is known to those who see every state.

        Raises:
            GatewayError: 404 if it is unknown or not visible to the asker; 410 if it was removed, for others who could
                use it.
        """
        removed = self._live.snapshot.gone.get(name)
        if removed is None or not asker.views:
            found = self.find_for(asker, name)
            return KnownConnector(found.connector, asker, found.sight, None)
        sight = permissions.sight_of(asker, removed.connector.access)
        return KnownConnector(removed.connector, asker, sight, removed)

    def require(self, req: Request, endpoint: Endpoint) -> VisibleConnector:
        """Return a connector with what the sender of a request may see of it.

        Raises:
            GatewayError: 404 if the connector is not visible to it.
        """
        return visible_to(self.asker(req), endpoint)


def visible_to(asker: Asker, endpoint: Endpoint) -> VisibleConnector:
    """Return a connector with what an asker may see of it.

    Raises:
        GatewayError: 404 if the connector is not visible to it.
    """
    sight = permissions.sight_of(asker, endpoint.connector.access)
    if not sight.is_visible:
        raise unknown_connector(endpoint.connector.name)
    return VisibleConnector(endpoint, asker, sight)
