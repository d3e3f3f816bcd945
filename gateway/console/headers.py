"""The headers of every response of the console: what a page may load, and who may use it.

`Referrer-Policy: no-referrer` would break forms over plain http: a browser then sends `Origin: null` with them.
"""

from collections.abc import Mapping

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


#: The middleware adds `X-Content-Type-Options: nosniff` and `Cache-Control: no-store` to them.
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _written(_POLICY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
#: The policy of Swagger UI, which writes HTML and has icons in `data:` URLs.
SWAGGER_POLICY = _written(
    {
        **{name: sources for name, sources in _POLICY.items() if "trusted-types" not in name},
        "img-src": "'self' data:",
    }
)
