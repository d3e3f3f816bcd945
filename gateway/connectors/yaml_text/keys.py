"""Faults of keys and list items: a missing blank or colon, and a second key in a line."""

import re
from collections.abc import Iterator

from gateway.connectors.yaml_text.fault import Fault, ParserComplaint, TextEdit
from gateway.connectors.yaml_text.indentation import deeper_line
from gateway.connectors.yaml_text.positions import (
    KEY,
    PAIR,
    TYPE,
    indent_of,
    line_at,
    lines_above,
    shorten,
    value_end,
)
from gateway.connectors.yaml_text.quotes import missing_quotes

_NO_BLANK = re.compile(rf"{KEY}:(?P<value>[^\s:/][^\n]*)")
_ONE_WORD = re.compile(rf"{KEY}[ \t]*(?:#.*)?")
_TWO_WORDS = re.compile(rf"{KEY}(?P<gap>[ ]*=[ ]*|[ ]+)(?P<value>[\w{{\[][^\n]*)")
#: Lines that mean a key and its value beyond doubt: a blank is missing, or the colon before a type.
_MEANT = re.compile(rf"{KEY}(?::(?=[A-Za-z\[{{'\"])[^/]|(?: +| *= *){TYPE})")
_MEANT_INSIDE = re.compile(
    r"[{,]\s*(?P<key>type|nullable|default|description|enum|pattern|format|required|(?:min|max)\w*):(?P<value>[^\s,}\]]+)"
)


def find_missing_marks(masked: str) -> Iterator[Fault]:
    """Find lines that are one word for YAML, because a blank or a colon is missing."""
    depth = 0
    for found in re.finditer(r"(?m:^.*$)", masked):
        line, start = found[0].rstrip("\r"), found.start()
        if line.lstrip().startswith("//"):
            place = start + indent_of(line)
            yield Fault(
                place,
                "// begins no comment in YAML",
                "write # in its place",
                (TextEdit(place, place + 2, "##"),),
            )
            continue
        if not depth and (item := re.fullmatch(r"( *-)[A-Za-z_][\w ]*", line)):
            place = start + item.end(1)
            yield Fault(
                place,
                "no blank stands after '-'",
                f"write - {line.lstrip(' -')}",
                (TextEdit(place, place, " "),),
            )
        elif not depth and not line.lstrip().startswith("-"):
            missing = _missing(masked, start, line) if _MEANT.match(line) else None
            if missing:
                yield missing
        for inner in _MEANT_INSIDE.finditer(line):
            place = start + inner.start("value")
            hint = f"write {inner['key']}: {inner['value']}"
            yield Fault(
                place, f"no blank stands after '{inner['key']}:'", hint, (TextEdit(place, place, " "),)
            )
        depth = max(0, depth + sum(map(line.count, "[{")) - sum(map(line.count, "]}")))


def explain_colon(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a colon where no key can be: a second one in its line, or one behind text that goes on from above."""
    start, line = line_at(text, trouble.at)
    pair = PAIR.fullmatch(line)
    if pair and pair.start("value") <= trouble.at - start:
        return _second_colon(text, start, pair)
    above = next(lines_above(text, start), None)
    if above is None:
        return None
    return _missing(text, *above) or deeper_line(text, start, line, above)


def _second_colon(text: str, start: int, pair: re.Match[str]) -> Fault | None:
    place, value = start + pair.start("value"), pair["value"]
    end = value_end(text, place)
    shown = text[place:end]
    if re.match(r"(?:type|nullable|default|enum|format|pattern|description):\s", value):
        edit = TextEdit(place, end, f"{{{shown}}}")
        message = f"a second key stands in the line of '{pair['key']}'"
        return Fault(place, message, f"write {pair['key']}: {{{shorten(shown)}}}", (edit,))
    if written := _type_and_keys(shown):
        edit = TextEdit(place, end, written)
        what = "keys stand" if written.startswith("{") else "a colon stands"
        message = f"{what} behind the type of '{pair['key']}'"
        return Fault(place, message, f"write {pair['key']}: {shorten(written)}", (edit,))
    message = f"the value of '{pair['key']}' has a colon and a blank in it, which would begin another value"
    return missing_quotes(text, place, message)


def _type_and_keys(value: str) -> str | None:
    """Write a type with keys behind it, such as `string, nullable: true`, as a connector file has it."""
    found = re.fullmatch(rf"({TYPE}(?:\(.*?\))?(?:\[\])?)(?::|\s*,\s*(\w+: .+))", value)
    if found is None:
        return None
    type_ = f'"{found[1]}"' if "," in found[1] else found[1]
    return f"{{type: {type_}, {found[2]}}}" if found[2] else found[1]


def _missing(text: str, start: int, line: str) -> Fault | None:
    """Explain a line without a key and a value, because a blank or a colon is missing."""
    if found := _NO_BLANK.fullmatch(line):
        place = start + found.start("value")
        message = f"no blank stands after '{found['key']}:'"
        hint = f"write {found['key']}: {shorten(found['value'])}"
        return Fault(place, message, hint, (TextEdit(place, place, " "),))
    if found := _ONE_WORD.fullmatch(line):
        if line.lstrip().startswith("- "):
            return None
        place = start + found.end("key")
        edit = TextEdit(place, place, ":")
        hint = f"write {found['key']}: and its value, or indent the lines that belong to it"
        return Fault(start + found.start("key"), f"no colon stands after '{found['key']}'", hint, (edit,))
    if (found := _TWO_WORDS.fullmatch(line)) and ": " not in line:
        edit = TextEdit(start + found.start("gap"), start + found.end("gap"), ": ")
        hint = f"write {found['key']}: {shorten(found['value'])}"
        return Fault(start + found.start("key"), f"no colon stands after '{found['key']}'", hint, (edit,))
    return None


def explain_simple_key(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a line without a colon where a key must be."""
    start, line = line_at(text, trouble.start)
    found = _missing(text, start, line)
    if found and not _ONE_WORD.fullmatch(line):
        return found
    # A word alone, or anything else that is no key and value: it is passed over to read the rest.
    place = start + indent_of(line)
    shown = shorten(line.strip())
    hint = f"write {shown}: and its value" if found else "write KEY: VALUE, or delete the line"
    return Fault(
        place, f"'{shown}' is no key and value: it has no colon", hint, (TextEdit(place, place + 1, "#"),)
    )


def explain_list_among_keys(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain an item of a list among keys."""
    hint = "write KEY: VALUE without the -, or indent the list below the key that it belongs to"
    return Fault(trouble.at, "an item of a list stands among keys and values", hint)


def explain_key_among_items(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a key among the items of a list."""
    message = "a key stands among the items of a list"
    return Fault(trouble.at, message, "write all of them as KEY: VALUE, without the -")


def explain_nothing_before_colon(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a colon without a key."""
    return Fault(trouble.at, "a colon stands here without a key before it", "write KEY: VALUE")


def explain_nothing_between(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a value that is missing between brackets."""
    if text[trouble.at : trouble.at + 1] not in (",", "}", "]", ":"):
        return None
    message = f"a value is missing before the {text[trouble.at]}"
    return Fault(trouble.at, message, "write it, or put text with , or : in quotes")


def explain_list_in_line(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a list that begins in the line of its key."""
    message = "a list with - cannot begin in the line of its key"
    return Fault(trouble.at, message, "write [A, B], or each item on a line of its own below the key")
