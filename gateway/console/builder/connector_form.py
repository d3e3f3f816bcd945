"""A connector file as the inputs of a form, and back: plain values, without HTML and without a request.

`inputs_of` gives each input by its name, such as `f3.type` or `access.read:etl`; `parse` turns inputs into the tree of the
file. Values that no input shows, or that were not edited, stay as the file has them.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.console.builder import field_row, typed_text
from gateway.console.builder.controls import (
    ABSENT,
    BOUND_CONTROLS,
    BOUND_ORDERS,
    CONNECTOR_CONTROLS,
    CONNECTOR_ORDER,
    placed,
)
from gateway.console.builder.field_row import NAME, WAS
from gateway.console.builder.former_names import former_name, source_of
from gateway.strictjson import Json

_ROW_INPUT = re.compile(r"f([0-9]{1,6})\.(\w+)")
#: The name of a token that is typed, with a check box for each verb.
NEW_TOKEN = "access.new"  # noqa: S105  # the name of an input
_NEW = "*"


@dataclass(frozen=True, slots=True)
class ParsedForm:
    """The meaning of a form.

    Attributes:
        model: The tree of the file that it asks for.
        renamed: The former names of fields in the file, by their new names.
        removed: The fields of the file that have no row any more.
        problems: What is wrong with inputs, by their names: nothing is saved with them.
    """

    model: dict[str, Json]
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def inputs_of(model: Json) -> dict[str, str]:
    """Return the inputs of a form for the tree of a file; empty ones are left out."""
    model = model if isinstance(model, dict) else {}
    shown = {key: _shown(key, model.get(key, ABSENT)) for key in CONNECTOR_CONTROLS}
    for key, controls in BOUND_CONTROLS.items():
        bounds = model.get(key)
        if isinstance(bounds, dict):
            shown |= {
                f"{key}.{each}": control.shown(bounds.get(each, ABSENT)) for each, control in controls.items()
            }
    for verb, names in _access_of(model).items():
        shown |= {access_input(verb, name): "on" for name in names}
    for number, (name, value) in enumerate(_fields_of(model).items(), 1):
        shown |= {f"f{number}.{key}": text for key, text in field_row.inputs_of(name, value).items()}
    return {name: text for name, text in shown.items() if text}


def access_input(verb: str, token: str) -> str:
    """Return the name of the check box that permits a token something."""
    return f"access.{verb}:{token}"


def rows_of(inputs: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """Return the inputs of each row by their keys, in the order of the rows on the page."""
    rows: dict[int, dict[str, str]] = {}
    for name, text in inputs.items():
        if found := _ROW_INPUT.fullmatch(name):
            rows.setdefault(int(found[1]), {})[found[2]] = text
    return rows


def with_former_names(inputs: Mapping[str, str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs of a tree whose fields a file has under other names: `renamed` maps new names to those."""
    former = {
        f"f{number}.{WAS}": renamed[row[NAME]]
        for number, row in rows_of(inputs).items()
        if row.get(NAME) in renamed
    }
    return {**inputs, **former}


def is_of_row(name: str) -> bool:
    """Return whether an input belongs to the row of a field."""
    return _ROW_INPUT.fullmatch(name) is not None


def tokens_in(model: Json) -> tuple[str, ...]:
    """Return the names in `access`, each once."""
    return tuple(dict.fromkeys(name for names in _access_of(model).values() for name in names))


def parse(
    inputs: Mapping[str, str], before: Json, stored: Collection[str] = (), columns: Collection[str] = ()
) -> ParsedForm:
    """Parse a form.

    Args:
        inputs: The texts of its inputs, by their names; a missing one is empty.
        before: The tree of the file that the form shows, `{}` for a new one.
        stored: The fields that stored rows have, whose renames a file must tell.
        columns: The columns of the file that is loaded, whose renames it must tell, too.
    """
    before = before if isinstance(before, dict) else {}
    shown = inputs_of(before)
    model = dict(before)
    fields = _parse_fields(inputs, before, stored, columns)
    if fields.values or isinstance(before.get("fields"), dict):
        model["fields"] = fields.values
    for key, control in CONNECTOR_CONTROLS.items():
        text = inputs.get(key, "").replace("\r\n", "\n")
        if text != shown.get(key, ""):
            _put(model, key, _parsed_names(text) if key == "primary_key" else control.parsed(text))
    _follow_renames(model, fields.renamed, fields.values)
    for key in BOUND_CONTROLS:
        _put(model, key, _parse_bounds(key, inputs, shown, before.get(key, ABSENT)))
    _put(model, "access", _parse_access(inputs, shown, before.get("access", ABSENT)))
    removed = tuple(name for name in _fields_of(before) if name not in fields.kept)
    problems = {**fields.problems, **_access_problems(inputs)}
    return ParsedForm(placed(model, CONNECTOR_ORDER, before), fields.renamed, removed, problems)


def _put(model: dict[str, Json], key: str, value: Json) -> None:
    if value is ABSENT:
        model.pop(key, None)
    else:
        model[key] = value


def _shown(key: str, value: Json) -> str:
    if key == "primary_key" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return typed_text.shown_names(value)
    return CONNECTOR_CONTROLS[key].shown(value)


def _parsed_names(text: str) -> Json:
    return typed_text.parsed_names(text) or ABSENT


# -- fields


def _fields_of(model: Json) -> Mapping[str, Json]:
    fields = model.get("fields") if isinstance(model, dict) else None
    return fields if isinstance(fields, dict) else {}


@dataclass(slots=True)
class _Fields:
    """The fields of a form while its rows are parsed."""

    values: dict[str, Json] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)


