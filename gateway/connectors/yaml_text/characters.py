"""Characters that YAML refuses, and those that only look like the ones it reads."""

import re
import unicodedata
from collections.abc import Iterator

from gateway.connectors.yaml_text.fault import Fault, TextEdit
from gateway.connectors.yaml_text.positions import line_end, line_number

#: Blanks that are no blanks for YAML, and characters without any width.
_ODD = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_WIDTHLESS = "\u00ad\u200b-\u200f\u2060\ufeff"
_ODD_PLACES = re.compile(
    rf"(?m:^[ \t]*[{_ODD}{_WIDTHLESS}]|[:,\[{{][ ]*[{_ODD}{_WIDTHLESS}]|^[ ]*-[ ]*[{_ODD}{_WIDTHLESS}]"
    rf"|[{_ODD}{_WIDTHLESS}](?=[ {_ODD}]*(?:[:,\]}}#]|$))|^[ ]*[\w-]*[{_WIDTHLESS}](?=[\w-]*:))"
)
_ODD_CHARACTER = re.compile(f"[{_ODD}{_WIDTHLESS}]")
_LOOKALIKES = {"\uff1a": ":", "\uff0c": ",", "\u2013": "-", "\u2014": "-"}
_LOOKALIKE_PLACES = re.compile(
    r"(?m:^[ ]*(?:- )?[\w.-]+ *(\uff1a)|^[ ]*([\u2013\u2014]) |[\[{][^\]}\n]*?(\uff0c))"
)
_CURLY = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"
CURLY_VALUE = re.compile(rf"(?m:(?<=[:,\-\[{{] )[{_CURLY}]|(?<=[\[{{,])[{_CURLY}])")
_UNACCEPTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROLS = {"\0": "NUL", "\a": "BEL", "\b": "backspace", "\f": "form feed", "\x1b": "ESC", "\x7f": "DEL"}


def find_odd_characters(masked: str) -> Iterator[Fault]:
    """Yield the blanks and marks of a text that YAML does not read as such, one fault a line."""
    lines: dict[int, int] = {}
    for found in _ODD_PLACES.finditer(masked):
        index = found.end() - 1
        lines.setdefault(masked.rfind("\n", 0, index) + 1, index)
    for start, index in lines.items():
        line = masked[start : line_end(masked, start)]
        edits = tuple(
            TextEdit(start + each.start(), start + each.end(), "" if _is_widthless(each[0]) else " ")
            for each in _ODD_CHARACTER.finditer(line)
        )
        character = masked[index]
        hint = "delete it" if _is_widthless(character) else "write a common blank in its place"
        yield Fault(index, _odd_message(masked[start:index], start, masked, character), hint, edits)
    for found in _LOOKALIKE_PLACES.finditer(masked):
        index, character = found.start(found.lastindex or 0), found[found.lastindex or 0]
        common = _LOOKALIKES[character]
        following = masked[index + 1 : index + 2]
        replacement = common if following in (" ", "\n", "") else f"{common} "
        message = f"the {name_character(character)} is no '{common}' for YAML"
        yield Fault(
            index, message, f"write {common} in its place", (TextEdit(index, index + 1, replacement),)
        )


def _odd_message(before: str, start: int, text: str, character: str) -> str:
    called = f"{'an' if unicodedata.name(character, ' ')[0] in 'AEIOU' else 'a'} {name_character(character)}"
    if not before.strip(" \t"):
        how = "begins" if _is_widthless(character) else "is indented"
        return f"line {line_number(text, start)} {how} with {called}"
    stripped = before.rstrip(" ")
    if stripped.endswith((":", "-", ",", "[", "{")):
        last = re.search(r"[^\s\[{]*.$", stripped)
        return f"the blank after '{last[0] if last else ''}' is {called}"
    after = re.match(r"[^\s:,\]}]*", text[start + len(before) + 1 :])
    word = (re.split(r"[\s:,\[{]", stripped) or [""])[-1] + (after[0] if after else "")
    return f"{called} stands in '{word}'"


def _is_widthless(character: str) -> bool:
    return re.match(f"[{_WIDTHLESS}]", character) is not None


def find_curly_quotes(masked: str) -> Iterator[Fault]:
    """Yield the curly quotes that stand where a value begins, one fault a line."""
    lines = {
        masked.rfind("\n", 0, found.start()) + 1: found.start()
        for found in reversed(list(CURLY_VALUE.finditer(masked)))
    }
    for start, index in lines.items():
        line = masked[start : line_end(masked, start)]
        edits = tuple(
            TextEdit(start + each.start(), start + each.end(), "'")
            for each in re.finditer(f"[{_CURLY}]", line)
        )
        message = f"the {name_character(masked[index])} is no quote for YAML"
        yield Fault(index, message, "write \" or ' in its place", edits)


def find_unacceptable(text: str) -> Fault | None:
    """Find the characters that YAML refuses wherever they stand, such as NUL and BEL."""
    found = list(_UNACCEPTABLE.finditer(text))
    if not found:
        return None
    first = found[0]
    more = f"; the file has {len(found)} characters of this kind" if len(found) > 1 else ""
    edits = tuple(TextEdit(each.start(), each.end(), "" if each[0] == "\0" else "_") for each in found)
    message = f"the {name_character(first[0])} is not allowed in YAML{more}"
    hint = (
        f"delete it, or write \\x{ord(first[0]):02x} in double quotes" if ord(first[0]) < 256 else "delete it"
    )
    if first[0] == "\0":
        hint = "save the file again as text in UTF-8"
    return Fault(first.start(), message, hint, edits)


def name_character(character: str) -> str:
    """Return the name and the code point of a character, as in `no-break space (U+00A0)`."""
    name = unicodedata.name(character, "").lower() or _CONTROLS.get(character, "control character")
    return f"{name} (U+{ord(character):04X})"
