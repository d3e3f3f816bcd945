"""The rows of a large JSON body to Arrow columns, without a Python value for each of them.

pyarrow parses, outside the GIL, and its compute functions check whole columns against the connector's JSON Schema.
Nothing is refused here: wherever a body is not plainly right, or the columns cannot tell, the answer is None, and the
rows are read one by one by `payload` and `validation`, which are the truth that this is proven equal to.

pyarrow's reader takes more than JSON: NaN, bytes that are no UTF-8, numbers of any length, and decimals in quotes.
It fails over a row that is `null`, over the exponent of a decimal, and where one has too many digits for 128 bits (seen
in 26.0.1), so what it gets are objects, told apart by msgspec before, with decimals that are a few digits.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.connectors.fieldtypes import INT64_MIN, FieldType
from gateway.connectors.lexical import NO_NUL
from gateway.ingest import payload
from gateway.media import Media
from gateway.strictjson import Json

#: How much text is parsed at a time, about.
PIECE_BYTES = 16 * 2**20

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_NULL = msgspec.Raw(b"null")
_COLON = r"[ \t\r\n]*:[ \t\r\n]*"
#: A key that is spelled with an escape; one whose last is of another kind is no field's that is looked for.
_ESCAPED_KEY = rf'\\(?:u[0-9a-fA-F]{{4}}|/)[^"\\]*"{_COLON}'
_split_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_split_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines

#: What keywords of a field's schema say of no value by itself: the parsed type does, or the pattern beside a format.
_SILENT = frozenset(("type", "format", "description", "default", "examples", "multipleOf", "items"))
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


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
        if media not in (Media.JSON, Media.NDJSON) or self._columns is None:
            return None
        try:
            tables = [self._table(*some) for some in _slices(data, media, max_row)]
        except (
            _Unsure,
            msgspec.DecodeError,
            RecursionError,
            pa.ArrowException,
            UnicodeDecodeError,
            OverflowError,
        ):
            return None
        return Columns(pa.concat_tables(tables), media is Media.NDJSON) if tables else None

    def _table(self, texts: Sequence[msgspec.Raw], whole: bytes) -> pa.Table:
        """Read some rows, of which `whole` is the text with line ends between them."""
        assert self._columns is not None
        _require_plain(whole)
        if self._odd_decimal is not None:
            _require_digits(whole, self._odd_decimal)
        options = pyarrow.json.ParseOptions(
            explicit_schema=self._parsed, newlines_in_values=False, unexpected_field_behavior="error"
        )
        # It is one block, which is never searched for line ends, for a row may have some.
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(whole) + 1)
        parsed = pyarrow.json.read_json(pa.BufferReader(whole), reading, options)
        if parsed.num_rows != len(texts):
            raise _Unsure
        arrays = [column.read(parsed[column.name], texts) for column in self._columns]
        return pa.Table.from_arrays(arrays, names=[column.name for column in self._columns])

    @cached_property
    def _odd_decimal(self) -> str | None:
        """What finds a decimal that pyarrow is not asked to read, under a key that has no escapes; None without any."""
        return "|".join(_odd(field) for field in self._fields if _is_decimal(field.type)) or None

    @cached_property
    def _parsed(self) -> pa.Schema:
        return pa.schema([(field.name, field.type.parsed) for field in self._fields])


# ------------------------------------------------------------------------------------------------------
# Bodies to objects


def _slices(data: bytes, media: Media, max_row: int) -> Iterator[tuple[Sequence[msgspec.Raw], bytes]]:
    """Split a body, and give its rows some at a time: the text of each, and their texts in one, a row a line."""
    start = payload.start_of(data)
    texts = _texts(data, start, media)
    if not texts or max(map(len, texts)) > max_row or _NULL in texts:
        raise _Unsure
    end = b"\r\n" if media is Media.NDJSON and data[: data.find(b"\n") + 1].endswith(b"\r\n") else b"\n"
    many = max(1, len(texts) * PIECE_BYTES // len(data))
    for first in range(0, len(texts), many):
        some = texts[first : first + many]
        whole = end.join(some)
        if media is Media.NDJSON:
            _require_lines(data, start, whole, len(some))
            start += len(whole)
            if first + many < len(texts) and not data.startswith(end, start):
                raise _Unsure
            start += len(end)
        yield some, whole
    if media is Media.NDJSON and data[start:].strip(b"\r\n"):
        raise _Unsure


def _texts(data: bytes, start: int, media: Media) -> Sequence[msgspec.Raw]:
    if media is Media.NDJSON:
        return _split_lines(memoryview(data)[start:])
    # Whatever else a body is, such as a single object, is no array to the decoder, either.
    return _split_array(memoryview(data)[start:])


def _require_lines(data: bytes, start: int, whole: bytes, rows: int) -> None:
    """Let so many lines through, each of which is one row and nothing else."""
    if not data.startswith(whole, start) or whole.count(b"\n") != rows - 1:
        raise _Unsure


def _require_plain(text: bytes) -> None:
    """Let a text through that neither of the two ways to read it would find more in than the other."""
    if not text.isascii():
        pa.array([text], pa.binary()).cast(pa.string())  # It raises where the text is not UTF-8.
    if b"\\" in text and b"\\u0000" in text:
        raise _Unsure
    if strictjson.may_be_endless(text):
        raise _Unsure


def _odd(field: Field) -> str:
    """Find a value of a decimal field that is in quotes, has an exponent, or more digits than it may before its point."""
    digits = field.type.arrow.precision - field.type.arrow.scale
    return rf'"{re.escape(field.name)}"{_COLON}(?:"|-?[0-9.]+[eE]|-?[1-9][0-9]{{{digits},}})'


def _require_digits(text: bytes, odd_decimal: str) -> None:
    """Let a text through whose decimals are few digits only, which are found by their keys."""
    patterns = [odd_decimal, _ESCAPED_KEY] if b"\\" in text else [odd_decimal]
    whole = pa.array([text], pa.binary())
    if any(pc.match_substring_regex(whole, pattern)[0].as_py() for pattern in patterns):
        raise _Unsure


# ------------------------------------------------------------------------------------------------------
# Columns


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

    def read(self, parsed: pa.ChunkedArray, texts: Sequence[msgspec.Raw]) -> pa.Array:
        """Check parsed values, and give them as they are stored; `texts` has their rows."""
        array = parsed.combine_chunks()
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
            self._settle(doubtful, texts)
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
    is_asked = False
    for keyword, value in built.items():
        if keyword in _SILENT or (keyword == "pattern" and value == NO_NUL):
            continue  # That no text has U+0000 is seen before it is parsed.
        if keyword in ("minLength", "maxLength"):
            checks.append(_length(keyword, value))
        elif keyword in _BOUNDS:
            checks.append(_double_bound(keyword, value) if is_float else _bound(keyword, value))
        elif keyword == "pattern" and value == type.schema["pattern"]:
            checks.append(_lexical(value, str(type.example)))
        elif is_float:
            return None  # A double has forgotten which of the numbers it was that are stored so.
        elif not is_asked:
            checks.append(_distinct(is_valid))
            is_asked = True
    return checks


def _finite(array: pa.Array) -> Sequence[int]:
    """Refuse NaN, which is no JSON, and -0, which is read as an integer where it is not -0.0."""
    negative_zero = pc.equal(array.view(pa.int64()), INT64_MIN)
    if _any(pc.invert(pc.is_finite(array))) or _any(negative_zero):
        raise _Unsure
    return ()


def _length(keyword: str, value: int) -> _Check:
    def check(array: pa.Array) -> Sequence[int]:
        lengths = pc.min_max(pc.utf8_length(array))
        return _within(lengths, "minimum" if keyword == "minLength" else "maximum", value)

    return check


def _bound(keyword: str, value: Json) -> _Check:
    return lambda array: _within(pc.min_max(array), keyword, value)


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
    return texts.translate(_DIGITS) == shape * count and b"0000-" not in texts


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
