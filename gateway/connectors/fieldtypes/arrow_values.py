"""JSON values and texts to Arrow arrays. The values satisfy the schema: no function here rejects or rounds one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.connectors import literals
from gateway.strictjson import Json

DECIMAL_MAX_DIGITS = 38


def integers(values: Sequence[Json]) -> pa.Array:
    """Build an array of int64."""
    return pa.array([v if v is None or type(v) is int else int(v) for v in values], pa.int64())


def numbers(values: Sequence[Json]) -> pa.Array:
    """Build an array of doubles."""
    return pa.array([v if v is None else float(v) for v in values], pa.float64())


def booleans(values: Sequence[Json]) -> pa.Array:
    """Build an array of booleans."""
    return pa.array(values, pa.bool_())


def strings(values: Sequence[Json]) -> pa.Array:
    """Build an array of strings."""
    return pa.array(values, pa.string())


def numeral(value: Json) -> Json:
    """Read a string that spells a number."""
    try:
        return literals.numeral(value) if isinstance(value, str) else value
    except ValueError:
        return value


def parse_strings(pattern: str, arrow: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """Parse strings as Arrow does, which reads other spellings as well, and some of them in its own way."""

    def parse(texts: pa.Array) -> pa.Array:
        if pc.any(pc.invert(pc.match_substring_regex(texts, pattern))).as_py():
            raise pa.ArrowInvalid("a number is not spelled plainly")
        return texts.cast(arrow)

    return parse


def plain_decimal(digits: int) -> str:
    """Build a pattern of decimals with at most `digits` digits before the point and 38 in all: Arrow truncates longer ones silently."""
    whole = f"(?:0|[1-9][0-9]{{0,{digits - 1}}})" if digits else "0"
    behind = DECIMAL_MAX_DIGITS - digits
    return rf"^-?{whole}{rf'(?:[.][0-9]{{1,{behind}}})?' if behind else ''}$"


def write_digits(value: Json) -> Json:
    """Write a number without an exponent: DuckDB does not read an exponent after many digits."""
    return format(value, "f") if isinstance(value, Decimal) else value


def write_json(value: Json) -> str:
    """Write a value as JSON text."""
    return strictjson.write(value).decode()


def jsons(values: Sequence[Json]) -> pa.Array:
    """Build an array of the JSON texts of values."""
    return pa.array([v if v is None else write_json(v) for v in values], pa.string())


def lower_case(texts: pa.Array) -> pa.Array:
    """Write texts of ASCII in lower case."""
    return pc.ascii_lower(texts)


def dates(texts: pa.Array) -> pa.Array:
    """Cast texts to dates."""
    return texts.cast(pa.date32())


def times(texts: pa.Array) -> pa.Array:
    """Cast texts to times of day."""
    return _read_texts(texts, _as_times, _PLAIN_TIME, literals.time)


def _as_times(texts: pa.Array) -> pa.Array:
    """Read times; Arrow reads them behind a date only."""
    moments = pc.binary_join_element_wise("1970-01-01", texts, "T").cast(pa.timestamp("us"))
    return moments.cast(pa.time64("us"))


def datetimes(texts: pa.Array) -> pa.Array:
    """Cast texts to dates with a time."""
    return _read_texts(texts, lambda each: each.cast(pa.timestamp("us")), _PLAIN_DATETIME, literals.datetime)


def instants(texts: pa.Array) -> pa.Array:
    """Cast texts to instants; raise ArrowInvalid outside of the years 1 to 9999."""
    instants = _read_texts(texts, lambda each: each.cast(_INSTANT), _PLAIN_INSTANT, literals.timestamp)
    ends = pc.min_max(instants.cast(pa.int64()))
    if ends["min"].is_valid and not _FIRST <= ends["min"].as_py() <= ends["max"].as_py() <= _LAST:
        raise pa.ArrowInvalid("an instant is outside the years 1 to 9999")
    return instants


_INSTANT = pa.timestamp("us", "UTC")
#: The first and the last instant, in microseconds since 1970.
_FIRST, _LAST = (
    (instant - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
)
_DAY_MICROSECONDS = 86_400_000_000
#: The first and last stored value of types of days and times, as integers: the years 1 to 9999, and one day.
STORED_RANGES: Mapping[str, tuple[int, int]] = {
    "date": (_FIRST // _DAY_MICROSECONDS, _LAST // _DAY_MICROSECONDS),
    "time": (0, _DAY_MICROSECONDS - 1),
    "timestamp": (_FIRST, _LAST),
    "datetime": (_FIRST, _LAST),
}
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
#: What Arrow reads.
_PLAIN_TIME = f"^{_CLOCK}$"
_PLAIN_DATETIME = f"^[0-9-]{{10}}[T ]{_CLOCK}$"
_PLAIN_INSTANT = f"^[0-9-]{{10}}[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"


def _read_texts(
    texts: pa.Array, read: Callable[[pa.Array], pa.Array], plain: str, literal: Callable[[str], Json]
) -> pa.Array:
    """Cast texts with Arrow; rewrite those that it does not read first.

    Raises:
        pa.ArrowInvalid: Where one is no value.
    """
    try:
        return read(texts)
    except pa.ArrowInvalid:
        # PERF: .NET always writes seven decimals, Java three, six or nine, of which the last are often zeros.
        texts = pc.replace_substring_regex(texts, r"(\.[0-9]{6})0+($|[^0-9])", r"\1\2")
    is_odd = pc.fill_null(pc.invert(pc.match_substring_regex(texts, plain)), False)
    try:
        spelled = [literal(text) for text in texts.filter(is_odd).to_pylist()]
    except ValueError as error:
        raise pa.ArrowInvalid(str(error)) from error
    return read(pc.replace_with_mask(texts, is_odd, pa.array(spelled, pa.string())))
