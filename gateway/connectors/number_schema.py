"""The JSON Schema of an exact number, as it is published.

What the gateway itself compiles is read exactly: `multipleOf: 0.01` refuses 1.234 and takes every cent. Most validators
elsewhere read numbers as doubles, and divide: 0.07 / 0.01 is 7.000000000000001, and they would refuse it. So the published
schema says the same in a way that doubles cannot spoil:

- A step has alternatives: itself divided by numbers that are prime to 10. As a double each of these is off by another
  error, and for every multiple of the step one of the quotients is a whole number. What is no multiple of the step has
  no short decimal form among their multiples, so nothing else gets in: no number of at most 14 digits, by far.
- Quotients from 1e21 on are no whole numbers to Ajv, so wide decimals have coarser steps as well. From 2 ** 53 steps on a
  double is a multiple of any step.
- Bounds are inclusive and multiples of the step, for an exclusive one is rounded to what it excludes. Beyond 2 ** 53 a
  bound may be rounded below integers that it includes, which some validators compare exactly; those get their own bound.
- A bound below 1 that is rounded to 1 excludes 1 as well: that is a likely value, and numbers of 17 digits and more,
  which are rounded to it, are not.
- Digits in a string are matched by a pattern, which no double comes near.

To a validator that reads numbers exactly all of this says what the schema said before.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from gateway.connectors import numerals
from gateway.connectors.portable_patterns import NO_LINE_END
from gateway.strictjson import MAX_DIGITS, Json

#: For each scale what its step is divided by; found by search, and proven by the tests: of all sets that do, the smallest.
DIVISORS: Mapping[int, tuple[int, ...]] = {
    1: (7,), 2: (3, 17), 3: (7, 11), 4: (7,), 5: (21,), 6: (3, 7), 7: (7,), 8: (3, 17), 9: (3,), 10: (11,),
    11: (11,), 12: (3, 9), 13: (9,), 14: (3, 9), 15: (13,), 16: (7,), 17: (3,), 18: (13,), 19: (13,), 20: (9,),
    21: (3, 19), 22: (17,), 23: (17,), 24: (7,), 25: (3,), 26: (13,), 27: (7, 9), 28: (9,), 29: (7,), 30: (21,),
    31: (11,), 32: (13,), 33: (21,), 34: (19,), 35: (3, 9), 36: (7,), 37: (3, 7), 38: (7,),
}  # fmt: skip

COMMENT = (
    "Exact for a validator that reads numbers exactly. One that reads doubles tells numbers of at most 14 digits apart."
    " Digits in a string are exact to all of them."
)

#: Exact for every number here: bounds of 38 digits, doubles of 309, and what is divided.
_EXACT = Context(prec=400)
#: How many digits of a divided step are written: more than a number has, so that an exact reader meets no multiple.
_DIVIDED = Context(prec=45)
#: The powers of ten of steps that a number may have: below, Ajv finds whole numbers whole; a coarser step begins earlier.
_AJV_DIGITS, _COARSER = 21, 5


def is_number(schema: Mapping[str, Json]) -> bool:
    """Return whether a schema is that of an exact number."""
    return bool("multipleOf" in schema or "integer" in _listed(schema["type"]))


def number(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Build the published schema of an exact number."""
    step = _step(schema)
    scale = -int(step.adjusted())
    low, high = _range(schema, scale)
    bounds = [_Bound("minimum", low, scale), _Bound("maximum", high, scale)]
    unions = [_multiples(scale, max(abs(low), abs(high)))] if scale else []
    unions += [bound.union for bound in bounds if bound.is_rounded_inwards]
    unions += [_values(schema["enum"], scale)] if "enum" in schema else []
    own = {key: value for key, value in schema.items() if key not in _SAID_ANEW}
    published: dict[str, Json] = {"$comment": COMMENT, "type": _types(schema, scale), **own}
    for bound in bounds:
        published |= bound.keywords
    if len(unions) == 1:
        published["anyOf"] = unions[0]
    elif unions:
        published["allOf"] = [{"anyOf": union} for union in unions]
    published["maxLength"] = MAX_DIGITS
    published["pattern"] = numerals.pattern(_ranges(schema, low, high, scale), scale)
    return {**published, **NO_LINE_END}


