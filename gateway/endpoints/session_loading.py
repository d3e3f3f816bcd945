"""Reads the sessions of a browser that several gateways share, before Falcon routes its request to a page."""

from falcon.asgi import Request, Response

from gateway.auth.askers import session_ids
from gateway.auth.sessions import Sessions

#: How the paths of pages and documents begin, which alone look at a cookie.
_PAGES = "/-/"


class SessionLoading:
    """Falcon middleware that loads the sessions which the cookies of a request name."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def process_request(self, req: Request, resp: Response) -> None:
        """Load them; it raises what `Sessions.load` does."""
        if not req.path.startswith(_PAGES) or req.auth is not None:
            return
        if found := list(session_ids(req.get_header("Cookie"), is_secure=req.scheme == "https")):
            await self._sessions.load(found)
