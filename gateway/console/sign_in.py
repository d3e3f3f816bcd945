"""`/-/sign-in` and `/-/sign-out`: a session for a token.

The cookie has no Path. The browser then limits it to the directory of these two paths, `/-/`, below any prefix of a
proxy.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

from gateway.auth.askers import cookie_name
from gateway.auth.authorization_header import HINT, without_basic
from gateway.auth.sessions import Sessions
from gateway.console.page import ConsolePage, FormTarget, Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.request_context import note

#: Where a user arrives who was not sent to sign in by another page.
HOME = "-/console/"
#: The characters of a relative URL (RFC 3986), without a colon or a second slash that would name another host.
_INSIDE = re.compile(r"-/[A-Za-z0-9\-._~%!$&'()*+,;=@/]*(\?[A-Za-z0-9\-._~%!$&'()*+,;=:@/?\[\]|{}^]*)?")


def inside(url: str | None) -> str:
    """Return a URL that leads back into the gateway's `/-/`, relative to its root; any other becomes the home page."""
    if url is None or not _INSIDE.fullmatch(url):
        return HOME
    segments = unquote(url.partition("?")[0]).replace("\\", "/").split("/")
    return HOME if any(segment in (".", "..") for segment in segments) else url


class SignIn(ConsolePage, FormTarget):
    """`/-/sign-in?next=`: the form for a token. Wrong ones count against the client's address."""

    def __init__(self, shell: Shell, sessions: Sessions) -> None:
        super().__init__(shell)
        self._sessions = sessions

    async def get(self, visit: Visit) -> View:
        """Return the form."""
        following = parse_qs(visit.query_string).get("next", [None])[0]
        return View("sign_in.html", {"next": inside(following), "error": None, "hint": None})

    async def post(self, visit: Visit, form: Mapping[str, str]) -> View | Redirect:
        """Open a session with a new id, and end the one that the browser had."""
        following = inside(form.get("next"))
        try:
            session_id = self._sessions.open(form.get("token", "").strip())
        except GatewayError as error:
            note(code=error.code.code)
            headers = {name: without_basic(value) for name, value in error.headers.items()}
            values = {"next": following, "error": error, "hint": _hint(error)}
            return View("sign_in.html", values, error.status, headers)
        self._end(visit)
        return Redirect(following, _cookie(visit, session_id, round(self._sessions.lifetime)))

    def _end(self, visit: Visit) -> None:
        for session_id in visit.session_ids:
            self._sessions.end(session_id)


class SignOut(FormTarget):
    """`/-/sign-out`: the end of a session."""

    def __init__(self, shell: Shell, sessions: Sessions) -> None:
        super().__init__(shell)
        self._sessions = sessions

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Redirect:
        """End the session of the browser, and delete its cookie."""
        for session_id in visit.session_ids:
            self._sessions.end(session_id)
        return Redirect(HOME, _cookie(visit, "", 0))


def _hint(error: GatewayError) -> str | None:
    """Return what a person can do; the usual hint is about the headers of programs."""
    return "copy the whole token, without its name" if error.hint == HINT else error.hint


def _cookie(visit: Visit, session_id: str, seconds: int) -> str:
    secure = "; Secure" if visit.is_secure else ""
    name = cookie_name(is_secure=visit.is_secure)
    return f"{name}={session_id}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"
