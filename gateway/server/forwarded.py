"""Hosts: whom a request is for, and by which proxies it came from whom.

Nothing of it is believed that anybody could have written: the Host must be one of the gateway's own where it names
them, and `X-Forwarded-For` counts only as far as trusted proxies have vouched for it.
"""

import functools
import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import Code, GatewayError
from gateway.request_context import HeaderFields
from gateway.settings import HOST, Network

Scope = dict[str, Any]

_HOST = "send the host of the URL, and its port if there is one, such as Host: 127.0.0.1:8000"
_IPV6_PREFIX = 64


def to_origin_form(scope: Scope, fields: HeaderFields) -> tuple[Scope, str | None]:
    """Give a request by its path alone, and the host it is for, None where it names none.

    A target may have the host in it, as proxies are sent; it then counts more than the header (RFC 9112 section 3.2.2).

    Raises:
        GatewayError: Where it names several.
    """
    named = fields.get(b"host")
    if named is not None and b"," in named and sum(name == b"host" for name, _ in scope["headers"]) > 1:
        raise GatewayError(Code.REQUEST_MALFORMED, "the request has more than one Host header")
    host = None if named is None else named.decode("latin-1").strip()
    if scope["path"].startswith("/"):
        return scope, host
    try:
        target = urlsplit(scope["path"])
    except ValueError as error:
        raise GatewayError(Code.REQUEST_MALFORMED, "the request's target is not a URL") from error
    return {**scope, "path": target.path or "/"}, target.netloc or host


@functools.lru_cache(32)  # Nearly all requests are for the same; what is raised is not remembered.
def require_allowed_host(host: str | None, http_version: str, allowed: tuple[str, ...]) -> None:
    """Let a request for one of the allowed hosts through; all are where none is named.

    Raises:
        GatewayError: 421 for another one; 400 for what cannot be a host, and for none where HTTP asks for one
            (RFC 9112 section 3.2).
    """
    if host is None and http_version == "1.1":
        raise GatewayError(Code.REQUEST_MALFORMED, "the request names no host", hint="send a Host header")
    found = HOST.fullmatch(host or "")
    if host and found is None:
        raise GatewayError(Code.REQUEST_MALFORMED, f"the host {host[:100]!r} cannot be one", hint=_HOST)
    if not allowed:
        return
    name = found["name"].lower().rstrip(".") if found else ""
    if name not in allowed and f"{name}:{found['port'] if found else ''}" not in allowed:
        raise GatewayError(
            Code.HOST_UNKNOWN,
            f"the host {(host or '')[:100]!r} is not one that this gateway answers for",
            hint="GATEWAY_HOSTS lists those that are",
        )


def client_address(
    client: Sequence[Any] | None, fields: HeaderFields, proxies: Sequence[Network]
) -> str | None:
    """Tell whose request it is: the last address that no trusted proxy has; None on a socket without addresses."""
    remote = client[0] if client else ""
    told = fields.get(b"x-forwarded-for", b"").decode("latin-1") if proxies else ""
    for before in reversed(told.split(",") if told else ()):
        address = _address(remote)
        if address is None or not any(address in network for network in proxies) or not _address(before):
            break
        remote = before
    return _shown(remote)


def network_of(address: str | None) -> str:
    """Give what an address shares with the others of its owner: of IPv6 the first half (RFC 6177)."""
    known = _address((address or "").partition("%")[0])
    if known is None:
        return ""
    prefix = _IPV6_PREFIX if known.version == 6 else known.max_prefixlen
    return str(ipaddress.ip_network((known, prefix), strict=False))


@functools.lru_cache(1024)  # The same clients come again and again.
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    # A socket for both versions shows the older one's addresses inside the newer one's.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@functools.lru_cache(1024)
def _shown(text: str) -> str | None:
    address = _address(text)
    return str(address) if address else None
