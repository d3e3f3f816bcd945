"""TakenFields: the fields that `columns` takes from a body."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway.connectors.connector import Field
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class TakenFields:
    """The fields that `columns` takes from a body.

    Attributes:
        fields: The fields.
        absent_is_null: Whether a field of them that the body does not have is null. Otherwise it takes its default.
    """

    fields: Sequence[Field]
    absent_is_null: bool


def absent_column(taken: TakenFields | None, field: Field, count: int) -> pa.Array:
    """Return the values of a field that a body does not have and that is not required, in the stored type."""
    return pa.repeat(field.type.arrow.build([_absent_value(taken, field)])[0], count)


def _absent_value(taken: TakenFields | None, field: Field) -> Json:
    if taken is not None and taken.absent_is_null and field.nullable and field in taken.fields:
        return None
    return field.absent_value
