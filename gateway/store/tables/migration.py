"""The SQL that changes a connector's table to its new version.

After a crash DuckDB 1.5 and 2.0 can replay these statements from the WAL, in this order: adding and renaming
columns, plain casts, one UPDATE. They can also replay a new table that replaces the old one. A file cannot be opened
after an `ALTER … USING` that calls a function, a default that is a list or JSON, or an ALTER after an UPDATE. An
UPDATE of a list deletes and inserts rows, which would change their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway import strictjson
from gateway.connectors.change import ColumnSource, SchemaDiff
from gateway.connectors.connector import ABSENT, SYSTEM_FIELDS, Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.widening import always_survives
from gateway.store.sql.expression import parse
from gateway.store.sql.names import literal, quote, table_of
from gateway.strictjson import Json


def create(connector: Connector) -> list[str]:
    """Return the SQL that creates the empty table of a connector."""
    fields = (*SYSTEM_FIELDS, *connector.fields)
    columns = ", ".join(f"{quote(field.name)} {field.type.sql.column}" for field in fields)
    return [f"CREATE TABLE {table_of(connector)} ({columns})"]


def migrate(
    comparison: SchemaDiff, new: Connector, hidden: Mapping[str, FieldType], *, narrows_in_place: bool
) -> list[str]:
    """Return the SQL that changes the old table to that of `new`, which is `comparison.new` with its revision.

    Args:
        comparison: The differences.
        new: The new version.
        hidden: The columns of the old table that were no fields of it.
        narrows_in_place: The capability of the engine.
    """
    old = comparison.old
    assert old is not None
    if comparison.is_empty:
        return [f"DROP TABLE {table_of(old)}", *create(new)]
    layout = _Layout.of(comparison, hidden)
    narrowed = [column for column in layout.columns if _is_narrowed(column)]
    if any(column.field.type.item for column in layout.set) or (narrowed and not narrows_in_place):
        return [
            f"CREATE TABLE {table_of(new)} AS SELECT {', '.join(layout.selected())} FROM {table_of(old)}",
            f"DROP TABLE {table_of(old)}",
        ]
    return [
        f"ALTER TABLE {table_of(old)} RENAME TO {table_of(new).removeprefix('rows.')}",
        *(f"ALTER TABLE {table_of(new)} {step}" for step in layout.steps()),
        *layout.update(table_of(new)),
    ]


def _is_narrowed(column: ColumnSource) -> bool:
    """Return whether the new type of a column cannot hold every value of the old one; an integer may become a number."""
    before, after = column.type, column.field.type
    if before is None or not column.is_widened:
        return False
    return not always_survives(before, after) and (after.item or after).name != "number"


#: How long the name of a field may be.
_LONGEST = 63


@dataclass(frozen=True, slots=True)
class _Layout:
    """The sources of the columns of the new table.

    Attributes:
        columns: The fields' columns.
        kept: The columns without a field: their names in the new table, each with that in the old one.
        moved: Columns of the old table that have another name in the new one, by the new name.
    """

    columns: Sequence[ColumnSource]
    kept: dict[str, str]
    moved: dict[str, str]

    @classmethod
    def of(cls, comparison: SchemaDiff, hidden: Mapping[str, FieldType]) -> "_Layout":
        assert comparison.old is not None
        columns = comparison.columns
        taken = {column.source for column in columns if column.using is None}
        types = {field.name: field.type for field in comparison.old.fields} | dict(hidden)
        converted = {column.source for column in columns if column.using is not None}
        names = {column.field.name.lower() for column in columns}
        kept: dict[str, str] = {}
        # Columns that were hidden already keep their names.
        for name in sorted(types.keys() - taken, key=lambda name: (name not in hidden, name)):
            suffix = (
                f"_was_{types[name].name.partition('(')[0].removesuffix('[]')}" if name in converted else ""
            )
            kept[_free(name, suffix, names)] = name
        moved = {
            column.field.name: column.source
            for column in columns
            if column.source is not None and column.using is None
        }
        moved = {new: old for new, old in (moved | kept).items() if new != old}
        return cls(columns, kept, moved)

    @property
    def set(self) -> list[ColumnSource]:
        """The columns whose values are computed."""
        return [column for column in self.columns if column.using is not None or column.fill is not ABSENT]

    def steps(self) -> Iterable[str]:
        """Rename, add, and widen columns."""
        # Through unused names first, because a column may need the current name of another.
        for number, old in enumerate(self.moved.values()):
            yield f"RENAME COLUMN {quote(old)} TO _m{number}"
        for number, new in enumerate(self.moved):
            yield f"RENAME COLUMN _m{number} TO {quote(new)}"
        for column in self.columns:
            name, type = quote(column.field.name), column.field.type.sql.column
            if column.source is None or column.using is not None:
                yield f"ADD COLUMN {name} {type}"
            elif column.is_widened:
                yield f"ALTER COLUMN {name} TYPE {type}"

    def update(self, table: str) -> Iterable[str]:
        """Set the values that are computed."""
        present = {old: new for new, old in (self.moved | self.kept).items()}
        values = []
        for column in self.set:
            at = column.source if column.source is None else present.get(column.source, column.source)
            own = quote(column.field.name)
            value = own if column.using is None and column.source is not None else value_of(column, at)
            values.append(f"{own} = {filled(column, value)}")
        if values:
            yield f"UPDATE {table} SET {', '.join(values)}"

    def selected(self) -> Iterable[str]:
        """Select the whole new table from the old one."""
        yield from (quote(field.name) for field in SYSTEM_FIELDS)
        for column in self.columns:
            yield f"{filled(column, value_of(column, column.source))} AS {quote(column.field.name)}"
        for new, old in self.kept.items():
            yield f"{quote(old)} AS {quote(new)}"


def _free(name: str, suffix: str, names: set[str]) -> str:
    """Reserve a name that no column has and that a field could have, and return it."""
    free, number = f"{name[: _LONGEST - len(suffix)]}{suffix}", 1
    while free.lower() in names:
        number += 1
        free = f"{name[: _LONGEST - len(suffix) - 5]}{suffix}_{number}"
    names.add(free.lower())
    return free


def value_of(column: ColumnSource, source: str | None) -> str:
    """Return the SQL of a field's values, which are in the column `source` now."""
    type = column.field.type.sql.column
    if source is None:
        return f"CAST(NULL AS {type})"
    if column.using is not None:
        return f"CAST({parse(column.using, column.field).over(source)} AS {type})"
    return f"CAST({quote(source)} AS {type})" if column.is_widened else quote(source)


def filled(column: ColumnSource, value: str) -> str:
    """Return the SQL of values with the fill of the column in place of NULL."""
    if column.fill is ABSENT:
        return value
    return f"coalesce({value}, {constant(column.field.type, column.fill)})"


def constant(field_type: FieldType, value: Json) -> str:
    """Spell a checked JSON value as an SQL constant of a type."""
    if value is None:
        return f"CAST(NULL AS {field_type.sql.column})"
    if field_type.item:
        items = ", ".join(constant(field_type.item, item) for item in value)
        return f"CAST([{items}] AS {field_type.sql.column})"
    written = field_type.text.normalize(value) if field_type.text.normalize else value
    text = written if isinstance(written, str) else strictjson.write(written).decode()
    return f"CAST({literal(text)} AS {field_type.sql.column})"
