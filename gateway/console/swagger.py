"""`/-/console/swagger`: Swagger UI on the OpenAPI document, where the package `swagger-ui-bundle-v2` is installed."""

import asyncio
import importlib.util
from collections.abc import Mapping
from functools import cached_property
from importlib import resources

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console import static_files
from gateway.console.headers import SWAGGER_POLICY
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit
from gateway.query.parameters import parameters_of
from gateway.threads import ContextThreadPool

_FILES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}


def is_installed() -> bool:
    """Return whether the package with its files is installed: the extra `docs`."""
    return importlib.util.find_spec("swagger_ui_bundle") is not None


class SwaggerFiles:
    """`/-/console/swagger/FILE`: the two files of Swagger UI that its page needs.

    They are read at the first request, in the thread of the pages: they take 1.7 MB, and 10 ms to hash.
    """

    def __init__(self, thread: ContextThreadPool) -> None:
        self._thread = thread

    async def on_get(self, req: Request, resp: Response, file: str) -> None:
        """Respond with a file."""
        files = await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self.files)
        static_files.respond(resp, files, file)

    def url(self, suffix: str) -> str:
        """Return the URL of the file with a suffix, relative to the gateway's root; it has a hash of the file."""
        return f"-/console/swagger/{next(each for each in self.files if each.endswith(suffix))}"

    @cached_property
    def files(self) -> Mapping[str, tuple[str, bytes]]:
        """The files by their names in URLs, with their types."""
        (folder,) = resources.files("swagger_ui_bundle").joinpath("vendor").iterdir()
        found = {}
        for name, content_type in _FILES.items():
            body = (folder / name).read_bytes()
            found[static_files.hashed_name(name, body)] = (content_type, body)
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
        return View(
            "swagger.html",
            {"document": document, "files": self._files},
            headers={"Content-Security-Policy": SWAGGER_POLICY},
        )
