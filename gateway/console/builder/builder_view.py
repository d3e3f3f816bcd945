"""Values that the templates of the builder draw."""

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import strictjson
from gateway.connectors.connector import PUBLIC
from gateway.connectors.connector_file import ACCESS_KEYS
from gateway.connectors.fieldtypes.field_type import BOUND_CONSTRAINTS, LENGTH_CONSTRAINTS
from gateway.connectors.fieldtypes.type_names import parse_type
from gateway.connectors.write_mode import Mode
from gateway.console.builder import connector_form, field_row, preview_panels
from gateway.console.builder.controls import BOUND_CONTROLS, CONNECTOR_CONTROLS, FIELD_CONTROLS, Control
from gateway.console.builder.form_state import AREA, FormState, model_before
from gateway.console.builder.git_commands import git_commands
from gateway.console.builder.workshop import Conflict
from gateway.console.connector_urls import connector_url

#: The keys of a row that have no input of their own beside its rules.
_IN_ROW = ("nullable", "default", "description")
_SETTINGS = (
    "description",
    "path",
    "primary_key",
    "on_conflict",
    "on_invalid",
    "keep_at_most",
    "idempotency",
    "read_limit",
)

_VERDICTS = {
    "none": "Nothing is changed yet.",
    "unnamed": "It has no name yet.",
    "applied": "This can be applied.",
    "conditional": "Stored rows decide whether this can be applied.",
    "refused": "This cannot be applied.",
}


def kind_of(type_choice: str) -> str:
    """Return the kind of rules that a type takes: `text`, `number`, `plain` for a list of values alone, or `none`."""
    try:
        constraints = parse_type(type_choice.replace("(p, s)", "(18, 3)")).constraints
    except ValueError:
        return ""
    if "min_length" in constraints:
        return "text"
    if "minimum" in constraints:
        return "number"
    return "plain" if constraints else "none"


#: Every type of the select, and the kind of rules that it takes.
KINDS = {name: kind_of(name) for name in (*field_row.SCALAR_CHOICES, *field_row.LIST_CHOICES)}


def _about(key: str) -> str:
    """Return the class of a rule's input, by the types that take the rule."""
    if key in LENGTH_CONSTRAINTS:
        return "for-text"
    if key in BOUND_CONSTRAINTS:
        return "for-number"
    return "for-enum" if key == "enum" else "for-all"


RULE_KEYS = {key: _about(key) for key in FIELD_CONTROLS if key not in _IN_ROW}


@dataclass(frozen=True, slots=True)
class FieldRowView:
    """One field.

    Attributes:
        number: The number in the names of its inputs.
        inputs: Their texts, by key.
        note: A doubt about it, or an empty text.
        is_open: Whether its rules are shown.
    """

    number: int
    inputs: Mapping[str, str]
    note: str = ""
    is_open: bool = False

    def text(self, key: str) -> str:
        """Return the text of an input."""
        return self.inputs.get(key, "")

    @property
    def kind(self) -> str:
        """The kind of rules that its type takes."""
        return KINDS.get(self.text("type"), "")

    @property
    def set(self) -> list[str]:
        """The rules that it has."""
        return [key for key in RULE_KEYS if self.text(key)]

    @property
    def was_renamed(self) -> bool:
        """True if the form gives it another name than the file."""
        return bool(self.text("was")) and self.text("was") != self.text("name")

    @property
    def example(self) -> str:
        """A value of its type, as the input of a default shows it."""
        return "none"


@dataclass(frozen=True, slots=True)
class AccessView:
    """One line of the table of permissions: a token, and what it may do.

    Attributes:
        token: Its name.
        boxes: The name of each check box, by verb, and whether it is checked.
        is_known: Whether the tokens file has it.
    """

    token: str
    boxes: Mapping[str, tuple[str, bool]]
    is_known: bool


