"""The rows of a large JSON body to Arrow columns, without a Python value for each of them.

pyarrow parses, outside the GIL, and its compute functions check whole columns against the connector's JSON Schema.
Nothing is refused here: wherever a body is not plainly right, or the columns cannot tell, the answer is None, and the
rows are read one by one by `payload` and `validation`, which are the truth that this is proven equal to.

pyarrow's reader takes one JSON object after another, with any blanks between them, and ends at U+0000. An array it gets
as the one field of one object, so that it checks its grammar as well; lines are shown to be one object each. It refuses
control characters in strings, so that line ends are between values, and objects inside of rows, for no field is one.
It takes more than JSON: NaN, bytes that are no UTF-8, numbers of any length, and decimals in quotes; and it fails over
the exponent of a decimal, and where one has too many digits for 128 bits (seen in 26.0.1). So a column of numbers that the
first row has in quotes is parsed as strings, and its strings are read as numbers where all are spelled plainly.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.connectors.fieldtypes import DECIMAL_MAX_DIGITS, INT64_MAX, INT64_MIN, FieldType
from gateway.connectors.lexical import NO_NUL
from gateway.ingest.body_text import start_of
from gateway.media_types import Media
from gateway.strictjson import Json

#: How much text is parsed at a time, about.
PIECE_BYTES = 16 * 2**20
#: So many digits behind a point are more than any decimal has.
_DECIMALS = DECIMAL_MAX_DIGITS + 1
#: So many decimals are looked for one by one.
_FEW_DECIMALS = 4
#: So many line ends are passed over at the end of a body.
_FEW_ENDS = 64
#: In how much text a number of each field is looked for, to see whether they are in quotes.
_HEAD_BYTES = 2**16

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_COLON = r"[ \t\r\n]*:[ \t\r\n]*"
#: A key that is spelled with an escape; one whose last is of another kind is no field's that is looked for.
_ESCAPED_KEY = rf'\\(?:u[0-9a-fA-F]{{4}}|/)[^"\\]*"{_COLON}'
#: Where an object begins. In a string the quote would end it, and none of what follows could stand behind it.
_BEGIN = rb'\{[ \t\r\n]*"[^ \t\r\n,:}\]]'
_BEGINS = re.compile(_BEGIN)
_BETWEEN = re.compile(rb"\}([ \t\r\n]*,[ \t\r\n]*)" + _BEGIN)
#: What an array stands under in the object that pyarrow gets.
_ROWS = ""
_UNDER = b'{"%b":' % _ROWS.encode()
_split_array = msgspec.json.Decoder(dict[str, list[msgspec.Raw]]).decode
_split_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines

#: What keywords of a field's schema say of no value by itself: the parsed type does, or the pattern beside a format.
_SILENT = frozenset(("type", "format", "description", "default", "examples", "multipleOf", "items"))
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
#: Bounds that no integer is beyond that pyarrow reads, inclusive as they are.
_ENDS = {"minimum": INT64_MIN, "maximum": INT64_MAX}


class _Unsure(Exception):  # noqa: N818  # it is no error
    """The rows have to be read one by one."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The rows of a body, all of them good.

    Attributes:
        table: The declared fields, one Arrow column each.
        has_lines: Whether row N is line N of the body.
    """

    table: pa.Table
    has_lines: bool


class Columnar:
    """Reads the rows of one connector. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self._fields = connector.fields

    @cached_property
    def _columns(self) -> "list[_Column] | None":
        """What reads each field; None where there is one that is not read in columns."""
        columns = [_Column(field) for field in self._fields]
        return columns if all(column.is_readable for column in columns) else None

    def read(self, data: bytes, media: Media, max_row: int) -> Columns | None:
        """Give the rows of a JSON array or of NDJSON, or None where they have to be read one by one.

        Args:
            data: The body.
            media: What it is.
            max_row: The most bytes that a row may have.
        """
        if self._columns is None:
            return None
        try:
            if media is Media.JSON:
                tables = [self._of_array(text) for text in _arrays(data, max_row)]
            elif media is Media.NDJSON:
                tables = [self._of_lines(*piece, max_row) for piece in _pieces_of_lines(data)]
            else:
                return None
        except (
            _Unsure,
            msgspec.DecodeError,
            RecursionError,
            pa.ArrowException,
            UnicodeDecodeError,
            OverflowError,
        ):
            return None
        return Columns(tables[0] if len(tables) == 1 else pa.concat_tables(tables), media is Media.NDJSON)

    def _of_array(self, text: bytes) -> pa.Table:
        """Read an array as `_arrays` gives it."""
        quoted = self._find_quoted(text)
        fields = list(self._parsed(quoted))
        under = self._parse(text, pa.schema([(_ROWS, pa.list_(pa.struct(fields)))]), quoted).column(0)
        if len(under) != 1 or under.null_count:
            raise _Unsure
        rows = under.chunk(0).flatten()
        if not len(rows) or rows.null_count:
            raise _Unsure
        arrays = [rows.field(field.name) for field in fields]
        return self._table(arrays, quoted, cache(lambda: _split_array(text)[_ROWS]))

    def _of_lines(self, text: bytes, size: int, max_row: int) -> pa.Table:
        """Read lines, each of which has to be one row and nothing else."""
        rows = _require_lines(text, size, max_row)
        quoted = self._find_quoted(text)
        parsed = self._parse(text, self._parsed(quoted), quoted)
        if parsed.num_rows != rows:
            raise _Unsure
        arrays = [column.chunk(0) for column in parsed.columns]
        return self._table(arrays, quoted, cache(lambda: _split_lines(text)))

    def _find_quoted(self, text: bytes) -> frozenset[str]:
        """Tell which fields of numbers seem to come as strings; where it is otherwise, pyarrow refuses the text."""
        head = text[:_HEAD_BYTES]
        first = {name: pattern.search(head) for name, pattern in self._first_numbers.items()}
        return frozenset(name for name, found in first.items() if found and found[1] == b'"')

    def _parse(self, text: bytes, expected: pa.Schema, quoted: frozenset[str]) -> pa.Table:
        _require_plain(text)
        if self._has_doubles and strictjson.may_be_endless(text):
            raise _Unsure
        for pattern in self._odd_decimals(quoted):
            _require_digits(text, pattern)
        options = pyarrow.json.ParseOptions(
            explicit_schema=expected, newlines_in_values=False, unexpected_field_behavior="error"
        )
        # It is one block, and so one chunk, which is never searched for line ends, for a row may have some.
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
        return pyarrow.json.read_json(pa.BufferReader(text), reading, options)

    def _table(self, parsed: Sequence[pa.Array], quoted: frozenset[str], texts: "_Texts") -> pa.Table:
        """Check parsed columns, and give them as they are stored."""
        assert self._columns is not None
        arrays = [
            column.read(column.unquoted(each) if column.name in quoted else each, texts)
            for column, each in zip(self._columns, parsed, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=[column.name for column in self._columns])

    def _odd_decimals(self, quoted: frozenset[str]) -> list[str]:
        """Give what finds decimals that pyarrow is not asked to read, under keys that have no escapes."""
        odd = [
            _odd(field, self._end_of_key(field.name))
            for field in self._fields
            if _is_decimal(field.type) and field.name not in quoted
        ]
        # PERF: a pattern is looked for by its first and its last letter, which several together do not have.
        return odd if len(odd) <= _FEW_DECIMALS else ["|".join(odd)]

    def _end_of_key(self, name: str) -> str:
        # PERF: there are far more quotes than first letters of names, so a quote is looked for only where it is needed.
        is_end_of_other = any(each.name != name and each.name.endswith(name) for each in self._fields)
        return f'"{re.escape(name)}' if is_end_of_other else re.escape(name)

    @cached_property
    def _first_numbers(self) -> dict[str, re.Pattern[bytes]]:
        """What finds the first number of each field that may come as a string."""
        names = [field.name for field in self._fields if field.type.parse_strings]
        return {
            name: re.compile(rf'"{re.escape(name)}"{_COLON}(?:\[\s*)?(["0-9-])'.encode()) for name in names
        }

    @cached_property
    def _has_doubles(self) -> bool:
        """Whether a number may be of more digits than are read: no integer can, and no decimal that pyarrow is asked to."""
        return any(pa.types.is_floating((field.type.item or field.type).arrow) for field in self._fields)

    def _parsed(self, quoted: frozenset[str]) -> pa.Schema:
        return pa.schema(
            [
                (field.name, _as_strings(field.type) if field.name in quoted else field.type.parsed)
                for field in self._fields
            ]
        )


# ------------------------------------------------------------------------------------------------------
# Bodies to objects

#: Gives the text of each row, where it is asked for.
_Texts = Callable[[], Sequence[msgspec.Raw]]


def _arrays(data: bytes, max_row: int) -> Iterator[bytes]:
    """Give a body in one or more arrays of some of its rows, each under `_ROWS`; an array they are if each is one.

    Between two of them has been what is between two rows, so that all of them together are what the body is.
    """
    start = start_of(data)
    _require_short(data, start, max_row)
    text = memoryview(data)
    opening = b""
    while len(data) - start > PIECE_BYTES and (between := _BETWEEN.search(data, start + PIECE_BYTES)):
        yield b"".join((_UNDER, opening, text[start : between.start(1)], b"]}"))
        start, opening = between.end(1), b"["
    yield b"".join((_UNDER, opening, text[start:], b"}"))


def _require_short(data: bytes, start: int, max_row: int) -> None:
    """Let an array through in which a row begins so often that none is too long."""
    while len(data) - start > max_row:
        begins = _BEGINS.search(data, start + max_row // 2, start + max_row)
        if begins is None:
            raise _Unsure
        start = begins.start()


def _pieces_of_lines(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Give lines some at a time, and how long those are without the end of their last."""
    few = data[-_FEW_ENDS:]
    start, stop = start_of(data), len(data) - len(few) + len(few.rstrip(b"\r\n"))
    while stop - start > PIECE_BYTES and (end := data.find(b"\n", start + PIECE_BYTES, stop) + 1):
        yield data[start:end], end - start - (2 if data[end - 2] == ord("\r") else 1)
        start = end
    yield data[start:], stop - start


def _require_lines(text: bytes, size: int, max_row: int) -> int:
    """Let lines through of which each begins and ends as an object does, and tell how many they are.

    Where there are as many objects as lines, each is one: no line end that stands between such is inside of one.
    """
    end = "\r\n" if text[: text.find(b"\n") + 1].endswith(b"\r\n") else "\n"
    lines = pc.split_pattern(_one(text, size), end).flatten()
    is_each = (
        pc.max(pc.binary_length(lines)).as_py() <= max_row
        and pc.all(pc.starts_with(lines, "{")).as_py()
        and pc.all(pc.ends_with(lines, "}")).as_py()
        and (end == "\n" or text.count(b"\n", 0, size) == len(lines) - 1)
    )
    if not is_each:
        raise _Unsure
    return len(lines)


def _one(text: bytes, size: int) -> pa.Array:
    """Give the beginning of a text as an array of one, without a copy."""
    return pa.Array.from_buffers(
        pa.binary(), 1, [None, pa.array([0, size], pa.int32()).buffers()[1], pa.py_buffer(text)]
    )


def _require_plain(text: bytes) -> None:
    """Let a text through that neither of the two ways to read it would find more in than the other."""
    if not text.isascii():
        _one(text, len(text)).cast(pa.string())  # It raises where the text is not UTF-8.
    if b"\0" in text or (b"\\" in text and b"\\u0000" in text):
        raise _Unsure


def _odd(field: Field, key: str) -> str:
    """Find a value of a decimal field that is in quotes, has an exponent, or too many digits before or after its point.

    `key` is the end of its key, and of no other's.
    """
    digits = field.type.arrow.precision - field.type.arrow.scale
    return rf'{key}"{_COLON}(?:"|-?[0-9.]+[eE]|-?[1-9][0-9]{{{digits},}}|-?[0-9]+[.][0-9]{{{_DECIMALS},}})'


def _require_digits(text: bytes, odd_decimal: str) -> None:
    """Let a text through whose decimals are few digits only, which are found by their keys."""
    patterns = [odd_decimal, _ESCAPED_KEY] if b"\\" in text else [odd_decimal]
    whole = _one(text, len(text))
    if any(pc.match_substring_regex(whole, pattern)[0].as_py() for pattern in patterns):
        raise _Unsure


# ------------------------------------------------------------------------------------------------------
# Columns


def _as_strings(type: FieldType) -> pa.DataType:
    return pa.list_(pa.string()) if type.item else pa.string()


def _is_decimal(type: FieldType) -> bool:
    return isinstance(type.arrow, pa.Decimal128Type)


class _Column:
    """One field as a column."""

    def __init__(self, field: Field) -> None:
        self.name = field.name
        self._field = field
        self._type = field.type
        built = schema.build_field(field)
        # Of a list it is the items that are checked.
        built = built["items"] if field.type.item else built
        self._is_valid = schema.compile_schema(built).is_valid
        self._checks = _checks(built, field.type.item or field.type, self._is_valid)

    @property
    def is_readable(self) -> bool:
        """Whether what pyarrow parses can be checked and stored."""
        is_found = not _is_decimal(self._type) or not {'"', "\\"} & set(self.name)
        return self._type.parsed is not None and self._checks is not None and is_found

    def unquoted(self, array: pa.Array) -> pa.Array:
        """Give parsed strings as the numbers that they spell."""
        assert self._type.parse_strings is not None
        return self._type.parse_strings(array)

    def read(self, array: pa.Array, texts: _Texts) -> pa.Array:
        """Check parsed values, and give them as they are stored; `texts` gives their rows."""
        # A null may be a field that was left out, which is not the same to every field.
        if array.null_count and not (self._field.nullable and self._field.absent_value is None):
            raise _Unsure
        values = array.flatten() if self._type.item else array
        if self._type.item and values.null_count:
            raise _Unsure
        for check in self._checks or ():
            doubtful = check(values)
            if doubtful and self._type.item:
                raise _Unsure
            if doubtful:
                self._settle(doubtful, texts())
        return self._type.cast(array)

    def _settle(self, doubtful: Sequence[int], texts: Sequence[msgspec.Raw]) -> None:
        """Ask the schema itself about the values of some rows."""
        for place in doubtful:
            if not self._is_valid(strictjson.read(bytes(texts[place]))[self.name]):
                raise _Unsure


#: Gives the places of values that a column cannot tell about; raises _Unsure where one is bad.
_Check = Callable[[pa.Array], Sequence[int]]


def _checks(built: dict[str, Json], type: FieldType, is_valid: Callable[[Json], bool]) -> list[_Check] | None:
    """Make what checks a column against all that a schema says; None where columns cannot."""
    is_float = type.parsed == pa.float64()
    checks: list[_Check] = [_finite] if is_float else []
    said = {keyword: value for keyword, value in built.items() if not _is_silent(keyword, value, type)}
    if bounds := {keyword: said.pop(keyword) for keyword in _BOUNDS if keyword in said}:
        checks += [_double_bound(*bound) for bound in bounds.items()] if is_float else [_bounds(bounds)]
    is_asked = False
    for keyword, value in said.items():
        if keyword in _LENGTHS:
            checks.append(_LENGTHS[keyword](value))
        elif keyword == "pattern" and value == type.schema["pattern"]:
            checks.append(_lexical(value, str(type.example)))
        elif is_float:
            return None  # A double has forgotten which of the numbers it was that are stored so.
        elif not is_asked:
            checks.append(_distinct(is_valid))
            is_asked = True
    return checks


def _is_silent(keyword: str, value: Json, type: FieldType) -> bool:
    """Whether a keyword says of no value more than that it could be parsed."""
    # That no text has U+0000 is seen before it is parsed, and what is beyond a type when it is cast.
    is_told_elsewhere = (keyword, value) in (("pattern", NO_NUL), ("not", type.schema.get("not")))
    return (
        keyword in _SILENT or is_told_elsewhere or (type.parsed == pa.int64() and _ENDS.get(keyword) == value)
    )


def _finite(array: pa.Array) -> Sequence[int]:
    """Refuse NaN, which is no JSON, and -0, which is read as an integer where it is not -0.0."""
    negative_zero = pc.equal(array.view(pa.int64()), INT64_MIN)
    if _any(pc.invert(pc.is_finite(array))) or _any(negative_zero):
        raise _Unsure
    return ()


def _min_length(least: int) -> _Check:
    return lambda array: _within(pc.min_max(pc.utf8_length(array)), "minimum", least)


def _max_length(most: int) -> _Check:
    def check(array: pa.Array) -> Sequence[int]:
        # Characters are no more than bytes, which Arrow need not count.
        bytes = pc.min_max(pc.binary_length(array))["max"].as_py()
        if bytes is None or bytes <= most:
            return ()
        return _within(pc.min_max(pc.utf8_length(array)), "maximum", most)

    return check


_LENGTHS = {"minLength": _min_length, "maxLength": _max_length}


def _bounds(bounds: dict[str, Json]) -> _Check:
    def check(array: pa.Array) -> Sequence[int]:
        least_and_most = pc.min_max(array)
        for keyword, bound in bounds.items():
            _within(least_and_most, keyword, bound)
        return ()

    return check


def _double_bound(keyword: str, value: Json) -> _Check:
    """Check doubles, which keep the order of the numbers they were made of, but for those made of the bound."""
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
        raise _Unsure
    return ()


def _lexical(pattern: str, example: str) -> _Check:
    """Check a type's own form, whose pattern means the same to every engine.

    Values that have digits where the example has them, as those of machines do, need no such engine: whether there is
    that day and that time is seen when they are cast, but for days of the year 0.
    """
    shape = example.encode().translate(_DIGITS)

    def check(array: pa.Array) -> Sequence[int]:
        if not _is_all(array, shape) and _any(pc.invert(pc.match_substring_regex(array, pattern))):
            raise _Unsure
        return ()

    return check


def _is_all(array: pa.Array, shape: bytes) -> bool:
    """Tell whether all texts are of one shape, whose digits stand for any, and none begins with the year 0."""
    lengths = pc.min_max(pc.binary_length(array))
    if array.offset or lengths["min"].as_py() != len(shape) or lengths["max"].as_py() != len(shape):
        return False
    count = len(array) - array.null_count
    texts = array.buffers()[2].slice(0, count * len(shape)).to_pybytes()
    return texts.translate(_DIGITS) == shape * count and not _any(pc.starts_with(array, "0000-"))


def _distinct(is_valid: Callable[[Json], bool]) -> _Check:
    """Ask the schema itself, once about each of the different values."""

    def check(array: pa.Array) -> Sequence[int]:
        values = pc.unique(array.drop_null()).to_pylist()
        if not all(map(is_valid, values)):
            raise _Unsure
        return ()

    return check


def _any(array: pa.Array) -> Any:
    return pc.any(array).as_py()
