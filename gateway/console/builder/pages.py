"""The pages of the builder: a new connector, and the file of one that is there."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote

from gateway.admin.connector_history import ConnectorHistory
from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.yaml_text.document import MAX_FILE_BYTES
from gateway.console.builder import edits, file_names
from gateway.console.builder.builder_view import BuilderView
from gateway.console.builder.connector_form import rows_of
from gateway.console.builder.field_row import NAME
from gateway.console.builder.form_state import FormState, as_form, as_yaml, state_from, state_of
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.page import Answer, ConsolePage, Data, Download, FormTarget, Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError, unknown_connector
from gateway.instants import rfc3339
from gateway.reload.file_errors import SaveRefusedError


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a page of the builder.

    Attributes:
        action: Its URL, relative to the gateway's root.
        file: The name of the file, None for a new connector, whose form names it.
        name: The connector that stored rows belong to, or None.
    """

    action: str
    file: str | None = None
    name: str | None = None


class BuilderPage(ConsolePage, FormTarget):
    """A page with the form. Its buttons send the whole form, and the page comes back with what they did."""

    #: The text of a file twice, in Base64 and in inputs.
    form_bytes_max = 16 * MAX_FILE_BYTES
    #: The inputs of a new connector that its file does not hold.
    inputs_beside_file: Collection[str] = ("name",)

    def __init__(
        self, shell: Shell, heads: ConnectorHeads, builder: Workshop, credentials: Credentials
    ) -> None:
        super().__init__(shell)
        self.heads = heads
        self.builder = builder
        self.credentials = credentials
        self._actions: Mapping[str, Callable[[Visit, Subject, FormState], Answer]] = {
            "yaml": self._as_yaml,
            "form": self._as_form,
            "discard": self._discard,
            "patch": self._patch,
            "file": self._file,
            "save": self._save,
        }

    @abstractmethod
    def place(self, visit: Visit) -> Subject:
        """Return what a visit is about.

        Raises:
            GatewayError: The asker is not the admin, or nothing is there.
        """

    async def get(self, visit: Visit) -> Answer:
        """Open the form."""
        place = self.place(visit)
        return await self.framed(visit, place, await asyncio.to_thread(self._open, visit, place))

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Answer:
        """Perform the action of a button."""
        place = self.place(visit)
        state = self.state_in(place, form)
        return await self.framed(visit, place, await asyncio.to_thread(self._act, visit, place, state, form))

    async def preview(self, visit: Visit, form: Mapping[str, str]) -> Data:
        """Return what stands beside the form, for the script."""
        place = self.place(visit)
        state = self.state_in(place, form)
        builder = await asyncio.to_thread(self._builder, place, state)
        return Data(builder.for_script)

    async def framed(self, visit: Visit, place: Subject, answer: Answer) -> Answer:
        """Put the head of the connector around a view."""
        if place.name is None or not isinstance(answer, View):
            return answer
        return await self.heads.frame(answer, visit, self.heads.find_known(visit), "edit")

    def state_in(self, place: Subject, form: Mapping[str, str]) -> FormState:
        """Return the state that a form carries; the form of a new connector names the file."""
        named = file_names.file_named(form.get("name", "").strip())
        state = state_from(form, named if place.file is None else place.file)
        is_named_apart = state.base is None and state.area is not None
        return (
            replace(state, inputs={**state.inputs, "name": form.get("name", "")}) if is_named_apart else state
        )

    # -- what follows runs in a thread

    def _open(self, visit: Visit, place: Subject) -> Answer:
        query = parse_qs(visit.query_string)
        state = self.opened(visit, place)
        notice = None
        if "saved" in query:
            is_live = self.builder.is_live(state.file)
            notice = "Saved, and live." if is_live else "Saved, and not live yet: the file is not applied."
        return self.view(place, state, notice=notice, focus=_type_of(state, query.get("field", [""])[0]))

    def opened(self, visit: Visit, place: Subject) -> FormState:
        """Return the state that a page begins with."""
        if place.file is None:
            return state_of("", None, base=None)
        return self.builder.open(place.file, place.name)

    def shown(self, state: FormState) -> dict[str, Any]:
        """Return what a kind of page shows beside the others."""
        return {}

    def problems(self, state: FormState) -> Mapping[str, str]:
        """Return what is wrong with inputs that only a kind of page has."""
        return {}

    def made_token(self, state: FormState) -> str | None:
        """Return the name of a token that a save makes, None if it makes none."""
        return None

    def view(self, place: Subject, state: FormState, **shown: Any) -> View:
        """Return the page of a state."""
        status = shown.pop("status", 200)
        template = "builder_new.html" if place.name is None else "builder_edit.html"
        return View(template, {"builder": self._builder(place, state, **shown)}, status)

    def _builder(self, place: Subject, state: FormState, **shown: Any) -> BuilderView:
        panels = self.builder.preview(
            state,
            self.problems(state),
            made_token=self.made_token(state),
            has_tried=shown.get("has_tried", False),
        )
        return BuilderView(
            state,
            panels,
            self.builder.files.mode,
            self.credentials.names or (),
            place.action,
            connector_name=place.name,
            forge=self._forge(state, panels["text"]),
            path=self.builder.files.path_in_repository(state.file) if state.file else "",
            **self.shown(state),
            **shown,
        )

    def _forge(self, state: FormState, text: str) -> str | None:
        """Return the link into the editor of the forge; a new file goes with it."""
        if not state.file:
            return None
        return self.builder.files.forge_link(state.file, text if state.base is None else None)

    def _act(self, visit: Visit, place: Subject, state: FormState, form: Mapping[str, str]) -> Answer:
        action = form.get("do", "check")
        if act := self._actions.get(action):
            return act(visit, place, state)
        if action.startswith("fix:") and state.area is None:
            turned, composed = as_yaml(state, self.builder.stored_fields(place.name))
            if composed.refusal or composed.problems:
                return self.view(place, state, has_tried=True, status=422)
            fixed = edits.apply(turned, action)
            return self._as_form(visit, place, fixed[0] if fixed else turned)
        edited = edits.apply(state, action)
        if edited is None:
            return self.view(place, state, has_tried=True)
        return self.view(place, edited[0], focus=edited[1])

    def _as_yaml(self, _: Visit, place: Subject, state: FormState) -> Answer:
        if state.area is not None:
            return self.view(place, state)
        turned, composed = as_yaml(state, self.builder.stored_fields(place.name))
        problem = None
        if composed.refusal:
            problem = ("the edits of the form are not in this text", f"{composed.refusal}; make them here")
        elif composed.problems:
            told = "; ".join(composed.problems.values())
            problem = ("this text may lack what some inputs said", f"{told}. Complete it here")
        return self.view(place, turned, problem=problem, focus="area")

    def _as_form(self, _: Visit, place: Subject, state: FormState) -> Answer:
        if state.area is None:
            return self.view(place, state)
        try:
            turned = as_form(state)
        except GatewayError as error:
            return self.view(place, state, problem=(error.message, error.hint), focus="area", status=422)
        except InvalidFileError:
            problem = (
                "the text is not YAML, so the form stays as it was",
                "correct it here, or go back to the form",
            )
            return self.view(place, state, problem=problem, focus="area", status=422)
        if state.base is None:
            kept = {key: state.inputs.get(key, "") for key in self.inputs_beside_file}
            turned = replace(turned, inputs={**kept, **turned.inputs})
        return self.view(place, turned)

    def _discard(self, _: Visit, place: Subject, state: FormState) -> Answer:
        return self.view(place, replace(state, area=None))

    def _patch(self, _: Visit, place: Subject, state: FormState) -> Answer:
        def download(text: bytes) -> Answer:
            self.builder.require_unchanged(state, text)
            patch = self.builder.files.patch({state.file: text})
            if not patch:
                problem = (f"{state.file} has this text already, so there is nothing to patch", None)
                return self.view(place, state, problem=problem, status=422)
            return Download(f"{state.file}.patch", patch, "text/x-patch; charset=utf-8")

        return self._with_text(place, state, download)

    def _file(self, _: Visit, place: Subject, state: FormState) -> Answer:
        def download(text: bytes) -> Answer:
            self.builder.require_unchanged(state, text)
            return Download(state.file, text, "application/yaml; charset=utf-8")

        return self._with_text(place, state, download)

    def _save(self, visit: Visit, place: Subject, state: FormState) -> Answer:
        def save(text: bytes) -> Answer:
            self.builder.save(state, text, visit.asker.token or "")
            return self.saved(place, state)

        return self._with_text(place, state, save)

    def _with_text(self, place: Subject, state: FormState, act: Callable[[bytes], Answer]) -> Answer:
        """Use the text of a state, or return the page with what is wrong."""
        composed = self.builder.compose(state, self.problems(state))
        if composed.problems or composed.refusal:
            return self.view(place, state, has_tried=True, status=422)
        try:
            return act(composed.text)
        except SaveRefusedError:
            problem = ("the change is refused, and nothing is saved", "the plan says why, and what to do")
            return self.view(place, state, problem=problem, has_tried=True, status=Code.SAVE_REFUSED.status)
        except GatewayError as error:
            if error.code is not Code.FILE_CHANGED:
                return self.view(place, state, problem=(error.message, error.hint), status=error.status)
            rebased, conflict = self.builder.rebase(state, composed)
            return self.view(place, rebased, conflict=conflict, status=error.status)

    def saved(self, place: Subject, state: FormState) -> Redirect:
        """Return where a save leads to."""
        name = self.builder.connector_in(state.file)
        return Redirect(f"{place.action if name is None else connector_url(name, 'edit')}?saved=1")


