"""`/-/console/swagger`: Swagger UI on the OpenAPI document, where the package `swagger-ui-bundle-v2` is installed."""

import hashlib
import importlib.util
from functools import cached_property
from importlib import resources

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.headers import PAGE_HEADERS, SWAGGER_POLICY
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.static_files import FOREVER
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.query.parameters import parameters_of

_FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}


def is_installed() -> bool:
    """Return whether the package with its files is installed: the extra `docs`."""
    return importlib.util.find_spec("swagger_ui_bundle") is not None


class SwaggerFiles:
    """`/-/console/swagger/FILE`: the two files of Swagger UI that its page needs, read at the first request."""

    async def on_get(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a file to anyone; it holds nothing of any user."""
        if file not in self._files:
            raise GatewayError(
                Code.ENDPOINT_UNKNOWN, f"there is no file {file[:80]!r}", hint="reload the page"
            )
        resp.content_type, resp.data = self._files[file]
        resp.set_headers({**PAGE_HEADERS, "Cache-Control": FOREVER})

    def url(self, name: str) -> str:
        """Return the URL of a file, relative to the page; it has a hash of the file."""
        stem, _, suffix = name.rpartition(".")
        return next(each for each in self._files if each.startswith(stem) and each.endswith(suffix))

    @cached_property
    def _files(self) -> dict[str, tuple[str, bytes]]:
        (folder,) = resources.files("swagger_ui_bundle").joinpath("vendor").iterdir()
        found = {}
        for name, content_type in _FILES.items():
            body = (folder / name).read_bytes()
            stem, _, suffix = name.rpartition(".")
            found[f"{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{suffix}"] = (content_type, body)
        return found


class SwaggerPage(ConsolePage):
    """The page, on the document of one connector or of all that the asker may see."""

    def __init__(self, shell: Shell, connectors: VisibleConnectors, files: SwaggerFiles) -> None:
        super().__init__(shell)
        self._connectors = connectors
        self._files = files

    async def get(self, visit: Visit) -> View:
        """Show Swagger UI on the document of all connectors, or of the one in `?name=`.

        Raises:
            GatewayError: 404 if that connector is unknown or not visible to the asker, 410 if it was removed.
        """
        name = dict(parameters_of(visit.query_string)).get("name")
        document = "-/openapi.json"
        if name is not None:
            found = self._connectors.find_for(visit.asker, name)
            document = f"-/connectors/{found.connector.name}/openapi.json"
        values = {
            "document": document,
            "style": self._files.url("swagger-ui.css"),
            "script": self._files.url("swagger-ui-bundle.js"),
        }
        return View("swagger.html", values, headers={"Content-Security-Policy": SWAGGER_POLICY})
