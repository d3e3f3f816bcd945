"""The guard of forms: only a page of this gateway may send one (CSRF).

The browser says where a form comes from: in Sec-Fetch-Site, or in Origin where it sends no fetch metadata, as over
plain http. https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from falcon.asgi import Request

from gateway.errors import Code, GatewayError

_PORTS = {"http": 80, "https": 443}


def require_same_origin(req: Request, hosts: Iterable[str]) -> None:
    """Check that a form was sent by a page of this gateway, or typed by its user.

    Args:
        req: The request.
        hosts: The hosts of `GATEWAY_HOSTS`, for proxies that send another Host than the browser did.

    Raises:
        GatewayError: 403, the browser says that another site sent it, or does not say where it comes from.
    """
    site = req.get_header("Sec-Fetch-Site")
    if site is not None:
        is_own = site in ("same-origin", "none")
    else:
        is_own = _is_own(req.get_header("Origin"), req.scheme, [req.get_header("Host") or "", *hosts])
    if not is_own:
        raise GatewayError(
            Code.CROSS_SITE,
            hint="open the page of this gateway, and send its form; a proxy must pass on Host and Origin",
        )


def _is_own(origin: str | None, scheme: str, hosts: Iterable[str]) -> bool:
    """Return whether an Origin header names one of the hosts. https counts too, as a proxy may not say that it has it."""
    if origin is None:
        return False
    sender = _parts(origin)
    return sender is not None and sender in {
        _parts(f"{each}://{host}") for each in (scheme, "https") for host in hosts if host
    }


def _parts(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, host, and port of an origin; None if it is not one of http or https."""
    try:
        found = urlsplit(url)
        port = found.port or _PORTS.get(found.scheme)
    except ValueError:
        return None
    if port is None or not found.hostname:
        return None
    return found.scheme, found.hostname, port
