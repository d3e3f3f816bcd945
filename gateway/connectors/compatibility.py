"""Old connector and new connector to what changes, each change with a verdict and a sentence."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from gateway import strictjson
from gateway.connectors import widening
from gateway.connectors.change import Change, Column, Comparison, Rule, Verdict
from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.constraints import show
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.policy import Allowance, Limits, Retention, Terms
from gateway.errors import nearest
from gateway.strictjson import Json


def compare(
    old: Connector, new: Connector, hidden: Mapping[str, FieldType], *, is_empty: bool = False
) -> Comparison:
    """Compare what was applied with what is to be.

    Args:
        old: The applied version.
        new: The new version, of the same name.
        hidden: Columns of the table that are not fields of `old`, with what they hold.
        is_empty: Whether the table has no rows.
    """
    comparing = _Comparing(old, new, hidden)
    changes = [*_of_connector(old, new), *comparing.changes()]
    changes += _of_key(old, new, comparing.columns)
    if is_empty:
        changes = [replace(each, verdict=Verdict.APPLIED, reason=None, hint=None) for each in changes]
    return Comparison(old, new, tuple(changes), tuple(comparing.columns), is_empty)


def _of_connector(old: Connector, new: Connector) -> Iterator[Change]:
    if old.path != new.path:
        yield Change(
            Rule.PATH_CHANGED, f"moves from {old.path} to {new.path}; {old.path} answers 410 with that"
        )
    if old.file != new.file:
        yield Change(Rule.FILE_RENAMED, f"is declared by {new.file} instead of {old.file}")
    if old.description != new.description:
        yield Change(Rule.DESCRIBED, "changes the description")
    for verb in ("ingest", "read", "change"):
        before, after = getattr(old.access, verb), getattr(new.access, verb)
        if before != after:
            told = [f"no longer lets {name} {verb}" for name in sorted(before - after)]
            told += [f"lets {name} {verb}" for name in sorted(after - before)]
            yield Change(Rule.ACCESS_CHANGED, " and ".join(told))
    yield from _of_terms(old.terms, new.terms)
    common = [field.name for field in old.fields if new.find_field(field.name)]
    if common != [field.name for field in new.fields if old.find_field(field.name)]:
        yield Change(Rule.FIELDS_ORDERED, "changes the order of fields")


def _of_terms(old: Terms, new: Terms) -> Iterator[Change]:
    for attribute, key in _TERMS.items():
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            told = f"{key} {_show_term(before)} → {_show_term(after)}"
            yield Change(Rule.TERMS_CHANGED, f"changes how rows are taken: {told}")
    if old.retention != new.retention:
        yield _of_retention(old.retention, new.retention)


def _of_retention(old: Retention, new: Retention) -> Change:
    """Tell how long rows are kept; where that is shorter, the stored rows tell how many go."""
    told = [f"{new.rows:,} rows at most"] if new.rows is not None else []
    told += [f"rows for {new.days:g} day{'' if new.days == 1 else 's'}"] if new.days is not None else []
    if not told:
        return Change(Rule.RETENTION_CHANGED, "keeps rows for ever")
    sentence = f"keeps {', and '.join(told)}, and deletes what is older"
    bounds = ((old.days, new.days), (old.rows, new.rows))
    is_shorter = any(after is not None and (before is None or after < before) for before, after in bounds)
    if not is_shorter:
        return Change(Rule.RETENTION_CHANGED, sentence)
    reason = "how many go is for the stored rows to tell"
    return Change(Rule.RETENTION_CHANGED, sentence, Verdict.CONDITIONAL, reason=reason)


#: The terms that say how rows are taken, with their keys in YAML.
_TERMS = {
    "on_conflict": "on_conflict",
    "on_invalid": "on_invalid",
    "keep_at_most": "keep_at_most",
    "key_required": "idempotency",
    "limits": "limits",
    "read_limit": "read_limit",
}


def _show_term(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "required" if value else "optional"
    if isinstance(value, Limits):
        told = [f"{name} {number:,}" for name, number in asdict(value).items() if number is not None]
        return " and ".join(told) or "none"
    return "all" if value == Allowance() else str(value)


def _of_key(old: Connector, new: Connector, columns: Sequence[Column]) -> Iterator[Change]:
    """Compare primary keys: what tells rows apart in another way than before is for the stored rows to decide."""
    if not new.primary_key:
        if old.primary_key:
            yield Change(Rule.KEY_REMOVED, f"takes the primary key ({', '.join(old.primary_key)}) away")
        return
    own = [column for column in columns if column.field.name in new.primary_key]
    is_as_it_was = not any(column.using or column.repair or column.fill is not ABSENT for column in own)
    sources = {column.source for column in own}
    if is_as_it_was and sources == set(old.primary_key):
        return
    told = ", ".join(new.primary_key)
    sentence = f"declares the primary key ({told})"
    if old.primary_key:
        sentence = f"changes the primary key from ({', '.join(old.primary_key)}) to ({told})"
    if sources == set(old.primary_key):
        sentence = f"makes values of the primary key ({told}) anew"
    is_wider = is_as_it_was and bool(old.primary_key) and sources > set(old.primary_key)
    yield Change(
        Rule.KEY_DECLARED,
        sentence,
        Verdict.APPLIED if is_wider else Verdict.CONDITIONAL,
        place=new.key_place,
        reason=None if is_wider else "no two stored rows may share it",
        hint=None
        if is_wider
        else "choose fields that tell all rows apart, or delete the rows that are twice there",
    )


class _Comparing:
    """Finds where the values of each new field come from, and what that changes."""

    def __init__(self, old: Connector, new: Connector, hidden: Mapping[str, FieldType]) -> None:
        self._old = {field.name: field for field in old.fields}
        self._new = new
        self._hidden = {name.lower(): (name, type) for name, type in hidden.items()}
        self._renamed = {
            str(field.renamed_from): field.name
            for field in new.fields
            if field.name not in self._old and field.renamed_from in self._old
        }
        self.columns: list[Column] = []

    def changes(self) -> list[Change]:
        gone = [name for name in self._old if not self._new.find_field(name) and name not in self._renamed]
        found: list[Change] = []
        for field in self._new.fields:
            before = self._old.get(field.name) or self._old.get(field.renamed_from or "")
            if before is not None:
                found += self._altered(before, field)
            elif former := self._find_hidden(field):
                found += self._restored(*former, field)
            else:
                found.append(self._added(field, gone))
        found += [
            Change(
                Rule.FIELD_REMOVED,
                f"removes the field '{name}'; its values are kept out of sight",
                field=name,
            )
            for name in gone
        ]
        return found

    def _find_hidden(self, field: Field) -> tuple[str, FieldType] | None:
        """Find the column of a field that was removed; columns do not tell names apart by case."""
        return self._hidden.get((field.renamed_from or field.name).lower()) or self._hidden.get(
            field.name.lower()
        )

    # -- a field that was not there

    def _added(self, field: Field, gone: list[str]) -> Change:
        fill = field.backfill if field.backfill is not ABSENT else field.default
        self.columns.append(Column(field, fill=ABSENT if fill is None else fill))
        if field.renamed_from is not None:
            return self._misnamed(field, gone)
        like = [name for name in gone if self._old[name].type.name == field.type.name]
        if like and not field.is_new:
            former = nearest(field.name, like) or like[0]
            gone.remove(former)
            return _change(
                Rule.FIELD_RENAMED,
                field,
                f"removes the field '{former}' and adds '{field.name}', both {field.type.name}",
                reason=f"it looks like a rename, which would leave the values of '{former}' behind",
                hint=f"write renamed_from: {_in_yaml(former)} in '{field.name}'; or renamed_from: null, if it is another field",
            )
        if field.required and field.backfill is ABSENT:
            return _change(
                Rule.REQUIRED_ADDED,
                field,
                f"adds the required field '{field.name}'",
                reason="rows stored before have no value for it",
                hint="write backfill: VALUE, which they get; or make it nullable: true, or give it a default",
            )
        rule = Rule.REQUIRED_ADDED if field.required else Rule.FIELD_ADDED
        shown = "null" if fill is ABSENT or fill is None else show(fill)
        return Change(
            rule,
            f"adds the field '{field.name}'; rows stored before read {shown}",
            field=field.name,
            place=_place(field),
        )

    def _misnamed(self, field: Field, gone: list[str]) -> Change:
        former = str(field.renamed_from)
        guess = nearest(former, gone or list(self._old))
        way = f"write renamed_from: {_in_yaml(guess)}; or " if guess else ""
        return _change(
            Rule.FIELD_RENAMED,
            field,
            f"renames the field '{former}' to '{field.name}'",
            reason=f"there is no field '{former}'",
            hint=f"{way}write renamed_from: null, if '{field.name}' is new",
        )

    def _restored(self, column: str, type: FieldType, field: Field) -> Iterator[Change]:
        """Bring a removed field back; what it held then may be anything now."""
        fill = field.backfill
        if fill is ABSENT and not field.nullable:
            fill = field.absent_value if field.absent_value is not None else ABSENT
        using = field.using if type.name != field.type.name else None
        self.columns.append(
            Column(field, column, type, using=using, repair=field.using, fill=fill, surveyed=True)
        )
        yield _change(
            Rule.FIELD_RESTORED,
            field,
            f"brings the field '{field.name}' back, with the values it had",
            Verdict.CONDITIONAL,
            reason="every value it had must satisfy it",
            hint="write backfill: VALUE for rows without a value, using: SQL for values that do not fit",
        )
        if type.name != field.type.name:
            yield _type_change(column, type, field)

    # -- a field that was there

    def _altered(self, before: Field, field: Field) -> Iterator[Change]:
        found = [*self._named(before, field), *self._shaped(before, field)]
        is_checked = any(change.verdict is Verdict.CONDITIONAL for change in found)
        using = field.using if before.type.name != field.type.name else None
        leaves_nulls = before.nullable or is_checked
        self.columns.append(
            Column(
                field,
                before.name,
                before.type,
                using=using,
                repair=field.using if is_checked and field.using != before.using else None,
                fill=field.backfill if leaves_nulls and not field.nullable else ABSENT,
                surveyed=is_checked,
            )
        )
        yield from found

    def _named(self, before: Field, field: Field) -> Iterator[Change]:
        names = {field.name, field.renamed_from}
        if before.name != field.name:
            sentence = (
                f"renames the field '{before.name}' to '{field.name}'; rows may come in under both names, and readers"
                f" may ask for both in select, filters, order and columns; select=* shows '{field.name}' alone"
            )
            yield Change(Rule.FIELD_RENAMED, sentence, field=field.name, place=_place(field))
        elif field.renamed_from is not None and field.renamed_from != before.renamed_from:
            sentence = f"takes rows and queries that call '{field.name}' '{field.renamed_from}'"
            yield Change(Rule.FIELD_RENAMED, sentence, field=field.name, place=_place(field))
        if before.renamed_from is not None and before.renamed_from not in names:
            sentence = f"no longer takes rows and queries that call '{field.name}' '{before.renamed_from}'"
            yield Change(Rule.ALIAS_REMOVED, sentence, field=field.name, place=_place(field))

    def _shaped(self, before: Field, field: Field) -> Iterator[Change]:
        if before.type.name != field.type.name:
            yield _type_change(before.name, before.type, field)
        if before.nullable and not field.nullable:
            yield _made_required(field)
        elif field.nullable and not before.nullable:
            sentence = f"makes '{field.name}' nullable"
            yield Change(Rule.MADE_NULLABLE, sentence, field=field.name, place=_place(field))
        yield from _constrained(before, field)
        if not _is_same(before.default, field.default):
            yield Change(
                Rule.DEFAULT_CHANGED, _default_sentence(before, field), field=field.name, place=_place(field)
            )
        if (before.description, before.examples) != (field.description, field.examples):
            sentence = f"describes '{field.name}' in other words"
            yield Change(Rule.FIELD_DESCRIBED, sentence, field=field.name, place=_place(field))


def _type_change(name: str, before: FieldType, field: Field) -> Change:
    """Judge another type for the values of a column, which may have had another name."""
    sentence = f"changes '{field.name}' from {before.name} to {field.type.name}"
    if field.using is not None:
        return _change(
            Rule.TYPE_CHANGED,
            field,
            f"{sentence} by {show(field.using)}; the old values are kept out of sight",
            Verdict.CONDITIONAL,
            reason="it must convert every stored row",
            hint="mend the expression of using, or the rows",
        )
    sql = cast(name, field.type.sql.column)
    # In braces YAML would end it at its comma.
    example = f"using: {json.dumps(sql, ensure_ascii=False) if ',' in sql else sql}"
    if widening.widens(before, field.type):
        return _change(
            Rule.TYPE_WIDENED,
            field,
            sentence,
            Verdict.APPLIED if widening.always_survives(before, field.type) else Verdict.CONDITIONAL,
            reason="every stored value must survive it",
            hint=f"keep {before.name}, or write {example}, which says how to convert the others",
        )
    return _change(
        Rule.TYPE_CHANGED,
        field,
        sentence,
        reason="the rows stored before would have to be converted",
        hint=f"write how, such as {example}; or put {before.name} back",
    )


def cast(name: str, column: str) -> str:
    """Spell the SQL that casts a field, for a hint."""
    shown = name if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
    return f"CAST({shown} AS {column})"


def _change(
    rule: Rule,
    field: Field,
    sentence: str,
    verdict: Verdict = Verdict.REFUSED,
    *,
    reason: str | None,
    hint: str | None,
) -> Change:
    if verdict is Verdict.APPLIED:
        reason = hint = None
    return Change(rule, sentence, verdict, field.name, _place(field), reason, hint)


def _in_yaml(name: str) -> str:
    """Spell a name as text in YAML, where `1` is a number and `null` is none."""
    is_text = re.fullmatch("[A-Za-z][A-Za-z0-9_ ]*", name) and name.lower() not in ("true", "false", "null")
    return name if is_text else json.dumps(name, ensure_ascii=False)


def _place(field: Field) -> tuple[int | None, int | None]:
    return field.line, field.column


def _made_required(field: Field) -> Change:
    if field.backfill is not ABSENT:
        sentence = f"makes '{field.name}' required; rows without a value get {show(field.backfill)}"
        return Change(Rule.MADE_REQUIRED, sentence, field=field.name, place=_place(field))
    return _change(
        Rule.MADE_REQUIRED,
        field,
        f"makes '{field.name}' required",
        Verdict.CONDITIONAL,
        reason="no stored row may be without a value",
        hint="write backfill: VALUE, which such rows get, or leave it nullable",
    )


def _constrained(before: Field, field: Field) -> Iterator[Change]:
    """Compare constraints: those that let less through than before are for the stored rows to decide."""
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
        yield Change(Rule.LOOSENED, sentence, field=field.name, place=_place(field))
    if tighter:
        yield _change(
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


def _is_same(before: Json, after: Json) -> bool:
    """Compare two values as JSON, where 1 is not true."""
    if before is ABSENT or after is ABSENT:
        return before is after
    return strictjson.write(before) == strictjson.write(after)


def _default_sentence(before: Field, field: Field) -> str:
    if field.default is ABSENT:
        demand = ", and rows must name it" if field.required else ""
        return f"takes the default {show(before.default)} of '{field.name}' away{demand}"
    if before.default is ABSENT:
        return f"gives '{field.name}' the default {show(field.default)}"
    return f"changes the default of '{field.name}' from {show(before.default)} to {show(field.default)}"
