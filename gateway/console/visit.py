"""A request for a page, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from falcon.asgi import Request

from gateway.auth.askers import session_ids
from gateway.auth.permissions import Asker
from gateway.endpoints.browser import path_to_root, raw_path


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page.

    Attributes:
        asker: Who sends it.
        has_session: Whether a session says so, and not an Authorization header.
        root: The relative URL of the gateway's root. Every URL in a page begins with it.
        here: The URL of the page, relative to that root; of a form that of the page that sent it.
        host_url: The URL of the gateway's root as far as the request tells. A prefix of a proxy is missing in it.
        query_string: The query string, as the browser wrote it.
        address: The address of the browser, as far as the trusted proxies tell.
        is_secure: Whether the browser uses https.
        session_ids: The ids of sessions in its cookies, valid or not.
        parameters: The parameters of the route, such as `name`.
        has_form: Whether it brings a form, which a link to the same page would not.
    """

    asker: Asker
    has_session: bool
    root: str
    here: str
    host_url: str
    query_string: str
    address: str
    is_secure: bool
    session_ids: tuple[str, ...] = field(repr=False)
    parameters: Mapping[str, str]
    has_form: bool = False


def visit_of(req: Request, asker: Asker, parameters: Mapping[str, str] | None = None) -> Visit:
    """Return the value of a request."""
    is_secure = req.scheme == "https"  # gunicorn believes the trusted proxies in that
    return Visit(
        asker=asker,
        has_session=asker.token is not None and req.auth is None,
        root=path_to_root(req),
        here=_page_of(req),
        host_url=f"{req.scheme}://{req.get_header('Host') or 'localhost'}/",
        query_string=req.query_string,
        address=req.remote_addr,
        is_secure=is_secure,
        session_ids=tuple(session_ids(req.get_header("Cookie"), is_secure=is_secure)),
        parameters=parameters or {},
        has_form=req.method == "POST",
    )


def _page_of(req: Request) -> str:
    """Return the page of a request: its own URL, or for a form the page in the Referer header, where there is one."""
    query = f"?{req.query_string}" if req.query_string else ""
    own = f"{raw_path(req).removeprefix('/')}{query}"
    if req.method in ("GET", "HEAD"):
        return own
    sender = urlsplit(req.get_header("Referer") or "")
    _, root, page = sender.path.partition("/-/")
    if sender.netloc != req.get_header("Host") or not root:
        return own
    return f"-/{page}?{sender.query}" if sender.query else f"-/{page}"
