"""Checks of whole Arrow columns against what a field's JSON Schema says."""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import INT64_MAX, INT64_MIN
from gateway.connectors.lexical_forms import NO_NUL
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.strictjson import Json

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
#: Keywords of a field's schema that need no check: the parsed type, or the pattern beside a format, implies them.
_IMPLIED = frozenset(("type", "format", "description", "default", "examples", "multipleOf", "items"))
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
#: Bounds that every integer that pyarrow parses satisfies.
_INTEGER_BOUNDS = {"minimum": INT64_MIN, "maximum": INT64_MAX}
#: Returns the indexes of values that the column cannot decide; raises NotColumnarError if one is bad.
Check = Callable[[pa.Array], Sequence[int]]


def checks_of(
    built: dict[str, Json], type: FieldType, is_valid: Callable[[Json], bool]
) -> list[Check] | None:
    """Return the checks of a column for all keywords of a schema; None if columns cannot check one."""
    is_float = type.arrow.read_as == pa.float64()
    checks: list[Check] = [_finite] if is_float else []
    keywords = {keyword: value for keyword, value in built.items() if not _is_implied(keyword, value, type)}
    if bounds := {keyword: keywords.pop(keyword) for keyword in _BOUNDS if keyword in keywords}:
        checks += [_double_bound(*bound) for bound in bounds.items()] if is_float else [_bounds(bounds)]
    has_distinct_check = False
    for keyword, value in keywords.items():
        if keyword in _LENGTHS:
            checks.append(_LENGTHS[keyword](value))
        elif keyword == "pattern" and value == type.schema["pattern"]:
            checks.append(_lexical(value, str(type.example)))
        elif is_float:
            return None  # Several numbers become the same double, so the exact value is lost.
        elif not has_distinct_check:
            checks.append(_distinct(is_valid))
            has_distinct_check = True
    return checks


def _is_implied(keyword: str, value: Json, type: FieldType) -> bool:
    """Return whether a value that was parsed satisfies a keyword."""
    # U+0000 is excluded before the text is parsed. The cast rejects values outside the range of the type.
    is_checked_elsewhere = (keyword, value) in (("pattern", NO_NUL), ("not", type.schema.get("not")))
    return (
        keyword in _IMPLIED
        or is_checked_elsewhere
        or (type.arrow.read_as == pa.int64() and _INTEGER_BOUNDS.get(keyword) == value)
    )


def _finite(array: pa.Array) -> Sequence[int]:
    """Reject NaN, which is not JSON, and numbers that no double holds."""
    if _any(pc.invert(pc.is_finite(array))):
        raise NotColumnarError
    return ()


def _min_length(least: int) -> Check:
    return lambda array: _within(pc.min_max(pc.utf8_length(array)), "minimum", least)


def _max_length(most: int) -> Check:
    def check(array: pa.Array) -> Sequence[int]:
        # A text has at most as many characters as bytes, whose number Arrow knows.
        bytes = pc.min_max(pc.binary_length(array))["max"].as_py()
        if bytes is None or bytes <= most:
            return ()
        return _within(pc.min_max(pc.utf8_length(array)), "maximum", most)

    return check


_LENGTHS = {"minLength": _min_length, "maxLength": _max_length}


def _bounds(bounds: dict[str, Json]) -> Check:
    def check(array: pa.Array) -> Sequence[int]:
        least_and_most = pc.min_max(array)
        for keyword, bound in bounds.items():
            _within(least_and_most, keyword, bound)
        return ()

    return check


def _double_bound(keyword: str, value: Json) -> Check:
    """Check a bound of doubles. They keep the order of their numbers, except for those that equal the bound."""
    bound = float(value)
    outside = "exclusiveMinimum" if keyword in ("minimum", "exclusiveMinimum") else "exclusiveMaximum"

    def check(array: pa.Array) -> Sequence[int]:
        equal = pc.equal(array, bound)
        if not _any(equal):
            return _within(pc.min_max(array), outside, bound)
        _within(pc.min_max(array), outside.replace("exclusiveM", "m"), bound)
        places: list[int] = pc.indices_nonzero(pc.fill_null(equal, False)).to_pylist()
        return places

    return check


def _within(least_and_most: pa.StructScalar, keyword: str, bound: Json) -> Sequence[int]:
    least, most = least_and_most["min"].as_py(), least_and_most["max"].as_py()
    is_within = (
        least is None
        or {
            "minimum": least >= bound,
            "maximum": most <= bound,
            "exclusiveMinimum": least > bound,
            "exclusiveMaximum": most < bound,
        }[keyword]
    )
    if not is_within:
        raise NotColumnarError
    return ()


def _lexical(pattern: str, example: str) -> Check:
    """Check the lexical form of a type, whose pattern means the same to every regular expression engine.

    PERF: values with digits exactly where the example has them need no engine, which is the rule for machine data. The
    cast rejects days and times that do not exist, except in the year 0.
    """
    shape = example.encode().translate(_DIGITS)

    def check(array: pa.Array) -> Sequence[int]:
        if not _have_shape(array, shape) and _any(pc.invert(pc.match_substring_regex(array, pattern))):
            raise NotColumnarError
        return ()

    return check


def _have_shape(array: pa.Array, shape: bytes) -> bool:
    """Return whether all texts have digits exactly where `shape` has them, and none is in the year 0."""
    lengths = pc.min_max(pc.binary_length(array))
    if array.offset or lengths["min"].as_py() != len(shape) or lengths["max"].as_py() != len(shape):
        return False
    count = len(array) - array.null_count
    texts = array.buffers()[2].slice(0, count * len(shape)).to_pybytes()
    return texts.translate(_DIGITS) == shape * count and not _any(pc.starts_with(array, "0000-"))


def _distinct(is_valid: Callable[[Json], bool]) -> Check:
    """Check each different value once, with the schema itself."""

    def check(array: pa.Array) -> Sequence[int]:
        values = pc.unique(array.drop_null()).to_pylist()
        if not all(map(is_valid, values)):
            raise NotColumnarError
        return ()

    return check


def _any(array: pa.Array) -> Any:
    return pc.any(array).as_py()
