"""Old connector and new connector to what changes for the stored rows, each with a verdict."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.connectors.finding import Finding
from gateway.errors import Code


@dataclass(frozen=True, slots=True)
class Change:
    """One difference that stored rows notice.

    `added` is the field whose column is to be added; `refused` says why the change cannot be applied.
    """

    field: str
    sentence: str
    added: Field | None = None
    refused: Finding | None = None


def compare(old: Connector, new: Connector) -> list[Change]:
    """List what the new file would change about the table of the old one.

    Path, description, access, defaults, examples and the order of fields touch no stored row.
    """
    before = {field.name: field for field in old.fields}
    after = {field.name: field for field in new.fields}
    changes = [_added(new, field) for name, field in after.items() if name not in before]
    changes += [_removed(new, name) for name in before if name not in after]
    for name in (name for name in after if name in before):
        changes += _altered(new, before[name], after[name])
    return changes


def _added(new: Connector, field: Field) -> Change:
    if not field.required:
        return Change(field.name, f"adds the field '{field.name}'", added=field)
    message = f"the new field '{field.name}' is required, and rows stored before it have no value for it"
    return _refuse(new, field, message, "make it nullable: true, or give it a default")


def _removed(new: Connector, name: str) -> Change:
    message = f"the field '{name}' is gone, and rows may have been stored with it"
    return Change(
        name,
        message,
        refused=_finding(new, None, message, "put it back; removing a field is not supported yet"),
    )


def _altered(new: Connector, before: Field, after: Field) -> Iterator[Change]:
    if before.type.name != after.type.name:
        message = f"the field '{after.name}' was {before.type.name} and cannot become {after.type.name} yet"
        yield _refuse(new, after, message, f"put {before.type.name} back, or add a field of another name")
    if before.nullable != after.nullable:
        was = "nullable" if before.nullable else "not nullable"
        message = f"the field '{after.name}' was {was}, which cannot change yet"
        yield _refuse(new, after, message, f"put nullable: {str(before.nullable).lower()} back")
    if dict(before.constraints) != dict(after.constraints):
        keys = [
            key
            for key in {**before.constraints, **after.constraints}
            if before.constraints.get(key) != after.constraints.get(key)
        ]
        message = f"the constraints of the field '{after.name}' cannot change yet: {', '.join(keys)}"
        yield _refuse(new, after, message, "put them back as they were")


def _refuse(new: Connector, field: Field, message: str, hint: str) -> Change:
    return Change(field.name, message, refused=_finding(new, field, message, hint))


def _finding(new: Connector, field: Field | None, message: str, hint: str) -> Finding:
    line, column = (field.line, field.column) if field else (None, None)
    return Finding(new.file, line, column, Code.CHANGE_REFUSED, message, hint)
