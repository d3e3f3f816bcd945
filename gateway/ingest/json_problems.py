"""What is wrong with a JSON text, in words: the thing, the field it stands in, and the place."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from gateway import strictjson
from gateway.connectors.yaml_text.encoding import not_utf_8
from gateway.printable import printable

#: Strings, even such as are not closed, punctuation, and everything between.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^"{}\[\],:\s]++|\s++', re.DOTALL)
#: What a string may hold.
_GOOD = re.compile(
    rb"(?:[^\\\x00-\x1f]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb'|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\["\\/bfnrt])*+'
)
#: What it may not.
_BAD = re.compile(
    rb"(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|(?P<digits>\\u[0-9a-fA-F]{0,3})|(?P<escape>\\[\x20-\x7e]?)"
    rb"|(?P<control>[\x00-\x1f])"
)
#: How many tokens are looked at to find the place and the field. A row has fewer.
_MOST_TOKENS = 50_000
#: How many bytes of a token are shown.
_SHOWN = 40
_PLACE = re.compile(r"^(.*) at line (\d+) column (\d+)$", re.DOTALL)
_CONTROL = {0: "take it out", 9: "a tab, write \\t", 13: "a carriage return, write \\r"}
#: What other languages write where JSON has other words.
_WORDS = {
    b"NaN": "JSON has no NaN; send null",
    b"nan": "JSON has no nan; send null",
    b"Infinity": "JSON has no Infinity; send null",
    b"-Infinity": "JSON has no -Infinity; send null",
    b"inf": "JSON has no inf; send null",
    b"True": "True is Python's; JSON has true",
    b"False": "False is Python's; JSON has false",
    b"None": "None is Python's; JSON has null",
    b"undefined": "JSON has no undefined; send null",
    b"NULL": "NULL is SQL's; JSON has null",
}


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """What is wrong with a text.

    Attributes:
        message: A sentence without the place.
        offset: The byte it begins at.
        field: The name of the value of an object it stands in, or None.
        is_cut_off: Whether the text ends too early.
    """

    message: str
    offset: int
    field: str | None
    is_cut_off: bool = False


def find(text: bytes, error: ValueError) -> JsonProblem:
    """Find out what is wrong with a text that `strictjson.read` has refused with that error."""
    if isinstance(error, strictjson.NumberTooLongError):
        return _long_number(text, str(error))
    found = _PLACE.match(str(error))
    if not found:
        return JsonProblem(str(error), 0, None)
    said, line, column = found[1], int(found[2]), int(found[3])
    start = 0
    for _ in range(line - 1):
        start = text.find(b"\n", start) + 1
    offset = min(max(start + column - 1, 0), len(text))
    # These two are told at the end of what they are about.
    begin, token, field = _token_at(text, offset - (said in ("invalid number", "expected ident")))
    if said.startswith("EOF"):
        what = "string" if "string" in said else "value"
        return JsonProblem(f"the text ends in the middle of a {what}", len(text), field, is_cut_off=True)
    if said.startswith("Detected duplicate key"):
        return JsonProblem(
            f"the name {said.removeprefix('Detected duplicate key ')} stands twice", offset, field
        )
    is_string = token.startswith(b'"')
    if inside := (_string_problem if is_string else _encoding_problem)(token):
        return JsonProblem(inside[0], begin + inside[1], field)
    return JsonProblem(_syntax_problem(said, token, text[begin:]), begin, field)


class TextPositions:
    """Tells the lines and columns of bytes of a text, which are asked for in their order: each byte is counted once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0
        self._line = self._column = 1

    def of(self, offset: int) -> tuple[int, int]:
        """Return the line and the column, in characters, of a byte."""
        passed = self._data[self._offset : offset]
        if lines := passed.count(b"\n"):
            self._line += lines
            self._column = 1
            passed = passed[passed.rfind(b"\n") + 1 :]
        self._column += len(passed.decode(errors="replace"))
        self._offset = max(offset, self._offset)
        return self._line, self._column


def _token_at(text: bytes, offset: int) -> tuple[int, bytes, str | None]:
    """Return where the token at a byte begins, the token, and the field whose value it is in."""
    depth = 0
    last: bytes = b""
    field: bytes | None = None
    begin, token = 0, b""
    for found in islice(_TOKEN.finditer(text), _MOST_TOKENS):
        begin, token = found.start(), found[0]
        if found.end() > offset or (found.end() == offset and token.startswith(b'"') and _is_bad(token)):
            break
        if token in (b"{", b"["):
            depth += 1
        elif token in (b"}", b"]"):
            depth -= 1
            field = field if depth else None
        elif token == b":" and depth == 1:
            field = last
        elif token == b"," and depth == 1:
            field = None
        elif not token.isspace():
            last = token
    return begin, token, None if field is None else field.strip(b'"').decode(errors="replace")


