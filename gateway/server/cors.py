"""CORS: which web pages may use the endpoints (https://fetch.spec.whatwg.org/#http-cors-protocol).

Tokens travel in the Authorization header, never in a cookie, so CORS credentials are never allowed.
A preflight carries no token, so it gets the same response at every path, also at that of a hidden connector.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from falcon.asgi import Request, Response

#: The response headers that a page's script may read.
EXPOSED_HEADERS = (
    "Accept-Ranges",
    "Content-Encoding",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "Proxy-Status",
    "Range-Unit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Server",
    "Transfer-Encoding",
    "X-Request-Id",
    "traceparent",
)
_METHODS = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
_PREFLIGHT_SECONDS = 86400


class Cors:
    """Falcon middleware that lets the allowed origins read responses."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    async def process_request(self, req: Request, resp: Response) -> None:
        """Answer a preflight."""
        if req.method == "OPTIONS" and req.get_header("Access-Control-Request-Method") and self._allowed(req):
            wanted = req.get_header("Access-Control-Request-Headers")
            resp.set_header("Access-Control-Allow-Methods", _METHODS)
            resp.set_header(
                "Access-Control-Allow-Headers", f"Authorization, {wanted}" if wanted else "Authorization"
            )
            resp.set_header("Access-Control-Max-Age", str(_PREFLIGHT_SECONDS))
            resp.complete = True

    async def process_response(self, req: Request, resp: Response, resource: object, ok: bool) -> None:
        """Set the headers that let an allowed origin read the response, also an error."""
        for name, value in self._headers(req).items():
            resp.append_header(name, value) if name == "Vary" else resp.set_header(name, value)

    def _headers(self, req: Request) -> Mapping[str, Any]:
        if not self._origins:
            return {}
        if not self._allowed(req):
            return {"Vary": "Origin"}
        origin = "*" if "*" in self._origins else req.get_header("Origin")
        headers = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
        }
        return headers if origin == "*" else {**headers, "Vary": "Origin"}

    def _allowed(self, req: Request) -> bool:
        origin = req.get_header("Origin")
        return origin is not None and ("*" in self._origins or origin in self._origins)
