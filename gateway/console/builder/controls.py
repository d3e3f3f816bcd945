"""The control of each key of a connector file: how its value is shown in an input, and parsed from it.

Every key of the parser's tables has a control here, which a test holds.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway import strictjson
from gateway.connectors.connector_file import CONNECTOR_KEYS
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.lexical_forms import FORMATS
from gateway.connectors.policy_keys import LIMIT_KEYS, RETENTION_KEYS
from gateway.console.builder import typed_text
from gateway.strictjson import Json

#: Characters that no input keeps.
_UNKEPT = re.compile(r"[\x00-\x09\x0b-\x1f]")


class _Absent:
    """A key that the file does not have, and an input without text."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Control:
    """The control of one key.

    Attributes:
        kind: `line`, `text`, `number`, `flag`, `choice`, `value` or `values`, as the templates draw it.
        label: Its label.
        example: What the empty input shows.
        choices: The values of a choice, each with its meaning.
    """

    kind: str
    label: str
    example: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_typed(self) -> bool:
        """True if its text means another value in a field of another type."""
        return self.kind in ("value", "values")

    def shown(self, value: Json, type_name: str = "string") -> str:
        """Write the value of a key for its input; a missing one is empty."""
        if value is ABSENT:
            return ""
        if self.kind == "flag":
            return "on" if value is True else ""
        if self.kind == "value":
            return typed_text.shown(value, type_name)
        if self.kind == "values" and isinstance(value, list):
            return typed_text.shown_lines(value, type_name)
        is_shown = isinstance(value, str) and not _UNKEPT.search(value)
        return value if is_shown else strictjson.write(value).decode()

    def parsed(self, text: str, type_name: str = "string") -> Json:
        """Parse the text of an input.

        Raises:
            NotJsonError: The type of the field needs JSON, and the text is none.
        """
        text = text.replace("\r\n", "\n")
        if not text.strip():
            return ABSENT
        return _PARSERS[self.kind](text, type_name)


def _number(text: str, _: str) -> Json:
    return typed_text.number(text)


_PARSERS: Mapping[str, Callable[[str, str], Json]] = {
    "line": lambda text, _: text.strip(),
    "text": lambda text, _: text,
    "number": _number,
    "flag": lambda text, _: True,
    "choice": lambda text, _: text,
    "value": typed_text.parsed,
    "values": typed_text.parsed_lines,
}

_RENAMED = "former name, or null"
#: The controls of a field's keys, except `type`, which the row of the field has.
FIELD_CONTROLS: Mapping[str, Control] = {
    "nullable": Control("flag", "Nullable"),
    "default": Control("value", "Default"),
    "description": Control("text", "Description"),
    "min_length": Control("number", "Minimum length"),
    "max_length": Control("number", "Maximum length"),
    "pattern": Control("line", "Pattern", "^[A-Z]{2}$"),
    "format": Control("choice", "Format", choices=dict.fromkeys(FORMATS, "")),
    "minimum": Control("number", "Minimum"),
    "maximum": Control("number", "Maximum"),
    "exclusive_minimum": Control("number", "Above"),
    "exclusive_maximum": Control("number", "Below"),
    "enum": Control("values", "Allowed values, one in each line"),
    "examples": Control("values", "Examples, one in each line"),
    "backfill": Control("value", "Backfill: the value of stored rows that have none"),
    "using": Control("line", "Using: SQL that computes stored values", "CAST(amount AS BIGINT)"),
    "renamed_from": Control("value", "Renamed from", _RENAMED),
}
#: The keys of a field that change stored rows, which a new connector has none of.
CHANGE_KEYS = ("backfill", "using", "renamed_from")
#: The controls of a connector's keys that have one input each.
CONNECTOR_CONTROLS: Mapping[str, Control] = {
    "name": Control("line", "Connector name", "orders"),
    "path": Control("line", "Path", "/orders"),
    "description": Control("text", "Description of the connector"),
    "primary_key": Control("names", "Primary key", "order_id"),
    "on_conflict": Control(
        "choice",
        "A row whose key exists",
        choices={
            "reject": "rejects the batch",
            "ignore": "is skipped",
            "replace": "replaces the stored row",
        },
    ),
    "on_invalid": Control(
        "choice",
        "A batch with bad rows",
        choices={
            "reject": "is rejected whole",
            "keep": "stores the good rows, and keeps the bad ones apart",
            "on_request": "does so if the request asks for it",
        },
    ),
    "keep_at_most": Control("number", "Bad rows of a batch that are kept at most", "100 or 10%"),
    "idempotency": Control(
        "choice",
        "Idempotency-Key",
        choices={"optional": "may be sent", "required": "must be sent"},
    ),
    "read_limit": Control("number", "Most rows of one response", "10000"),
}
#: The keys that are mappings of numbers, each key with its control.
BOUND_CONTROLS: Mapping[str, Mapping[str, Control]] = {
    "retention": {
        "days": Control("number", "Days that rows are kept", "90"),
        "rows": Control("number", "Rows that are kept at most", "1000000"),
    },
    "limits": {
        "rows_per_second": Control("number", "Rows per second of one sender", "1000"),
        "requests_per_second": Control("number", "Requests per second of one sender", "10"),
    },
}
#: The order of keys in a file, in which a new one finds its place.
CONNECTOR_ORDER = tuple(CONNECTOR_KEYS)
FIELD_ORDER = tuple(FIELD_KEYS)
BOUND_ORDERS: Mapping[str, tuple[str, ...]] = {
    "retention": tuple(RETENTION_KEYS),
    "limits": tuple(LIMIT_KEYS),
}


def placed(keys: Mapping[str, Json], order: tuple[str, ...], present: Mapping[str, Json]) -> dict[str, Json]:
    """Order the keys of a mapping: those that it had before as they were, each new one behind those that precede it."""
    names = [key for key in present if key in keys]
    for key in keys:
        if key not in names:
            before = order[: order.index(key)] if key in order else order
            behind = [names.index(each) for each in before if each in names]
            names.insert(max(behind, default=-1) + 1, key)
    return {name: keys[name] for name in names}
