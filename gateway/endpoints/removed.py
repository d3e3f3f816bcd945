"""Paths without a connector that had one: its file is gone, or is back and refused, or it has moved."""

from datetime import datetime
from typing import Any

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.connectors.connector import ADMIN, Connector
from gateway.connectors.plan import Outcome
from gateway.errors import Code, GatewayError
from gateway.instants import rfc3339


class RemovedConnector:
    """Answers 410 to those who could see the connector; its rows are kept, and come back with its file."""

    def __init__(
        self,
        connector: Connector,
        since: datetime,
        credentials: Credentials,
        refused: Outcome | None = None,
        moved: "MovedConnector | None" = None,
    ) -> None:
        """Take the connector and since when it is gone.

        Args:
            connector: As it was served last.
            since: When it was removed.
            credentials: Who asks.
            refused: What became of its file, where that is back and not served.
            moved: How it came from a former path, None at the path that it had last.
        """
        self.connector = connector
        self.path = moved.path if moved else connector.path
        self.since = moved.since if moved else since
        self._removed_at = since
        self._credentials = credentials
        self._refused = refused
        self._moved = moved

    def at_former(self, moved: "MovedConnector") -> "RemovedConnector":
        """Return what says the same at a former path."""
        return RemovedConnector(self.connector, self._removed_at, self._credentials, self._refused, moved)

    def error(self, *, is_admin: bool = False) -> GatewayError:
        """Say since when it is gone; and to the admin why its file is refused, where that is back."""
        when = rfc3339(self._removed_at, timespec="seconds")
        moved = (
            f"moved to {self.connector.path} on {rfc3339(self.since, timespec='seconds')}, and "
            if self._moved
            else ""
        )
        return GatewayError(
            Code.CONNECTOR_REMOVED,
            f"{self.path} {moved}was removed on {when}; its rows are kept",
            details=self._refusal() if is_admin and self._refused else f"It was removed at {when}",
            hint=self._hint(is_admin=is_admin),
        )

    def _refusal(self) -> str:
        assert self._refused is not None
        found = next(
            (str(each) for each in self._refused.findings if not each.is_warning), self._refused.file
        )
        return f"Its file is back, and is refused: {found}"

    def _hint(self, *, is_admin: bool) -> str:
        if not is_admin:
            return (
                "ask whoever keeps the connectors; when its file is back, and is not refused, so are the rows"
            )
        if self._refused:
            return f"mend {self._refused.file}; gateway check tells everything that is wrong with it"
        return f"put {self.connector.file} back; or drop the rows with gateway purge {self.connector.name}"

    async def on_any(self, req: Request, resp: Response, **_: Any) -> None:
        """Say so, or that there is nothing, to those who may not know."""
        token = self._credentials.authenticate(req.auth)
        if not permissions.can_see(token, self.connector.access):
            raise permissions.unknown_endpoint(req.path)
        raise self.error(is_admin=token == ADMIN)


class MovedConnector:
    """Answers 410 with the present path to those who can see the connector.

    It is no redirect: a client that does not follow one, such as curl, would take a POST for done.
    """

    def __init__(self, path: str, connector: Connector, since: datetime, credentials: Credentials) -> None:
        self.path = path
        self.connector = connector
        self.since = since
        self._credentials = credentials

    def error(self) -> GatewayError:
        """Say where it is, and since when."""
        present = self.connector.path
        return GatewayError(
            Code.CONNECTOR_MOVED,
            f"{self.path} moved to {present} on {rfc3339(self.since, timespec='seconds')}; nothing was done",
            details=f"The present path is {present}.",
            hint=f"send the request to {present}",
            headers={"Location": present},
        )

    async def on_any(self, req: Request, resp: Response, **_: Any) -> None:
        """Say so, or that there is nothing, to those who may not know."""
        if not permissions.can_see(self._credentials.authenticate(req.auth), self.connector.access):
            raise permissions.unknown_endpoint(req.path)
        raise self.error()