_SAID_ANEW = ("type", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum")


def _step(schema: Mapping[str, Json]) -> Decimal:
    return Decimal(1) if "integer" in _listed(schema["type"]) else Decimal(schema["multipleOf"])


def _types(schema: Mapping[str, Json], scale: int) -> Json:
    nulls = ["null"] if "null" in _listed(schema["type"]) else []
    return ["number" if scale else "integer", "string", *nulls]


def _listed(types: Json) -> Sequence[str]:
    return types if isinstance(types, list) else [types]


def _range(schema: Mapping[str, Json], scale: int) -> tuple[int, int]:
    """Return the least and the greatest multiple of the step, in steps."""

    def steps(keyword: str, rounding: str) -> int:
        scaled = Decimal(schema[keyword]).scaleb(scale, _EXACT)
        return int(scaled.to_integral_value(rounding, _EXACT))

    low, high = steps("minimum", ROUND_CEILING), steps("maximum", ROUND_FLOOR)
    if "exclusiveMinimum" in schema:
        low = max(low, steps("exclusiveMinimum", ROUND_FLOOR) + 1)
    if "exclusiveMaximum" in schema:
        high = min(high, steps("exclusiveMaximum", ROUND_CEILING) - 1)
    return low, high


def _ranges(schema: Mapping[str, Json], low: int, high: int, scale: int) -> list[tuple[int, int]]:
    """Return the ranges, in steps, of the numbers that strings may spell."""
    if "enum" not in schema:
        return [(low, high)]
    steps = {int(Decimal(value).scaleb(scale, _EXACT)) for value in schema["enum"] if value is not None}
    return [(each, each) for each in sorted(steps) if low <= each <= high]


_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}


class _Bound:
    """One end of a range."""

    def __init__(self, keyword: str, steps: int, scale: int) -> None:
        exact = Decimal(steps).scaleb(-scale, _EXACT)
        self.keyword = keyword
        self._is_rounded_to_one = exact.copy_abs() < 1 <= abs(float(exact))
        is_whole = exact == exact.to_integral_value()
        #: Where it is long it has its point, so that it is read as numbers are that have one.
        self.value: Json = int(exact) if is_whole and (not scale or abs(exact) < 2**53) else exact
        inwards = ROUND_FLOOR if keyword == "maximum" else ROUND_CEILING
        self._whole = int(exact.to_integral_value(inwards, _EXACT))

    @property
    def is_rounded_inwards(self) -> bool:
        """The bound as a double excludes integers that the bound includes."""
        if isinstance(self.value, int):
            return False
        double = Decimal(float(self.value))
        return double < self._whole if self.keyword == "maximum" else double > self._whole

    @property
    def keywords(self) -> dict[str, Json]:
        """Return the keywords of the bound, if they exclude no integer."""
        said: dict[str, Json] = {} if self.is_rounded_inwards else {self.keyword: self.value}
        if self._is_rounded_to_one:
            said[_EXCLUSIVE[self.keyword]] = -1 if self.keyword == "minimum" else 1
        return said

    @property
    def union(self) -> list[dict[str, Json]]:
        """Build alternatives that include those integers."""
        return [{self.keyword: self.value}, {"type": "integer", self.keyword: self._whole}]


def _values(enum: Iterable[Json], scale: int) -> list[dict[str, Json]]:
    """Build alternatives for the values of an enum; a pattern matches their spellings in strings."""
    return [
        {"type": ["string", "null"]},
        {"enum": [each for value in enum for each in _both_ways(value, scale)]},
    ]


def _both_ways(value: Json, scale: int) -> Iterable[Json]:
    """Return a long whole number with and without its point; as a double it is another integer."""
    if value is None or not scale or abs(value) < 2**53 or value != int(value):
        return (value,)
    return int(value), Decimal(value).quantize(Decimal(1).scaleb(-scale), context=_EXACT)


def _multiples(scale: int, most: int) -> list[dict[str, Json]]:
    """Build alternatives; each multiple of a step satisfies one of them, up to a number of steps."""
    step = Decimal(1).scaleb(-scale)
    union: list[dict[str, Json]] = [{"multipleOf": step}]
    union += ({"multipleOf": _DIVIDED.divide(step, Decimal(by))} for by in DIVISORS[scale])
    return union + list(_coarser(scale, most))


def _coarser(scale: int, most: int) -> Iterable[dict[str, Json]]:
    digits = _AJV_DIGITS
    while most + most // 2**50 >= 10**digits:  # As a double it may be a little more.
        digits, scale = digits + _COARSER, scale - _COARSER
        if scale <= 0:
            yield {"type": "integer"}
            return
        yield {"multipleOf": Decimal(1).scaleb(-scale)}
