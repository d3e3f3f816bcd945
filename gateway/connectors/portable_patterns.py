r"""Patterns of a published schema: they mean the same to the gateway, to ECMA-262, and to Python's `re`.

The gateway reads a `pattern` as ECMA-262 does. Python reads some of it in another way, and Ajv refuses escapes that are
not needed:

- `\d`, `\w`, `\s` and `.` are written as classes: to Python they have other characters in them.
- `\-` becomes `-` outside of a class, and so do other such escapes.
- `$` means the end of the text, and to Python the place before a line end at the end as well. Most patterns let no line
  end stand there: those get a schema beside them that says so. It needs nothing that engines of linear time lack. In the
  others `$` becomes `(?![\s\S])`.

What ECMA-262 does not have, such as `(?i)`, is not published: validators would refuse the whole schema for it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.connectors.lexical_forms import NO_NUL
from gateway.strictjson import Json

#: The schema of what does not end with a line end.
NO_LINE_END: Json = {"not": {"type": "string", "pattern": "\\n$"}}
COMMENT = "The endpoint also checks the pattern {}, which is not one of ECMA-262."

_SPACES = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
#: What stands in the class that an escape is.
_CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": _SPACES}
_DOT = r"[^\n\r\u2028\u2029]"
_END = r"(?![\s\S])"
_ESCAPE = r"\\(?:[pP]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|c[A-Za-z]|[\s\S])"
_TOKEN = re.compile(
    rf"(?P<escape>{_ESCAPE})|(?P<set>\[(?:[^\\\]]|{_ESCAPE})*\])"
    r"|(?P<group>\((?!\?)|\(\?(?::|<[A-Za-z_][A-Za-z0-9_]*>))|(?P<odd>\(\?)|(?P<plain>[\s\S])"
)
_IN_SET = re.compile(rf"{_ESCAPE}|[\s\S]")
#: What only some engines have inside of a class.
_ODD_SET = re.compile(r"\[\^?\]|\[.*(?:&&|--|~~)", re.DOTALL)
_SYNTAX = frozenset("^$\\.*+?()[]{}|/")
#: What stands behind a backslash in ECMA-262, besides those.
_LETTERS = frozenset("dDwWsSbBnrtfvpPx0")


class NotPortableError(ValueError):
    """A pattern has a piece that ECMA-262 does not have."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """A piece of a pattern, as it is published.

    Attributes:
        text: What it is written as.
        is_end: Whether it is a `$`.
        depth: How many groups it stands in.
    """

    text: str
    is_end: bool
    depth: int


def portable(schema: dict[str, Json]) -> dict[str, Json]:
    """Return a schema of strings with patterns that mean the same to all validators."""
    given = [schema["pattern"]] if "pattern" in schema else []
    given += [each["pattern"] for each in schema.get("allOf", ()) if "pattern" in each]
    read: list[list[_Atom]] = []
    comments: list[str] = []
    for pattern in given:
        try:
            read.append(list(_atoms(pattern)))
        except NotPortableError:
            comments.append(COMMENT.format(pattern))
    is_closed = any(map(_is_closed, read))
    patterns = [_written(atoms, is_closed=is_closed) for atoms in read]
    published = {key: value for key, value in schema.items() if key not in ("pattern", "allOf")}
    if comments:
        published["$comment"] = " ".join(comments)
    if patterns:
        published["pattern"] = patterns[0]
    more = [*({"pattern": each} for each in patterns[1:]), *([NO_LINE_END] if is_closed else [])]
    return {**published, "allOf": more} if more else published


def _atoms(pattern: str) -> Iterator[_Atom]:
    """Read a pattern.

    Raises:
        NotPortableError: Where ECMA-262 does not have a piece of it.
    """
    depth = 0
    for found in _TOKEN.finditer(pattern):
        kind, text = str(found.lastgroup), found[0]
        depth += (kind == "group") - (kind == "plain" and text == ")")
        yield _Atom(_PUBLISHED[kind](text), kind == "plain" and text == "$", depth)


def _group(text: str) -> str:
    """Write the beginning of a group. Names of groups are written in other ways elsewhere, and nothing refers to them."""
    return "(?:" if "<" in text else text


def _plain(text: str) -> str:
    return _DOT if text == "." else text


def _odd(text: str) -> str:
    raise NotPortableError(text)


def _escape(text: str) -> str:
    """Write an escape outside of a class."""
    letter = text[1]
    if letter.lower() in _CLASSES:
        return f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]"
    return _character(text)


def _set(text: str) -> str:
    """Write a class."""
    if _ODD_SET.match(text):
        raise NotPortableError(text)
    return "[" + "".join(_in_set(each[0]) for each in _IN_SET.finditer(text, 1))


def _in_set(text: str) -> str:
    if text == "[":  # In Rust it begins a class within the class.
        raise NotPortableError(text)
    if len(text) == 1 or text == r"\-":
        return text
    return _CLASSES.get(text[1]) or _character(text)


def _character(text: str) -> str:
    """Write an escape that is no class."""
    letter = text[1]
    if letter in "uc":
        code = int(text[2:].strip("{}"), 16) if letter == "u" else ord(text[2].upper()) - 64
        return f"\\u{code:04x}" if code < _ASTRAL else chr(code)
    if letter in _LETTERS or letter in _SYNTAX:
        return text
    if letter.isalnum():
        raise NotPortableError(text)
    return letter


_ASTRAL = 0x10000
_PUBLISHED: Mapping[str, Callable[[str], str]] = {
    "escape": _escape,
    "set": _set,
    "group": _group,
    "odd": _odd,
    "plain": _plain,
}


def _is_closed(atoms: Sequence[_Atom]) -> bool:
    """Return whether a pattern matches whole texts only, and none with a line end."""
    if not atoms or atoms[0].text != "^" or not atoms[-1].is_end:
        return False
    if any(each.text == "|" and not each.depth for each in atoms):
        return False
    return not any(_takes_line_end(each.text) for each in atoms)


def _takes_line_end(text: str) -> bool:
    """Return whether a piece of a pattern may match a line end."""
    if text[0] not in "\\[":
        return "\n" in text
    try:
        return re.match(text, "\n") is not None
    except re.error:
        return True


def _written(atoms: Sequence[_Atom], *, is_closed: bool) -> str:
    text = "".join(each.text for each in atoms)
    if is_closed or text == NO_NUL:  # That one takes line ends anyway.
        return text
    return "".join(_END if each.is_end else each.text for each in atoms)
