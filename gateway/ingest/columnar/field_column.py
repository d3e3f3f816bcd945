"""FieldColumn: the values of one field as an Arrow column, checked whole against the field's JSON Schema."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors import schema
from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.arrow_values import STORED_RANGES
from gateway.ingest.columnar.checks import checks_of
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.strictjson import Json

#: Keywords of the schema of a day or a time that every value in `STORED_RANGES` satisfies.
_OF_FORM = frozenset(("type", "format", "pattern", "not", "description", "default", "examples"))
#: Returns the exact JSON values at some places of a column.
ExactValues = Callable[[Sequence[int]], Iterable[Json]]


class FieldColumn:
    """Checks columns of one field. Any thread may use it.

    Attributes:
        field: The field.
        name: Its name.
        type: Its type.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self.name = field.name
        self.type = field.type
        built = schema.build_field(field)
        # The items of a list are checked.
        built = built["items"] if field.type.item else built
        self._has_only_form = built.keys() <= _OF_FORM
        self._is_valid = schema.compile_schema(built).is_valid
        self._checks = checks_of(built, field.type.item or field.type, self._is_valid)

    @property
    def is_checkable(self) -> bool:
        """True if columns can decide all that the schema says, and have a type that they are checked in."""
        if self.is_json:
            return self._checks == []
        return self.type.arrow.read_as is not None and self._checks is not None

    @property
    def is_json(self) -> bool:
        """True if its values are stored as JSON texts."""
        return self.type.name == "json"

    @property
    def is_null_when_absent(self) -> bool:
        """True if an absent value is stored as null."""
        return self.field.nullable and self.field.absent_value is None

    def read(self, array: pa.Array, exact: ExactValues) -> pa.Array:
        """Check values, and return them in the stored type.

        Args:
            array: The values, in the type `arrow.read_as` of the field's type. Its nulls are not checked.
            exact: Called for values that the column cannot decide.

        Raises:
            NotColumnarError: A value is invalid, or columns cannot decide it.
            pa.ArrowException: A value does not fit the stored type.
        """
        if self._checks is None:
            raise NotColumnarError
        values = array.flatten() if self.type.item else array
        if self.type.item and values.null_count:
            raise NotColumnarError
        for check in self._checks:
            doubtful = check(values)
            if doubtful and (self.type.item or not all(map(self._is_valid, exact(doubtful)))):
                raise NotColumnarError
        return self.type.arrow.cast(array)

    def read_stored(self, array: pa.Array) -> pa.Array:
        """Check days and times in the stored type, and return them.

        Raises:
            NotColumnarError: A value is invalid, or columns cannot decide it.
        """
        item = self.type.item or self.type
        values = array.flatten() if self.type.item else array
        if not self._has_only_form or (self.type.item and values.null_count):
            raise NotColumnarError
        width = pa.int32() if item.name == "date" else pa.int64()
        ends = pc.min_max(values.view(width)).as_py()
        first, last = STORED_RANGES[item.name]
        if ends["min"] is not None and not first <= ends["min"] <= ends["max"] <= last:
            raise NotColumnarError
        return array
