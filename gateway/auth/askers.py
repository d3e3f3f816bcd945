"""The sender of a request for a page or a document: a token in the Authorization header, else a session in a cookie.

Only pages and documents ask here. Endpoints and the JSON under `/-/` never look at a cookie, so a page of another site
can do nothing there with the rights of a signed-in user.
"""

from collections.abc import Iterator

from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Asker
from gateway.auth.sessions import Sessions
from gateway.auth.sign_in_links import SignInLinks
from gateway.request_context import current

#: The names of the cookie over http and over https. A browser accepts `__Secure-` from https alone, so a page that was
#: sent over http cannot plant a session there.
_COOKIE, _SECURE_COOKIE = "gateway", "__Secure-gateway"


def cookie_name(*, is_secure: bool) -> str:
    """Return the name of the cookie that holds the id of a session."""
    return _SECURE_COOKIE if is_secure else _COOKIE


class Askers:
    """Finds out who sends a request. Belongs to the event loop."""

    def __init__(self, credentials: Credentials, sessions: Sessions) -> None:
        self._credentials = credentials
        self.sessions = sessions
        self.links = SignInLinks()

    def of(self, authorization: str | None, cookies: str | None, *, is_secure: bool) -> Asker:
        """Return the sender of a request.

        Args:
            authorization: The Authorization header. If there is one, it alone counts.
            cookies: The Cookie header.
            is_secure: Whether the browser used https.

        Raises:
            GatewayError: As `Credentials.authenticate` does for the header. A cookie is never an error.
        """
        if authorization is not None:
            return self._credentials.asker(authorization)
        for session_id in session_ids(cookies, is_secure=is_secure):
            if token := self.sessions.find(session_id):
                if context := current.get(None):
                    context.token = token
                return self._credentials.asker_named(token)
        return Asker()


def session_ids(cookies: str | None, *, is_secure: bool) -> Iterator[str]:
    """Yield the ids of sessions in a Cookie header; cookies of several paths may have the same name."""
    name = cookie_name(is_secure=is_secure)
    for cookie in (cookies or "").split(";"):
        key, _, value = cookie.strip().partition("=")
        if key == name:
            yield value
