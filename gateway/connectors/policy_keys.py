"""The policy keys of a connector file, from a tree of YAML to a Policy."""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.connectors.connector import Field
from gateway.connectors.constraints import show
from gateway.connectors.policy import BadRowLimit, Limits, Policy, Retention
from gateway.connectors.value_synonyms import list_hint, number_hint, word_hint
from gateway.connectors.yaml_text.node import Node
from gateway.connectors.yaml_values import YamlValues
from gateway.errors import Code, suggest

ON_CONFLICT = ("reject", "ignore", "replace")
ON_INVALID = ("reject", "keep", "on_request")
IDEMPOTENCY = ("optional", "required")
RETENTION_KEYS: Mapping[str, str] = {
    "days": "the number of days that rows are kept, counted from `_ingested_at`",
    "rows": "the number of rows that are kept, the latest ones",
}
LIMIT_KEYS: Mapping[str, str] = {
    "rows_per_second": "the rows that a token may send per second, on average",
    "requests_per_second": "the requests that a token may make per second, on average",
}
POLICY_KEYS: Mapping[str, str] = {
    "primary_key": "the field or the fields that identify a row",
    "on_conflict": "a row whose primary key exists: `reject` rejects the batch, `ignore` skips the row,"
    " `replace` replaces the stored row",
    "on_invalid": "a batch with bad rows: `reject` rejects the whole batch, `keep` stores the good rows and keeps the bad ones"
    " as rejected rows, `on_request` does so for `Prefer: handling=lenient`",
    "keep_at_most": "the most bad rows of a batch that are kept, such as `100` or `10%`; a batch with more is rejected",
    "idempotency": "`required`: a POST must have an `Idempotency-Key`; default: `optional`",
    "retention": "the rows to keep: `{days: 90}`, `{rows: 1000000}`, or both; older ones are deleted",
    "limits": "the rate limits of one token: `rows_per_second`, `requests_per_second`",
    "read_limit": "the most rows of a response to a GET, as with `limit`; a `Link` leads to the next ones",
}
#: The bounds that are numbers of rows.
_WHOLE = ("retention.rows", "read_limit")
#: The greatest number that a bound may have.
_MOST = 10**12


def parse_primary_key(
    node: Node | None, fields: Sequence[Field], declared: Collection[str], values: YamlValues
) -> tuple[str, ...]:
    """Parse `primary_key`: the names of required fields.

    Args:
        node: The value of the key, None if it is missing.
        fields: The fields that could be parsed.
        declared: The names of all declared fields; those that are not in `fields` have findings already.
        values: The collector of findings.
    """
    if node is None or not declared:
        return ()
    items = node.value if isinstance(node.value, list) else [node]
    if not items:
        values.report(node, Code.DECLARATION_INVALID, "primary_key is empty", "name fields, or leave it out")
    names: list[str] = []
    for item in items:
        is_unread = item.value in declared and not any(each.name == item.value for each in fields)
        problem, hint = (None, None) if is_unread else _key_problem(item.plain(), names, fields)
        if problem:
            values.report(item, Code.DECLARATION_INVALID, problem, hint)
        names.append(str(item.plain()))
    return tuple(names)


def _key_problem(name: Any, before: Sequence[str], fields: Sequence[Field]) -> tuple[str | None, str | None]:
    field = next((each for each in fields if each.name == name), None)
    if field is None:
        names = [each.name for each in fields]
        hint = f"write primary_key: [FIELD]; the fields are {', '.join(names)}"
        if isinstance(name, str):
            hint = suggest(name, names, "the fields are")
        if isinstance(name, str) and "," in name:
            hint = list_hint("primary_key", name)
        return f"primary_key names {show(name)}, which is no field", hint
    if name in before:
        return f"primary_key names '{name}' twice", "name every field once"
    if field.nullable:
        return (
            f"primary_key names '{name}', which is nullable",
            f"every row needs its key: make '{name}' required",
        )
    if field.type.item or field.type.name == "json":
        return f"primary_key names '{name}', which is {field.type.name}", "a key is made of single values"
    return None, None


