"""Paths without a connector that had one: its file is gone, or it has moved."""

from datetime import datetime
from typing import Any

from falcon.asgi import Request, Response

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.serve import access
from gateway.serve.access import Credentials


class Gone:
    """Answers 410 to those who could see the connector; its rows are kept, and come back with its file."""

    def __init__(self, connector: Connector, since: datetime, credentials: Credentials) -> None:
        self.connector = connector
        self.path = connector.path
        self.since = since
        self._credentials = credentials

    def error(self) -> GatewayError:
        """Say since when it is gone."""
        when = self.since.isoformat(timespec="seconds").replace("+00:00", "Z")
        return GatewayError(
            Code.CONNECTOR_REMOVED,
            f"{self.connector.path} was removed on {when}; its rows are kept",
            details=f"It was removed at {when}",
            hint="ask whoever keeps the connectors; when its file is back, and is not refused, so are the rows",
        )

    async def on_any(self, req: Request, resp: Response, **_: Any) -> None:
        """Say so, or that there is nothing, to those who may not know."""
        token = self._credentials.name_of(req.auth)
        if not access.sees(token, self.connector.access):
            raise access.unknown_endpoint(req.path)
        raise self.error()


class Moved(Gone):
    """Answers 410 with the present path to those who can see the connector.

    It is no redirect: a client that does not follow one, such as curl, would take a POST for done.
    """

    def __init__(self, path: str, connector: Connector, since: datetime, credentials: Credentials) -> None:
        super().__init__(connector, since, credentials)
        self.path = path

    def error(self) -> GatewayError:
        """Say where it is, and since when."""
        when = self.since.isoformat(timespec="seconds").replace("+00:00", "Z")
        present = self.connector.path
        return GatewayError(
            Code.CONNECTOR_MOVED,
            f"{self.path} moved to {present} on {when}; nothing was done",
            details=f"The present path is {present}.",
            hint=f"send the request to {present}",
            headers={"Location": present},
        )
