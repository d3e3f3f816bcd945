"""Checks of stored rows against a change: the number of rows that conflict with it, and three of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import duckdb
import pyarrow as pa

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.change import Change, ColumnSource, Rule, SchemaDiff, Verdict
from gateway.connectors.finding import Example
from gateway.store.interface import Select
from gateway.store.sql.names import quote, table_of
from gateway.store.tables.migration import filled, value_of

SHOWN = 3
#: The time limit of a check of a change that has an expression, because the expression may run forever.
SECONDS = 120
#: The most characters of a value that are shown.
_SHOWN_CHARACTERS = 200
#: The number of different values whose result is cached, for columns with few values.
_REMEMBERED = 10_000


class _Against(Enum):
    """The reasons for which a row conflicts with a change."""

    MISSING = "have no value for it"
    UNCONVERTED = "do not survive it"
    UNSATISFIED = "do not satisfy it"


#: The change that gets the reason, if a field has several changes.
_BLAMED = {
    _Against.MISSING: (Rule.MADE_REQUIRED, Rule.FIELD_RESTORED, Rule.TYPE_CHANGED),
    _Against.UNCONVERTED: (Rule.TYPE_WIDENED, Rule.TYPE_CHANGED),
    _Against.UNSATISFIED: (Rule.TIGHTENED, Rule.FIELD_RESTORED, Rule.TYPE_CHANGED),
}


@dataclass(slots=True)
class _Rows:
    """Rows that conflict with a change for one reason: their number, and the first of them."""

    count: int = 0
    ids: list[int] = field(default_factory=list)

    def add(self, ids: Sequence[int]) -> None:
        self.count += len(ids)
        self.ids += ids[: SHOWN - len(self.ids)]


def check_rows(comparison: SchemaDiff, select: Select, after: int = 0) -> SchemaDiff:
    """Check the stored rows with an `_id` above `after`, and decide what depends on them.

    Afterwards every change is applied or refused, and a column has `using` only if rows need it. The changes before
    the check stay in `unchecked_changes`, so that rows that arrive later can be checked, too.

    Raises:
        duckdb.Error: The rows cannot be read.
    """
    columns, changes = _check_columns(comparison, select, after)
    changes = [
        _count_expired(comparison, change, select)
        if change.rule is Rule.RETENTION_CHANGED and change.verdict is Verdict.CONDITIONAL
        else change
        for change in changes
    ]
    closed = {change.field for change in comparison.refused}
    if closed.isdisjoint(comparison.new.primary_key) and not comparison.is_empty:
        changes = [
            _ask_key(comparison, columns, change, select, after)
            if change.rule is Rule.KEY_DECLARED and change.verdict is Verdict.CONDITIONAL
            else change
            for change in changes
        ]
    else:
        closed.add(None)  # The key cannot be checked before its fields.
    settled_changes = [
        replace(change, verdict=Verdict.APPLIED, reason=None, hint=None)
        if change.verdict is Verdict.CONDITIONAL and change.field not in closed
        else change
        for change in changes
    ]
    return replace(
        comparison,
        columns=tuple(columns),
        changes=tuple(settled_changes),
        unchecked_changes=comparison.changes,
    )


def _check_columns(
    comparison: SchemaDiff, select: Select, after: int
) -> tuple[list[ColumnSource], list[Change]]:
    """Check the stored values of every column that needs it; return the columns, and the changes with their verdicts."""
    columns, changes = [], list(comparison.changes)
    for column in comparison.columns:
        settled, total = column, 0
        against: dict[_Against, _Rows] = {}
        is_open = all(change.field != column.field.name for change in comparison.refused)
        if column.needs_check and is_open and not comparison.is_empty:
            settled, against, total, problem = _ask(comparison, column, select, after)
            if problem:
                changes = [_refused_for(change, column, problem) for change in changes]
        columns.append(replace(settled, repair=None))
        if settled.using != column.using:
            changes = [_converted(change, settled) for change in changes]
        for why, rows in against.items():
            examples = _examples(comparison, column, rows.ids, select)
            changes = _blame(
                changes, column, why, f"{rows.count} of {total} stored rows {why.value}", examples
            )
    return columns, changes


def _count_expired(comparison: SchemaDiff, change: Change, select: Select) -> Change:
    """Count the rows that a shorter retention deletes."""
    assert comparison.old is not None
    retention = comparison.new.policy.retention
    old = (
        "false"
        if retention.days is None
        else f"_ingested_at < now() - INTERVAL '{retention.days * 86400} seconds'"
    )
    sql = f"SELECT count(*) AS total, count(*) FILTER ({old}) AS old FROM {table_of(comparison.old)}"
    total, expired = next(
        (row["total"], row["old"]) for batch in select(sql, ()) for row in batch.to_pylist()
    )
    if retention.rows is not None:
        expired = max(expired, total - retention.rows)
    sentence = f"{change.sentence}: {expired:,} of {total:,} stored rows go"
    return replace(change, sentence=sentence, verdict=Verdict.APPLIED, reason=None)


def _ask_key(
    comparison: SchemaDiff, columns: Sequence[ColumnSource], change: Change, select: Select, after: int
) -> Change:
    """Find rows that share the primary key; both old and new rows may share one."""
    assert comparison.old is not None
    table = table_of(comparison.old)
    if after and not sum(
        batch.num_rows for batch in select(f"SELECT 1 FROM {table} WHERE _id > $1 LIMIT 1", (after,))
    ):
        return change
    own = [column for column in columns if column.field.name in comparison.new.primary_key]
    values = [filled(column, value_of(column, column.source)) for column in own]
    names = ", ".join(f"k{number}" for number in range(len(own)))
    keys = ", ".join(f"{value} AS k{number}" for number, value in enumerate(values))
    shared = f"SELECT {names}, count(*) AS n, min(_id) AS first FROM (SELECT _id, {keys} FROM {table}) GROUP BY {names} HAVING n > 1"
    sql = f"SELECT coalesce(sum(n), 0)::BIGINT AS rows, min(first, {SHOWN}) AS ids FROM ({shared})"
    rows, ids = next((row["rows"], row["ids"]) for batch in select(sql, ()) for row in batch.to_pylist())
    if not rows:
        return change
    examples = tuple(example for column in own[:1] for example in _examples(comparison, column, ids, select))
    reason = f"{rows} stored rows share it (_id {', '.join(map(str, ids))} for the first of them)"
    return replace(change, verdict=Verdict.REFUSED, reason=reason, rows=examples)


def _ask(
    comparison: SchemaDiff, column: ColumnSource, select: Select, after: int
) -> tuple[ColumnSource, dict[_Against, _Rows], int, str | None]:
    """Check a column as it is, and with its repair if rows conflict with it."""
    try:
        against, total = _rows_against(comparison, column, select, after)
        if against and column.repair is not None and column.using is None:
            column = replace(column, using=column.repair)
            against, total = _rows_against(comparison, column, select, after)
    except duckdb.Error as error:
        problem = _problem(error) if column.using is not None else None
        if problem is None:
            raise
        return column, {}, 0, problem
    return column, against, total, None


def _problem(error: duckdb.Error) -> str | None:
    """Return the problem of an expression that an error reports; None if the error has another cause."""
    if isinstance(error, duckdb.InterruptException):
        return f"it takes the stored rows more than {SECONDS} seconds"
    about_it = isinstance(error, duckdb.DataError | duckdb.ProgrammingError | duckdb.NotSupportedError)
    if not about_it or "Table with name" in str(error):
        return None
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return str(error).splitlines()[0][:300]
    return "it fails on a stored row"  # The message would show the row.


def _rows_against(
    comparison: SchemaDiff, column: ColumnSource, select: Select, after: int
) -> tuple[dict[_Against, _Rows], int]:
    """Check every row, and return the rows that conflict with the column, by reason."""
    assert comparison.old is not None
    sql = f"SELECT _id, failed, {column.field.type.sql.json.format('value')} AS text FROM ({_values(comparison, column)})"
    checking = _Checking(column)
    total = 0
    for batch in select(sql, (after,)):
        total += batch.num_rows
        checking.look(batch)
    return {why: rows for why, rows in checking.against.items() if rows.count}, total


def _values(comparison: SchemaDiff, column: ColumnSource) -> str:
    """Select a column's values as they would become, and whether one cannot."""
    assert comparison.old is not None
    source = value_of(column, column.source)
    failed, value = "false", "tried"
    if column.using is not None:
        # Inside the list a null is not an error. The expression is written once, because DuckDB 1.5 computes an
        # expression that it finds twice outside of TRY.
        source, failed, value = f"TRY([{source}])", "tried IS NULL", "tried[1]"
    elif column.is_widened and column.source is not None and column.type is not None:
        source = f"TRY_CAST({quote(column.source)} AS {column.field.type.sql.column})"
        failed = f"TRY_CAST(tried AS {column.type.sql.column}) IS DISTINCT FROM source"
    inner = f"SELECT _id, {quote(column.source or '_id')} AS source, {source} AS tried FROM {table_of(comparison.old)}"
    return f"SELECT _id, {failed} AS failed, {filled(column, value)} AS value FROM ({inner}) WHERE _id > $1"


