"""The host and the client of a request, behind proxies.

A client can send any header. So the Host must be an allowed one, if hosts are configured. `X-Forwarded-For` counts only
as far as trusted proxies wrote it.
"""

import functools
import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import Code, GatewayError
from gateway.request_context import HeaderFields
from gateway.setting_values import HOST, Network

Scope = dict[str, Any]

_HOST = "send the host of the URL, and its port if it has one: Host: 127.0.0.1:8000"
_IPV6_PREFIX = 64


def to_origin_form(scope: Scope, fields: HeaderFields) -> tuple[Scope, str | None]:
    """Return the scope with a path as its target, and the host of the request, or None.

    Requests to proxies have the host in the target. It then overrides the header (RFC 9112 section 3.2.2).

    Raises:
        GatewayError: The request has several Host headers, or its target is not a URL.
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


@functools.lru_cache(32)  # Nearly all requests name the same host; errors are not cached.
def require_allowed_host(host: str | None, http_version: str, allowed: tuple[str, ...]) -> None:
    """Check that a request is for an allowed host; without allowed hosts, any valid host passes.

    Raises:
        GatewayError: 421 for another host; 400 for an invalid host, or for none in HTTP/1.1 (RFC 9112 section 3.2).
    """
    if host is None and http_version == "1.1":
        raise GatewayError(
            Code.REQUEST_MALFORMED, "the request has no Host header", hint="send a Host header"
        )
    found = HOST.fullmatch(host or "")
    if host and found is None:
        raise GatewayError(Code.REQUEST_MALFORMED, f"the host {host[:100]!r} is not valid", hint=_HOST)
    if not allowed:
        return
    name = found["name"].lower().rstrip(".") if found else ""
    if name not in allowed and f"{name}:{found['port'] if found else ''}" not in allowed:
        raise GatewayError(
            Code.HOST_UNKNOWN,
            f"the host {(host or '')[:100]!r} is not an allowed host of this gateway",
            hint="send the request to a host of GATEWAY_HOSTS",
        )


def client_address(
    client: Sequence[Any] | None, fields: HeaderFields, proxies: Sequence[Network]
) -> str | None:
    """Return the client's address, the last one that is not a trusted proxy; None on a socket without addresses."""
    remote = client[0] if client else ""
    forwarded = fields.get(b"x-forwarded-for", b"").decode("latin-1") if proxies else ""
    for before in reversed(forwarded.split(",") if forwarded else ()):
        address = _address(remote)
        if address is None or not any(address in network for network in proxies) or not _address(before):
            break
        remote = before
    return _normalized(remote)


def network_of(address: str | None) -> str:
    """Return the network of an address that one client controls: for IPv6 its first half (RFC 6177)."""
    known = _address((address or "").partition("%")[0])
    if known is None:
        return ""
    prefix = _IPV6_PREFIX if known.version == 6 else known.max_prefixlen
    return str(ipaddress.ip_network((known, prefix), strict=False))


@functools.lru_cache(1024)  # The same clients send many requests.
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 addresses as IPv6 ones.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@functools.lru_cache(1024)
def _normalized(text: str) -> str | None:
    address = _address(text)
    return str(address) if address else None