@dataclass(frozen=True)
class BuilderView:
    """A page of the builder.

    Attributes:
        state: The edits so far.
        panels: What stands beside the form.
        mode: Whether files may be written.
        token_names: The names of the tokens file.
        action: The URL that the form is sent to, relative to the gateway's root.
        connector_name: The connector that stored rows belong to, None for a new one.
        notice: A sentence above the form, or None.
        problem: What kept the last action from being done, with its hint, or None.
        conflict: What another person has changed meanwhile, or None.
        focus: The input that gets the focus, or None.
        has_tried: Whether the errors are told at the top, as after an attempt.
        forge: The link into the editor of a forge, or None.
        notes: Doubts about fields, by name.
        path: The path of the file in its repository.
        doubts: Doubts about the whole draft.
        token: The name of a token to make with the connector, None where none is offered.
        made_token: That name if the token is to be made, else None. The table of permissions has no box for what it gets.
    """

    state: FormState
    panels: Mapping[str, Any]
    mode: Mode
    token_names: Sequence[str]
    action: str
    connector_name: str | None = None
    notice: str | None = None
    problem: tuple[str, str | None] | None = None
    conflict: Conflict | None = None
    focus: str | None = None
    has_tried: bool = False
    forge: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    doubts: Sequence[str] = ()
    token: str | None = None
    made_token: str | None = None

    area_name = AREA
    scalar_choices = field_row.SCALAR_CHOICES
    list_choices = field_row.LIST_CHOICES
    digits = field_row.DEFAULT_DIGITS
    kinds = KINDS
    field_controls: Mapping[str, Control] = field(default_factory=lambda: FIELD_CONTROLS)
    rule_keys = RULE_KEYS
    verbs: Mapping[str, str] = field(default_factory=lambda: ACCESS_KEYS)
    new_token = connector_form.NEW_TOKEN
    #: For the script, as JSON.
    kinds_json = strictjson.write(KINDS).decode()
    verdicts_json = strictjson.write(_VERDICTS).decode()

    @property
    def name_control(self) -> Control:
        """The control of the connector's name."""
        return CONNECTOR_CONTROLS["name"]

    @property
    def preview_url(self) -> str:
        """The URL of its preview."""
        return f"{self.action.partition('?')[0]}/preview"

    @property
    def rename_url(self) -> str:
        """The page that renames the connector."""
        return connector_url(self.connector_name or "", "rename")

    @property
    def default_path(self) -> str:
        """The path without a key."""
        return f"/{self.connector_name or self.state.file.removesuffix('.yaml') or 'NAME'}"

    @property
    def can_discard(self) -> bool:
        """True if the text cannot be turned into a form, so that only the form as it was is left."""
        return self.panels["model"] is None and bool(self.state.inputs)

    @property
    def verdict(self) -> str:
        """The verdict of the plan as a sentence."""
        return _VERDICTS[self.panels["verdict"]]

    @property
    def for_script(self) -> dict[str, Any]:
        """The parts of the page that follow while the user types."""
        return {
            **self.panels,
            "file": self.state.file,
            "git_commands": self.git_commands,
            "forge": self.forge,
        }

    @property
    def git_commands(self) -> str:
        """The commands that bring the change into a repository, empty while the file has no name."""
        if not self.path:
            return ""
        file = self.state.file
        patch = None if self.mode.can_write else f"{file}.patch"
        verb = "Add" if self.is_new else "Change"
        name = self.connector_name or file.removesuffix(".yaml")
        return "\n".join(git_commands({self.path: True}, f"{verb} the connector {name}", patch))

    @property
    def is_new(self) -> bool:
        """True if the file does not exist."""
        return self.state.base is None

    @property
    def is_yaml(self) -> bool:
        """True if the text is edited."""
        return self.state.area is not None

    def text(self, name: str) -> str:
        """Return the text of an input."""
        return self.state.inputs.get(name, "")

    @property
    def settings(self) -> list[tuple[str, Control]]:
        """The inputs of the connector with their controls."""
        single = [(key, CONNECTOR_CONTROLS[key]) for key in _SETTINGS]
        bounds = [
            (f"{key}.{each}", control)
            for key, inner in BOUND_CONTROLS.items()
            for each, control in inner.items()
        ]
        return [*single, *bounds]

    @property
    def has_settings(self) -> bool:
        """True if one of them has a text, or is wrong."""
        return any(self.text(name) or name in self.errors for name, _ in self.settings)

    @functools.cached_property
    def rows(self) -> list[FieldRowView]:
        """The fields."""
        return [
            FieldRowView(number, inputs, self.notes.get(inputs.get("name", ""), ""), self._is_open(number))
            for number, inputs in connector_form.rows_of(self.state.inputs).items()
        ]

    @property
    def blank_row(self) -> FieldRowView:
        """The row that the script copies for a new field."""
        return FieldRowView(0, {"type": "string"})

    def _is_open(self, number: int) -> bool:
        names = [f"f{number}.{key}" for key in RULE_KEYS]
        return any(name in self.errors or name == self.focus for name in names)

    @functools.cached_property
    def errors(self) -> Mapping[str, Sequence[str]]:
        """The problems and findings of inputs, by their names."""
        found: dict[str, list[str]] = defaultdict(list)
        for each in preview_panels.errors_of(self.panels):
            hint = each.get("hint")
            found[each["input"]].append(each["message"] + (f"; {hint}" if hint else ""))
        return dict(found)

    @functools.cached_property
    def access(self) -> list[AccessView]:
        """The table of permissions: the tokens of the tokens file, those that the file names, and the public."""
        named = connector_form.tokens_in(model_before(self.state))
        checked = {
            name.partition(":")[2] for name in self.state.inputs if name.startswith("access.") and ":" in name
        }
        tokens = dict.fromkeys([PUBLIC, *self.token_names, *named, *sorted(checked - {"*"})])
        lines = [self._access_of(token) for token in tokens]
        return [
            each
            for each in lines
            if each.token != self.made_token or any(is_set for _, is_set in each.boxes.values())
        ]

    def _access_of(self, token: str) -> AccessView:
        names = {verb: connector_form.access_input(verb, token) for verb in ACCESS_KEYS}
        boxes = {
            verb: (name, bool(self.text(name)))
            for verb, name in names.items()
            if (token != PUBLIC or verb == "read" or self.text(name))
            and (token, verb) != (self.made_token, "ingest")
        }
        return AccessView(token, boxes, token == PUBLIC or token in self.token_names)

    def new_token_box(self, verb: str) -> tuple[str, bool]:
        """Return the check box of a token whose name is typed."""
        name = connector_form.access_input(verb, "*")
        return name, bool(self.text(name))

    @property
    def kept(self) -> Sequence[str]:
        """The places of the file that the form does not show."""
        return connector_form.kept_places(model_before(self.state))
