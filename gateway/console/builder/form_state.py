"""The state of a page of the builder: the file that it began with, and the edits since. The form carries all of it."""

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from gateway import strictjson
from gateway.connectors.fields import MAX_FIELDS
from gateway.connectors.file_edit.edit import edit, model_of
from gateway.connectors.file_edit.new_text import write_new
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.finding import InvalidFileError
from gateway.console.builder import connector_form, yaml_area
from gateway.console.builder.connector_form import ParsedForm
from gateway.errors import Code, GatewayError
from gateway.strictjson import Json

#: The inputs that carry the state, beside those of the form.
BASE, WORKING, AREA, KEPT = "base", "working", "yaml", "kept"
#: The input with the columns of the file that a new connector is drafted from, as JSON.
COLUMNS = "columns"
#: The most rows of a form: those of all fields, and one for the next.
ROWS_MAX = MAX_FIELDS + 1


@dataclass(frozen=True, slots=True)
class FormState:
    """The state of one page of the builder.

    Attributes:
        file: The name of the file, empty while a new one has no name.
        base: The text of the file on disk that the edits began with, None for a new file.
        working: The text that the inputs were shown from: that of the file, or one that was edited as YAML.
        inputs: The texts of the inputs, by their names.
        area: The text that is edited as YAML, None while the form is.
    """

    file: str
    base: bytes | None
    working: bytes
    inputs: Mapping[str, str]
    area: str | None = None

    @property
    def digest(self) -> str | None:
        """The SHA-256 of the text that the edits began with, None for a new file."""
        return None if self.base is None else hashlib.sha256(self.base).hexdigest()

    @property
    def columns(self) -> Collection[str]:
        """The columns of the file that a new connector is drafted from. Its rows know the fields by these names."""
        try:
            columns = strictjson.read(self.inputs.get(COLUMNS, "").encode() or b"[]")
        except ValueError:
            return ()
        return tuple(map(str, columns)) if isinstance(columns, list) else ()

    def carried(self) -> dict[str, str]:
        """Return the hidden inputs that carry the state to the next request."""
        carried = {} if self.base is None else {BASE: _encoded(self.base)}
        if self.working != (self.base or b""):
            carried[WORKING] = _encoded(self.working)
        if self.area is not None:
            carried[KEPT] = _encoded(strictjson.write(dict(self.inputs)))
        return carried


def state_of(file: str, text: bytes | None, *, base: bytes | None) -> FormState:
    """Return the state of a page that opens a text: as a form, or as YAML if it cannot be read.

    Args:
        file: The name of the file.
        text: The text to open, None for a new connector.
        base: The text of the file on disk, None if there is none.
    """
    if text is None:
        return FormState(file, base, b"", {"f1.type": "string", "make_token": "on"})
    try:
        inputs = _with_few_rows(connector_form.inputs_of(model_of(text, file)))
    except (InvalidFileError, GatewayError):
        return FormState(file, base, text, {}, yaml_area.shown(text))
    return FormState(file, base, text, inputs)


def state_from(form: Mapping[str, str], file: str) -> FormState:
    """Return the state that a form carries; what is not a state of this page is taken for a new connector.

    Raises:
        GatewayError: 413, it has more rows than a connector can have fields.
    """
    base = _decoded(form[BASE]) if BASE in form else None
    working = _decoded(form[WORKING]) if WORKING in form else base or b""
    if AREA not in form:
        return FormState(file, base, working, _with_few_rows(form))
    kept = _with_few_rows(_inputs_from(form.get(KEPT, "")))
    return FormState(file, base, working, kept, form[AREA])


def _with_few_rows(inputs: Mapping[str, str]) -> Mapping[str, str]:
    """Return inputs that a page can show; each row takes 5 kB of it, and 2 ms."""
    count = len(connector_form.rows_of(inputs))
    if count > ROWS_MAX:
        message = f"the form has {count:,} fields, and a connector has at most {MAX_FIELDS:,}"
        raise GatewayError(Code.BODY_TOO_LARGE, message, hint="delete fields, or declare several connectors")
    return inputs


def _inputs_from(text: str) -> Mapping[str, str]:
    try:
        inputs = strictjson.read(_decoded(text) or b"{}")
    except ValueError:
        return {}
    return {name: str(value) for name, value in inputs.items()} if isinstance(inputs, dict) else {}


def _encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


@dataclass(frozen=True, slots=True)
class Composition:
    """The text that a state asks for.

    Attributes:
        text: The text of the file; where it cannot be written, the text that was there before.
        form: What the form says, None where YAML is edited.
        refusal: Why the edits of the form cannot be written into the text, or None.
    """

    text: bytes
    form: ParsedForm | None = None
    refusal: str | None = None

    @property
    def problems(self) -> Mapping[str, str]:
        """The problems of inputs, by their names."""
        return self.form.problems if self.form else {}


def compose(state: FormState, stored: Collection[str]) -> Composition:
    """Write the text of a state.

    Args:
        state: The state of the page.
        stored: The fields that stored rows have.
    """
    if state.area is not None:
        return Composition(yaml_area.received(state.area, state.working))
    before = model_before(state)
    form = connector_form.parse(state.inputs, before, stored, state.columns)
    model = _without_own_name(form.model, state) if state.base is None else form.model
    form = replace(form, model=model)
    try:
        text = edit(state.working, state.file, model, form.renamed) if state.working else write_new(model)
    except EditRefusedError as error:
        return Composition(state.working, form, str(error))
    return Composition(text, form)


def model_before(state: FormState) -> Json:
    """Return the tree of the text that the inputs were shown from."""
    if not state.working:
        return {}
    try:
        return model_of(state.working, state.file)
    except InvalidFileError:
        return {}


def _without_own_name(model: dict[str, Json], state: FormState) -> dict[str, Json]:
    """Leave the name out of a new file that has it already."""
    if f"{model.get('name')}.yaml" != state.file:
        return model
    return {key: value for key, value in model.items() if key != "name"}


def as_yaml(state: FormState, stored: Collection[str]) -> tuple[FormState, Composition]:
    """Turn to the text of a form; return the state, and how the text came about: it may lack some edits."""
    composed = compose(state, stored)
    return replace(state, area=yaml_area.shown(composed.text), working=composed.text), composed


def as_form(state: FormState) -> FormState:
    """Turn to the form of a text that was edited as YAML.

    Raises:
        InvalidFileError: It is not YAML; the form would be as it was.
        GatewayError: 413, it has more fields than a connector can have.
    """
    text = yaml_area.received(state.area or "", state.working)
    inputs = _with_few_rows(connector_form.inputs_of(model_of(text, state.file)))
    return FormState(state.file, state.base, text, inputs)
