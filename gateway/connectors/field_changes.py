"""Changes of one field, each with its rule, a verdict, and a sentence."""

import json
import re
from collections.abc import Iterator, Mapping

from gateway import strictjson
from gateway.connectors import widening
from gateway.connectors.change import Change, Rule, Verdict
from gateway.connectors.connector import ABSENT, Field
from gateway.connectors.constraints import show
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.strictjson import Json


def type_change(name: str, before: FieldType, field: Field) -> Change:
    """Build the change of a type; the column may have had another name."""
    sentence = f"changes '{field.name}' from {before.name} to {field.type.name}"
    if field.using is not None:
        return field_change(
            Rule.TYPE_CHANGED,
            field,
            f"{sentence} by {show(field.using)}; the old values are hidden, not deleted",
            Verdict.CONDITIONAL,
            reason="it must convert every stored row",
            hint="correct the expression of using, or the rows",
        )
    sql = cast(name, field.type.sql.column)
    # In braces YAML would end it at its comma.
    example = f"using: {json.dumps(sql, ensure_ascii=False) if ',' in sql else sql}"
    if widening.widens(before, field.type):
        return field_change(
            Rule.TYPE_WIDENED,
            field,
            sentence,
            Verdict.APPLIED if widening.always_survives(before, field.type) else Verdict.CONDITIONAL,
            reason="every stored value must survive it",
            hint=f"keep {before.name}, or write {example}, which says how to convert the others",
        )
    return field_change(
        Rule.TYPE_CHANGED,
        field,
        sentence,
        reason="the rows stored before would have to be converted",
        hint=f"write the conversion, such as {example}; or restore {before.name}",
    )


def cast(name: str, column: str) -> str:
    """Spell the SQL that casts a field, for a hint."""
    shown = name if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
    return f"CAST({shown} AS {column})"


def field_change(
    rule: Rule,
    field: Field,
    sentence: str,
    verdict: Verdict = Verdict.REFUSED,
    *,
    reason: str | None,
    hint: str | None,
) -> Change:
    """Build a change of a field; a change that is applied has no reason and no hint."""
    if verdict is Verdict.APPLIED:
        reason = hint = None
    return Change(rule, sentence, verdict, field.name, place_of(field), reason, hint)


def in_yaml(name: str) -> str:
    """Quote a name if YAML would read it as another type, such as `1` or `null`."""
    is_text = re.fullmatch("[A-Za-z][A-Za-z0-9_ ]*", name) and name.lower() not in ("true", "false", "null")
    return name if is_text else json.dumps(name, ensure_ascii=False)


def place_of(field: Field) -> tuple[int | None, int | None]:
    """Return the line and the column of a field in its file."""
    return field.line, field.column


def made_required(field: Field) -> Change:
    """Build the change of a nullable field to a required one."""
    if field.backfill is not ABSENT:
        sentence = f"makes '{field.name}' required; rows without a value get {show(field.backfill)}"
        return Change(Rule.MADE_REQUIRED, sentence, field=field.name, place=place_of(field))
    return field_change(
        Rule.MADE_REQUIRED,
        field,
        f"makes '{field.name}' required",
        Verdict.CONDITIONAL,
        reason="no stored row may be without a value",
        hint="write backfill: VALUE, which such rows get, or leave it nullable",
    )


def constraint_changes(before: Field, field: Field) -> Iterator[Change]:
    """Compare constraints; a tighter one is conditional, because stored rows may not satisfy it."""
    keys = [
        key
        for key in {**before.constraints, **field.constraints}
        if before.constraints.get(key) != field.constraints.get(key)
    ]
    tighter = [
        key
        for key in keys
        if not widening.is_looser(key, before.constraints.get(key), field.constraints.get(key))
    ]
    if looser := [key for key in keys if key not in tighter]:
        sentence = f"loosens '{field.name}': {_told(looser, before, field)}"
        yield Change(Rule.LOOSENED, sentence, field=field.name, place=place_of(field))
    if tighter:
        yield field_change(
            Rule.TIGHTENED,
            field,
            f"tightens '{field.name}': {_told(tighter, before, field)}",
            Verdict.CONDITIONAL,
            reason="every stored row must satisfy it",
            hint="loosen it again, or write using: SQL that makes the stored values satisfy it",
        )


def _told(keys: list[str], before: Field, field: Field) -> str:
    def shown(constraints: Mapping[str, Json], key: str) -> str:
        return show(constraints[key]) if key in constraints else "none"

    return ", ".join(
        f"{key} {shown(before.constraints, key)} → {shown(field.constraints, key)}" for key in keys
    )


def is_same_json(before: Json, after: Json) -> bool:
    """Compare two values as JSON, where 1 is not true."""
    if before is ABSENT or after is ABSENT:
        return before is after
    return strictjson.write(before) == strictjson.write(after)


def default_sentence(before: Field, field: Field) -> str:
    """Build the sentence about a default that is given, changed, or removed."""
    if field.default is ABSENT:
        demand = ", and rows must name it" if field.required else ""
        return f"removes the default {show(before.default)} of '{field.name}'{demand}"
    if before.default is ABSENT:
        return f"gives '{field.name}' the default {show(field.default)}"
    return f"changes the default of '{field.name}' from {show(before.default)} to {show(field.default)}"
