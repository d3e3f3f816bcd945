"""The stylesheet and the script. A URL has a hash of its file, so that a browser may keep the file forever."""

import hashlib
from collections.abc import Mapping
from importlib import resources

from falcon.asgi import Request, Response

from gateway.console.headers import PAGE_HEADERS
from gateway.errors import Code, GatewayError

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
#: A file whose URL has a hash of it never changes.
_FOREVER = "public, max-age=31536000, immutable"


def hashed_name(name: str, body: bytes) -> str:
    """Return the name of a file with a hash of it, before the suffix."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{suffix}"


def respond(resp: Response, files: Mapping[str, tuple[str, bytes]], name: str) -> None:
    """Respond with a file to anyone; it holds nothing of any user.

    Args:
        resp: The response.
        files: The types and bodies of files by their names with a hash.
        name: The name that is asked for.

    Raises:
        GatewayError: There is no such file.
    """
    if name not in files:
        raise GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no file {name[:80]!r}", hint="reload the page")
    resp.content_type, resp.data = files[name]
    resp.set_headers({**PAGE_HEADERS, "Cache-Control": _FOREVER})


class StaticFiles:
    """`/-/console/static/FILE`: the files that ship with the console, read into memory once."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bytes]] = {}
        self._names: dict[str, str] = {}
        for file in resources.files("gateway.console").joinpath("static").iterdir():
            body = file.read_bytes()
            name = self._names[file.name] = hashed_name(file.name, body)
            self._files[name] = _TYPES[file.name.rpartition(".")[2]], body

    def url(self, name: str) -> str:
        """Return the URL of a file, relative to the gateway's root."""
        return f"-/console/static/{self._names[name]}"

    async def on_get(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a file."""
        respond(resp, self._files, file)

    on_head = on_get
