"""Evidence about one column of a file: the number of its values, and the types that all or nearly all of them fit."""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.fieldtypes.scalars import INT64_MAX, INT64_MIN, SCALARS
from gateway.strictjson import Json

#: The number of distinct values that may not fit a type before it is excluded for the column.
MAX_ODD = 2
#: The number of distinct values that are counted.
MAX_DIFFERENT = 12

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,37})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_DECIMAL_COMMA = re.compile(r"-?[0-9]{1,3}(?:\.?[0-9]{3})*,[0-9]+|-?[0-9]+,[0-9]+")
_BOOLEANS = frozenset(("true", "false", "t", "f"))
_TEXT_TYPES = ("date", "time", "timestamp", "datetime", "uuid")


def _is_integer(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None and INT64_MIN <= int(text) <= INT64_MAX


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and _fits("number", Decimal(text))


def _fits(name: str, value: Json) -> bool:
    return _VALIDATORS[name].is_valid(value)


_VALIDATORS = {name: schema.compile_schema(dict(type.schema)) for name, type in SCALARS.items()}


def _reads_as(name: str) -> Callable[[str], bool]:
    literal = SCALARS[name].text.parse

    def reads(text: str) -> bool:
        try:
            literal(text)
        except ValueError:
            return False
        return True

    return reads


#: Tests for a cell of CSV. They are stricter than the parser where a value would lose leading zeros or its word.
TESTS: Mapping[str, Callable[[str], bool]] = {
    "boolean": lambda text: text.lower() in _BOOLEANS,
    "integer": _is_integer,
    "decimal(38, 0)": lambda text: _WHOLE.fullmatch(text) is not None,
    "number": _is_number,
    **{name: _reads_as(name) for name in _TEXT_TYPES},
    "json": lambda text: text[:1] in ("{", "[") and _reads_as("json")(text),
}
#: Tests for a string of JSON.
TEXT_TESTS: Mapping[str, Callable[[str], bool]] = {
    name: functools.partial(_fits, name) for name in _TEXT_TYPES
}


@dataclass(slots=True)
class Evidence:
    """Evidence about one column. It grows while the values are inspected.

    Attributes:
        rows: The number of rows.
        absent: The number of rows without a value.
        possible: The types that all values fit, except for a few odd values.
        odd: For each possible type, the values that do not fit, with their counts.
        different: The distinct values with their counts; None if there are more than `MAX_DIFFERENT`.
        kinds: The number of values of each JSON type: `boolean`, `integer`, `number`, `string`, `array`, or `object`.
            An integer beyond 64 bits is a `decimal(38, 0)`, a number beyond a double is `beyond`.
        items: The JSON types of the items of arrays.
        is_json: Whether the values came as JSON, which distinguishes text from numbers.
        is_whole: Whether every number was an integer.
        is_digits: Whether every text consisted of digits.
        has_commas: Whether every text is a number with a decimal comma.
        before, after: The maximum number of digits before and after the decimal point.
    """

    rows: int = 0
    absent: int = 0
    possible: set[str] = field(default_factory=lambda: set(TESTS))
    odd: dict[str, Counter[str]] = field(default_factory=dict)
    different: Counter[str] | None = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    items: set[str] = field(default_factory=set)
    is_json: bool = False
    is_whole: bool = True
    is_digits: bool = True
    has_commas: bool = True
    before: int = 0
    after: int = 0

    def add_texts(
        self, texts: Iterable[str | None], tests: Mapping[str, Callable[[str], bool]] = TESTS
    ) -> None:
        """Add cells of CSV or strings of JSON; None is an absent value."""
        counted = Counter(texts)
        self.rows += counted.total()
        self.absent += counted.pop(None, 0)
        self._count_different(counted)
        self.is_digits = self.is_digits and all(str(text).isdecimal() for text in counted)
        self.has_commas = self.has_commas and all(_DECIMAL_COMMA.fullmatch(str(text)) for text in counted)
        self.possible &= set(tests)
        for name in sorted(self.possible):
            self._test(name, tests[name], counted)
        if "number" in self.possible:
            self._measure(str(text) for text in counted if _NUMBER.fullmatch(str(text)))
        if "json" in self.possible:
            self._look_inside(counted)

    def _test(self, name: str, test: Callable[[str], bool], counted: Counter[str | None]) -> None:
        odd = self.odd.setdefault(name, Counter())
        for text, count in counted.items():
            if not test(str(text)):
                odd[str(text)] += count
                if len(odd) > MAX_ODD:
                    self.possible.discard(name)
                    return

    def _count_different(self, counted: Counter[str | None]) -> None:
        if self.different is not None:
            self.different.update({str(text): count for text, count in counted.items()})
            if len(self.different) > MAX_DIFFERENT:
                self.different = None

    def _look_inside(self, counted: Counter[str | None]) -> None:
        for text, count in counted.items():
            if text is not None and text not in self.odd["json"]:
                self._add_plain(strictjson.read(text.encode()), count)

    def _measure(self, texts: Iterable[str]) -> None:
        for text in texts:
            whole, _, fraction = text.lstrip("-").partition(".")
            self.is_whole = self.is_whole and not fraction.strip("0")
            if "e" in text.lower():
                self.after = self.before = 99  # No amount of money is written with an exponent.
            self.before = max(self.before, len(whole.lstrip("0")))
            self.after = max(self.after, len(fraction))

    def add_values(self, values: Iterable[Json], absent: int) -> None:
        """Add values of JSON; `absent` is the number of rows without the key."""
        self.is_json = True
        texts: list[str | None] = []
        self.rows += absent
        self.absent += absent
        for value in values:
            kind = kind_of(value)
            if kind == "null":
                self.rows += 1
                self.absent += 1
            elif kind == "string":
                texts.append(value)
            else:
                self.rows += 1
                self._add_plain(value)
        if texts:
            self.kinds["string"] += len(texts)
            self.add_texts(texts, TEXT_TESTS)

    def _add_plain(self, value: Json, count: int = 1) -> None:
        kind = _kind_with_size(value)
        self.kinds[kind] += count
        if kind == "array":
            self.items |= {_kind_with_size(item) for item in value}
        elif kind in ("integer", "number"):
            self._measure([format(value, "f") if isinstance(value, Decimal) else str(value)])


def _kind_with_size(value: Json) -> str:
    """Return the JSON type of a value; for a large number the type that holds it, or `beyond` if none does."""
    kind = kind_of(value)
    if kind == "integer" and not INT64_MIN <= value <= INT64_MAX:
        kind = "decimal(38, 0)" if abs(value) < 10**38 else "number"
    return "beyond" if kind == "number" and not _fits("number", value) else kind


_KINDS = (
    (bool, "boolean"),
    (int, "integer"),
    (Decimal, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def kind_of(value: Json) -> str:
    """Return the JSON type of a value; a number without a point is an integer."""
    return next((kind for type, kind in _KINDS if isinstance(value, type)), "null")
