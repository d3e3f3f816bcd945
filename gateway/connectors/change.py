"""Change, Comparison: what lies between two versions of a connector, as frozen values."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.finding import Example, Finding
from gateway.errors import Code
from gateway.strictjson import Json


class Verdict(Enum):
    """What becomes of a change. CONDITIONAL is for the stored rows to decide, where they can be asked."""

    APPLIED = "applied"
    CONDITIONAL = "conditional"
    REFUSED = "refused"


class Rule(Enum):
    """The kinds of change there are.

    Attributes:
        kind: What JSON calls it.
        change: What one edits, for the docs.
        becomes: What becomes of it, for the docs.
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
        "refused as one field less and one more of its type. `renamed_from: OLD` applies it; while it stands there, rows and queries may use the old name. `renamed_from: null` says that it is another field",
    )
    FIELD_REMOVED = (
        "field removed",
        "remove a field",
        "applied; its values are kept out of sight",
    )
    FIELD_RESTORED = (
        "field restored",
        "add a removed field again",
        "applied if every value it had satisfies it; they are back",
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
        "refused; `using: SQL` applies it if it converts every row, and the old values are kept out of sight",
    )
    DEFAULT_CHANGED = ("default changed", "give, change or take away a default", "applied; for rows to come")
    ALIAS_REMOVED = (
        "former name removed",
        "take `renamed_from` away",
        "applied; rows no longer come in, and queries no longer ask, under the old name",
    )
    KEY_DECLARED = (
        "key declared",
        "declare a primary key, or another; change the values of its fields",
        "applied if no two stored rows share it, else refused",
    )
    KEY_REMOVED = ("key removed", "take the primary key away", "applied; rows may share it from then on")
    FIELD_DESCRIBED = ("field described", "description and examples of a field", "applied")
    FIELDS_ORDERED = ("fields ordered", "the order of fields", "applied")
    DESCRIBED = ("described", "description", "applied")
    ACCESS_CHANGED = ("access changed", "access", "applied")
    POLICY_CHANGED = (
        "terms changed",
        "on_conflict, on_invalid, keep_at_most, idempotency, limits, read_limit",
        "applied; for requests to come",
    )
    RETENTION_CHANGED = (
        "retention changed",
        "retention",
        "applied; the plan tells how many rows are beyond it, which are deleted from the next minute on",
    )
    PATH_CHANGED = (
        "path changed",
        "path",
        "applied; the former path answers 410 with the present one, to those who can see the connector",
    )
    FILE_RENAMED = ("file renamed", "rename the file, with its `name` written in it", "applied")

    @property
    def is_schema_change(self) -> bool:
        """Whether the table, or what rows may be, is another afterwards."""
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
        rule: Which kind it is.
        sentence: What it does, such as "adds the field 'note'".
        verdict: What becomes of it.
        field: The field it is about, by its new name where it has one.
        place: Line and column of that field in the file.
        reason: Why it is refused, or what it depends on.
        hint: The way forward, where it is refused.
        rows: Some of the stored rows that stand against it.
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
        """Say that it is refused, and why."""
        message = f"{self.sentence}: {self.reason}" if self.reason else self.sentence
        return Finding(file, *self.place, Code.CHANGE_REFUSED, message, self.hint, rows=self.rows)

    def body(self) -> dict[str, Any]:
        """Give it as JSON, as a plan and the history show it."""
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
    """Where the values of one field of the new version come from.

    Attributes:
        field: The field.
        source: The column of the old table that has its values; None where none has.
        type: The type of that column.
        using: SQL over the field as it was that makes its values, None for the values as they are.
        repair: SQL that is used where the values as they are do not satisfy the field.
        fill: What rows without a value get; ABSENT where they stay without.
        needs_check: Whether the stored rows must be asked before it can be had.
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
        """Whether its values are of another type now, without an expression that says how."""
        return self.type is not None and self.using is None and self.type.name != self.field.type.name


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """Everything that lies between an applied version and a new one.

    Attributes:
        old: What was applied last under the connector's name; None for the first version.
        new: What the file says now.
        changes: One sentence each.
        columns: One for each field of `new`.
        is_empty: Whether the table has no rows, which makes every change harmless.
        unchecked_changes: The changes as they were before the stored rows were asked.
        checked_through: The last `_id` that was.
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
        """Whether the stored rows must be asked."""
        return any(change.verdict is Verdict.CONDITIONAL for change in self.changes)

    @property
    def is_schema_change(self) -> bool:
        """Whether the table, or what rows may be, is another afterwards."""
        return any(change.rule.is_schema_change for change in self.changes)
