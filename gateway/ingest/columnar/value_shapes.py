"""A pattern of the shape of some JSON values.

A valid JSON text that matches it has no key twice, and is spelled as `strictjson.write` spells it. Its objects have keys of
the values that the pattern was made of, each at most once and in the same order, and no blanks. Arrow matches a whole
column without the GIL, in a third of the time in which values are decoded and written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.strictjson import Json

#: The automaton of a longer pattern does not fit into the memory that Arrow gives it; deeper values are rare.
_PATTERN_MAX, _DEPTH_MAX = 20_000, 20
#: Strings in which only those escapes are that are written.
_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\bfnrt])*"'
#: Numbers without an exponent that are written without one: six zeros behind the point are the most.
_NUMBER = r"-?[1-9][0-9]*(?:[.][0-9]+)?|-?0[.](?:0{0,5}[1-9][0-9]*|0{1,6})|0"
_SCALAR = rf"{_STRING}|{_NUMBER}|null|true|false|\[\]|\{{\}}"


class _NoPatternError(ValueError):
    """Values are too large for a pattern."""


@dataclass(slots=True)
class _Shape:
    """The shape of the values that were seen in one place.

    Attributes:
        names: The keys of objects there, in their order.
        members: The shapes of their members.
        item: The shape of the items of lists there, of all of them together.
    """

    names: list[str] = field(default_factory=list)
    members: dict[str, "_Shape"] = field(default_factory=dict)
    item: "_Shape | None" = None

    def add(self, value: Json, depth: int = 1) -> None:
        """Add a value that was seen."""
        if depth > _DEPTH_MAX:
            raise _NoPatternError
        if isinstance(value, dict):
            place = -1
            for name, member in value.items():
                if name not in self.members:
                    self._insert(place + 1, name)
                place = self.names.index(name)
                self.members[name].add(member, depth + 1)
        elif isinstance(value, list):
            self.item = self.item or _Shape()
            for each in value:
                self.item.add(each, depth + 1)

    def _insert(self, place: int, name: str) -> None:
        if len(self.names) * len(_SCALAR) > _PATTERN_MAX:
            raise _NoPatternError
        self.names.insert(place, name)
        self.members[name] = _Shape()

    @property
    def pattern(self) -> str:
        """The pattern of a value in this place; a scalar is always one."""
        choices = [_SCALAR]
        # The text is valid JSON, so that only the last item or member ends in a bracket.
        if self.members:
            members = (rf"(?:{_literal(name)}:{self.members[name].pattern}[,\}}])?" for name in self.names)
            choices.append(rf"\{{{''.join(members)}")
        if self.item:
            choices.append(rf"\[(?:{self.item.pattern}[,\]])+")
        return f"(?:{'|'.join(choices)})"


def pattern_of(samples: Iterable[bytes]) -> str | None:
    """Return the pattern of the shapes of some values; None if it would be too long, or one is not valid JSON."""
    shape = _Shape()
    try:
        for text in samples:
            shape.add(strictjson.read(text))
    except ValueError:
        return None
    pattern = f"^{shape.pattern}$"
    return pattern if len(pattern) <= _PATTERN_MAX else None


def matches(texts: pa.Array, pattern: str) -> pa.Array:
    """Return which of the texts of valid JSON match a pattern; the texts are binary."""
    return pc.match_substring_regex(texts, pattern)


def _literal(name: str) -> str:
    """Return a pattern of the bytes of a key."""
    text = strictjson.write(name)
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else rf"\x{byte:02x}" for byte in text)
