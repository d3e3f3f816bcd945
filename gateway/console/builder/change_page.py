"""Pages that change the files of one connector without the form: what happens, the plan, and the ways to do it."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gateway.admin.visible_connectors import KnownConnector
from gateway.auth import permissions
from gateway.connectors.repository import Action
from gateway.console.builder import preview_panels
from gateway.console.builder.git_commands import git_commands
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.page import Answer, ConsolePage, Download, FormTarget, Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.reload.authors import author_of

#: The input with the digest of the file that a page has shown.
DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class FileChange:
    """Changes of files.

    Attributes:
        texts: The new text of each file, None to delete it; nothing is saved if there is none.
        expected: The digest of the text that each change began from, None for a new file.
        subject: The subject of its commit.
        warning: What is special about it, for a page that says what it does in general; None if nothing is.
    """

    texts: Mapping[str, bytes | None]
    expected: Mapping[str, str | None]
    subject: str = ""
    warning: str | None = None


class ChangePage(ConsolePage, FormTarget):
    """A page with the plan of a change, and the button that does it.

    Attributes:
        page: The name of the page, and of its template.
        label: The text of its button.
        is_of_removed: Whether it is for removed connectors.
    """

    page: ClassVar[str]
    label: ClassVar[str]
    is_of_removed: ClassVar[bool] = False

    def __init__(self, shell: Shell, heads: ConnectorHeads, workshop: Workshop) -> None:
        super().__init__(shell)
        self.heads = heads
        self.workshop = workshop

    def find(self, visit: Visit) -> KnownConnector | Redirect:
        """Find the connector of a visit; one in the other state has its overview.

        Raises:
            GatewayError: 401 or 403 if the asker is not the admin, 404 if the connector is unknown.
        """
        permissions.require_admin(visit.asker.token)
        known = self.heads.find_known(visit)
        is_removed = known.removed is not None
        return known if is_removed is self.is_of_removed else Redirect(connector_url(known.connector.name))

    async def get(self, visit: Visit) -> Answer:
        """Show what the change does."""
        known = self.find(visit)
        if isinstance(known, Redirect):
            return known
        return await self.show(visit, known, self.first_inputs(visit, known))

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Answer:
        """Perform the change, or hand it over as a patch."""
        known = self.find(visit)
        if isinstance(known, Redirect):
            return known
        try:
            if form.get("do") == "patch":
                return await asyncio.to_thread(self._patch, visit, known, form)
            if form.get("do") == "save":
                return await self.perform(visit, known, form)
        except GatewayError as error:
            return await self.show(visit, known, form, error)
        return await self.show(visit, known, form)

    def first_inputs(self, visit: Visit, known: KnownConnector) -> Mapping[str, str]:
        """Return the texts of the inputs before anything is typed."""
        return {}

    @abstractmethod
    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the change that inputs ask for; it reads files, in a thread.

        Raises:
            GatewayError: The inputs ask for nothing that can be.
        """

    @abstractmethod
    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the page after the change."""

    async def perform(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> Answer:
        """Save the change."""
        await asyncio.to_thread(self.save, visit, known, form)
        return self.following(known, form)

    def save(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> None:
        """Save the change, in a thread; it raises what `ConnectorFiles.save` does."""
        change = self._wanted(visit, known, form)
        author = author_of(visit.asker.token or "", "console")
        self.workshop.files.save(change.texts, change.expected, author)

    def _wanted(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the change to save.

        Raises:
            GatewayError: As `change` does, or nothing would change.
        """
        change = self.change(visit, known, form)
        if not change.texts:
            raise GatewayError(Code.SAVE_REFUSED, "nothing would change, so nothing is saved")
        return change

    async def show(
        self,
        visit: Visit,
        known: KnownConnector,
        form: Mapping[str, str],
        error: GatewayError | None = None,
    ) -> Answer:
        """Return the page with the plan of the change to the present files, whose digest it carries on."""
        shown = {name: text for name, text in form.items() if name != DIGEST}
        values = await asyncio.to_thread(self._values, visit, known, shown)
        problem = error or values["error"]
        status = problem.status if problem and form.get("do") else 200
        view = View(f"{self.page}.html", {**values, "error": problem}, status)
        return await self.heads.frame(view, visit, known, self.page)

    def _values(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> dict[str, Any]:
        files = self.workshop.files
        values: dict[str, Any] = {
            "inputs": form,
            "page": self.page,
            "label": self.label,
            "mode": files.mode,
            "error": None,
            "change": None,
            "commands": (),
            "diff": [],
            "plan": [],
            "forge": None,
        }
        try:
            change = self.change(visit, known, form)
            plan = files.plan(change.texts)
        except GatewayError as error:
            return {**values, "error": error}
        return {
            **values,
            "change": change,
            "commands": self._commands(known, change),
            "plan": preview_panels.entries(plan),
            "diff": [self._diff(file, text) for file, text in change.texts.items()],
            "forge": self._forge(change),
        }

    def _diff(self, file: str, text: bytes | None) -> dict[str, Any]:
        present = self.workshop.files.list().get(file)
        return {"file": file, "lines": preview_panels.diff(present.text if present else b"", text or b"")}

    def _commands(self, known: KnownConnector, change: FileChange) -> tuple[str, ...]:
        """Return the commands that do a change in a clone of the repository."""
        if not change.texts:
            return ()
        files = self.workshop.files
        patch = None if files.mode.can_write else _patch_name(known)
        paths = {files.path_in_repository(file): text is not None for file, text in change.texts.items()}
        return git_commands(paths, change.subject, patch)

    def _forge(self, change: FileChange) -> str | None:
        if len(change.texts) != 1:
            return None
        ((file, text),) = change.texts.items()
        action: Action = "delete" if text is None else "new" if change.expected[file] is None else "edit"
        shown = text.decode("utf-8", "replace") if text is not None and action == "new" else None
        return self.workshop.files.forge_link(file, shown, action)

    def _patch(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> Download:
        change = self._wanted(visit, known, form)
        self.workshop.files.require_unchanged(change.texts, change.expected)
        patch = self.workshop.files.patch(change.texts)
        return Download(_patch_name(known), patch, "text/x-patch; charset=utf-8")


def _patch_name(known: KnownConnector) -> str:
    return f"{known.connector.name}.patch"
