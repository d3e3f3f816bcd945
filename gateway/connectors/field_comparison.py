"""The fields of two versions of a connector to their changes, and to the source of each column."""

from collections.abc import Iterator, Mapping

from gateway.connectors.change import Change, ColumnSource, Rule, Verdict
from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.connectors.constraints import show
from gateway.connectors.field_changes import (
    constraint_changes,
    default_sentence,
    field_change,
    in_yaml,
    is_same_json,
    made_required,
    place_of,
    type_change,
)
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import nearest


class FieldComparison:
    """Finds the source of the values of each new field, and the changes."""

    def __init__(self, old: Connector, new: Connector, hidden: Mapping[str, FieldType]) -> None:
        self._old = {field.name: field for field in old.fields}
        self._new = new
        self._hidden = {name.lower(): (name, type) for name, type in hidden.items()}
        self._renamed = {
            str(field.renamed_from): field.name
            for field in new.fields
            if field.name not in self._old and field.renamed_from in self._old
        }
        self.columns: list[ColumnSource] = []

    def changes(self) -> list[Change]:
        """Return the changes of all fields, and fill `columns`."""
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
                f"removes the field '{name}'; its values are hidden, not deleted",
                field=name,
            )
            for name in gone
        ]
        return found

    def _find_hidden(self, field: Field) -> tuple[str, FieldType] | None:
        """Find the column of a removed field; names of columns ignore case."""
        return self._hidden.get((field.renamed_from or field.name).lower()) or self._hidden.get(
            field.name.lower()
        )

    # -- a field that was not there

    def _added(self, field: Field, gone: list[str]) -> Change:
        fill = field.backfill if field.backfill is not ABSENT else field.default
        self.columns.append(ColumnSource(field, fill=ABSENT if fill is None else fill))
        if field.renamed_from is not None:
            return self._misnamed(field, gone)
        like = [name for name in gone if self._old[name].type.name == field.type.name]
        if like and not field.is_new:
            former = nearest(field.name, like) or like[0]
            gone.remove(former)
            return field_change(
                Rule.FIELD_RENAMED,
                field,
                f"removes the field '{former}' and adds '{field.name}', both {field.type.name}",
                reason=f"it looks like a rename, which would leave the values of '{former}' behind",
                hint=f"write renamed_from: {in_yaml(former)} in '{field.name}'; or renamed_from: null, if it is another field",
            )
        if field.required and field.backfill is ABSENT:
            return field_change(
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
            place=place_of(field),
        )

    def _misnamed(self, field: Field, gone: list[str]) -> Change:
        former = str(field.renamed_from)
        guess = nearest(former, gone or list(self._old))
        way = f"write renamed_from: {in_yaml(guess)}; or " if guess else ""
        return field_change(
            Rule.FIELD_RENAMED,
            field,
            f"renames the field '{former}' to '{field.name}'",
            reason=f"there is no field '{former}'",
            hint=f"{way}write renamed_from: null, if '{field.name}' is new",
        )

    def _restored(self, column: str, type: FieldType, field: Field) -> Iterator[Change]:
        """Restore a removed field; its former values may not satisfy the new field."""
        fill = field.backfill
        if fill is ABSENT and not field.nullable:
            fill = field.absent_value if field.absent_value is not None else ABSENT
        using = field.using if type.name != field.type.name else None
        self.columns.append(
            ColumnSource(field, column, type, using=using, repair=field.using, fill=fill, needs_check=True)
        )
        yield field_change(
            Rule.FIELD_RESTORED,
            field,
            f"restores the field '{field.name}' with its former values",
            Verdict.CONDITIONAL,
            reason="every former value must satisfy it",
            hint="write backfill: VALUE for rows without a value, using: SQL for values that do not fit",
        )
        if type.name != field.type.name:
            yield type_change(column, type, field)

    # -- a field that was there

    def _altered(self, before: Field, field: Field) -> Iterator[Change]:
        found = [*self._named(before, field), *self._shaped(before, field)]
        is_checked = any(change.verdict is Verdict.CONDITIONAL for change in found)
        using = field.using if before.type.name != field.type.name else None
        leaves_nulls = before.nullable or is_checked
        self.columns.append(
            ColumnSource(
                field,
                before.name,
                before.type,
                using=using,
                repair=field.using if is_checked and field.using != before.using else None,
                fill=field.backfill if leaves_nulls and not field.nullable else ABSENT,
                needs_check=is_checked,
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
            yield Change(Rule.FIELD_RENAMED, sentence, field=field.name, place=place_of(field))
        elif field.renamed_from is not None and field.renamed_from != before.renamed_from:
            sentence = f"accepts '{field.renamed_from}' for '{field.name}' in rows and queries"
            yield Change(Rule.FIELD_RENAMED, sentence, field=field.name, place=place_of(field))
        if before.renamed_from is not None and before.renamed_from not in names:
            sentence = f"no longer accepts '{before.renamed_from}' for '{field.name}' in rows and queries"
            yield Change(Rule.ALIAS_REMOVED, sentence, field=field.name, place=place_of(field))

    def _shaped(self, before: Field, field: Field) -> Iterator[Change]:
        if before.type.name != field.type.name:
            yield type_change(before.name, before.type, field)
        if before.nullable and not field.nullable:
            yield made_required(field)
        elif field.nullable and not before.nullable:
            sentence = f"makes '{field.name}' nullable"
            yield Change(Rule.MADE_NULLABLE, sentence, field=field.name, place=place_of(field))
        yield from constraint_changes(before, field)
        if not is_same_json(before.default, field.default):
            yield Change(
                Rule.DEFAULT_CHANGED, default_sentence(before, field), field=field.name, place=place_of(field)
            )
        if (before.description, before.examples) != (field.description, field.examples):
            sentence = f"changes the description or the examples of '{field.name}'"
            yield Change(Rule.FIELD_DESCRIBED, sentence, field=field.name, place=place_of(field))
