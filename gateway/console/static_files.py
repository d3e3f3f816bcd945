"""The stylesheet and the script. A URL has a hash of its file, so that a browser may keep the file forever."""

import hashlib
from importlib import resources

from falcon.asgi import Request, Response

from gateway.console.headers import PAGE_HEADERS
from gateway.errors import Code, GatewayError

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
#: A file whose URL has a hash of it never changes.
FOREVER = "public, max-age=31536000, immutable"


class StaticFiles:
    """`/-/console/static/FILE`: the files that ship with the console, read into memory once."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bytes]] = {}
        self._names: dict[str, str] = {}
        for file in resources.files("gateway.console").joinpath("static").iterdir():
            stem, _, suffix = file.name.rpartition(".")
            body = file.read_bytes()
            name = f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{suffix}"
            self._names[file.name] = name
            self._files[name] = _TYPES[suffix], body

    def url(self, name: str) -> str:
        """Return the URL of a file, relative to the gateway's root."""
        return f"-/console/static/{self._names[name]}"

    async def on_get(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a file to anyone; it holds nothing of any user."""
        if file not in self._files:
            raise GatewayError(
                Code.ENDPOINT_UNKNOWN, f"there is no file {file[:80]!r}", hint="reload the page"
            )
        resp.content_type, resp.data = self._files[file]
        resp.set_headers({**PAGE_HEADERS, "Cache-Control": FOREVER})

    on_head = on_get
