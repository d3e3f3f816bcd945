"""`/-/console/new`: the form of a new connector, also with the draft for an uploaded file."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote

from gateway import strictjson
from gateway.admin.upload_requests import UploadRequests
from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.auth.token_maker import NewToken, TokenMaker, is_new_token_name
from gateway.connectors.file_edit.edit import model_of
from gateway.connectors.finding import InvalidFileError
from gateway.console.builder import yaml_area
from gateway.console.builder.builder_view import BuilderView
from gateway.console.builder.connector_form import access_input, inputs_of, rows_of
from gateway.console.builder.field_row import NAME
from gateway.console.builder.form_state import COLUMNS, FormState, state_of
from gateway.console.builder.pages import BuilderPage, Subject
from gateway.console.builder.shown_once import ShownOnce
from gateway.console.builder.workshop import Workshop
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.page import Answer, Redirect, Shell, View
from gateway.console.upload_owner import owner_of_visit
from gateway.console.upload_targets import LOAD_PAGE, next_page
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.reload.authors import author_of
from gateway.uploads.file_draft import FileDraft

NEW_URL = "-/console/new"
#: The inputs that only the form of a new connector has.
UPLOAD, MAKE, PIPELINE = "upload", "make_token", "pipeline"
_LOADED_LATER = "create the connector, and upload the file again on its page"
#: The name that the box of the token has permitted to send rows. A text that is edited as YAML has it from then on.
PERMITTED = "permitted"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The services that make tokens and show them."""

    maker: TokenMaker
    shown: ShownOnce


class NewConnector(BuilderPage):
    """The form of a new connector."""

    inputs_beside_file = ("name", UPLOAD, COLUMNS, MAKE, PIPELINE, PERMITTED)

    def __init__(
        self,
        shell: Shell,
        heads: ConnectorHeads,
        builder: Workshop,
        credentials: Credentials,
        uploads: UploadRequests,
        tokens: Tokens,
    ) -> None:
        super().__init__(shell, heads, builder, credentials)
        self._uploads = uploads
        self._tokens = tokens

    def place(self, visit: Visit) -> Subject:
        """Return the subject of a new connector. The URL of its form keeps the upload, so that a sign-in leads back."""
        permissions.require_admin(visit.asker.token)
        upload = _upload_in(visit)
        return Subject(f"{NEW_URL}?upload={quote(upload)}" if upload else NEW_URL)

    async def get(self, visit: Visit) -> Answer:
        """Open an empty form, or the draft for an upload.

        Raises:
            GatewayError: What its draft raises.
        """
        place = self.place(visit)
        upload = _upload_in(visit)
        if not upload:
            state = state_of("", None, base=None)
            return await asyncio.to_thread(self.view, place, state, focus="name")
        try:
            found = self._uploads.find(owner_of_visit(visit), upload)
        except GatewayError:
            return Redirect(f"{LOAD_PAGE}?upload={quote(upload)}")  # It says what happened to the upload.
        if found.connector is not None:
            return Redirect(next_page(found))
        draft = await self._uploads.draft(visit.asker, owner_of_visit(visit), upload, None)
        return await asyncio.to_thread(self.view, place, _state_of(draft, upload), **self._notes(draft))

    async def post(self, visit: Visit, form: Mapping[str, str]) -> Answer:
        """Perform the action of a button; the doubts about a draft stay beside its fields."""
        answer = await super().post(visit, form)
        if isinstance(answer, Redirect):
            return await self._created(visit, answer, self.state_in(self.place(visit), form))
        if not isinstance(answer, View) or not form.get(UPLOAD):
            return answer
        try:
            draft = await self._uploads.draft(visit.asker, owner_of_visit(visit), form[UPLOAD], None)
            notes = self._notes(draft)
        except GatewayError as ended:
            notes = {"doubts": [f"{ended.message}. Its rows are not loaded: {_LOADED_LATER}"]}
        builder = answer.values["builder"]
        assert isinstance(builder, BuilderView)
        builder = replace(builder, **notes)
        return replace(answer, values={**answer.values, "builder": builder})

    def _notes(self, draft: FileDraft) -> dict[str, Any]:
        return _notes(draft, can_write=self.builder.files.mode.can_write)

    def state_in(self, place: Subject, form: Mapping[str, str]) -> FormState:
        """Return the state that a form carries, with the permission of a token that is made with the connector."""
        return _with_permission(super().state_in(place, form))

    def view(self, place: Subject, state: FormState, **shown: Any) -> View:
        """Return the page of a state; the token of a text that was edited as YAML gets the name that it has now."""
        return super().view(place, _with_permission(state), **shown)

    def shown(self, state: FormState) -> dict[str, Any]:
        """Return what the page of a new connector shows beside that of others."""
        return {"token": _pipeline(state.inputs) or "NAME-pipeline", "made_token": self.made_token(state)}

    def made_token(self, state: FormState) -> str | None:
        """Return the name of the token to make, None if none is wanted, or the YAML does not let it send rows."""
        if not state.inputs.get(MAKE):
            return None
        if state.area is None:
            return _pipeline(state.inputs) or None
        name = state.inputs.get(PERMITTED)
        return name if name and _permits(state, name) else None

    def problems(self, state: FormState) -> Mapping[str, str]:
        """Return what is wrong with the token to make."""
        name = self.made_token(state)
        is_typed = bool(state.inputs.get(PIPELINE, "").strip())
        if not name or not (is_typed or state.file):
            return {}
        if name in (self.credentials.names or ()):
            return {PIPELINE: f"there is a token '{name}': choose another name, or make none"}
        return {} if is_new_token_name(name) else {PIPELINE: f"a token cannot be called '{name}'"}

    def saved(self, place: Subject, state: FormState) -> Redirect:
        """Return the page with the URL and the first rows, or the load of the file; a token is shown before that."""
        name = self.builder.connector_in(state.file)
        if name is None:
            return super().saved(replace(place, action=NEW_URL), state)
        upload = state.inputs.get(UPLOAD)
        if upload and self.made_token(state) is None:
            return Redirect(f"{connector_url(name, 'load')}?upload={quote(upload)}")
        return Redirect(connector_url(name, "created"))

    async def _created(self, visit: Visit, answer: Redirect, state: FormState) -> Redirect:
        """Assign the upload to the connector that was created from it, and create the token that is wanted."""
        name, upload = self.builder.connector_in(state.file), state.inputs.get(UPLOAD)
        token = await asyncio.to_thread(self.made_token, state)
        if token:
            answer = await self._with_token(visit, answer, token)
        if not upload or name is None:
            return answer
        try:
            await self._uploads.assign(owner_of_visit(visit), upload, name)
        except GatewayError:  # The next page says that it is gone.
            return replace(answer, to=f"{answer.to}&upload={quote(upload)}") if token else answer
        return answer

    async def _with_token(self, visit: Visit, answer: Redirect, name: str) -> Redirect:
        """Create the token of a connector that was created, and let the next page show it, or why there is none."""
        asker = visit.asker.token or ""
        author = author_of(asker, "console")
        made: NewToken | GatewayError
        try:
            made = await asyncio.to_thread(self._tokens.maker.make, name, by=author)
        except GatewayError as refused:
            made = refused
        mark = "&" if "?" in answer.to else "?"
        return Redirect(f"{answer.to}{mark}token={self._tokens.shown.keep(made, asker)}")


