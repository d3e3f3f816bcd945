"""Paths whose connector is gone: its file was removed, or is back but rejected, or the connector has moved."""

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
    """Answers 410 to clients that could see the connector. Its rows are kept, and are served again with its file."""

    def __init__(
        self,
        connector: Connector,
        since: datetime,
        credentials: Credentials,
        refused: Outcome | None = None,
        moved: "MovedConnector | None" = None,
    ) -> None:
        """Bind a removed connector to its last or a former path.

        Args:
            connector: The last version that was served.
            since: When it was removed.
            credentials: Authenticates requests.
            refused: The outcome of its file, if that is back but not served.
            moved: Its move from a former path, None at its last path.
        """
        self.connector = connector
        self.path = moved.path if moved else connector.path
        self.since = moved.since if moved else since
        self._removed_at = since
        self._credentials = credentials
        self._refused = refused
        self._moved = moved

    def at_former(self, moved: "MovedConnector") -> "RemovedConnector":
        """Return the same removed connector at a former path."""
        return RemovedConnector(self.connector, self._removed_at, self._credentials, self._refused, moved)

    def error(self, *, is_admin: bool = False) -> GatewayError:
        """Return the 410 with the time of removal; for the admin also why its file is rejected, if it is back."""
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
        errors = (str(error) for error in self._refused.findings if not error.is_warning)
        finding = next(errors, self._refused.file)
        return f"Its file is back, but it is rejected: {finding}"

    def _hint(self, *, is_admin: bool) -> str:
        if not is_admin:
            return (
                "ask the operator to restore the connector file; the rows are served again when it is valid"
            )
        if self._refused:
            return f"correct {self._refused.file}; gateway check lists its errors"
        return f"restore {self.connector.file}; or delete the rows with gateway purge {self.connector.name}"

    async def on_any(self, req: Request, resp: Response, **_: Any) -> None:
        """Answer 410; or 404, if the token may not see the connector."""
        token = self._credentials.authenticate(req.auth)
        if not permissions.can_see(token, self.connector.access):
            raise permissions.unknown_endpoint(req.path)
        raise self.error(is_admin=token == ADMIN)


class MovedConnector:
    """Answers 410 with the current path to clients that can see the connector.

    It does not redirect: a client that follows no redirects, such as curl, would report success for a POST.
    """

    def __init__(self, path: str, connector: Connector, since: datetime, credentials: Credentials) -> None:
        self.path = path
        self.connector = connector
        self.since = since
        self._credentials = credentials

    def error(self) -> GatewayError:
        """Return the 410 with the current path and the time of the move."""
        present = self.connector.path
        return GatewayError(
            Code.CONNECTOR_MOVED,
            f"{self.path} moved to {present} on {rfc3339(self.since, timespec='seconds')}; nothing was done",
            details=f"The current path is {present}.",
            hint=f"send the request to {present}",
            headers={"Location": present},
        )

    async def on_any(self, req: Request, resp: Response, **_: Any) -> None:
        """Answer 410; or 404, if the token may not see the connector."""
        if not permissions.can_see(self._credentials.authenticate(req.auth), self.connector.access):
            raise permissions.unknown_endpoint(req.path)
        raise self.error()
