"""Texts of JSON values to the texts that are stored of them, many at a time.

A stored text is `strictjson.write(strictjson.read(text))`, and many texts have that spelling already, or have it without
their blanks and odd escapes. Where there are many, a pattern of the shape of some of them shows it for all that are alike.

The others are decoded by msgspec, several times as fast as strictly, which keeps only the last of equal keys. So they are
written again and compared with the text: a key that was dropped is missing there. What then differs is read and written
alone: numbers with exponents, for instance.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.ingest.columnar import raw_texts, value_shapes
from gateway.ingest.columnar.not_columnar import NotColumnarError

#: How many bytes are values at a time: few enough to stay in the processor's cache, and to hold the GIL shortly.
_CHUNK_BYTES = 2**16
#: From how many texts on their shapes are looked at, and of how many of them.
_MANY, _SAMPLES = 64, 16
#: How many bytes of text are worth a byte of a pattern, which must be compiled.
_PATTERN_WORTH = 50
#: At most one byte in this number is looked at as a sample.
_SAMPLE_SHARE = 64
#: A text with fewer opening brackets is not nested too deeply, also not inside a row.
_SHALLOW_BRACKETS = strictjson.MAX_DEPTH - 2
#: An escape, or the two of a surrogate pair. Valid JSON has backslashes only in strings.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)
#: How many escapes are remembered, with the stored spelling of each.
_ESCAPES_MAX = 10_000
_NULL = b"null"

#: Reads the text of one JSON value; raises msgspec.DecodeError if it is no JSON, or RecursionError.
raw_of: Callable[[bytes], msgspec.Raw] = msgspec.json.Decoder(msgspec.Raw).decode


def stored_strings(texts: pa.Array) -> pa.Array:
    """Build an array of the stored texts of strings that are JSON texts, with blanks around them or not.

    Raises:
        msgspec.DecodeError: One is no JSON.
        NotColumnarError, RecursionError, pa.ArrowInvalid: As `stored_texts`.
    """
    return stored_texts(
        [None if text is None else raw_of(text) for text in texts.cast(pa.binary()).to_pylist()]
    )


def stored_texts(values: Sequence[msgspec.Raw | None]) -> pa.Array:
    """Build an array of the stored texts of JSON values, null for None and for the JSON value null.

    Args:
        values: Texts that `raw_of` or another decoder of msgspec returned: each is one JSON value and has no blanks
            around it.

    Raises:
        NotColumnarError: A text is invalid, has a duplicate key, or may be nested too deeply.
        pa.ArrowInvalid: A text is not UTF-8, or the texts are too large together for one array.
    """
    present = [value for value in values if value is not None and not _is_null(value)]
    array = _many(present) if len(present) >= _MANY else _strings(_each_written(present))
    if len(present) == len(values):
        return array
    places = iter(range(len(present)))
    return array.take(
        pa.array([None if value is None or _is_null(value) else next(places) for value in values], pa.int64())
    )


def _is_null(value: msgspec.Raw) -> bool:
    return len(value) == len(_NULL) and bytes(value) == _NULL


def _many(texts: Sequence[msgspec.Raw]) -> pa.Array:
    """Store texts of which most have one of a few shapes."""
    samples = _samples(texts)
    if any(msgspec.json.format(sample, indent=-1) != sample for sample in samples):
        texts = [text for chunk in raw_texts.chunks(texts, _CHUNK_BYTES) for text in _tidied(chunk)]
        samples = _samples(texts)
    array = _binary(texts)
    pattern = value_shapes.pattern_of(samples)
    content = array.buffers()[2].to_pybytes()
    is_worth_it = pattern is not None and len(pattern) * _PATTERN_WORTH <= len(content)
    if pattern is None or not is_worth_it or strictjson.may_have_endless_digits(content):
        return _strings(_each_written(texts))
    places = pc.indices_nonzero(pc.invert(value_shapes.matches(array, pattern))).to_pylist()
    if not places:
        return array.cast(pa.string())
    stored = list(texts)
    for place, text in zip(places, _each_written([texts[place] for place in places]), strict=True):
        stored[place] = text
    return _strings(stored)


def _samples(texts: Sequence[msgspec.Raw]) -> list[bytes]:
    samples: list[bytes] = []
    left = sum(map(len, texts)) // _SAMPLE_SHARE
    for text in texts[:: -(-len(texts) // _SAMPLES)]:
        samples.append(bytes(text))
        left -= len(text)
        if left <= 0:
            break
    return samples


def _binary(texts: Sequence[msgspec.Raw]) -> pa.Array:
    offsets = pc.cumulative_sum_checked(pa.array([0, *map(len, texts)], pa.int32()))
    buffers = [None, offsets.buffers()[1], pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.binary(), len(texts), buffers)


def _strings(texts: Sequence[msgspec.Raw]) -> pa.Array:
    """Build an array of texts, which must be UTF-8."""
    return _binary(texts).cast(pa.string())


def _each_written(texts: Iterable[msgspec.Raw]) -> list[msgspec.Raw]:
    return [written for chunk in raw_texts.chunks(texts, _CHUNK_BYTES) for written in _written(chunk)]


def _tidied(chunk: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
    """Return the texts of a chunk without blanks and odd escapes."""
    try:
        return raw_texts.split(_tidy(raw_texts.joined(chunk)))
    except (ValueError, RecursionError):
        return chunk


def _written(chunk: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
    """Return the stored texts of a chunk."""
    joined = raw_texts.joined(chunk)
    if strictjson.may_have_endless_digits(joined):
        return [_exact(text) for text in chunk]
    try:
        written = strictjson.write(_decode(joined))
    except (ValueError, RecursionError):
        return [_exact(text) for text in chunk]
    if written == joined:
        texts = chunk
    elif written == _tidy(joined):
        texts = raw_texts.split(written)
    else:
        return [_exact(text) for text in chunk]
    if max(map(len, texts)) >= 2 * _SHALLOW_BRACKETS:
        _require_shallow(texts)
    return texts


def _require_shallow(texts: Iterable[msgspec.Raw]) -> None:
    """Check that texts with many brackets are not nested too deeply."""
    for text in texts:
        if len(text) >= 2 * _SHALLOW_BRACKETS:
            content = bytes(text)
            if content.count(b"[") + content.count(b"{") >= _SHALLOW_BRACKETS:
                _exact(text)


def _plain_decimal(text: str) -> Decimal:
    """Read a number that is written as it is spelled."""
    if "e" in text or "E" in text:
        raise ValueError(text)
    return Decimal(text)


_decode = msgspec.json.Decoder(float_hook=_plain_decimal).decode


def _tidy(text: bytes) -> bytes:
    """Return a JSON text without blanks, and with strings as they are stored."""
    text = msgspec.json.format(text, indent=-1)
    return _ESCAPE.sub(lambda escape: _stored_escape(escape[0]), text) if b"\\" in text else text


@lru_cache(_ESCAPES_MAX)
def _stored_escape(escape: bytes) -> bytes:
    """Return the stored spelling of an escape.

    PERF: msgspec takes a fifth of the time of strictjson, and a text may have more escapes than are remembered.

    Raises:
        ValueError: It is half of a surrogate pair.
    """
    return strictjson.write(_decode(b'"%b"' % escape))[1:-1]


def _exact(text: msgspec.Raw) -> msgspec.Raw:
    """Read and write one text. It is read inside a list, as deep as a field is in its row."""
    try:
        return msgspec.Raw(strictjson.write(strictjson.read(b"[%b]" % bytes(text)))[1:-1])
    except ValueError as error:
        raise NotColumnarError from error