def _long_number(text: bytes, said: str) -> JsonProblem:
    """Find the number in a row that has too many digits."""
    place = next((found.start() for found in _TOKEN.finditer(text) if _is_long(found[0])), 0)
    begin, token, field = _token_at(text, place)
    shown = (
        token.decode(errors="replace")
        if len(token) <= _SHOWN
        else f"{token[:_SHOWN].decode(errors='replace')}…"
    )
    return JsonProblem(f"{said}, which only a string can hold: {shown}", begin, field)


def _is_long(token: bytes) -> bool:
    if token[:1] not in _OF_NUMBERS or not (len(token) > strictjson.MAX_DIGITS or b"e" in token.lower()):
        return False
    try:
        strictjson.read(token)
    except strictjson.NumberTooLongError:
        return True
    except ValueError:
        pass
    return False


def _is_bad(string: bytes) -> bool:
    return _string_problem(string) is not None


def _string_problem(string: bytes) -> tuple[str, int] | None:
    """Say what is wrong inside of a string, and where in it."""
    good = _GOOD.match(string)
    assert good  # Even nothing matches.
    if bad := _BAD.match(string, good.end()):
        return _SENTENCES[str(bad.lastgroup)](bad[0]), bad.start()
    if wrong := _encoding_problem(string):
        return wrong
    return None if len(string) > 1 and string.endswith(b'"') else ("a string is not closed", 0)


def _encoding_problem(text: bytes) -> tuple[str, int] | None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return f"{not_utf_8(text, error.start)}: convert the text to UTF-8", error.start
    return None


def _control(byte: bytes) -> str:
    if byte == b"\n":
        return "a string goes over the end of the line; close it, or write \\n"
    what = _CONTROL.get(byte[0], f"write \\u{byte[0]:04x}")
    return f"the control character U+{byte[0]:04X} stands in a string ({what})"


_SENTENCES: Mapping[str, Callable[[bytes], str]] = {
    "half": lambda found: f"half of a surrogate pair, {found.decode()}, stands alone",
    "digits": lambda found: f"{found.decode()} is not an escape; \\u takes four hexadecimal digits",
    "escape": lambda found: f"{found.decode()} is not an escape of JSON; write a backslash as \\\\",
    "control": _control,
}


def _syntax_problem(said: str, token: bytes, rest: bytes) -> str:
    """Say what is wrong where a token stands that is not expected there."""
    shown = printable(token[:_SHOWN].decode(errors="replace"))
    known = _WORDS.get(token) or next((_STARTS[start] for start in _STARTS if rest.startswith(start)), None)
    if known:
        return known
    if said == "expected value" and token[:1] in _OF_NUMBERS:
        said = "invalid number"
    if said.startswith("expected `"):
        return f"{said.removeprefix('expected ').replace('`', '')} is missing before {shown}"
    return _SYNTAX[said].format(shown) if said in _SYNTAX else said


#: What is said of what stands behind a value.
BEHIND = "stands behind the end of the value"
_OF_NUMBERS = [b"%c" % byte for byte in b"0123456789.+-"]
#: What the reader's words mean, with the token that stands there.
_SYNTAX = {
    "invalid number": "{} is not a number of JSON",
    "key must be a string": "a name stands in double quotes, not as {}",
    "trailing comma": "a comma stands before {}",
    "recursion limit exceeded": f"it nests deeper than {strictjson.MAX_DEPTH}",
    "trailing characters": f"{{}} {BEHIND}",
    "expected value": "{} is not a value of JSON",
    "expected ident": "{} is not a value of JSON",
}
#: What is taken for JSON by other readers, by how it begins.
_STARTS = {
    b"'": "JSON has double quotes, not single ones",
    b"\xe2\x80\x9c": 'a typographic quote stands where " belongs',
    b"\xe2\x80\x9d": 'a typographic quote stands where " belongs',
    b"\xe2\x80\x98": 'a typographic quote stands where " belongs',
    b"//": "JSON has no comments",
    b"/*": "JSON has no comments",
    b"#": "JSON has no comments",
    b"\xc2\xa0": "a no-break space stands between values; write plain blanks",
    b"\xef\xbb\xbf": "a byte order mark stands between values; take it out",
}