class _Checking:
    """Checks the values of one column against its field's schema."""

    def __init__(self, column: ColumnSource) -> None:
        self.against = {why: _Rows() for why in _Against}
        self._nullable = column.field.nullable
        one = schema.build_field(column.field)
        self._one = schema.compile_schema(one)
        self._all = schema.compile_schema({"type": "array", "items": one})
        self._known: dict[str, bool] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        ids, failed, texts = (column.to_pylist() for column in batch.columns)
        rows = list(zip(ids, failed, texts, strict=True))
        self._learn({text for _, bad, text in rows if text is not None and not bad})
        self.against[_Against.UNCONVERTED].add([id for id, bad, _ in rows if bad])
        if not self._nullable:
            self.against[_Against.MISSING].add([id for id, bad, text in rows if text is None and not bad])
        unsatisfied = [id for id, bad, text in rows if text is not None and not bad and not self._known[text]]
        self.against[_Against.UNSATISFIED].add(unsatisfied)

    def _learn(self, texts: set[str]) -> None:
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        new = [text for text in texts if text not in self._known]
        try:
            are_valid = self._all.is_valid(strictjson.read(f"[{','.join(new)}]".encode()))
        except ValueError:
            are_valid = False
        self._known |= {text: are_valid or self._is_valid(text) for text in new}

    def _is_valid(self, text: str) -> bool:
        try:
            return self._one.is_valid(strictjson.read(text.encode()))
        except ValueError:
            return False  # Infinity and NaN have no JSON.


