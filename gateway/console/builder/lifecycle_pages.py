"""Pages that copy, remove, restore, purge, and rename a connector."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from gateway.admin.visible_connectors import KnownConnector
from gateway.connectors.file_edit.edit import edit, model_of, with_name
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.name_patterns import NAME
from gateway.console.builder.change_page import DIGEST, ChangePage, FileChange
from gateway.console.builder.controls import CONNECTOR_ORDER, placed
from gateway.console.builder.file_names import edit_refused, with_own_name
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.page import Answer, Redirect, Shell
from gateway.console.visit import Visit
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError, unknown_connector
from gateway.reload.authors import author_of
from gateway.reload.reload import Reload


def new_name(form: Mapping[str, str]) -> str:
    """Return the name that is typed.

    Raises:
        GatewayError: A connector cannot have it.
    """
    name = form.get("name", "").strip()
    if not NAME.fullmatch(name):
        hint = "a to z, 0 to 9, _ and -, at most 63, a letter first"
        raise GatewayError(Code.FILE_NAME_INVALID, f"{name[:80]!r} is not a connector name", hint=hint)
    return name


class DuplicatePage(ChangePage):
    """`…/duplicate`: a connector with the same fields, with or without the rows."""

    page: ClassVar[str] = "duplicate"
    label: ClassVar[str] = "Duplicate"

    def __init__(self, shell: Shell, heads: ConnectorHeads, workshop: Workshop, reload: Reload) -> None:
        super().__init__(shell, heads, workshop)
        self._reload = reload

    def first_inputs(self, visit: Visit, known: KnownConnector) -> Mapping[str, str]:
        """Return a free name."""
        return {"name": self.workshop.free_name(f"{known.connector.name[:58]}_copy")}

    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the new file."""
        name, source = new_name(form), known.connector.file
        text = self.workshop.files.read(source).text
        file = f"{name}.yaml"
        self._require_possible(known, name, with_rows=bool(form.get("rows")))
        try:
            copy = with_name(text, source, name)
            if path := form.get("path", "").strip():
                tree = model_of(copy, file)
                copy = edit(copy, file, placed({**tree, "path": path}, CONNECTOR_ORDER, tree), {})
        except (EditRefusedError, InvalidFileError) as error:
            raise edit_refused(source, error) from error
        warning = (
            f"The text of {source} is not applied: the copy is of the file as it is, not of what is served."
        )
        is_last_good = self.workshop.is_last_good(source)
        subject = f"Add the connector {name}"
        return FileChange({file: copy}, {file: None}, subject, warning if is_last_good else None)

    def _require_possible(self, known: KnownConnector, name: str, *, with_rows: bool) -> None:
        """Check that a copy can have a name, and the rows if they are wanted.

        Raises:
            GatewayError: 422 if the name is taken, 409 if the rows are of an older version than the file.
        """
        self.workshop.require_free(f"{name}.yaml")
        if self.workshop.is_removed(name):
            message = f"'{name}' was removed, and its rows are kept: a copy would serve them"
            hint = "choose another name, or purge the removed connector first"
            raise GatewayError(Code.CONNECTOR_CLASH, message, hint=hint)
        file = known.connector.file
        if with_rows and self.workshop.is_last_good(file):
            message = (
                f"the rows of '{known.connector.name}' are of its last good version: {file} is not applied"
            )
            raise GatewayError(
                Code.COPY_REFUSED, message, hint="correct the file first, or copy it without the rows"
            )

    async def perform(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> Answer:
        """Write the file, and copy the rows if that is asked for."""
        await asyncio.to_thread(self.save, visit, known, form)
        name, target = known.connector.name, new_name(form)
        if form.get("rows"):
            try:
                await asyncio.to_thread(self._reload.duplicate, name, target, visit.asker.token)
            except GatewayError as error:
                message = f"'{target}' is created, but no row was copied: {error.message}"
                raise GatewayError(error.code, message, hint=error.hint) from error
        return Redirect(connector_url(target))

    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the page of the copy."""
        return Redirect(connector_url(new_name(form)))


class RemovePage(ChangePage):
    """`…/remove`: the file is deleted, and the rows are kept."""

    page: ClassVar[str] = "remove"
    label: ClassVar[str] = "Remove"

    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the deletion."""
        file = known.connector.file
        digest = form.get(DIGEST) or self.workshop.files.read(file).digest
        warning = (
            f"The text of {file} is not applied, so that only the file has it: Restore brings the version back that is"
            f" served now. To keep the text, download it first: Edit, Download {file}."
        )
        subject = f"Remove the connector {known.connector.name}"
        is_last_good = self.workshop.is_last_good(file)
        return FileChange({file: None}, {file: digest}, subject, warning if is_last_good else None)

    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the page that brings it back."""
        return Redirect(connector_url(known.connector.name, "restore"))


class RestorePage(ChangePage):
    """`…/restore`: the last file of a removed connector is written again."""

    page: ClassVar[str] = "restore"
    label: ClassVar[str] = "Restore"
    is_of_removed: ClassVar[bool] = True

    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the file with the text of the last version; another file if that name is not free."""
        name, last = known.connector.name, known.connector.file
        file = self.workshop.file_of(name)
        if file is None:
            raise unknown_connector(name)
        if file in self.workshop.files.list():
            message = f"there is a file {file} already, and it is not applied"
            raise GatewayError(Code.CONNECTOR_CLASH, message, hint="edit it first, or delete it")
        text = with_own_name(known.connector.text.encode(), file, name)
        other = self.workshop.connector_in(last)
        why = f"belongs to '{other}' now" if other not in (None, name) else "is no name of a new file"
        warning = f"{last} {why}, so {file} is written, which declares '{name}'."
        subject = f"Restore the connector {name}"
        return FileChange({file: text}, {file: None}, subject, None if file == last else warning)

    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the page of the connector."""
        return Redirect(connector_url(known.connector.name))


class PurgePage(ChangePage):
    """`…/purge`: the rows of a removed connector are deleted for good, once its name is typed."""

    page: ClassVar[str] = "purge"
    label: ClassVar[str] = "Purge"
    is_of_removed: ClassVar[bool] = True

    def __init__(
        self, shell: Shell, heads: ConnectorHeads, workshop: Workshop, services: Services, reload: Reload
    ) -> None:
        super().__init__(shell, heads, workshop)
        self._figures = services.observed.figures
        self._reload = reload

    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return no change: a purge is about rows alone."""
        return FileChange({}, {})

    async def perform(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> Answer:
        """Delete the rows.

        Raises:
            GatewayError: Another name is typed.
        """
        name = known.connector.name
        if form.get("name", "").strip() != name:
            message = f"{form.get('name', '')[:80]!r} is not '{name}', and nothing was deleted"
            raise GatewayError(Code.QUERY_INVALID, message, hint="type the name of the connector")
        author = author_of(visit.asker.token or "", "console")
        await asyncio.to_thread(self._reload.purge, name, author)
        self._figures.forget(name)
        return self.following(known, form)

    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the history, which is all that is left."""
        return Redirect(connector_url(known.connector.name, "history"))


class RenamePage(ChangePage):
    """`…/rename`: another file and another URL. The name that rows belong to stays, written in the file."""

    page: ClassVar[str] = "rename"
    label: ClassVar[str] = "Rename"

    def first_inputs(self, visit: Visit, known: KnownConnector) -> Mapping[str, str]:
        """Return the present name, and that the URL moves with it."""
        present = known.connector.file.rpartition(".")[0]
        return {"name": present if NAME.fullmatch(present) else known.connector.name, "path": "on"}

    def change(self, visit: Visit, known: KnownConnector, form: Mapping[str, str]) -> FileChange:
        """Return the file under its new name, and the deletion of the old one."""
        name, connector = new_name(form), known.connector
        present, file = self.workshop.files.read(connector.file), f"{name}.yaml"
        if file != connector.file:
            self.workshop.require_free(file)
        try:
            tree = model_of(present.text, connector.file)
            own = {} if name == connector.name else {"name": connector.name}
            model = {**tree, **own}
            if form.get("path") and model.get("path", f"/{model.get('name', name)}") != f"/{name}":
                model["path"] = f"/{name}"
            text = edit(present.text, connector.file, placed(model, CONNECTOR_ORDER, tree), {})
        except (EditRefusedError, InvalidFileError) as error:
            raise edit_refused(connector.file, error) from error
        if (file, text) == (connector.file, present.text):
            return FileChange({}, {}, warning="Nothing changes with this name: type another one.")
        if file == connector.file:
            return FileChange({file: text}, {file: present.digest}, f"Move the URL of {connector.name}")
        return FileChange(
            {file: text, connector.file: None},
            {file: None, connector.file: present.digest},
            f"Rename {connector.file} to {file}",
        )

    def following(self, known: KnownConnector, form: Mapping[str, str]) -> Redirect:
        """Return the page of the connector."""
        return Redirect(connector_url(known.connector.name))
