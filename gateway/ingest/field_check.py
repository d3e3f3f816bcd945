"""The check of one field's values: whether a value is valid, and otherwise its error code and message."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.connectors import schema
from gateway.connectors.connector import ABSENT, Field
from gateway.errors import Code
from gateway.ingest.excerpts import shorten
from gateway.ingest.type_errors import is_beyond, type_error
from gateway.strictjson import Json

#: How many characters of the allowed values of an enum a message shows.
_ENUM_CHARACTERS_MAX = 200

#: Values that satisfy a format, in words.
FORMATS: Mapping[str, str] = {
    "date": "a date as YYYY-MM-DD",
    "date-time": "a date and time as RFC 3339 with an offset, such as 2026-11-23T08:30:00Z",
    "duration": "a duration as ISO 8601, such as P3DT12H",
    "email": "an email address",
    "hostname": "a host name",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "json-pointer": "a JSON Pointer, such as /a/0",
    "time": "a time as RFC 3339 with an offset, such as 08:30:00Z",
    "uri": "a URI with its scheme, such as https://example.com/",
    "uri-reference": "a URI or a relative reference, such as ../a",
    "uuid": "a UUID",
}


@dataclass(frozen=True, slots=True)
class ValueProblem:
    """The error of a value.

    Attributes:
        code: The error code.
        message: The value, its error, and the fix.
        value: The bad value; in a list the bad item.
        item: The number of that item, from 1.
    """

    code: Code
    message: str
    value: Json
    item: int | None = None


class FieldCheck:
    """Checks values of one field, or items of its lists. Any thread may use it.

    A string that spells a number is checked as that number.
    """

    def __init__(self, field: Field, *, is_item: bool = False) -> None:
        self.field = field
        self._is_item = is_item
        self._type = field.type
        self._convert = field.type.text.read_strings or (lambda value: value)
        #: Whether a value is valid, after its strings were converted.
        self.is_valid: Callable[[Json], bool] = schema.compile_schema(schema.build_field(field)).is_valid

    def code_of(self, value: Json) -> Code:
        """Return the code of a bad value, which costs less than the whole problem."""
        value = self._convert(value)
        if value is None:
            return Code.VALUE_MISSING
        if (place := self._bad_item(value)) is not None:
            return self._code_of_item(value[place])
        if self._is_of_type(value):
            return Code.VALUE_REFUSED
        return Code.VALUE_OUT_OF_RANGE if is_beyond(self._type, value) else Code.VALUE_INVALID

    def problem(self, value: Json) -> ValueProblem:
        """Return the error of a bad value."""
        converted = self._convert(value)
        place = self._bad_item(converted)
        if place is None:
            return ValueProblem(self.code_of(converted), self._message(converted), value)
        item = value[place]
        message = "null is not allowed in a list" if item is None else self._items.problem(item).message
        return ValueProblem(self._code_of_item(item), message, item, place + 1)

    def _code_of_item(self, item: Json) -> Code:
        return Code.VALUE_INVALID if item is None else self._items.code_of(item)

    def _message(self, value: Json) -> str:
        if value is None:
            return "null is not allowed; the field is not nullable"
        if not self._is_of_type(value):
            return type_error(self._type, value, is_nullable=self.field.nullable, is_item=self._is_item)
        for name, is_valid in self._constraints.items():
            if not is_valid(value):
                return f"{shorten(value)} {self._broken(name, value)}"
        return f"{shorten(value)} is not allowed"

    def _broken(self, name: str, value: Json) -> str:
        """Return the end of a sentence that names the constraint that a value breaks."""
        limit = self.field.constraints[name]
        if name == "enum":
            meant = self._folded.get(_fold(value))
            return f"is not one of {self._enum}" + (f"; did you mean {shorten(meant)}?" if meant else "")
        if name == "format":
            return f"is not {FORMATS[limit]} (format: {limit})"
        if name == "pattern":
            return f"does not match the pattern {shorten(limit)}"
        if name in ("min_length", "max_length"):
            count = "1 character" if len(value) == 1 else f"{len(value):,} characters"
            needed = (
                f"at least {limit:,} are needed" if name == "min_length" else f"at most {limit:,} are allowed"
            )
            return f"has {count}; {needed}"
        return f"is {_BROKEN_BOUNDS[name]} {shorten(limit)}"

    @cached_property
    def _folded(self) -> dict[str | None, Json]:
        """The allowed texts by their folded form: without case, and without blanks around them."""
        return {_fold(text): text for text in self.field.constraints["enum"] if isinstance(text, str)}

    @cached_property
    def _enum(self) -> str:
        shown: list[str] = []
        allowed = self.field.constraints["enum"]
        for text in map(shorten, allowed):
            if shown and sum(map(len, shown)) + len(text) > _ENUM_CHARACTERS_MAX:
                return f"{', '.join(shown)} and {len(allowed) - len(shown):,} more"
            shown.append(text)
        return ", ".join(shown)

    def _bad_item(self, value: Json) -> int | None:
        """Return the index of the first bad item of a bad list, found by bisection."""
        if self._type.item is None or not isinstance(value, list):
            return None
        start, end = 0, len(value)
        while end - start > 1:
            middle = (start + end) // 2
            if self.is_valid(value[start:middle]):
                start = middle
            else:
                end = middle
        return start

    @cached_property
    def _items(self) -> "FieldCheck":
        assert self._type.item
        items = replace(self._alone, type=self._type.item, constraints=self.field.constraints)
        return FieldCheck(items, is_item=True)

    @cached_property
    def _alone(self) -> Field:
        """The field with only its type."""
        return replace(self.field, nullable=False, default=ABSENT, constraints={}, examples=())

    @cached_property
    def _is_of_type(self) -> Callable[[Json], bool]:
        return schema.compile_schema(schema.build_field(self._alone)).is_valid

    @cached_property
    def _constraints(self) -> Mapping[str, Callable[[Json], bool]]:
        """A check for each constraint alone."""
        return {
            name: schema.compile_schema(
                schema.build_field(replace(self._alone, constraints={name: limit}))
            ).is_valid
            for name, limit in self.field.constraints.items()
        }


_BROKEN_BOUNDS: Mapping[str, str] = {
    "minimum": "less than the minimum of",
    "maximum": "greater than the maximum of",
    "exclusive_minimum": "not greater than the exclusive_minimum of",
    "exclusive_maximum": "not less than the exclusive_maximum of",
}


def _fold(value: Json) -> str | None:
    return value.strip().casefold() if isinstance(value, str) else None