def _upload_in(visit: Visit) -> str:
    return parse_qs(visit.query_string).get(UPLOAD, [""])[0]


def _pipeline(inputs: Mapping[str, str]) -> str:
    """Return the name of the token to make; by default that of the connector, and what it is for."""
    typed, name = inputs.get(PIPELINE, "").strip(), inputs.get("name", "").strip()
    return typed or (f"{name[:54]}-pipeline" if name else "")


def _with_permission(state: FormState) -> FormState:
    """Return a state whose form lets the token to make send rows, under its present name alone."""
    if state.area is not None:
        return state
    inputs = dict(state.inputs)
    former = inputs.pop(PERMITTED, None)
    if former and inputs.pop(access_input("ingest", former), None) is None:
        inputs.pop(MAKE, None)  # Its permission was deleted from the text.
    name = _pipeline(inputs) if inputs.get(MAKE) else ""
    if name:
        inputs |= {access_input("ingest", name): "on", PERMITTED: name}
    return replace(state, inputs=inputs)


def _permits(state: FormState, name: str) -> bool:
    """Return whether a text that is edited as YAML lets a token send rows."""
    text = yaml_area.received(state.area or "", state.working)
    try:
        return access_input("ingest", name) in inputs_of(model_of(text, state.file))
    except InvalidFileError:
        return False


def _state_of(draft: FileDraft, upload: str) -> FormState:
    """Return the state of a page that opens a draft."""
    state = state_of(f"{draft.name}.yaml", draft.text.encode(), base=None)
    columns = strictjson.write([row[NAME] for row in rows_of(state.inputs).values()]).decode()
    file = {UPLOAD: upload, COLUMNS: columns} if draft.rows else {}  # Without rows there is nothing to load.
    return replace(state, inputs={"name": draft.name, **file, **state.inputs})


def _notes(draft: FileDraft, *, can_write: bool) -> dict[str, Any]:
    """Return the doubts about a draft, for its page."""
    doubts = [draft.header_doubt] if draft.header_doubt else []
    doubts += [f"{name} is left out: {reason}" for name, reason in draft.left_out.items()]
    return {
        "notes": {name: "; ".join(remarks) for name, remarks in draft.remarks.items()},
        "doubts": doubts,
        "notice": f"{draft.inspection}. {_way_of(draft, can_write=can_write)}",
    }


def _way_of(draft: FileDraft, *, can_write: bool) -> str:
    """Return the next action for a draft, and what happens to the rows of its file."""
    if not draft.rows:
        return "Its columns give the fields, and there is nothing to load."
    if not can_write:
        return "Check the fields, and download the file. The rows are loaded once the connector is live, on its page."
    return "Check the fields, and create the connector: its rows are loaded then."
