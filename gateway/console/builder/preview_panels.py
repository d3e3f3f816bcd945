"""The panels beside a form: the diff, the plan, and the findings, as JSON for the script and for the page."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.connectors.plan import FileState
from gateway.connectors.preview import ACTIONS
from gateway.console.builder import yaml_area
from gateway.console.builder.controls import BOUND_CONTROLS, CONNECTOR_CONTROLS, FIELD_CONTROLS
from gateway.console.builder.form_state import Composition, FormState
from gateway.console.builder.places import Places
from gateway.console.builder.ways_forward import Way, ways_out
from gateway.errors import Code
from gateway.strictjson import Json

#: The most lines of a diff on a page.
DIFF_LINES_MAX = 2000
_KINDS = {"+": "added", "-": "removed", "@": "place"}
_MISSPELT = re.compile(
    r"^(?:unknown key|field '[^']*':|[\w.]+) '(?P<old>[^'\n]+)'.*?(?:did you mean|write) '?(?P<new>[a-z_]+)'?\??$"
)
_ROW = re.compile(r"f[0-9]+\.(\w+)")


def panels(state: FormState, composed: Composition, plan: Mapping[str, Any], model: Json) -> dict[str, Any]:
    """Return everything that stands beside a form.

    Args:
        state: The state of the page.
        composed: The text that it asks for.
        plan: What that text would do, as `ConnectorFiles.plan` returns it.
        model: The tree of that text, None if it is not YAML.
    """
    places = Places(composed.text, state.file, state.inputs if state.area is None else {})
    entries = plan["connectors"]
    refused = [change for each in entries for change in each["changes"] if change["verdict"] == "refused"]
    shown = {(change["line"], change["column"]) for change in refused}
    findings = [
        finding
        for each in entries
        for finding in each["findings"]
        if finding["code"] != Code.CHANGE_REFUSED.code or (finding["line"], finding["column"]) not in shown
    ]
    problems = [
        {"input": name, "label": label_of(name), "message": text} for name, text in composed.problems.items()
    ]
    return {
        "text": yaml_area.shown(composed.text),
        "diff": diff(state.base or b"", composed.text),
        "verdict": "refused" if problems or composed.refusal else plan["verdict"],
        "plan": [_entry(each, places) for each in entries],
        "findings": [_finding(each, places) for each in findings],
        "problems": problems,
        "refusal": composed.refusal,
        "removed": list(composed.form.removed) if composed.form else [],
        "model": model,
    }


def diff(old: bytes, new: bytes) -> list[dict[str, str]]:
    """Return the changed lines of a text, each with what it is."""
    before, after = (yaml_area.shown(text).split("\n") for text in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    shown = [{"kind": _KINDS.get(line[:1], "same"), "text": line} for line in lines[:DIFF_LINES_MAX]]
    if len(lines) > DIFF_LINES_MAX:
        shown.append({"kind": "place", "text": f"{len(lines) - DIFF_LINES_MAX} more lines"})
    return shown


def label_of(name: str | None) -> str | None:
    """Return the label of an input, None if there is none."""
    if name is None:
        return None
    found = _ROW.fullmatch(name)
    if found:
        own = {"name": "Field name", "type": "Type"}
        key = found[1]
        return own.get(key) or FIELD_CONTROLS[key].label if key in own or key in FIELD_CONTROLS else key
    if name == "pipeline":
        return "Its name"
    key, _, inner = name.partition(".")
    if key in BOUND_CONTROLS:
        return BOUND_CONTROLS[key][inner].label
    return CONNECTOR_CONTROLS[key].label if key in CONNECTOR_CONTROLS else "Access"


def entries(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what happens to connectors, for a page without a form: its changes and findings, without ways out."""
    places = Places(b"", "", {})
    return [
        {**_entry(each, places), "findings": [_finding(finding, places) for finding in each["findings"]]}
        for each in plan["connectors"]
    ]


def _entry(entry: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """Return what happens to one connector."""
    action = entry["action"]
    sentence = "nothing changes" if action == "none" else ACTIONS[action]
    if action == "refuse" and entry["state"] == FileState.REFUSED.value:
        sentence = "the file is not applied"  # No version is live that could stay.
    return {
        "connector": entry["connector"] or entry["file"],
        "path": entry["path"],
        "action": action,
        "sentence": sentence,
        "verdict": entry["verdict"],
        "changes": [_change(change, places) for change in entry["changes"]],
    }


def _change(change: Mapping[str, Any], places: Places) -> dict[str, Any]:
    ways = (_way(way, change["field"], places) for way in ways_out(change))
    return {
        "sentence": change["sentence"],
        "verdict": change["verdict"],
        "reason": change["reason"],
        "hint": change["hint"],
        "rows": [f"_id {row['_id']}: {row['value']}" for row in change["rows"]],
        "ways": [way for way in ways if way],
    }


def _way(way: Way, field: str | None, places: Places) -> dict[str, str | None] | None:
    """Return a way as a button or a link; none where the form has no such input, as in YAML."""
    is_of_row = way.key in FIELD_CONTROLS or way.key in ("name", "type")
    name = places.input_of_field(field, way.key) if is_of_row and field else way.key
    if name is None:
        return None
    do = None if way.text is None else f"{way.verb}:{name}:{way.text}"
    return {"label": way.label, "input": name, "do": do}


def _finding(finding: Mapping[str, Any], places: Places) -> dict[str, Any]:
    line, column = finding["line"], finding["column"]
    is_missing = finding["code"] == Code.KEY_MISSING.code
    name = places.input_at(line, column, is_missing=is_missing)
    return {
        "message": finding["message"],
        "hint": finding["hint"],
        "code": finding["code"],
        "level": finding["level"],
        "place": ":".join(str(each) for each in (line, column) if each is not None),
        "input": name,
        "label": label_of(name),
        "fix": fix_of(finding),
    }


def fix_of(finding: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the button that corrects a misspelt key or type; None where the fix is not mechanical."""
    told = f"{finding['message']} {finding['hint'] or ''}".strip()
    found = _MISSPELT.search(told)
    if found is None or finding["line"] is None:
        return None
    do = f"fix:{finding['line']}:{finding['column']}:{found['old']}:{found['new']}"
    return {"label": f"Write '{found['new']}' for '{found['old']}'", "do": do}


def fixed(text: str, line: int, column: int, old: str, new: str) -> str:
    """Replace a word at a place of a text; a text that has another word there stays as it is."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines) or not lines[line - 1].startswith(old, column - 1):
        return text
    there = lines[line - 1]
    lines[line - 1] = there[: column - 1] + new + there[column - 1 + len(old) :]
    return "\n".join(lines)


def errors_of(shown: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the problems and findings that have an input, for its description."""
    named: Sequence[Mapping[str, Any]] = [*shown["problems"], *shown["findings"]]
    yield from (each for each in named if each["input"])
