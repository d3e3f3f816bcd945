"""Ways out of a refused change: what its hint tells to write, as buttons that write it.

A way names an input of the form, and its new text. Without a text it only leads there, as the value is the user's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway import strictjson
from gateway.connectors.change import Rule
from gateway.console.builder import typed_text
from gateway.console.builder.field_row import NAME
from gateway.strictjson import Json

_FORMER = re.compile(r'renamed_from: ("(?:[^"\\]|\\.)*"|[^;"]+?)(?: in \'|;)')
_USING = re.compile(r'using: ("(?:[^"\\]|\\.)*"|[^;]+?)(?:; or|, which|$)')
_TYPE = re.compile(r"(?:or restore|keep) (\w+(?:\([0-9]+, [0-9]+\))?(?:\[\])?)")
_TIGHTENED = re.compile(r"(?:: |, )(\w+) [^→]* → ")


@dataclass(frozen=True, slots=True)
class Way:
    """One way out.

    Attributes:
        label: The text of its button or link.
        key: The key of the field's row, or the name of an input outside of rows.
        text: The new text of that input; None if the user chooses it.
        verb: The action of its button, see `edits`.
    """

    label: str
    key: str
    text: str | None = None
    verb: str = "set"


def ways_out(change: Mapping[str, Any]) -> list[Way]:
    """Return the ways out of a change as a plan shows it; none if it is not refused."""
    if change["verdict"] != "refused":
        return []
    find = _WAYS.get(change["rule"])
    return list(find(change["hint"] or "", change["sentence"])) if find else []


def _renamed(hint: str, _: str) -> Iterator[Way]:
    if found := _FORMER.search(hint):
        former = _unquoted(found[1])
        yield Way(f"It is '{former}' under a new name", "renamed_from", typed_text.shown(former, "string"))
    yield Way("It is another field", "renamed_from", "null")


def _unquoted(text: str) -> Json:
    return strictjson.read(text.encode()) if text.startswith('"') else text


def _without_value(_: str, __: str) -> Iterator[Way]:
    yield Way("Give stored rows a value", "backfill")
    yield Way("Make it nullable", "nullable", "on")


def _added(_: str, __: str) -> Iterator[Way]:
    yield from _without_value("", "")
    yield Way("Give it a default", "default")


def _converted(hint: str, _: str) -> Iterator[Way]:
    if found := _USING.search(hint):
        yield Way(f"Convert with {_unquoted(found[1])}", "using", str(_unquoted(found[1])))
    yield Way("Write another conversion", "using")
    if former := _TYPE.search(hint):
        yield Way(f"Keep the type {former[1]}", "type", former[1])
    yield Way("Choose another name, for a field of its own", NAME, "", "own")


def _tightened(_: str, sentence: str) -> Iterator[Way]:
    for found in _TIGHTENED.finditer(sentence):
        yield Way(f"Change {found[1]}", found[1])
    yield Way("Correct stored values with SQL", "using")


def _restored(_: str, __: str) -> Iterator[Way]:
    yield Way("Give rows without a value one", "backfill")
    yield Way("Correct former values with SQL", "using")
    yield Way("Choose another name, for a field of its own", NAME)


def _key(_: str, __: str) -> Iterator[Way]:
    yield Way("Choose other fields", "primary_key")


_WAYS: Mapping[str, Callable[[str, str], Iterator[Way]]] = {
    Rule.FIELD_RENAMED.kind: _renamed,
    Rule.REQUIRED_ADDED.kind: _added,
    Rule.MADE_REQUIRED.kind: _without_value,
    Rule.TYPE_CHANGED.kind: _converted,
    Rule.TYPE_WIDENED.kind: _converted,
    Rule.TIGHTENED.kind: _tightened,
    Rule.FIELD_RESTORED.kind: _restored,
    Rule.KEY_DECLARED.kind: _key,
}
