"""Compare an applied connector with a new version: the changes, each with a verdict and a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from gateway.connectors.change import Change, ColumnSource, Rule, SchemaDiff, Verdict
from gateway.connectors.connector import ABSENT, Connector
from gateway.connectors.field_comparison import FieldComparison
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.policy import BadRowLimit, Limits, Policy, Retention


def compare(
    old: Connector, new: Connector, hidden: Mapping[str, FieldType], *, is_empty: bool = False
) -> SchemaDiff:
    """Compare the applied version with the new one.

    Args:
        old: The applied version.
        new: The new version, of the same name.
        hidden: Columns of the table that are not fields of `old`, with their types.
        is_empty: The table has no rows.
    """
    comparing = FieldComparison(old, new, hidden)
    changes = [*_of_connector(old, new), *comparing.changes()]
    changes += _of_key(old, new, comparing.columns)
    if is_empty:
        changes = [replace(each, verdict=Verdict.APPLIED, reason=None, hint=None) for each in changes]
    return SchemaDiff(old, new, tuple(changes), tuple(comparing.columns), is_empty)


def _of_connector(old: Connector, new: Connector) -> Iterator[Change]:
    if old.path != new.path:
        yield Change(
            Rule.PATH_CHANGED, f"moves from {old.path} to {new.path}; {old.path} answers 410 with that"
        )
    if old.file != new.file:
        yield Change(Rule.FILE_RENAMED, f"moves from the file {old.file} to {new.file}")
    if old.description != new.description:
        yield Change(Rule.DESCRIBED, "changes the description")
    for verb in ("ingest", "read", "change"):
        before, after = getattr(old.access, verb), getattr(new.access, verb)
        if before != after:
            told = [f"no longer lets {name} {verb}" for name in sorted(before - after)]
            told += [f"lets {name} {verb}" for name in sorted(after - before)]
            yield Change(Rule.ACCESS_CHANGED, " and ".join(told))
    yield from _of_policy(old.policy, new.policy)
    common = [field.name for field in old.fields if new.find_field(field.name)]
    if common != [field.name for field in new.fields if old.find_field(field.name)]:
        yield Change(Rule.FIELDS_ORDERED, "changes the order of fields")


def _of_policy(old: Policy, new: Policy) -> Iterator[Change]:
    for attribute, key in _POLICY.items():
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            told = f"{key} {_show_value(before)} → {_show_value(after)}"
            yield Change(Rule.POLICY_CHANGED, f"changes the policy: {told}")
    if old.retention != new.retention:
        yield _of_retention(old.retention, new.retention)


def _of_retention(old: Retention, new: Retention) -> Change:
    """Compare retention; a shorter one is conditional, because it deletes stored rows."""
    told = [f"{new.rows:,} rows at most"] if new.rows is not None else []
    told += [f"rows for {new.days:g} day{'' if new.days == 1 else 's'}"] if new.days is not None else []
    if not told:
        return Change(Rule.RETENTION_CHANGED, "keeps all rows")
    sentence = f"keeps {', and '.join(told)}, and deletes what is older"
    bounds = ((old.days, new.days), (old.rows, new.rows))
    is_shorter = any(after is not None and (before is None or after < before) for before, after in bounds)
    if not is_shorter:
        return Change(Rule.RETENTION_CHANGED, sentence)
    reason = "the stored rows decide how many are deleted"
    return Change(Rule.RETENTION_CHANGED, sentence, Verdict.CONDITIONAL, reason=reason)


#: The attributes of a policy, with their keys in YAML.
_POLICY = {
    "on_conflict": "on_conflict",
    "on_invalid": "on_invalid",
    "keep_at_most": "keep_at_most",
    "needs_key": "idempotency",
    "limits": "limits",
    "read_limit": "read_limit",
}


def _show_value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "required" if value else "optional"
    if isinstance(value, Limits):
        told = [f"{name} {number:,}" for name, number in asdict(value).items() if number is not None]
        return " and ".join(told) or "none"
    return "all" if value == BadRowLimit() else str(value)


def _of_key(old: Connector, new: Connector, columns: Sequence[ColumnSource]) -> Iterator[Change]:
    """Compare primary keys; another key is conditional, because stored rows may have equal values."""
    if not new.primary_key:
        if old.primary_key:
            yield Change(Rule.KEY_REMOVED, f"removes the primary key ({', '.join(old.primary_key)})")
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
        sentence = f"computes values of the primary key ({told})"
    is_wider = is_as_it_was and bool(old.primary_key) and sources > set(old.primary_key)
    yield Change(
        Rule.KEY_DECLARED,
        sentence,
        Verdict.APPLIED if is_wider else Verdict.CONDITIONAL,
        place=new.key_place,
        reason=None if is_wider else "no two stored rows may have the same key",
        hint=None if is_wider else "choose fields that are unique together, or delete the duplicate rows",
    )
