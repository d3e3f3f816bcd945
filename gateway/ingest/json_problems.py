"""Explanations of JSON syntax errors: the token, the field whose value it is in, and its position."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from gateway import strictjson
from gateway.connectors.yaml_text.encoding import not_utf_8
from gateway.printable import printable

#: Strings, also unclosed ones, punctuation, and everything between.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\],:]|[^"{}\[\],:\s]++|\s++', re.DOTALL)
#: The valid part of a string.
_GOOD = re.compile(
    rb"(?:[^\\\x00-\x1f]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb'|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|\\["\\/bfnrt])*+'
)
#: What a string must not contain.
_BAD = re.compile(
    rb"(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|(?P<digits>\\u[0-9a-fA-F]{0,3})|(?P<escape>\\[\x20-\x7e]?)"
    rb"|(?P<control>[\x00-\x1f])"
)
#: How many tokens are scanned for the position and the field. A row has fewer.
_MAX_TOKENS = 50_000
#: How many bytes of a token a message shows.
_SHOWN_BYTES = 40
_PLACE = re.compile(r"^(.*) at line (\d+) column (\d+)$", re.DOTALL)
_CONTROL = {0: "remove it", 9: "a tab, write \\t", 13: "a carriage return, write \\r"}
#: Words of other languages, each with its JSON spelling.
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


class JsonProblemKind(Enum):
    """The kinds of syntax errors that callers tell apart."""

    #: The text ends too early.
    CUT_OFF = "cut off"
    #: The text goes on after the end of its value.
    TRAILING = "trailing"
    #: A word is not a value of JSON.
    NOT_A_VALUE = "not a value"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """A syntax error in a JSON text.

    Attributes:
        message: A sentence without the position.
        offset: The byte at which the error begins.
        field: The name of the top-level object's value that contains it, or None.
        kind: The kind of the error.
    """

    message: str
    offset: int
    field: str | None
    kind: JsonProblemKind = JsonProblemKind.OTHER


#: How a message about a whole body begins.
NOT_VALID = "the body is not valid JSON"


def find(text: bytes, error: ValueError) -> JsonProblem:
    """Return the problem of a text that `strictjson.read` has rejected with that error."""
    if isinstance(error, strictjson.NumberTooLongError):
        return _long_number(text, str(error))
    found = _PLACE.match(str(error))
    if not found:
        return JsonProblem(str(error), 0, None)
    reason, line, column = found[1], int(found[2]), int(found[3])
    start = 0
    for _ in range(line - 1):
        start = text.find(b"\n", start) + 1
    offset = min(max(start + column - 1, 0), len(text))
    # The parser reports these two at the end of their token.
    begin, token, field = _token_at(text, offset - (reason in ("invalid number", "expected ident")))
    if reason.startswith("EOF"):
        what = "string" if "string" in reason else "value"
        return JsonProblem(
            f"the text ends in the middle of a {what}", len(text), field, JsonProblemKind.CUT_OFF
        )
    if reason.startswith("Detected duplicate key"):
        name = reason.removeprefix("Detected duplicate key ")
        return JsonProblem(f"the name {name} is there twice", offset, field)
    is_string = token.startswith(b'"')
    if inside := (_string_problem if is_string else _encoding_problem)(token):
        return JsonProblem(inside[0], begin + inside[1], field)
    message, kind = _syntax_problem(reason, token, text[begin:])
    return JsonProblem(message, begin, field, kind)


def in_body(data: bytes, problem: JsonProblem, begin: int = 0) -> str:
    """Return the message of a problem of a whole body, whose JSON text begins at byte `begin`."""
    line, column = TextPositions(data).of(begin + problem.offset)
    field = f", field '{printable(problem.field)}'" if problem.field else ""
    return f"{NOT_VALID}: line {line}, column {column}{field}: {problem.message}"


class TextPositions:
    """Lines and columns of the bytes of a text, asked for in ascending order: each byte is counted once."""

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
    """Return the start of the token at a byte, the token, and the field whose value contains it."""
    depth = 0
    last: bytes = b""
    field: bytes | None = None
    begin, token = 0, b""
    for found in islice(_TOKEN.finditer(text), _MAX_TOKENS):
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


def _long_number(text: bytes, reason: str) -> JsonProblem:
    """Return the problem of a text whose number has too many digits."""
    place = next((found.start() for found in _TOKEN.finditer(text) if _is_long(found[0])), 0)
    begin, token, field = _token_at(text, place)
    shown = (
        token.decode(errors="replace")
        if len(token) <= _SHOWN_BYTES
        else f"{token[:_SHOWN_BYTES].decode(errors='replace')}…"
    )
    return JsonProblem(f"{reason}, which only a string can hold: {shown}", begin, field)


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
    """Return what is wrong inside a string, and the offset in it; None if nothing is."""
    good = _GOOD.match(string)
    assert good  # It matches the empty string, too.
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
    return f"the control character U+{byte[0]:04X} is in a string ({what})"


_SENTENCES: Mapping[str, Callable[[bytes], str]] = {
    "half": lambda found: f"half of a surrogate pair, {found.decode()}, is alone",
    "digits": lambda found: f"{found.decode()} is not an escape; \\u takes four hexadecimal digits",
    "escape": lambda found: f"{found.decode()} is not an escape of JSON; write a backslash as \\\\",
    "control": _control,
}


def _syntax_problem(reason: str, token: bytes, rest: bytes) -> tuple[str, JsonProblemKind]:
    """Return the message and the kind of an unexpected token; `rest` is the text that begins with it."""
    shown = printable(token[:_SHOWN_BYTES].decode(errors="replace"))
    known = _WORDS.get(token) or next((_STARTS[start] for start in _STARTS if rest.startswith(start)), None)
    if known:
        return known, JsonProblemKind.OTHER
    if reason == "expected value" and token[:1] in _OF_NUMBERS:
        reason = "invalid number"
    if reason.startswith("expected `"):
        missing = reason.removeprefix("expected ").replace("`", "")
        return f"{missing} is missing before {shown}", JsonProblemKind.OTHER
    message = _SYNTAX[reason].format(shown) if reason in _SYNTAX else reason
    return message, _KINDS.get(reason, JsonProblemKind.OTHER)


_OF_NUMBERS = [b"%c" % byte for byte in b"0123456789.+-"]
#: Messages for the reasons of the parser, with the unexpected token.
_SYNTAX = {
    "invalid number": "{} is not a number of JSON",
    "key must be a string": "a name needs double quotes, not {}",
    "trailing comma": "there is a comma before {}",
    "recursion limit exceeded": f"it nests deeper than {strictjson.MAX_DEPTH}",
    "trailing characters": "{} follows the end of the value",
    "expected value": "{} is not a value of JSON",
    "expected ident": "{} is not a value of JSON",
}
_KINDS = {
    "trailing characters": JsonProblemKind.TRAILING,
    "expected value": JsonProblemKind.NOT_A_VALUE,
    "expected ident": JsonProblemKind.NOT_A_VALUE,
}
#: Text that other parsers accept as JSON, by how it begins.
_STARTS = {
    b"'": "JSON has double quotes, not single ones",
    b"\xe2\x80\x9c": 'a typographic quote is where " belongs',
    b"\xe2\x80\x9d": 'a typographic quote is where " belongs',
    b"\xe2\x80\x98": 'a typographic quote is where " belongs',
    b"//": "JSON has no comments",
    b"/*": "JSON has no comments",
    b"#": "JSON has no comments",
    b"\xc2\xa0": "there is a no-break space between values; write plain blanks",
    b"\xef\xbb\xbf": "there is a byte order mark between values; remove it",
}
