"""The errors of columns whose type, or a value, does not fit its field: one error for the body, with the fixes."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError
from gateway.ingest.arrow.column_fix import Fix
from gateway.ingest.arrow.column_fixes import (
    fixes_of,
    joined,
    list_fixes,
    loss_fix,
    part_fixes,
    wide_kind,
)
from gateway.ingest.arrow.kinds import UnfitPart, group_of, is_taken, kind_of, part_without_json
from gateway.ingest.arrow.plain_arrays import Loss, LossError
from gateway.ingest.excerpts import shorten

#: The most characters of an Arrow type that a message shows, and the most columns.
_TYPE_CHARACTERS_MAX, _COLUMNS_MAX = 100, 5
#: The field type that a kind of columns is made for.
_DECLARED: Mapping[str | None, str] = {
    "boolean": "boolean",
    "integer": "integer",
    "float": "number",
    "string": "string",
    "uuid": "uuid",
    "date": "date",
    "time": "time",
    "instant": "timestamp",
    "datetime": "datetime",
}
#: The field type that holds what a value would lose, with the marks of a list for one.
_WIDER: Mapping[Loss, str] = {Loss.TIME_OF_DAY: "datetime", Loss.DIGITS: "integer"}


def unfit_type(name: str, written: pa.DataType, found: pa.Array, field: Field) -> GatewayError:
    """Return the error of a column whose type cannot have values of its field.

    Args:
        name: The name of the column.
        written: Its type in the body.
        found: The column in a plain type.
        field: Its field.
    """
    return GatewayError(
        Code.COLUMN_UNFIT, _both_types(name, written, field), hint=_hint(name, written, found, field)
    )


def lossy(name: str, written: pa.DataType, field: Field, error: LossError) -> GatewayError:
    """Return the error of a column with a value that would lose digits.

    Args:
        name: The name of the column.
        written: Its type in the body.
        field: Its field.
        error: What the value would lose.
    """
    row = "" if error.place is None else f"row {error.place + 1}: "
    message = f"{_both_types(name, written, field)}; {row}{_subject(error.path)} {error.loss.value}"
    have_nulls = field.type.item is None
    hint = loss_fix(error.loss, error.type, error.path, have_nulls=have_nulls).text(name)
    if wider := _WIDER.get(error.loss):
        hint += f"; or declare the field as {wider}{'[]' if field.type.item else ''}"
    return GatewayError(Code.COLUMN_UNFIT, message, hint=hint)


def all_of(errors: Sequence[GatewayError]) -> GatewayError:
    """Return one error for the errors of several columns."""
    if len(errors) == 1:
        return errors[0]
    more = len(errors) - _COLUMNS_MAX
    shown = "; ".join(error.message for error in errors[:_COLUMNS_MAX])
    end = f"; and {more} more" if more > 0 else ""
    hints = [error.hint for error in errors[:_COLUMNS_MAX] if error.hint]
    return GatewayError(
        Code.COLUMN_UNFIT, f"{len(errors)} columns do not fit: {shown}{end}", hint=". ".join(hints)
    )


def _both_types(name: str, written: pa.DataType, field: Field) -> str:
    return f"the column {shorten(name)} is {_shown(written)}, and the field {field.name} is {field.type.name}"


def _shown(type: pa.DataType) -> str:
    shown = str(type)
    return f"{shown[: _TYPE_CHARACTERS_MAX - 1]}…" if len(shown) > _TYPE_CHARACTERS_MAX else shown


def _subject(path: tuple[str, ...]) -> str:
    """Return how a message names the values at a path."""
    if not path:
        return "a value"
    names = [part for part in path if part not in ("[]", "{}")]
    return f"the member {shorten('.'.join(names))}" if names else "a value inside"


def _hint(name: str, written: pa.DataType, found: pa.Array, field: Field) -> str:
    plain = found.type
    if field.type.name == "json" and (part := part_without_json(plain)) and (part.path or part.problem):
        return _hint_for_part(name, written, found, part)
    fixes = _fixes(written, found, field.type)
    hint = joined(fixes, name) if fixes else f"write values of the type {field.type.name}"
    declared = _declared(plain)
    return f"{hint}; or declare the field as {declared}" if declared else hint


def _hint_for_part(name: str, written: pa.DataType, found: pa.Array, part: UnfitPart) -> str:
    """Return the hint for a column of which only a part has no JSON value."""
    if part.problem:
        fix = "write text as keys" if pa.types.is_map(part.type) else "give each member its own name"
        return f"{_subject(part.path) if part.path else 'the column'} {part.problem}: {fix}"
    fixes = part_fixes(part, found, written) or (Fix("write text or numbers"),)
    return f"{_subject(part.path)} is {_shown(part.type)}: {joined(fixes, name)}"


def _fixes(written: pa.DataType, found: pa.Array, type: FieldType) -> Sequence[Fix]:
    kind = wide_kind(found.type, written)
    if type.item is None:
        return (
            [Fix("write one value in each row")] if kind == "list" else fixes_of(group_of(type), kind, found)
        )
    if kind != "list":
        takes_text = is_taken(type.item, pa.string())
        return list_fixes(kind, takes_text=takes_text, takes_one=is_taken(type.item, found.type))
    items = found.values
    item_kind = wide_kind(items.type, written)
    return [fix.of_items() for fix in fixes_of(group_of(type.item), item_kind, items)]


def _declared(plain: pa.DataType) -> str | None:
    """Return the field type that a plain type is made for; None if there is none."""
    kind = kind_of(plain)
    if kind == "decimal":
        return f"decimal({plain.precision}, {plain.scale})" if plain.precision <= 38 else None
    if kind == "list" and (item := _declared(plain.value_type)) and not item.endswith("]") and item != "json":
        return f"{item}[]"
    if kind in ("list", "map", "struct"):
        return "json" if part_without_json(plain) is None else None
    return _DECLARED.get(kind)
