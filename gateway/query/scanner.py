"""The text of one parameter to the tokens of PostgREST's grammar.

https://github.com/PostgREST/postgrest/blob/main/src/library/PostgREST/ApiRequest/QueryParams.hs
"""

import re

from gateway.connectors.literals import unescape
from gateway.errors import Code, GatewayError

#: The most steps into JSON: each is a call in the SQL.
MAX_STEPS = 16

_BLANKS = re.compile(r"\s*")
_NAME = re.compile(r'(?:[^",.:*()-]|-(?!>))+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ARROW = re.compile(r"\s*(->>?)")
_INDEX = re.compile(r"(-?[0-9]{1,9})(?=->|::|[.,)]|\s*$)")
_KEY = re.compile(r"(?:[^\"(:.,)>-]|-(?!>))+")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?: +[A-Za-z]+)*(?: *\[\])?")
_BRACED = re.compile(r"\{[^{}]*\}")
_PLAIN = re.compile(r"[^,)]*")


class Scanner:
    """Reads a parameter from left to right; `place` is the current position."""

    def __init__(self, parameter: str, text: str) -> None:
        self.parameter = parameter
        self.text = text
        self.place = 0

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Advance past a match of a pattern at this position, if there is one, and return it."""
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def skip(self, token: str) -> bool:
        """Advance past a token if it is here, and return whether it is."""
        is_here = self.text.startswith(token, self.place)
        self.place += len(token) if is_here else 0
        return is_here

    def blanks(self) -> None:
        """Advance past blanks."""
        self.take(_BLANKS)

    @property
    def is_at_end(self) -> bool:
        """True at the end of the text."""
        return self.place >= len(self.text)

    @property
    def rest(self) -> str:
        """The remaining text."""
        return self.text[self.place :]

    def error(self, hint: str) -> GatewayError:
        """Return the error at this position."""
        shown = self.text if len(self.text) <= 200 else f"{self.text[:199]}…"
        message = f"{self.parameter}={shown} cannot be read at {self.place + 1}"
        return GatewayError(Code.QUERY_INVALID, message, hint=hint)

    def name(self) -> str:
        """Parse a name, in quotes or bare."""
        self.blanks()
        if found := self.take(_QUOTED):
            self.blanks()
            return unescape(found[1])
        found = self.take(_NAME)
        if not found or not found[0].strip():
            raise self.error('put "quotes" around a name that holds any of , . : * ( ) or ->')
        return found[0].strip()

    def path(self) -> tuple[tuple[str | int, ...], bool]:
        """Parse the steps into JSON, if there are any; the second result is whether the last is `->>`."""
        steps: list[str | int] = []
        is_text = False
        while found := self.take(_ARROW):
            if is_text:
                raise self.error("`->>` gives text, which nothing can follow: write -> before it")
            is_text = found[1] == "->>"
            steps.append(self._step())
            if len(steps) > MAX_STEPS:
                raise self.error(f"at most {MAX_STEPS} steps lead into JSON")
        return tuple(steps), is_text

    def _step(self) -> str | int:
        if found := self.take(_INDEX):
            return int(found[1])
        if self.text.startswith("-", self.place):
            raise self.error(
                'a number counts from the end, as in ->-1; put "quotes" around a key that begins with -'
            )
        if found := self.take(_QUOTED):
            return unescape(found[1])
        if found := self.take(_KEY):
            return found[0].strip()
        raise self.error("write a key or an index after -> and ->>")

    def word(self) -> str:
        """Parse a word; return an empty text if there is none."""
        found = self.take(_WORD)
        return found[0] if found else ""

    def type_name(self) -> str:
        """Parse the name of a type to lower case with single blanks; return an empty text if there is none."""
        found = self.take(_TYPE)
        return " ".join(found[0].lower().split()) if found else ""

    def value(self) -> str:
        """Parse a value inside a tree: quoted, in braces, or up to a comma or a bracket."""
        if quoted := self._quoted_item():
            return unescape(quoted[1])
        found = self.take(_BRACED) or self.take(_PLAIN)
        assert found  # An empty text is a value, too.
        return found[0]

    def items(self) -> list[str]:
        """Parse `(a,"b,c",d)`: a quote that is not the first character of an item belongs to it."""
        self.blanks()
        if not self.skip("("):
            raise self.error("write in.(a,b,c)")
        items: list[str] = []
        self.blanks()
        if self.skip(")"):
            self.blanks()
            return items
        while True:
            if quoted := self._quoted_item():
                items.append(unescape(quoted[1]))
            else:
                found = self.take(_PLAIN)
                assert found  # An empty text is an item, too.
                items.append(found[0])
            if self.skip(")"):
                self.blanks()
                return items
            if not self.skip(","):
                raise self.error("the list has no ) at its end")

    def _quoted_item(self) -> re.Match[str] | None:
        """Parse quoted text that is a whole item; None if there is none."""
        start = self.place
        self.blanks()
        found = self.take(_QUOTED)
        if found:
            self.blanks()
            if self.is_at_end or self.text[self.place] in ",)":
                return found
        self.place = start
        return None
