"""Access to the rows of one connector for pages: the permission, the rate limits, and the version of the connector."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.auth import permissions
from gateway.auth.rate_limit import RateLimits
from gateway.console.visit import Visit
from gateway.endpoints.live import Live

_T = TypeVar("_T")


def require_read(found: VisibleConnector) -> None:
    """Check that the asker may read the rows of a connector.

    Raises:
        GatewayError: 401 without a token, 403 with another one.
    """
    if "read" not in found.sight.verbs:
        raise permissions.denied(found.asker.token, "read")


class RowAccess:
    """Lets visits read rows as a GET of the endpoint would. Belongs to the event loop."""

    def __init__(self, connectors: VisibleConnectors, live: Live, rate_limits: RateLimits) -> None:
        self._connectors = connectors
        self._live = live
        self._rate_limits = rate_limits

    def find(self, visit: Visit) -> VisibleConnector:
        """Find the connector of a visit.

        Raises:
            GatewayError: 404 if it is unknown or not visible to the asker, 410 if it was removed, and 401 or 403 if the
                asker may not read its rows.
        """
        found = self._connectors.find_for(visit.asker, visit.parameters["name"])
        require_read(found)
        return found

    async def read(self, visit: Visit, act: Callable[[VisibleConnector], Awaitable[_T]]) -> _T:
        """Run `act` on the connector of a visit, and again if the connector changes meanwhile.

        It counts as one request against the rate limits.

        Raises:
            GatewayError: As `find`, 429 if a rate limit is exceeded, or what `act` raises.
        """
        found = self.find(visit)
        self._admit(visit, found)
        return await self._live.retrying(found.endpoint, lambda _: act(self.find(visit)))

    def _admit(self, visit: Visit, found: VisibleConnector) -> None:
        limits = self._rate_limits
        if limits.applies_to(found.connector):
            for limit in limits.of(found.connector, visit.asker.token, visit.address):
                limit.admit(limits.now(), brings_rows=False)
