"""`/-/console/uploads`: files from the browser, in slices of the script, or whole in a form without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from falcon.asgi import Request, Response

from gateway.admin.json_body import json_body
from gateway.admin.upload_requests import ANNOUNCEMENT, Announcement, UploadRequests
from gateway.admin.uploads import append, body_of
from gateway.console import display
from gateway.console.connector_urls import connector_url
from gateway.console.file_form import FileForm
from gateway.console.page import FORM_BYTES_MAX, Redirect, Shell
from gateway.console.script_target import ScriptTarget
from gateway.console.upload_owner import owner_of_visit
from gateway.console.visit import Visit
from gateway.endpoints.request_bodies import RequestBodies
from gateway.uploads.upload import UploadedFile

#: Where a file without a connector goes.
LOAD_PAGE = "-/console/load"


def next_page(upload: UploadedFile) -> str:
    """Return the page that an upload is seen on, relative to the gateway's root."""
    page = LOAD_PAGE if upload.connector is None else connector_url(upload.connector, "load")
    return f"{page}?upload={quote(upload.id)}"


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload as a list of a page draws it."""

    upload: UploadedFile

    @property
    def page(self) -> str:
        """Its page, relative to the gateway's root."""
        return next_page(self.upload)

    @property
    def progress(self) -> str:
        """The bytes that have arrived, and those of the whole file."""
        return f"{display.size(self.upload.received)} of {display.size(self.upload.size)}"

    @property
    def state(self) -> str:
        """The state of its rows, behind its name."""
        load = self.upload.load
        if load is None:
            return "" if self.upload.connector is None else "its rows are not loaded yet"
        states = {"running": "is being loaded", "stopped": "its load has stopped", "done": "is loaded"}
        return states[load.state]


class UploadStarts(ScriptTarget):
    """`/-/console/uploads`: a POST of JSON begins an upload; one of a form brings the file whole."""

    def __init__(
        self, shell: Shell, requests: UploadRequests, bodies: RequestBodies, files: FileForm
    ) -> None:
        super().__init__(shell)
        self._requests = requests
        self._bodies = bodies
        self._files = files

    async def tell(self, visit: Visit, req: Request) -> Mapping[str, Any] | Redirect:
        """Begin an upload, or receive a whole one."""
        owner = owner_of_visit(visit)
        if (req.content_type or "").startswith("multipart/form-data"):
            return Redirect(next_page(await self._files.receive(req, visit.asker, owner)))
        announced = Announcement.from_json(await json_body(req, self._bodies, ANNOUNCEMENT, FORM_BYTES_MAX))
        return script_body(await self._requests.begin(visit.asker, owner, announced), visit)

    async def on_post(self, req: Request, resp: Response) -> None:
        """Respond to an announcement, or to a form with a file."""
        await self.respond_to_tell(req, resp, {})


class UploadSlices(ScriptTarget):
    """`/-/console/uploads/UPLOAD`: how far it is, and its next slice."""

    def __init__(self, shell: Shell, requests: UploadRequests, bodies: RequestBodies) -> None:
        super().__init__(shell)
        self._requests = requests
        self._bodies = bodies

    async def ask(self, visit: Visit) -> Mapping[str, Any]:
        """Return how far an upload and its load are."""
        return script_body(self._requests.find(owner_of_visit(visit), visit.parameters["upload"]), visit)

    async def tell(self, visit: Visit, req: Request) -> Mapping[str, Any]:
        """Write a slice."""
        owner, id = owner_of_visit(visit), visit.parameters["upload"]
        return script_body(await append(req, self._requests, self._bodies, owner, id), visit)

    async def on_get(self, req: Request, resp: Response, upload: str) -> None:
        """Respond with the state of an upload."""
        await self.respond_to_ask(req, resp, {"upload": upload})

    async def on_put(self, req: Request, resp: Response, upload: str) -> None:
        """Respond to a slice."""
        await self.respond_to_tell(req, resp, {"upload": upload})


def script_body(upload: UploadedFile, visit: Visit) -> Mapping[str, Any]:
    """Return an upload as JSON for the script, with the page that follows, relative to the gateway's root."""
    return {**body_of(upload), "next": next_page(upload)}
