"""The buttons of a form without the script: each returns the state after it, and the input to focus."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.console.builder import connector_form, field_row, preview_panels
from gateway.console.builder.controls import CONNECTOR_CONTROLS, FIELD_CONTROLS
from gateway.console.builder.field_row import NAME
from gateway.console.builder.form_state import FormState, model_before

Edited = tuple[FormState, str | None]


def apply(state: FormState, action: str) -> Edited | None:
    """Apply the action of a button, such as `up:3`; None if it is none of these."""
    verb, _, rest = action.partition(":")
    act = _ACTIONS.get(verb)
    return act(state, rest) if act else None


def _with_rows(state: FormState, rows: Mapping[int, Mapping[str, str]]) -> FormState:
    """Return a state with other rows, in this order."""
    inputs = {name: text for name, text in state.inputs.items() if not connector_form.is_of_row(name)}
    for number, row in rows.items():
        inputs |= {f"f{number}.{key}": text for key, text in row.items()}
    return replace(state, inputs=inputs)


def _add(state: FormState, _: str) -> Edited:
    rows = connector_form.rows_of(state.inputs)
    number = max(rows, default=0) + 1
    return _with_rows(state, {**rows, number: {NAME: "", "type": "string"}}), f"f{number}.{NAME}"


def _up(state: FormState, number: str) -> Edited:
    return _moved(state, number, -1)


def _down(state: FormState, number: str) -> Edited:
    return _moved(state, number, 1)


def _moved(state: FormState, number: str, by: int) -> Edited:
    rows = connector_form.rows_of(state.inputs)
    numbers = list(rows)
    if not number.isdecimal() or int(number) not in rows:
        return state, None
    place = numbers.index(int(number))
    numbers.insert(max(0, place + by), numbers.pop(place))
    return _with_rows(state, {each: rows[each] for each in numbers}), f"f{number}.{NAME}"


def _delete(state: FormState, number: str) -> Edited:
    """Delete a row; the focus goes to the next one, to the last one behind the end, or to the button that adds one."""
    rows = connector_form.rows_of(state.inputs)
    if not number.isdecimal() or int(number) not in rows:
        return state, None
    numbers = list(rows)
    place = numbers.index(int(number))
    numbers.remove(int(number))
    heir = numbers[min(place, len(numbers) - 1)] if numbers else None
    focus = "add" if heir is None else f"f{heir}.{NAME}"
    return _with_rows(state, {each: rows[each] for each in numbers}), focus


def _restore(state: FormState, name: str) -> Edited:
    """Put a deleted field back, as the file has it: behind the field that stands before it there."""
    before = model_before(state)
    fields = before.get("fields") if isinstance(before, dict) else None
    rows = connector_form.rows_of(state.inputs)
    is_there = any(row.get(field_row.WAS) == name for row in rows.values())
    if not isinstance(fields, dict) or name not in fields or is_there:
        return state, None
    number = max(rows, default=0) + 1
    earlier = set(itertools.takewhile(lambda each: each != name, fields))
    numbers = list(rows)
    places = (place for place, row in enumerate(rows.values(), 1) if row.get(field_row.WAS) in earlier)
    numbers.insert(max(places, default=0), number)
    rows[number] = field_row.inputs_of(name, fields[name])
    return _with_rows(state, {each: rows[each] for each in numbers}), f"f{number}.{NAME}"


def _set(state: FormState, rest: str) -> Edited:
    """Write a text into an input, as a way out of a refused change does."""
    name, _, text = rest.partition(":")
    inputs = dict(state.inputs)
    key = name.partition(".")[2]
    if key == "type" and connector_form.is_of_row(name):
        shown = field_row.shown_type(text)
        inputs |= {f"{name.partition('.')[0]}.{each}": value for each, value in shown.items()}
    elif key in FIELD_CONTROLS or name in CONNECTOR_CONTROLS:
        inputs[name] = text
    return replace(state, inputs=inputs), name


def _own(state: FormState, rest: str) -> Edited:
    """Separate a field from the one that the file has in its place; the focus goes to its name."""
    row = rest.partition(".")[0]
    edited, _ = _set(state, f"{row}.renamed_from:null")
    return edited, f"{row}.{NAME}"


def _fix(state: FormState, rest: str) -> Edited:
    """Replace a misspelt word of the text."""
    parts = rest.split(":", 3)
    if len(parts) != len(("line", "column", "old", "new")) or not (parts[0] + parts[1]).isdecimal():
        return state, None
    line, column, old, new = int(parts[0]), int(parts[1]), parts[2], parts[3]
    if state.area is not None:
        return replace(state, area=preview_panels.fixed(state.area, line, column, old, new)), "area"
    return state, None


_ACTIONS: Mapping[str, Callable[[FormState, str], Edited]] = {
    "add": _add,
    "up": _up,
    "down": _down,
    "delete": _delete,
    "restore": _restore,
    "set": _set,
    "own": _own,
    "fix": _fix,
}
