"""The builder behind its pages: opens files, previews edits, and saves them, all through `ConnectorFiles`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.connectors.file_edit.edit import edit, model_of
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.plan import FileState
from gateway.console.builder import connector_form, file_names, preview_panels, yaml_area
from gateway.console.builder.form_state import Composition, FormState, compose, state_of
from gateway.console.builder.merge import merge
from gateway.console.builder.preview_panels import panels
from gateway.endpoints.live import Live
from gateway.errors import Code, GatewayError
from gateway.reload.authors import author_of
from gateway.reload.connector_files import ConnectorFiles, SavedFiles

_NOTHING: Mapping[str, Any] = {"verdict": "none", "connectors": []}
_UNNAMED: Mapping[str, Any] = {"verdict": "unnamed", "connectors": []}


@dataclass(frozen=True, slots=True)
class Conflict:
    """The changes of another person to a file.

    Attributes:
        diff: The lines that they changed.
        both: The places that both have changed.
        lost: The text that was edited, where the new text does not have all of it; else empty.
        is_applied: Whether the edits are applied to the new text.
        is_removed: Whether the file is gone.
    """

    diff: list[dict[str, str]]
    both: tuple[str, ...] = ()
    lost: str = ""
    is_applied: bool = True
    is_removed: bool = False


class Workshop:
    """Opens, previews, and saves. It reads files and asks stored rows, so it does not run on the event loop."""

    def __init__(self, files: ConnectorFiles, live: Live) -> None:
        self.files = files
        self._live = live

    # -- what is there

    def file_of(self, name: str) -> str | None:
        """Return the file of a served connector, or the one that a removed one can be written to; it touches no disk."""
        return file_names.file_of(self._live.snapshot, name)

    def free_name(self, name: str) -> str:
        """Return a name that no connector has: this one, or with a number."""
        return file_names.free_name(self._live.snapshot, name)

    def require_free(self, file: str) -> None:
        """Check that there is no file of a name.

        Raises:
            GatewayError: 422, there is one.
        """
        if file in self.files.list():
            raise GatewayError(
                Code.CONNECTOR_CLASH, f"there is a file {file} already", hint="choose another name"
            )

    def is_removed(self, name: str) -> bool:
        """Return whether rows of a removed connector have a name."""
        return name in self._live.snapshot.gone

    def stored_fields(self, name: str | None) -> Collection[str]:
        """Return the fields that stored rows of a connector have."""
        snapshot = self._live.snapshot
        known = snapshot.endpoints.get(name or "") or snapshot.gone.get(name or "")
        return tuple(field.name for field in known.connector.fields) if known else ()

    def connector_in(self, file: str) -> str | None:
        """Return the name of the connector that a file declares, if rows belong to it already."""
        snapshot = self._live.snapshot
        served = {each.connector.file: name for name, each in snapshot.endpoints.items()}
        return served.get(file) or next(
            (name for name, each in snapshot.gone.items() if each.connector.file == file), None
        )

    def is_live(self, file: str) -> bool:
        """Return whether a file is served as it is in the directory."""
        present, served = self.files.list().get(file), self.files.outcomes_of({file: None})
        return present is not None and any(
            each.state is FileState.LIVE
            and each.connector is not None
            and each.connector.text == present.text.decode("utf-8-sig", "replace")
            for each in served
        )

    def is_last_good(self, file: str) -> bool:
        """Return whether an older version than the text of a file is served."""
        return any(each.state is FileState.LAST_GOOD for each in self.files.outcomes_of({file: None}))

    def open(self, file: str, name: str | None = None, former: str | None = None) -> FormState:
        """Open a file; a former text of its connector, or the last one of a removed connector, counts as an edit.

        Raises:
            GatewayError: 404 if there is no such file, 422 if it cannot be read, or the former text cannot be edited.
        """
        present = self.files.list().get(file)
        removed = self.files.removed_text(name) if name and present is None else None
        base = None if removed else self.files.read(file).text
        text = former.encode() if former is not None else removed[1] if removed else None
        if text is not None and name is not None:
            return state_of(file, file_names.with_own_name(text, file, name), base=base)
        return state_of(file, base, base=base)

    # -- what the edits would do

    def compose(self, state: FormState, problems: Mapping[str, str]) -> Composition:
        """Write the text of a state; a new connector may have no name yet, or that of another file.

        Args:
            state: The state.
            problems: What is wrong with inputs that are not of the file.
        """
        composed = compose(state, self.stored_fields(self._name_of(state)))
        problem = self._name_problem(state)
        more = {**({"name": problem} if problem else {}), **problems}
        if not more:
            return composed
        form = composed.form or connector_form.ParsedForm({})
        return replace(composed, form=replace(form, problems={**more, **form.problems}))

    def _name_of(self, state: FormState) -> str | None:
        return self.connector_in(state.file) or state.inputs.get("name") or state.file.removesuffix(".yaml")

    def _name_problem(self, state: FormState) -> str | None:
        if state.base is not None:
            return None
        if not state.file:
            name = state.inputs.get("name", "").strip()
            told = f"'{name}' cannot be its name" if name else "the connector needs a name"
            return f"{told}: a to z, 0 to 9, _ and -, at most 63, a letter first"
        return f"there is a file {state.file} already" if state.file in self.files.list() else None

    def preview(
        self,
        state: FormState,
        problems: Mapping[str, str],
        *,
        made_token: str | None = None,
        has_tried: bool = False,
    ) -> dict[str, Any]:
        """Return the panels of a state: what its edits would do.

        Args:
            state: The state.
            problems: What is wrong with inputs that are not of the file.
            made_token: The name of a token that a save makes, so that no finding says that it is missing.
            has_tried: Whether an action needed a valid form; before that, a name that is not typed yet is no problem.
        """
        composed = self.compose(state, problems)
        plan = _without_token(self._plan(state, composed), made_token)
        if not has_tried and _is_unnamed(state) and composed.form is not None:
            others = {name: text for name, text in composed.form.problems.items() if name != "name"}
            composed = replace(composed, form=replace(composed.form, problems=others))
            plan = _UNNAMED
        try:
            model = model_of(composed.text, state.file)
        except InvalidFileError:
            model = None
        return panels(state, composed, plan, model)

    def _plan(self, state: FormState, composed: Composition) -> Mapping[str, Any]:
        if "name" in composed.problems:
            return _NOTHING
        try:
            return self.files.plan({state.file: composed.text})
        except GatewayError as error:
            finding = {
                "line": None,
                "column": None,
                "level": "error",
                "code": error.code.code,
                "message": error.message,
                "hint": error.hint,
            }
            entry = {
                "connector": None,
                "file": state.file,
                "path": None,
                "action": "refuse",
                "state": FileState.REFUSED.value,
                "verdict": "refused",
                "changes": [],
                "findings": [finding],
            }
            return {"verdict": "refused", "connectors": [entry]}

    # -- save

    def require_unchanged(self, state: FormState, text: bytes) -> None:
        """Check that a text replaces the one that the edits began with.

        Raises:
            GatewayError: 412, as `ConnectorFiles.require_unchanged` does.
        """
        self.files.require_unchanged({state.file: text}, {state.file: state.digest})

    def save(self, state: FormState, text: bytes, token: str) -> SavedFiles:
        """Save a text in the place of the one that the edits began with.

        Raises:
            GatewayError: As `ConnectorFiles.save` does.
        """
        return self.files.save({state.file: text}, {state.file: state.digest}, author_of(token, "console"))

    def rebase(self, state: FormState, composed: Composition) -> tuple[FormState, Conflict]:
        """Apply the edits once more to what another person has saved; nothing is saved."""
        try:
            now = self.files.read(state.file).text
        except GatewayError as error:
            if error.code is not Code.FILE_UNKNOWN:
                raise
            kept = replace(state, base=None, working=state.working or state.base or b"")
            return kept, Conflict([], is_removed=True)
        changed = preview_panels.diff(state.base or b"", now)
        try:
            return self._rebased(state, composed, now, changed)
        except (InvalidFileError, EditRefusedError):
            lost = yaml_area.shown(composed.text)
            conflict = Conflict(changed, lost=lost, is_applied=False)
            return FormState(state.file, now, now, {}, yaml_area.shown(now)), conflict

    def _rebased(
        self, state: FormState, composed: Composition, now: bytes, changed: list[dict[str, str]]
    ) -> tuple[FormState, Conflict]:
        form = composed.form if state.area is None else None
        wanted = form.model if form else model_of(composed.text, state.file)
        renamed = form.renamed if form else {}
        merged = merge(model_of(state.base or b"", state.file), wanted, model_of(now, state.file), renamed)
        if form is None:
            text = edit(now, state.file, merged.model, merged.renamed)
            lost = yaml_area.shown(composed.text)
            return FormState(state.file, now, now, {}, yaml_area.shown(text)), Conflict(
                changed, merged.conflicts, lost
            )
        inputs = connector_form.with_former_names(connector_form.inputs_of(merged.model), merged.renamed)
        return FormState(state.file, now, now, inputs), Conflict(changed, merged.conflicts)


def _is_unnamed(state: FormState) -> bool:
    return state.base is None and not state.file and not state.inputs.get("name", "").strip()


def _without_token(plan: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """Leave out the warnings that the tokens file does not have a name."""
    start = f"access names '{name}',"
    entries = [
        {
            **entry,
            "findings": [
                each
                for each in entry["findings"]
                if each["code"] != Code.TOKEN_UNKNOWN.code or not each["message"].startswith(start)
            ],
        }
        for entry in plan["connectors"]
    ]
    return {**plan, "connectors": entries}
