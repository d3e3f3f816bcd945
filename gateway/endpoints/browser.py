"""Browsers at the path of an endpoint: a redirect to the page that describes it.

A browser is known by its Accept header: it prefers HTML to every format of rows. All other clients get rows.
"""

import functools

import falcon
from falcon import mediatypes
from falcon.asgi import Request, Response

from gateway.media_types import MEDIA_TYPES

#: Java's HttpURLConnection, before and since JDK 17. It names HTML first unless its program says otherwise.
_PROGRAMS = (
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "text/html, image/gif, image/jpeg, */*; q=0.2",
)
_HTML = "text/html"


@functools.lru_cache(256)  # The Accept headers of browsers are few. Errors are not cached.
def prefers_html(accept: str) -> bool:
    """Return whether an Accept header is that of a browser: it prefers HTML to every format of rows."""
    accept = accept.lower()
    if _HTML not in accept or accept in _PROGRAMS:
        return False
    try:
        html = mediatypes.quality(_HTML, accept)
        return html > max(mediatypes.quality(each, accept) for each in MEDIA_TYPES)
    except (falcon.InvalidMediaType, falcon.InvalidMediaRange):
        return False


def is_browser(req: Request) -> bool:
    """Return whether a request to a page or an endpoint comes from a browser."""
    accept = req.get_header("Accept")
    return accept is not None and prefers_html(accept)


def wants_page(req: Request) -> bool:
    """Return whether a request at the path of an endpoint is redirected to a page; one that names a format is not."""
    return (
        req.method in ("GET", "HEAD")
        and is_browser(req)
        and not any(parameter.startswith("format=") for parameter in req.query_string.split("&"))
    )


def raw_path(req: Request) -> str:
    """Return the path as the client wrote it, with its slashes and its percent encoding."""
    written: bytes = req.scope.get("raw_path") or b""
    path = written.decode("latin-1").partition("?")[0]
    # A request to a proxy has the whole URL in its place.
    return path if path.startswith("/") else falcon.uri.encode(req.scope["path"])


def path_to_root(req: Request) -> str:
    """Return the relative URL of the gateway's root, as the client resolves it, below any prefix of a proxy."""
    return "../" * (raw_path(req).count("/") - 1)


class BrowserRedirect:
    """Redirects browsers from every path outside `/-/` to the console, whether or not there is an endpoint."""

    async def on_any(self, req: Request, resp: Response) -> None:
        """Answer 303 with a relative URL, so that a path needs no rights to be redirected, and reveals nothing."""
        path = raw_path(req).removeprefix("/")
        target = f"-/console/at/{path}" if path.strip("/") not in ("", "-") else "-/console/"
        query = f"?{req.query_string}" if req.query_string else ""
        resp.status = 303
        resp.set_headers(
            {
                "Location": f"{path_to_root(req) or './'}{target}{query}",
                "Vary": "Accept",
                "Cache-Control": "no-store",
            }
        )
