"""The differences between two versions of a connector, as frozen values."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.finding import Example, Finding
from gateway.errors import Code
from gateway.strictjson import Json


class Verdict(Enum):
    """The outcome of a change. CONDITIONAL depends on the stored rows."""

    APPLIED = "applied"
    CONDITIONAL = "conditional"
    REFUSED = "refused"


class Rule(Enum):
    """The kinds of changes.

    Attributes:
        kind: Its name in JSON.
        change: The edit in the file, for the docs.
        becomes: Its outcome, for the docs.
    """

    def __init__(self, kind: str, change: str, becomes: str) -> None:
        self.kind = kind
        self.change = change
        self.becomes = becomes

    FIELD_ADDED = (
        "field added",
        "add a field that is nullable or has a default",
        "applied; old rows read null, or the default",
    )
    REQUIRED_ADDED = (
        "required field added",
        "add a required field",
        "refused while rows exist; `backfill: VALUE` on the field applies it",
    )
    FIELD_RENAMED = (
        "field renamed",
        "rename a field",
        "refused as one field removed and another added; `renamed_from: OLD` applies it, and `renamed_from: null` says that it is another field. While `renamed_from` is there, rows and queries may use the old name",
    )
    FIELD_REMOVED = (
        "field removed",
        "remove a field",
        "applied; its values are hidden, not deleted",
    )
    FIELD_RESTORED = (
        "field restored",
        "add a removed field again",
        "applied if every former value satisfies it; the values are back",
    )
    MADE_NULLABLE = ("made nullable", "required → nullable", "applied")
    MADE_REQUIRED = (
        "made required",
        "nullable → required",
        "applied if no stored row is null, else refused; `backfill: VALUE` fills them",
    )
    LOOSENED = ("constraint loosened", "loosen a constraint, lengthen an enum", "applied")
    TIGHTENED = (
        "constraint tightened",
        "tighten a constraint or an enum, change a pattern or a format",
        "applied if every stored row satisfies it, else refused; `using: SQL` makes them",
    )
    TYPE_WIDENED = (
        "type widened",
        "integer → number or decimal, decimal → one with more digits, date → datetime, and lists of them",
        "applied if every stored value survives",
    )
    TYPE_CHANGED = (
        "type changed",
        "any other change of a type",
        "refused; `using: SQL` applies it if it converts every row; the old values are hidden, not deleted",
    )
    DEFAULT_CHANGED = ("default changed", "add, change, or remove a default", "applied to new rows")
    ALIAS_REMOVED = (
        "former name removed",
        "remove `renamed_from`",
        "applied; rows and queries can no longer use the old name",
    )
    KEY_DECLARED = (
        "key declared",
        "add or change a primary key, or change the values of its fields",
        "applied if no two stored rows have the same key, else refused",
    )
    KEY_REMOVED = ("key removed", "remove the primary key", "applied; new rows may have the same values")
    FIELD_DESCRIBED = ("field described", "description and examples of a field", "applied")
    FIELDS_ORDERED = ("fields ordered", "the order of fields", "applied")
    DESCRIBED = ("described", "description", "applied")
    ACCESS_CHANGED = ("access changed", "access", "applied")
    POLICY_CHANGED = (
        "terms changed",
        "on_conflict, on_invalid, keep_at_most, idempotency, limits, read_limit",
        "applied to new requests",
    )
    RETENTION_CHANGED = (
        "retention changed",
        "retention",
        "applied; the plan counts the rows beyond it, and they are deleted from the next minute on",
    )
    PATH_CHANGED = (
        "path changed",
        "path",
        "applied; the former path answers 410 with the new one, if the client can see the connector",
    )
    FILE_RENAMED = ("file renamed", "rename the file, with its `name` written in it", "applied")

    @property
    def is_schema_change(self) -> bool:
        """The change affects the table, or the rows that are accepted."""
        return self not in _LIGHT


_LIGHT = (
    Rule.FIELD_DESCRIBED,
    Rule.FIELDS_ORDERED,
    Rule.DESCRIBED,
    Rule.ACCESS_CHANGED,
    Rule.POLICY_CHANGED,
    Rule.RETENTION_CHANGED,
    Rule.PATH_CHANGED,
    Rule.FILE_RENAMED,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions.

    Attributes:
        rule: Its kind.
        sentence: Its effect, such as "adds the field 'note'".
        verdict: Its outcome.
        field: The field, by its new name if it is renamed.
        place: Line and column of that field in the file.
        reason: The reason for a refusal, or the condition.
        hint: The next action, if it is refused.
        rows: Some of the stored rows that conflict with it.
    """

    rule: Rule
    sentence: str
    verdict: Verdict = Verdict.APPLIED
    field: str | None = None
    place: tuple[int | None, int | None] = (None, None)
    reason: str | None = None
    hint: str | None = None
    rows: tuple[Example, ...] = ()

    def finding(self, file: str) -> Finding:
        """Return the finding that it is refused, with the reason."""
        message = f"{self.sentence}: {self.reason}" if self.reason else self.sentence
        return Finding(file, *self.place, Code.CHANGE_REFUSED, message, self.hint, rows=self.rows)

    def body(self) -> dict[str, Any]:
        """Return it as JSON, for a plan and the history."""
        return {
            "rule": self.rule.kind,
            "field": self.field,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "reason": self.reason,
            "hint": self.hint,
            "line": self.place[0],
            "column": self.place[1],
            "rows": [each.body() for each in self.rows],
        }


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """The source of the values of one field in the new version.

    Attributes:
        field: The field.
        source: The column of the old table with its values, None if there is none.
        type: The type of that column.
        using: SQL over the old field that computes the new values, None for unchanged values.
        repair: SQL for the values that do not satisfy the field.
        fill: The value of rows that have none; ABSENT if they stay without.
        needs_check: The stored rows must be checked before the change is applied.
    """

    field: Field
    source: str | None = None
    type: FieldType | None = None
    using: str | None = None
    repair: str | None = None
    fill: Json = ABSENT
    needs_check: bool = False

    @property
    def is_widened(self) -> bool:
        """The type changes, and no expression says how."""
        return self.type is not None and self.using is None and self.type.name != self.field.type.name


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """All differences between an applied version and a new one.

    Attributes:
        old: The version of that name that was applied last; None for the first version.
        new: The version in the file.
        changes: The changes, one sentence each.
        columns: The sources of values, one for each field of `new`.
        is_empty: The table has no rows, so that every change is applied.
        unchecked_changes: The changes before the check of the stored rows.
        checked_through: The last `_id` that was checked.
    """

    old: Connector | None
    new: Connector
    changes: tuple[Change, ...] = ()
    columns: tuple[ColumnSource, ...] = ()
    is_empty: bool = False
    unchecked_changes: tuple[Change, ...] = ()
    checked_through: int = 0

    @property
    def refused(self) -> tuple[Change, ...]:
        """The changes that keep the new version from being applied."""
        return tuple(change for change in self.changes if change.verdict is Verdict.REFUSED)

    @property
    def is_conditional(self) -> bool:
        """A change depends on the stored rows."""
        return any(change.verdict is Verdict.CONDITIONAL for change in self.changes)

    @property
    def is_schema_change(self) -> bool:
        """The change affects the table, or the rows that are accepted."""
        return any(change.rule.is_schema_change for change in self.changes)