class EditConnector(BuilderPage):
    """`/-/console/connectors/NAME/edit`: the file of a connector; `?from=` opens it with the text of an earlier version."""

    def __init__(
        self,
        shell: Shell,
        heads: ConnectorHeads,
        builder: Workshop,
        credentials: Credentials,
        history: ConnectorHistory,
    ) -> None:
        super().__init__(shell, heads, builder, credentials)
        self._history = history

    async def get(self, visit: Visit) -> Answer:
        """Open the form, with the text of the version at `?from=` if the query has it.

        Raises:
            GatewayError: As `place` and `ConnectorHistory.version` do.
        """
        at = parse_qs(visit.query_string).get("from", [""])[0]
        if not at:
            return await super().get(visit)
        place = self.place(visit)
        assert place.file is not None
        assert place.name is not None
        event, _ = await self._history.version(visit.asker, place.name, at)
        if event.new is None:
            raise unknown_connector(place.name)
        notice = f"This is the text of {rfc3339(event.at, timespec='seconds')}. Nothing is saved yet."
        state = await asyncio.to_thread(self.builder.open, place.file, place.name, event.new)
        view = await asyncio.to_thread(self.view, place, state, notice=notice)
        return await self.framed(visit, place, view)

    def place(self, visit: Visit) -> Subject:
        """Return the place of a connector.

        Raises:
            GatewayError: 401 or 403 if the asker is not the admin, 404 if the connector is unknown.
        """
        permissions.require_admin(visit.asker.token)
        name = self.heads.find_known(visit).connector.name
        file = self.builder.file_of(name)
        if file is None:
            raise unknown_connector(name)
        return Subject(connector_url(name, "edit"), file, name)


class EditFile(BuilderPage):
    """`/-/console/files/FILE/edit`: a file whose connector never was served."""

    def place(self, visit: Visit) -> Subject:
        """Return the place of a file."""
        permissions.require_admin(visit.asker.token)
        file = visit.parameters["file"]
        return Subject(f"-/console/files/{quote(file)}/edit", file)


class Preview(FormTarget):
    """The preview of a page of the builder, below its URL."""

    form_bytes_max = BuilderPage.form_bytes_max

    def __init__(self, shell: Shell, page: BuilderPage) -> None:
        super().__init__(shell)
        self._page = page

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Answer:
        """Return what stands beside a form."""
        return await self._page.preview(visit, form)


def _type_of(state: FormState, field: str) -> str | None:
    """Return the input with the type of a field, which a page about rejected rows leads to; None if it has none."""
    rows = rows_of(state.inputs).items()
    return next((f"f{number}.type" for number, row in rows if field and row.get(NAME) == field), None)