def parse_policy(top: Mapping[str, Node], values: YamlValues) -> Policy:
    """Parse the other policy keys; report findings to `values`."""
    reading = _PolicyParser(values)
    policy = Policy(
        reading.word(top.get("on_conflict"), "on_conflict", ON_CONFLICT),
        reading.word(top.get("on_invalid"), "on_invalid", ON_INVALID),
        reading.allowance(top.get("keep_at_most")),
        reading.word(top.get("idempotency"), "idempotency", IDEMPOTENCY) == "required",
        Retention(**reading.bounds(top.get("retention"), "retention", RETENTION_KEYS)),
        parse_limits(top.get("limits"), values),
        reading.count(top.get("read_limit"), "read_limit"),
    )
    if "on_conflict" in top and "primary_key" not in top:
        hint = "write primary_key: [FIELD], or leave it out"
        values.report(top["on_conflict"], Code.DECLARATION_INVALID, "on_conflict needs a primary_key", hint)
    if "keep_at_most" in top and policy.on_invalid == "reject":
        message = "keep_at_most needs bad rows to be kept"
        values.report(
            top["keep_at_most"], Code.DECLARATION_INVALID, message, "write on_invalid: keep, or leave it out"
        )
    return policy


def parse_limits(node: Node | None, values: YamlValues) -> Limits:
    """Parse the `limits` of a connector or of a token; report findings to `values`."""
    return Limits(**_PolicyParser(values).bounds(node, "limits", LIMIT_KEYS))


class _PolicyParser:
    """Parses single values."""

    def __init__(self, values: YamlValues) -> None:
        self._values = values

    def word(self, node: Node | None, key: str, words: Sequence[str]) -> Any:
        """Parse one of `words`; return the first if the key is missing."""
        if node is None:
            return words[0]
        if node.value not in words:
            message = f"{key} {show(node.plain())} is none of {', '.join(words)}"
            self._values.report(
                node,
                Code.DECLARATION_INVALID,
                message,
                word_hint(key, node.value, words) or suggest(str(node.value), words, "write one of"),
            )
            return words[0]
        return node.value

    def allowance(self, node: Node | None) -> BadRowLimit:
        if node is None:
            return BadRowLimit()
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
            return BadRowLimit(rows=value)
        found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", value) if isinstance(value, str) else None
        if found and float(found[1]) <= 100:
            return BadRowLimit(percent=float(found[1]))
        message = f"keep_at_most {show(node.plain())} is neither a number of rows nor a share of them"
        self._values.report(node, Code.DECLARATION_INVALID, message, "write one like 100 or 10%")
        return BadRowLimit()

    def bounds(self, node: Node | None, key: str, known: Mapping[str, str]) -> dict[str, Any]:
        """Parse a mapping of numbers above 0; numbers of rows are whole."""
        if node is None:
            return {}
        given = self._values.mapping(node, known, key, key) or {}
        if isinstance(node.value, dict) and not node.value:
            self._values.report(
                node, Code.DECLARATION_INVALID, f"{key} is empty", f"write {' or '.join(known)}"
            )
        return {
            name: number for name, item in given.items() if (number := self._number(item, f"{key}.{name}"))
        }

    def count(self, node: Node | None, key: str) -> int | None:
        """Parse a whole number above 0, None if the key is missing."""
        number = None if node is None else self._number(node, key)
        return None if number is None else int(number)

    def _number(self, node: Node, place: str) -> int | float | None:
        value = node.value
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        is_whole = is_number and value == int(value)
        if not is_number or not 0 < value <= _MOST or (place in _WHOLE and not is_whole):
            what = "a whole number" if place in _WHOLE else "a number"
            message = f"{place} {show(node.plain())} is not {what} above 0"
            name = place.rpartition(".")[2]
            hint = number_hint(name, value) or f"write {name}: {'90' if name == 'days' else '1000'}"
            self._values.report(node, Code.DECLARATION_INVALID, message, hint)
            return None
        return int(value) if is_whole else float(value)
