"""`/-/console/load`: from a file to a new connector, or to the page of the connector that takes its rows."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import parse_qs, quote

from gateway.admin.upload_requests import UploadRequests
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth import permissions
from gateway.console import display
from gateway.console.page import ConsolePage, FormTarget, Redirect, Shell, View
from gateway.console.upload_owner import owner_of_visit
from gateway.console.upload_targets import LOAD_PAGE, UploadView, next_page
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.media_types import Media
from gateway.reload.connector_files import ConnectorFiles
from gateway.rowfile.file_names import SUFFIXES
from gateway.uploads.reading import RowsFileError
from gateway.uploads.upload import ReadingOptions, UploadedFile

#: The page that makes a connector of a draft.
_BUILDER = "/-/console/new"
FORMATS = tuple(suffix.removeprefix(".") for suffix, media in SUFFIXES.items() if media is not Media.ARROW)


class LoadPage(ConsolePage, FormTarget):
    """The page for a file, and with `?upload=ID` the draft of the connector for it."""

    def __init__(
        self,
        shell: Shell,
        connectors: VisibleConnectors,
        requests: UploadRequests,
        files: ConnectorFiles,
        max_form: int,
    ) -> None:
        """Prepare; without the script a file may have `max_form` bytes."""
        super().__init__(shell)
        self._connectors = connectors
        self._requests = requests
        self._files = files
        self._max_form = max_form

    async def get(self, visit: Visit) -> View | Redirect:
        """Return the form for a file, or the draft of one; a draft that can be read goes on to the builder.

        Raises:
            GatewayError: 401 or 403, the asker may load rows nowhere.
        """
        owner = owner_of_visit(visit)
        given = parse_qs(visit.query_string)
        if "upload" not in given:
            return self._form(visit)
        permissions.require_admin(visit.asker.token)
        try:
            upload = self._requests.find(owner, given["upload"][0])
        except GatewayError as ended:
            return self._form(visit, ended)
        if not upload.is_complete:
            return self._form(visit)
        if upload.connector is not None and "options" not in given:
            return Redirect(next_page(upload))
        return await self._draft(visit, upload, is_asked="options" in given)

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Redirect:
        """Read a file with other options, or delete it.

        Raises:
            GatewayError: 401 or 403, the asker may load rows nowhere, and has no such upload.
        """
        owner, id = owner_of_visit(visit), form.get("upload", "")
        page = f"{LOAD_PAGE}?upload={quote(id)}"
        try:
            upload = self._requests.find(owner, id)
        except GatewayError:
            self._targets(visit)
            return Redirect(page)  # It says what happened to the upload.
        if form.get("action") == "discard":
            await self._requests.delete(owner, upload.id)
            return Redirect(LOAD_PAGE)
        await self._requests.read_with(owner, upload.id, ReadingOptions.of(form))
        return Redirect(page)

    def _form(self, visit: Visit, ended: GatewayError | None = None) -> View:
        """Return the form for a file, with what happened to the upload that was asked for."""
        targets = self._targets(visit)
        uploads = self._requests.all(owner_of_visit(visit))
        values = {
            "ended": ended,
            "targets": targets,
            "connector": None,
            "formats": FORMATS,
            "may_create": visit.asker.is_admin,
            "can_write": self._files.mode.can_write,
            "max_form": display.size(self._max_form),
            "uploads": [UploadView(each) for each in uploads],
        }
        return View("load.html", values, ended.status if ended else 200)

    def _targets(self, visit: Visit) -> list[str]:
        """Return the connectors that the asker may load rows into; the admin may have none yet.

        Raises:
            GatewayError: 401 or 403, the asker may load rows nowhere.
        """
        targets = [
            each.connector.name for each in self._connectors.all(visit.asker) if "ingest" in each.sight.verbs
        ]
        if not targets:
            permissions.require_admin(visit.asker.token)
        return targets

    async def _draft(self, visit: Visit, upload: UploadedFile, *, is_asked: bool) -> View | Redirect:
        """Show how a file is read; one without a problem goes on to the builder, unless its options are asked for."""
        draft, error = None, None
        try:
            draft = await self._requests.draft(visit.asker, upload.owner, upload.id, None)
        except RowsFileError as refused:
            error = refused
        if draft is not None and not is_asked and _BUILDER in self.shell.routes:
            return Redirect(f"{_BUILDER.removeprefix('/')}?upload={quote(upload.id)}")
        upload = self._requests.find(upload.owner, upload.id)
        values = {
            "upload": upload,
            "draft": draft,
            "error": error,
            "options": reading_values(upload, error),
            "has_builder": _BUILDER in self.shell.routes,
        }
        return View("draft.html", values, error.status if error else 200)


def reading_values(upload: UploadedFile, error: GatewayError | None) -> Mapping[str, str]:
    """Return the values of the fields that say how a file is read; one that an error proposes is filled in."""
    values = {name: value or "" for name, value in asdict(upload.options).items()}
    if isinstance(error, RowsFileError) and error.option:
        values[error.option[0]] = error.option[1]
    return values