def _parse_fields(
    inputs: Mapping[str, str], before: Json, stored: Collection[str], columns: Collection[str]
) -> _Fields:
    found, present = _Fields(), _fields_of(before)
    for number, row in rows_of(inputs).items():
        was = row.get(WAS) if row.get(WAS) in present else None
        if was is None and field_row.is_blank(row):
            continue
        name = was if was is not None and row.get(NAME) == was else row.get(NAME, "").strip()
        parsed = field_row.parse_row(row, ABSENT if was is None else present[was])
        found.problems |= {f"f{number}.{key}": problem for key, problem in parsed.problems.items()}
        found.kept |= {was} if was else set()
        if not name:
            found.problems[f"f{number}.{NAME}"] = "the field has no name"
        elif name in found.values:
            found.problems[f"f{number}.{NAME}"] = f"another field is called '{name}'"
        elif was is not None and name != was:
            found.renamed[name] = was
            found.values[name] = parsed.value
            if row.get("renamed_from", "") == field_row.inputs_of(was, present[was]).get("renamed_from", ""):
                source = source_of(parsed.value, was, (*stored, *columns))
                found.values[name] = former_name(parsed.value, name, source)
                if source not in (None, name) and (problem := _name_problem(name, stored, columns)):
                    found.problems[f"f{number}.{NAME}"] = problem
        else:
            found.values[name] = parsed.value
    return found


def _name_problem(name: str, stored: Collection[str], columns: Collection[str]) -> str | None:
    """Return why a renamed field cannot take its values along to a name, None if it can."""
    if name in stored:
        first = "save its deletion or its renaming first, and then rename this field"
        return f"stored rows have a field '{name}': {first}"
    if name in columns:
        return f"the file has a column '{name}': rename this field once the rows are loaded"
    return None


def _follow_renames(model: dict[str, Json], renamed: Mapping[str, str], fields: Mapping[str, Json]) -> None:
    """Put the new names of fields into the primary key, unless the form does already."""
    now = {was: name for name, was in renamed.items() if was not in fields}
    key = model.get("primary_key")
    if isinstance(key, str):
        model["primary_key"] = now.get(key, key)
    elif isinstance(key, list):
        model["primary_key"] = [now.get(each, each) if isinstance(each, str) else each for each in key]


# -- retention, limits, and access


def _parse_bounds(key: str, inputs: Mapping[str, str], shown: Mapping[str, str], before: Json) -> Json:
    """Parse a mapping of numbers; it is left out once its last number is."""
    bounds = dict(before) if isinstance(before, dict) else {}
    changed = False
    for each, control in BOUND_CONTROLS[key].items():
        text = inputs.get(f"{key}.{each}", "")
        if text != shown.get(f"{key}.{each}", ""):
            _put(bounds, each, control.parsed(text))
            changed = True
    if not changed:
        return before
    present = before if isinstance(before, dict) else {}
    return placed(bounds, BOUND_ORDERS[key], present) if bounds else ABSENT


def _access_of(model: Json) -> dict[str, list[str]]:
    """Return the lists of names in `access` that a form can show."""
    access = model.get("access") if isinstance(model, dict) else None
    if not isinstance(access, dict):
        return {}
    return {
        verb: names
        for verb in ACCESS_KEYS
        if isinstance(names := access.get(verb), list) and all(isinstance(each, str) for each in names)
    }


def _parse_access(inputs: Mapping[str, str], shown: Mapping[str, str], before: Json) -> Json:
    access = dict(before) if isinstance(before, dict) else {}
    present = _access_of({"access": access})
    changed = False
    for verb in ACCESS_KEYS:
        names = list(_checked(verb, inputs))
        if set(names) != set(_checked(verb, shown)):
            former = [name for name in present.get(verb, ()) if name in names]
            chosen = [*former, *(name for name in names if name not in former)]
            _put(access, verb, chosen or ABSENT)
            changed = True
    if not changed:
        return before
    return placed(access, tuple(ACCESS_KEYS), before if isinstance(before, dict) else {}) or ABSENT


def _checked(verb: str, inputs: Mapping[str, str]) -> Iterator[str]:
    start = access_input(verb, "")
    typed = inputs.get(NEW_TOKEN, "").strip()
    for name, text in inputs.items():
        if name.startswith(start) and text:
            token = name.removeprefix(start)
            if token != _NEW:
                yield token
            elif typed:
                yield typed


def _access_problems(inputs: Mapping[str, str]) -> dict[str, str]:
    """Return what is missing in the line of a token whose name is typed."""
    typed = inputs.get(NEW_TOKEN, "").strip()
    is_ticked = any(inputs.get(access_input(verb, _NEW)) for verb in ACCESS_KEYS)
    if typed and not is_ticked:
        return {NEW_TOKEN: f"tick what '{typed[:80]}' may do, or delete the name"}
    return {NEW_TOKEN: "type the name of the token that may do this"} if is_ticked and not typed else {}


# -- what no input shows


def kept_places(model: Json) -> Sequence[str]:
    """Return what a form does not show of a file, such as `access.read`; a form keeps it as it is."""
    if not isinstance(model, dict):
        return ["the whole file"] if model is not None else []
    kept = [key for key in model if key not in CONNECTOR_KEYS]
    if not isinstance(model.get("fields", {}), dict):
        kept.append("fields")
    for key in (*BOUND_CONTROLS, "access"):
        kept += _kept_inside(key, model.get(key, ABSENT))
    for name, value in _fields_of(model).items():
        kept += (f"{name}.{key}" for key in field_row.kept_keys(value))
    return kept


def _kept_inside(key: str, value: Json) -> Iterator[str]:
    if value is ABSENT:
        return
    if not isinstance(value, dict):
        yield key
        return
    known = _access_of({"access": value}) if key == "access" else BOUND_CONTROLS[key]
    yield from (f"{key}.{each}" for each in value if each not in known)
