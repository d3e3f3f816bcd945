"""Patterns of the shapes of JSON values.

A valid JSON text that matches one has no key twice, and is spelled as `strictjson.write` spells it. Its objects have the
keys of the value that the pattern was made of, in the same order, and no blanks. Arrow matches a whole column without
the GIL, in a third of the time in which values are decoded and written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.strictjson import Json

#: At most this many shapes of a column have a pattern.
_SHAPES_MAX = 4
#: A list with items of more shapes has no pattern.
_ITEM_SHAPES_MAX = 3
#: Values with more text, a longer pattern, or more levels have no pattern.
_TEXT_BYTES_MAX, _PATTERN_MAX, _DEPTH_MAX = 20_000, 20_000, 20
#: Strings in which only those escapes are that are written.
_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\bfnrt])*"'
#: Numbers without an exponent that are written without one: six zeros behind the point are the most.
_NUMBER = r"-?[1-9][0-9]*(?:[.][0-9]+)?|-?0[.](?:0{0,5}[1-9][0-9]*|0{1,6})|0"
_SCALAR = rf"{_STRING}|{_NUMBER}|null|true|false|\[\]|\{{\}}"


class _NoPatternError(ValueError):
    """A value is too large for a pattern."""


def patterns(samples: Iterable[bytes]) -> list[str]:
    """Return the patterns of the most frequent shapes of some values, which are written as they are stored."""
    found = Counter(_patterns_of(samples))
    return [pattern for pattern, _ in found.most_common(_SHAPES_MAX)]


def matches(texts: pa.Array, pattern: str) -> pa.Array:
    """Return which of the texts of valid JSON match a pattern; the texts are binary."""
    return pc.match_substring_regex(texts, pattern)


def _patterns_of(samples: Iterable[bytes]) -> Iterator[str]:
    for text in samples:
        try:
            if len(text) <= _TEXT_BYTES_MAX:
                pattern = f"^{_pattern(strictjson.read(text), 1)}$"
                if len(pattern) <= _PATTERN_MAX:
                    yield pattern
        except ValueError:
            continue


def _pattern(value: Json, depth: int) -> str:
    """Build the pattern of a value, in whose place a scalar is as good."""
    if depth > _DEPTH_MAX:
        raise _NoPatternError
    if isinstance(value, dict) and value:
        members = [f"{_literal(name)}:{_pattern(member, depth + 1)}" for name, member in value.items()]
        return rf"(?:\{{{','.join(members)}\}}|{_SCALAR})"
    if isinstance(value, list) and value:
        items = list(dict.fromkeys(_pattern(item, depth + 1) for item in value))
        if len(items) > _ITEM_SHAPES_MAX:
            raise _NoPatternError
        # The text is valid, so that only the last item ends in a bracket.
        return rf"(?:\[(?:(?:{'|'.join(items)})[,\]])+|{_SCALAR})"
    return f"(?:{_SCALAR})"


def _literal(name: str) -> str:
    """Return a pattern of the bytes of a key."""
    text = strictjson.write(name)
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else rf"\x{byte:02x}" for byte in text)