def _examples(
    comparison: SchemaDiff, column: ColumnSource, ids: Sequence[int], select: Select
) -> tuple[Example, ...]:
    """Return rows with their current values."""
    assert comparison.old is not None
    if column.source is None or column.type is None:
        return tuple(Example(id, None) for id in ids)
    text = column.type.sql.json.format(quote(column.source))
    sql = f"SELECT _id, {text} AS text FROM {table_of(comparison.old)} WHERE list_contains($1, _id) ORDER BY _id"
    found = [row for batch in select(sql, (list(ids),)) for row in batch.to_pylist()]
    return tuple(Example(row["_id"], row["text"] and row["text"][:_SHOWN_CHARACTERS]) for row in found)


def _blame(
    changes: list[Change], column: ColumnSource, why: _Against, words: str, examples: tuple[Example, ...]
) -> list[Change]:
    """Refuse the change of a field that rows conflict with."""
    own = [change for change in changes if change.field == column.field.name and change.reason is not None]
    blamed = next((change for rule in _BLAMED[why] for change in own if change.rule is rule), own[0])
    ids = ", ".join(str(each.id) for each in examples)
    reason = f"{words} (_id {ids})"
    if blamed.verdict is Verdict.REFUSED and blamed.rows:
        reason = f"{blamed.reason}; {reason}"
    refused = replace(blamed, verdict=Verdict.REFUSED, reason=reason, rows=(*blamed.rows, *examples))
    return [refused if change is blamed else change for change in changes]


def _refused_for(change: Change, column: ColumnSource, problem: str) -> Change:
    if change.field != column.field.name or change.verdict is not Verdict.CONDITIONAL:
        return change
    return replace(change, verdict=Verdict.REFUSED, reason=f"using cannot be run: {problem}")


def _converted(change: Change, column: ColumnSource) -> Change:
    if change.field != column.field.name or change.verdict is not Verdict.CONDITIONAL:
        return change
    sentence = f"{change.sentence}; stored values become {column.using}, the old ones are kept out of sight"
    return replace(change, sentence=sentence)
