"""`/-/console/connectors/NAME/load`: the rows of a file into a connector, from its columns to the sums of its receipts."""

import contextlib
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import parse_qs, quote

from gateway.admin.upload_requests import UploadRequests
from gateway.admin.visible_connectors import VisibleConnector
from gateway.console import display
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.load_page import FORMATS, reading_values
from gateway.console.page import FormTarget, Redirect, Shell, View
from gateway.console.upload_owner import owner_of_visit
from gateway.console.upload_targets import UploadView
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.uploads.load_status import LoadStatus
from gateway.uploads.loads import LoadChoice
from gateway.uploads.reading import RowsFileError
from gateway.uploads.upload import ReadingOptions, UploadedFile


class ConnectorLoadPage(ConnectorPage, FormTarget):
    """The page for a file of one connector; with `?upload=ID` its columns, then its progress, then its sums."""

    page: ClassVar[str] = "load"

    def __init__(self, shell: Shell, heads: ConnectorHeads, requests: UploadRequests, max_form: int) -> None:
        """Prepare; without the script a file may have `max_form` bytes."""
        super().__init__(shell, heads)
        self._requests = requests
        self._max_form = max_form

    async def show(self, visit: Visit, found: VisibleConnector) -> View:
        """Return the form for a file, or how far one is.

        Raises:
            GatewayError: 401 or 403, the asker may not write rows.
        """
        owner = owner_of_visit(visit)
        name = self._requests.writable(visit.asker, found.connector.name).connector.name
        given = parse_qs(visit.query_string).get("upload")
        try:
            upload = self._requests.find(owner, given[0]) if given else None
        except GatewayError as ended:
            return self._form(visit, name, ended)
        if upload is None or not upload.is_complete:
            return self._form(visit, name)
        if upload.load is not None and upload.load.connector == name:
            return await self._progress(visit, name, upload, upload.load)
        return await self._columns(visit, name, upload)

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Redirect:
        """Begin, continue, or cancel a load; or read the file otherwise, or delete it.

        Raises:
            GatewayError: 401 or 403, the asker may not write rows, and has no such upload.
        """
        owner, name = owner_of_visit(visit), visit.parameters["name"]
        page = f"{connector_url(name, 'load')}?upload={quote(form.get('upload', ''))}"
        try:
            upload = self._requests.find(owner, form.get("upload", ""))
        except GatewayError:
            self._requests.writable(visit.asker, name)
            return Redirect(page)  # It says what happened to the upload.
        action = form.get("action")
        if action == "discard":
            await self._requests.delete(owner, upload.id)
            return Redirect(connector_url(name, "load"))
        if action == "cancel":
            await self._requests.cancel(owner, upload.id)
        elif action == "options":
            await self._requests.read_with(owner, upload.id, ReadingOptions.of(form))
        else:
            await self._start(visit, name, upload, form)
        return Redirect(page)

    async def _start(self, visit: Visit, name: str, upload: UploadedFile, form: Mapping[str, str]) -> None:
        # The connector and its columns may have changed since the load began.
        _, check = await self._requests.check(visit.asker, upload.owner, upload.id, name)
        without = tuple(check.unknown) if "without" in form else ()
        choice = LoadChoice(without, "keep_bad_rows" in form, "again" in form, "rest" in form)
        await self._requests.start(visit.asker, upload.owner, upload.id, name, choice)

    def _form(self, visit: Visit, name: str, ended: GatewayError | None = None) -> View:
        """Return the form for a file, with what happened to the upload that was asked for."""
        values = {
            "ended": ended,
            "connector": name,
            "formats": FORMATS,
            "max_form": display.size(self._max_form),
            "uploads": [UploadView(each) for each in self._requests.all(owner_of_visit(visit), name)],
        }
        return View("connector_load.html", values, ended.status if ended else 200)

    async def _columns(self, visit: Visit, name: str, upload: UploadedFile) -> View:
        check, error = None, None
        try:
            _, check = await self._requests.check(visit.asker, upload.owner, upload.id, name)
        except RowsFileError as refused:
            error = refused
        upload = self._requests.find(upload.owner, upload.id)
        values = {
            "upload": upload,
            "size": display.size(upload.size),
            "check": check,
            "error": error,
            "options": reading_values(upload, error),
        }
        return View("load_columns.html", values, error.status if error else 200)

    async def _progress(self, visit: Visit, name: str, upload: UploadedFile, load: LoadStatus) -> View:
        unknown: list[str] = []
        if load.state == "stopped":
            with contextlib.suppress(RowsFileError):  # It is why the load has stopped.
                _, check = await self._requests.check(visit.asker, upload.owner, upload.id, name)
                unknown = check.unknown
        values = {
            "upload": upload,
            "load": load,
            "unknown": unknown,
            "size": display.size(upload.size),
            "done": display.size(load.bytes),
            "rejected_page": connector_url(name, "rejected"),
            "rows_page": connector_url(name, "rows"),
            "batches_page": connector_url(name, "batches"),
            "edit_page": connector_url(name, "edit"),
            "again_page": connector_url(name, "load"),
        }
        return View("load_progress.html", values)
