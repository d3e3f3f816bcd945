"""`/-/sign-in`, `/-/open`, and `/-/sign-out`: a session for a token, or for a link that stands for the admin token.

The cookie has no Path. The browser then limits it to the directory of these paths, `/-/`, below any prefix of a
proxy.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote

from falcon import HTTPMethodNotAllowed
from falcon.asgi import Request, Response

from gateway.admin.upload_requests import UploadRequests
from gateway.auth.askers import cookie_name
from gateway.auth.authorization_header import HINT, without_basic
from gateway.auth.sessions import Sessions
from gateway.auth.sign_in_links import SignInLinks
from gateway.connectors.connector import ADMIN
from gateway.console.page import ConsolePage, FormTarget, Redirect, Shell, View
from gateway.console.upload_owner import owner_of_session, owner_of_visit
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.request_context import current, note

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

    def __init__(self, shell: Shell, sessions: Sessions, uploads: UploadRequests) -> None:
        super().__init__(shell)
        self._sessions = sessions
        self._uploads = uploads

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
        return await _signed_in(self._sessions, self._uploads, visit, session_id, following)


class OpenConsole(ConsolePage):
    """`/-/open?code=`: opens a session of the admin token for a code of `SignInLinks`, from this machine only.

    It is a GET that opens a session, because a browser is started with a URL. Only who started the gateway has the code,
    so no page of another site can send its visitor here.
    """

    def __init__(self, shell: Shell, sessions: Sessions, uploads: UploadRequests, links: SignInLinks) -> None:
        super().__init__(shell)
        self._sessions = sessions
        self._uploads = uploads
        self._links = links

    async def get(self, visit: Visit) -> View | Redirect:
        """Open a session with a new id, and end the one that the browser had."""
        code = parse_qs(visit.query_string).get("code", [""])[0]
        is_valid = _is_loopback(current.get().remote) and self._links.use(code)
        session_id = self._sessions.open_for(ADMIN) if is_valid else None
        if session_id is None and visit.has_session and visit.asker.is_admin:
            return Redirect(HOME)  # The browser has gone back to its link.
        if session_id is None:
            error = GatewayError(Code.SIGN_IN_LINK_INVALID)
            note(code=error.code.code)
            hint = "Sign in with a token. That of the admin is in DATA/admin-token."
            return View("sign_in.html", {"next": HOME, "error": error, "hint": hint}, error.status)
        return await _signed_in(self._sessions, self._uploads, visit, session_id, HOME)

    async def on_get(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with a redirect to the console; a browser that only loads pages ahead uses no code."""
        if "prefetch" in (req.get_header("Sec-Purpose") or req.get_header("Purpose") or ""):
            raise GatewayError(Code.SIGN_IN_LINK_INVALID, "the link is not for loading ahead")
        await super().on_get(req, resp, **parameters)

    async def on_head(self, req: Request, resp: Response, **parameters: str) -> None:
        """Refuse HEAD, which would use the code."""
        self.shell.visit(req, parameters)
        raise HTTPMethodNotAllowed(["GET"])


class SignOut(FormTarget):
    """`/-/sign-out`: the end of a session, and of its uploads."""

    def __init__(self, shell: Shell, sessions: Sessions, uploads: UploadRequests) -> None:
        super().__init__(shell)
        self._sessions = sessions
        self._uploads = uploads

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Redirect:
        """End the session of the browser, and delete its cookie and what it has uploaded."""
        if visit.has_session:
            await self._uploads.end_session(owner_of_visit(visit))
        for session_id in visit.session_ids:
            await self._sessions.withdraw(session_id)
        return Redirect(HOME, _cookie(visit, "", 0))


async def _signed_in(
    sessions: Sessions, uploads: UploadRequests, visit: Visit, session_id: str, to: str
) -> Redirect:
    """Return the redirect that gives the browser a new session, and end the one that it had; its uploads stay."""
    await sessions.publish(session_id)
    token = sessions.find(session_id)
    for each in visit.session_ids:
        await sessions.withdraw(each)
        await uploads.release(owner_of_session(token or "", each))
    return Redirect(to, _cookie(visit, session_id, round(sessions.lifetime)))


def _is_loopback(address: str | None) -> bool:
    return address is not None and ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _hint(error: GatewayError) -> str | None:
    """Return what a person can do; the usual hint is about the headers of programs."""
    return "copy the whole token, without its name" if error.hint == HINT else error.hint


def _cookie(visit: Visit, session_id: str, seconds: int) -> str:
    secure = "; Secure" if visit.is_secure else ""
    name = cookie_name(is_secure=visit.is_secure)
    return f"{name}={session_id}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}"
