"""`/-/docs`: the documentation as Markdown, public."""

from falcon.asgi import Request, Response

from gateway.docs import pages

_MARKDOWN = "text/markdown; charset=utf-8"
_PNG = "image/png"


class DocsResource:
    """The pages that ship with the gateway, read into memory once."""

    def __init__(self) -> None:
        self._index = pages.index().encode()
        self._pages = {name: pages.read(name).text.encode() for name in pages.NAMES}
        self._images = pages.images()

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with the list of pages."""
        _respond(resp, self._index)

    async def on_get_page(self, req: Request, resp: Response, page: str) -> None:
        """Respond with a page; links between pages end with `.md`, so both names of it are served."""
        name = page.removesuffix(".md")
        if name not in self._pages:
            raise pages.unknown(name)
        _respond(resp, self._pages[name])

    async def on_get_image(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a picture of a page."""
        if file not in self._images:
            raise pages.unknown(file)
        resp.content_type = _PNG
        resp.data = self._images[file]


def _respond(resp: Response, body: bytes) -> None:
    resp.content_type = _MARKDOWN
    resp.data = body
