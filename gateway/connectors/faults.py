"""Faults of YAML text: the place, the fix in plain words, and the text with the fault mended.

A YAML parser names the token that surprised it. The cause often stands elsewhere: a tab, a quote that is never
closed, a missing blank. This module finds that cause. It also mends the text in memory, so that the reader can go on
and report every other fault of the file at once. No mended text is ever served.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Edit(NamedTuple):
    """A change of the text. It never adds or removes a line break, so that lines keep their numbers."""

    start: int
    end: int
    text: str


class Fault(NamedTuple):
    """A fault of the text, where it is, and how it is mended; without edits the reader must stop there."""

    at: int
    message: str
    hint: str
    edits: tuple[Edit, ...] = ()


class Trouble(NamedTuple):
    """The complaint of a YAML parser: about the text `at` an index, while it read something that began at `start`."""

    problem: str
    context: str
    at: int
    start: int


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
_CURLY_VALUE = re.compile(rf"(?m:(?<=[:,\-\[{{] )[{_CURLY}]|(?<=[\[{{,])[{_CURLY}])")
_CONFLICT = re.compile(r"(?ms:^<{7}(?: [^\n]*)?$.*?(?:^>{7}(?: [^\n]*)?$|\Z))")
_CONFLICT_MARK = re.compile(r"(?m:^(?:<{7}|={7}|>{7}|\|{7})(?: [^\n]*)?$)")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{\{|\{%")
_UNACCEPTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEY = r"[ ]*(?:- )*(?P<key>[\w$.-]+)"
_NO_BLANK = re.compile(rf"{_KEY}:(?P<value>[^\s:/][^\n]*)")
_PAIR = re.compile(rf"{_KEY}[ ]*:[ \t]+(?P<value>[^\s#][^\n]*)")
_ONE_WORD = re.compile(rf"{_KEY}[ \t]*(?:#.*)?")
_TWO_WORDS = re.compile(rf"{_KEY}(?P<gap>[ ]*=[ ]*|[ ]+)(?P<value>[\w{{\[][^\n]*)")
_TYPE = r"(?:string|integer|number|decimal|boolean|date|time|timestamp|datetime|uuid|json)\b"
#: Lines that mean a key and its value beyond doubt: a blank is missing, or the colon before a type.
_MEANT = re.compile(rf"{_KEY}(?::(?=[A-Za-z\[{{'\"])[^/]|(?: +| *= *){_TYPE})")
_MEANT_INSIDE = re.compile(
    r"[{,]\s*(?P<key>type|nullable|default|description|enum|pattern|format|required|(?:min|max)\w*):(?P<value>[^\s,}\]]+)"
)
_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\n]*")
_CONTROLS = {"\0": "NUL", "\a": "BEL", "\b": "backspace", "\f": "form feed", "\x1b": "ESC", "\x7f": "DEL"}
_LOST_COMMENT = re.compile(
    r"(?m:^[ ]*(?P<key>description|pattern|using|default): +(?P<value>[^\s'\"|>#{\[&*!][^#\n]*?)(?P<gap> +)(?P<rest>#\S.*)$)"
)
#: What YAML knows behind a backslash in double quotes.
_ESCAPE = re.compile(
    r"\\(?![0abt\tnvfre \"/\\N_LP\r\n]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})(.)"
)
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_CLOSERS = {"{": "}", "[": "]"}
_ANY_HINT = "put text that has : # , [ ] { } or quotes in it in quotes"


def scan(text: str, masked: str) -> list[Fault]:
    """Find the faults that show in the text itself.

    Args:
        text: The text.
        masked: The same, with other characters in place of those in quotes, block texts and comments.
    """
    return sorted(
        (
            *_conflicts(text),
            *_templates(masked),
            *_odd_characters(masked),
            *_curly_quotes(masked),
            *_missing_marks(masked),
        )
    )


def _conflicts(text: str) -> Iterator[Fault]:
    for conflict in _CONFLICT.finditer(text):
        marks = list(_CONFLICT_MARK.finditer(text, conflict.start(), conflict.end()))
        first, last = _line_of(text, conflict.start()), _line_of(text, marks[-1].start())
        # Our side is read on, the marks and the other side are commented out.
        other = next((mark.start() for mark in marks if mark[0][0] in "=|"), conflict.end())
        starts = {conflict.start()} | {
            match.start()
            for match in re.finditer(r"(?m:^.)", text[: conflict.end()])
            if match.start() >= other
        }
        yield Fault(
            conflict.start(),
            f"the marks of a merge conflict stand here, from line {first} to line {last}",
            "keep one of the two sides, and delete the lines with <<<<<<<, ======= and >>>>>>>",
            tuple(Edit(start, start + 1, "#") for start in sorted(starts)),
        )
    for mark in re.finditer(
        r"(?m:^>{7}(?: [^\n]*)?$)", _CONFLICT.sub(lambda found: "#" * len(found[0]), text)
    ):
        yield Fault(
            mark.start(),
            "a mark of a merge conflict stands here",
            "delete the line",
            (Edit(*_first(mark), "#"),),
        )


def _first(mark: re.Match[str]) -> tuple[int, int]:
    return mark.start(), mark.start() + 1


def _templates(masked: str) -> Iterator[Fault]:
    if found := _TEMPLATE.search(masked):
        message = f"a template stands here: {_shown(found[0])}"
        yield Fault(found.start(), message, "the gateway reads finished files: render the template first")


def _odd_characters(masked: str) -> Iterator[Fault]:
    lines: dict[int, int] = {}
    for found in _ODD_PLACES.finditer(masked):
        index = found.end() - 1
        lines.setdefault(masked.rfind("\n", 0, index) + 1, index)
    for start, index in lines.items():
        line = masked[start : _line_end(masked, start)]
        edits = tuple(
            Edit(start + each.start(), start + each.end(), "" if _is_widthless(each[0]) else " ")
            for each in _ODD_CHARACTER.finditer(line)
        )
        character = masked[index]
        hint = "delete it" if _is_widthless(character) else "write a common blank in its place"
        yield Fault(index, _odd_message(masked[start:index], start, masked, character), hint, edits)
    for found in _LOOKALIKE_PLACES.finditer(masked):
        index, character = found.start(found.lastindex or 0), found[found.lastindex or 0]
        common = _LOOKALIKES[character]
        following = masked[index + 1 : index + 2]
        mended = common if following in (" ", "\n", "") else f"{common} "
        message = f"the {named(character)} is no '{common}' for YAML"
        yield Fault(index, message, f"write {common} in its place", (Edit(index, index + 1, mended),))


def _odd_message(before: str, start: int, text: str, character: str) -> str:
    called = f"{'an' if unicodedata.name(character, ' ')[0] in 'AEIOU' else 'a'} {named(character)}"
    if not before.strip(" \t"):
        how = "begins" if _is_widthless(character) else "is indented"
        return f"line {_line_of(text, start)} {how} with {called}"
    stripped = before.rstrip(" ")
    if stripped.endswith((":", "-", ",", "[", "{")):
        last = re.search(r"[^\s\[{]*.$", stripped)
        return f"the blank after '{last[0] if last else ''}' is {called}"
    after = re.match(r"[^\s:,\]}]*", text[start + len(before) + 1 :])
    word = (re.split(r"[\s:,\[{]", stripped) or [""])[-1] + (after[0] if after else "")
    return f"{called} stands in '{word}'"


def _missing_marks(masked: str) -> Iterator[Fault]:
    """Find lines that are one word for YAML, for want of a blank or a colon."""
    depth = 0
    for found in re.finditer(r"(?m:^.*$)", masked):
        line, start = found[0].rstrip("\r"), found.start()
        if line.lstrip().startswith("//"):
            place = start + _indent(line)
            yield Fault(
                place, "// begins no comment in YAML", "write # in its place", (Edit(place, place + 2, "##"),)
            )
            continue
        if not depth and (item := re.fullmatch(r"( *-)[A-Za-z_][\w ]*", line)):
            place = start + item.end(1)
            yield Fault(
                place, "no blank stands after '-'", f"write - {line.lstrip(' -')}", (Edit(place, place, " "),)
            )
        elif not depth and not line.lstrip().startswith("-"):
            missing = _missing(masked, start, line) if _MEANT.match(line) else None
            if missing:
                yield missing
        for inner in _MEANT_INSIDE.finditer(line):
            place = start + inner.start("value")
            hint = f"write {inner['key']}: {inner['value']}"
            yield Fault(place, f"no blank stands after '{inner['key']}:'", hint, (Edit(place, place, " "),))
        depth = max(0, depth + sum(map(line.count, "[{")) - sum(map(line.count, "]}")))


def _is_widthless(character: str) -> bool:
    return re.match(f"[{_WIDTHLESS}]", character) is not None


def _curly_quotes(masked: str) -> Iterator[Fault]:
    lines = {
        masked.rfind("\n", 0, found.start()) + 1: found.start()
        for found in reversed(list(_CURLY_VALUE.finditer(masked)))
    }
    for start, index in lines.items():
        line = masked[start : _line_end(masked, start)]
        edits = tuple(
            Edit(start + each.start(), start + each.end(), "'") for each in re.finditer(f"[{_CURLY}]", line)
        )
        message = f"the {named(masked[index])} is no quote for YAML"
        yield Fault(index, message, "write \" or ' in its place", edits)


def may_lose(text: str) -> bool:
    """Tell whether `lost` could find something; cheap."""
    return _LOST_COMMENT.search(text) is not None or _CURLY_VALUE.search(text) is not None


def lost(text: str, masked: str) -> list[Fault]:
    """Find text that YAML reads as something else than it looks, in a file that can be served."""
    found = []
    for comment in _LOST_COMMENT.finditer(text):
        if masked[comment.start("value")] != "x" or text[comment.start("value")] == "x":
            message = (
                f"the value of '{comment['key']}' ends before {_shown(comment['rest'])}, which is a comment"
            )
            hint = f"if it belongs to the value, put quotes around it: {_shown(_quoted(comment['value'] + comment['gap'] + comment['rest']))}"
            found.append(Fault(comment.start("rest"), message, hint))
    for curly in _CURLY_VALUE.finditer(masked):
        _, line = _line(masked, curly.start())
        if re.search(r"\b(?:enum|pattern|default|format|name|path|primary_key)\b", line):
            message = f"the {named(curly[0])} is a part of the value, for it is no quote for YAML"
            found.append(Fault(curly.start(), message, "write \" or ' in its place"))
    return found


def explain(text: str, trouble: Trouble) -> Fault:
    """Find the cause of a parser's complaint."""
    for pattern, explanation in _EXPLANATIONS:
        if re.search(pattern, f"{trouble.context} {trouble.problem}"):
            fault = explanation(text, trouble)
            if fault is not None:
                return fault
    return _unexpected(text, trouble)


def _unexpected(text: str, trouble: Trouble) -> Fault:
    """Describe a place that has no explanation of its own."""
    rest = text[trouble.at : _line_end(text, trouble.at)].split()
    if not rest:
        return Fault(trouble.at, "the text ends here before a value is complete", _ANY_HINT)
    return Fault(trouble.at, f"YAML cannot read '{_shown(rest[0])}' in this place", _ANY_HINT)


def unacceptable(text: str) -> Fault | None:
    """Find the characters that YAML refuses wherever they stand, such as NUL and BEL."""
    found = list(_UNACCEPTABLE.finditer(text))
    if not found:
        return None
    first = found[0]
    more = f"; the file has {len(found)} characters of this kind" if len(found) > 1 else ""
    edits = tuple(Edit(each.start(), each.end(), "" if each[0] == "\0" else "_") for each in found)
    message = f"the {named(first[0])} is not allowed in YAML{more}"
    hint = (
        f"delete it, or write \\x{ord(first[0]):02x} in double quotes" if ord(first[0]) < 256 else "delete it"
    )
    if first[0] == "\0":
        hint = "is this a text file in UTF-8? Save it anew"
    return Fault(first.start(), message, hint, edits)


def named(character: str) -> str:
    """Return the name and the code point of a character, as in `no-break space (U+00A0)`."""
    name = unicodedata.name(character, "").lower() or _CONTROLS.get(character, "control character")
    return f"{name} (U+{ord(character):04X})"


# ------------------------------------------------------------------------------------------------------
# Places in the text.


def _line_of(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def _line(text: str, index: int) -> tuple[int, str]:
    """Return where the line of an index begins, and the line."""
    start = text.rfind("\n", 0, index) + 1
    return start, text[start : _line_end(text, start)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _lines_before(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield the lines above one that have content, the nearest first."""
    while start > 0:
        start, line = _line(text, start - 1)
        if line.strip() and not line.lstrip().startswith("#"):
            yield start, line


def _is_in_flow(before: str) -> bool:
    return sum(before.count(each) for each in "{[") > sum(before.count(each) for each in "}]")


def _value_end(text: str, start: int, *, first: bool = False) -> int:
    """Find where a value ends that begins at `start`: inside brackets before the next key, or the last closer."""
    line_start, line = _line(text, start)
    end = _line_end(text, start)
    rest = text[start:end]
    if comment := re.search(r"\s#", rest):
        rest = rest[: comment.start()]
    if _is_in_flow(line[: start - line_start]):
        next_key = re.search(r",\s*[\w]+:\s", rest) if not first else re.search(r"[,\]}]", rest)
        rest = rest[: next_key.start()] if next_key else re.sub(r"[\]}]\s*$", "", rest)
    return start + len(rest.rstrip())


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _to_be_quoted(text: str, start: int, message: str, *, first: bool = False) -> Fault | None:
    """Say that a value needs quotes; None where the value is in quotes already or is none."""
    end = _value_end(text, start, first=first)
    value = text[start:end]
    if not value or (len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]):
        return None
    quoted = _quoted(value)
    return Fault(start, message, f"put the value in quotes: {_shown(quoted)}", (Edit(start, end, quoted),))


def _value_start(text: str, index: int) -> int:
    """Find where the value begins that the index is in, or just behind."""
    start, line = _line(text, index)
    before = line[: index - start]
    found = list(re.finditer(r"(?:[\w'\"]:|^\s*-|[\[{,]) *", before))
    return start + (found[-1].end() if found else _indent(before))


# ------------------------------------------------------------------------------------------------------
# Explanations, each of one kind of complaint.


def _tab(text: str, trouble: Trouble) -> Fault | None:
    start, line = _line(text, trouble.at)
    if line[: trouble.at - start].strip():
        before = line[: trouble.at - start].split()[-1]
        edit = Edit(trouble.at, trouble.at + 1, " ")
        return Fault(trouble.at, f"a tab stands after '{before}'", "write a blank in its place", (edit,))
    tabbed = list(re.finditer(r"(?m:^ *\t[ \t]*)", text))
    edits = tuple(
        Edit(each.start(), each.end(), each[0].replace("\t", "  ")) for each in tabbed if each[0].count("\t")
    )
    begins = "begins with a tab" if line.startswith("\t") else "has a tab in its indentation"
    more = len(tabbed) - 1
    others = f", and so do {more} more lines" if more > 1 else ", and so does 1 more line" if more else ""
    message = f"YAML is indented with blanks; line {_line_of(text, start)} {begins}{others}"
    return Fault(trouble.at, message, "write two blanks for each tab", edits)


def _first_character(text: str, trouble: Trouble) -> Fault | None:
    start = min(trouble.start, trouble.at)
    character = text[start : start + 1]
    if not character.strip():
        return None
    if trouble.context == "while scanning for the next token":
        start, character = trouble.at, text[trouble.at]
    fault = _to_be_quoted(text, start, f"a value without quotes cannot begin with {character}", first=True)
    if fault and text[fault.at : fault.edits[0].end] == "*":
        return fault._replace(hint="for anyone write public; a star as text is written '*'")
    return fault


def _unclosed_quote(text: str, trouble: Trouble) -> Fault | None:
    quote = text[trouble.start]
    inside = 'a " inside is written \\"' if quote == '"' else "a ' inside is written ''"
    message = f"the quote {quote} that opens here is never closed"
    return Fault(trouble.start, message, f"close it behind its text; {inside}")


def _escape(text: str, trouble: Trouble) -> Fault | None:
    quoted = _DOUBLE_QUOTED.match(text, trouble.start)
    found = _ESCAPE.search(text, trouble.start, quoted.end() if quoted else len(text))
    if quoted is None or found is None:
        return None
    start, line = _line(text, trouble.start)
    key = re.search(r"(\w+):\s*$", line[: trouble.start - start])
    what = key[1] if key and key[1] in ("pattern", "description", "using") else "value"
    edits = tuple(
        Edit(each.start(), each.start() + 1, "\\\\")
        for each in _ESCAPE.finditer(text, quoted.start(), quoted.end())
    )
    return Fault(
        found.start(),
        f"in double quotes a backslash is \\\\, and \\{found[1]} means nothing there",
        f"write the {what} in single quotes",
        edits,
    )


def _colon(text: str, trouble: Trouble) -> Fault | None:
    """Explain a colon where no key can be: a second one in its line, or one behind text that goes on from above."""
    start, line = _line(text, trouble.at)
    pair = _PAIR.fullmatch(line)
    if pair and pair.start("value") <= trouble.at - start:
        return _second_colon(text, start, pair)
    above = next(_lines_before(text, start), None)
    if above is None:
        return None
    return _missing(text, *above) or _deeper(text, start, line, above)


def _second_colon(text: str, start: int, pair: re.Match[str]) -> Fault | None:
    place, value = start + pair.start("value"), pair["value"]
    end = _value_end(text, place)
    shown = text[place:end]
    if re.match(r"(?:type|nullable|default|enum|format|pattern|description):\s", value):
        edit = Edit(place, end, f"{{{shown}}}")
        message = f"a second key stands in the line of '{pair['key']}'"
        return Fault(place, message, f"write {pair['key']}: {{{_shown(shown)}}}", (edit,))
    if written := _type_and_keys(shown):
        edit = Edit(place, end, written)
        what = "keys stand" if written.startswith("{") else "a colon stands"
        message = f"{what} behind the type of '{pair['key']}'"
        return Fault(place, message, f"write {pair['key']}: {_shown(written)}", (edit,))
    message = f"the value of '{pair['key']}' has a colon and a blank in it, which would begin another value"
    return _to_be_quoted(text, place, message)


def _type_and_keys(value: str) -> str | None:
    """Write a type with keys behind it, such as `string, nullable: true`, as a connector file has it."""
    found = re.fullmatch(rf"({_TYPE}(?:\(.*?\))?(?:\[\])?)(?::|\s*,\s*(\w+: .+))", value)
    if found is None:
        return None
    type_ = f'"{found[1]}"' if "," in found[1] else found[1]
    return f"{{type: {type_}, {found[2]}}}" if found[2] else found[1]


def _missing(text: str, start: int, line: str) -> Fault | None:
    """Explain a line that is no key and value, for want of a blank or a colon."""
    if found := _NO_BLANK.fullmatch(line):
        place = start + found.start("value")
        message = f"no blank stands after '{found['key']}:'"
        hint = f"write {found['key']}: {_shown(found['value'])}"
        return Fault(place, message, hint, (Edit(place, place, " "),))
    if found := _ONE_WORD.fullmatch(line):
        if line.lstrip().startswith("- "):
            return None
        place = start + found.end("key")
        edit = Edit(place, place, ":")
        hint = f"write {found['key']}: and its value, or indent the lines that belong to it"
        return Fault(start + found.start("key"), f"no colon stands after '{found['key']}'", hint, (edit,))
    if (found := _TWO_WORDS.fullmatch(line)) and ": " not in line:
        edit = Edit(start + found.start("gap"), start + found.end("gap"), ": ")
        hint = f"write {found['key']}: {_shown(found['value'])}"
        return Fault(start + found.start("key"), f"no colon stands after '{found['key']}'", hint, (edit,))
    return None


def _deeper(text: str, start: int, line: str, above: tuple[int, str]) -> Fault | None:
    pair = _PAIR.fullmatch(above[1])
    if pair is None or _indent(line) <= _indent(above[1]):
        return None
    message = (
        f"line {_line_of(text, start)} is indented deeper than '{pair['key']}' above it,"
        f" which has its value {_shown(pair['value'])} already"
    )
    return _reindented(start, line, _indent(above[1]), message, f"as '{pair['key']}'")


def _reindented(start: int, line: str, wanted: int, message: str, like: str) -> Fault:
    edit = Edit(start, start + _indent(line), " " * wanted)
    return Fault(start + _indent(line), message, f"indent it by {_blanks(wanted)}, {like}", (edit,))


def _blanks(count: int) -> str:
    return f"{count or 'no'} blank{'' if count == 1 else 's'}"


def _simple_key(text: str, trouble: Trouble) -> Fault | None:
    start, line = _line(text, trouble.start)
    found = _missing(text, start, line)
    if found and not _ONE_WORD.fullmatch(line):
        return found
    # A word alone, or anything else that is no key and value: it is passed over to read the rest.
    place = start + _indent(line)
    shown = _shown(line.strip())
    hint = f"write {shown}: and its value" if found else "write KEY: VALUE, or delete the line"
    return Fault(
        place, f"'{shown}' is no key and value: it has no colon", hint, (Edit(place, place + 1, "#"),)
    )


def _behind(text: str, trouble: Trouble) -> Fault | None:
    """Explain text behind the end of a value: behind its quotes, its brackets, or an alias."""
    start, line = _line(text, trouble.at)
    before = line[: trouble.at - start].rstrip()
    if not before or before[-1] not in "'\"]}":
        value = _value_start(text, trouble.at)
        if text[value : value + 1] in ("*", "&", "!"):
            return _first_character(text, trouble._replace(start=value, at=value))
        return None
    closer = before[-1]
    if closer in "]}":
        value = _value_start(text, start + _opening(before))
        return _to_be_quoted(text, value, f"text stands behind the closing {closer}")
    return _inner_quote(text, trouble.at, closer)


def _opening(before: str) -> int:
    """Find where the bracket opened that closes at the end of a text."""
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        depth += (before[index] in "]}") - (before[index] in "[{")
        if not depth:
            return index
    return 0


def _inner_quote(text: str, index: int, quote: str) -> Fault | None:
    start, line = _line(text, index)
    opened = re.search(rf"(?:^|[:,\[{{-])\s*({quote})", line)
    if opened is None:
        return None
    place = start + opened.start(1)
    end = _value_end(text, place)
    if text[end - 1] != quote:
        behind = text[index:end]
        message = f"the text {_shown(behind)} stands behind the closing {quote}"
        return Fault(index, message, "take it into the quotes, or delete it", (Edit(index, end, ""),))
    inner = text[place + 1 : end - 1]
    other = '"' if quote == "'" else "'"
    written = f"{other}{inner}{other}" if other not in inner and "\\" not in inner else _quoted(inner)
    message = f"a {quote} stands inside text in {quote}, and ends it"
    inside = "''" if quote == "'" else '\\"'
    hint = f"write {_shown(written)}, or {inside} for the one inside"
    return Fault(index - 1, message, hint, (Edit(place, end, written),))


def _closes_nothing(text: str, trouble: Trouble) -> Fault | None:
    character = text[trouble.at]
    edit = Edit(trouble.at, trouble.at + 1, " ")
    message = f"the {character} here closes nothing that is open"
    return Fault(trouble.at, message, "delete it, or put the value in quotes", (edit,))


def _indentation(text: str, trouble: Trouble) -> Fault | None:
    """Explain a line that begins in a column where none of the open blocks does."""
    start, line = _line(text, trouble.at)
    mine = _indent(line)
    open_blocks: list[tuple[int, str]] = []
    least = 10**6
    for _, above in _lines_before(text, start):
        if _indent(above) < least:
            least = _indent(above)
            open_blocks.append((least, above.strip().partition(":")[0]))
    if not open_blocks:
        return None
    wanted, like = min(open_blocks, key=lambda block: (abs(block[0] - mine), -block[0]))
    known = " or ".join(str(indent) for indent, _ in sorted(open_blocks))
    message = f"line {_line_of(text, start)} is indented by {_blanks(mine)}; the lines above it by {known}"
    if wanted == mine:
        return None
    return _reindented(start, line, wanted, message, f"as '{_shown(like)}'")


def _list_among_keys(text: str, trouble: Trouble) -> Fault | None:
    hint = "write KEY: VALUE without the -, or indent the list below the key that it belongs to"
    return Fault(trouble.at, "an item of a list stands among keys and values", hint)


def _key_among_items(text: str, trouble: Trouble) -> Fault | None:
    message = "a key stands among the items of a list"
    return Fault(trouble.at, message, "write all of them as KEY: VALUE, without the -")


def _nothing_before_colon(text: str, trouble: Trouble) -> Fault | None:
    return Fault(trouble.at, "a colon stands here without a key before it", "write KEY: VALUE")


def _comment_in_brackets(text: str, trouble: Trouble) -> Fault | None:
    """Explain a bracket whose end a comment has hidden."""
    begin = trouble.start
    if "#" not in text[begin : trouble.at]:  # The parser names the end of the text alone.
        begin = next((start for start, _ in _lines_before(text, _line(text, begin)[0])), begin)
    for found in re.finditer(r"(?:(?<=\s)|(?<=[\[{,]))#[^\n]*", text[begin : trouble.at + 1]):
        if re.search(r"[\]}]", found[0]):
            index = begin + found.start()
            start, end = index, _value_end(text, index, first=True)
            before = text[text.rfind("\n", 0, index) + 1 : index]
            if word := re.search(r"[:,\[{]\s+(\S[^:,\[{]*)\s$", before):
                start = index - len(word[1]) - 1
            quoted = _quoted(text[start:end])
            message = "the # here begins a comment, which hides the rest of the line and its closing bracket"
            return Fault(
                index, message, f"put the text in quotes: {_shown(quoted)}", (Edit(start, end, quoted),)
            )
    return None


def _unclosed_bracket(text: str, trouble: Trouble) -> Fault | None:
    at = trouble.start
    if "<stream end>" in trouble.problem:
        at = _last_open(text, at)
    opener = text[at : at + 1]
    if opener not in _CLOSERS or "\n" not in text[at : trouble.at]:
        return None
    if opener == text[at : _line_end(text, at)].strip() and _is_closed(text[at:]):
        return _missing_comma(text, trouble)
    message = f"the {opener} that opens here is never closed"
    end = _line_end(text, at)
    if comment := _COMMENT.search(text, at, end):
        end = comment.start()
    end = at + len(text[at:end].rstrip())
    edit = Edit(end, end, _CLOSERS[opener])
    return Fault(at, message, f"close it with {_CLOSERS[opener]}", (edit,))


def _is_closed(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if not depth:
            return True
    return False


def _missing_comma(text: str, trouble: Trouble) -> Fault | None:
    above = next(_lines_before(text, _line(text, trouble.at)[0]), None)
    if above is None:
        return None
    end = above[0] + len(above[1].rstrip())
    hint = "write a comma behind each value but the last, or leave the brackets out"
    return Fault(
        end - 1,
        f"no comma stands at the end of line {_line_of(text, above[0])}",
        hint,
        (Edit(end, end, ","),),
    )


def _last_open(text: str, otherwise: int) -> int:
    """Find the last bracket that is never closed."""
    places: list[int] = []
    for found in re.finditer(r"[\[\]{}]", re.sub(r"#[^\n]*", lambda comment: "x" * len(comment[0]), text)):
        if found[0] in _CLOSERS:
            places.append(found.start())
        elif places:
            places.pop()
    return places[-1] if places else otherwise


def _in_brackets(text: str, trouble: Trouble) -> Fault | None:
    """Explain a surprise between brackets, in the line where they open."""
    index = trouble.at
    character, opener = text[index : index + 1], text[trouble.start : trouble.start + 1]
    if character in ("]", "}"):
        wanted = _CLOSERS.get(opener, "")
        message = f"a {character} stands where the {opener} before it needs its {wanted}"
        edit = Edit(index, index + 1, wanted)
        return Fault(index, message, f"close {opener} with {wanted}", (edit,))
    if character == ":":
        value = _value_start(text, index)
        message = "the value has a colon and a blank in it, which would begin another value"
        return _to_be_quoted(text, value, message)
    if character in ("{", "["):
        start, line = _line(text, index)
        before = line[: index - start]
        opened = start + _opening(before) if before[-1:] in ("]", "}") else index
        return _to_be_quoted(text, _value_start(text, opened), f"the value has a {character} in it")
    return _behind(text, trouble)


def _nothing_between(text: str, trouble: Trouble) -> Fault | None:
    if text[trouble.at : trouble.at + 1] not in (",", "}", "]", ":"):
        return None
    message = f"a value is missing before the {text[trouble.at]}"
    return Fault(trouble.at, message, "write it, or put text with , or : in quotes")


def _list_in_line(text: str, trouble: Trouble) -> Fault | None:
    message = "a list with - cannot begin in the line of its key"
    return Fault(trouble.at, message, "write [A, B], or each item on a line of its own below the key")


def _second_start(text: str, trouble: Trouble) -> Fault | None:
    """Explain content behind the end of the document."""
    start, line = _line(text, trouble.at)
    above = list(_lines_before(text, start))
    if line[: trouble.at - start].strip():
        return _behind(text, trouble)
    if above and _indent(above[-1][1]) > _indent(line):
        message = f"line {_line_of(text, above[-1][0])} is indented, but line {_line_of(text, start)} is not"
        place, first = above[-1]
        return _reindented(place, first, _indent(line), message, "as the other keys")
    message = "the text here does not belong to the keys and values above it"
    return _directive(text, trouble) or Fault(trouble.at, message, "write KEY: VALUE lines alone")


def _directive(text: str, trouble: Trouble) -> Fault | None:
    found = re.search(r"(?m:^%)", text)
    if found is None:
        return None
    edit = Edit(found.start(), found.start() + 1, "#")
    return Fault(
        found.start(), "a line cannot begin with %", "delete the line, or put its text in quotes", (edit,)
    )


def _out_of_range(text: str, _: Trouble) -> Fault | None:
    """Explain an escape beyond the last character of Unicode."""
    found = re.search(r"\\U(?!00(?:0[0-9A-Fa-f]|10))[0-9A-Fa-f]{8}", text)
    if found is None:
        return None
    edit = Edit(found.start(), found.start(), "\\")
    message = f"{found[0]} is no character: the last one is \\U0010FFFF"
    return Fault(found.start(), message, "write a backslash as \\\\, or use single quotes", (edit,))


_Explanation = Callable[[str, Trouble], Fault | None]
#: Complaints, as PyYAML words them, and their explanations; the first one that applies and explains it counts.
_EXPLANATIONS: Sequence[tuple[str, _Explanation]] = (
    (r"found character '\\t'", _tab),
    (r"found character .* that cannot start any token", _first_character),
    (
        r"while scanning (?:an alias|an anchor|a block scalar)|parsing a tag|scanning a tag|undefined tag",
        _first_character,
    ),
    (r"quoted scalar found unexpected", _unclosed_quote),
    (r"unknown escape|expected escape sequence", _escape),
    (r"out of range", _out_of_range),
    (r"mapping values are not allowed", _colon),
    (r"mapping keys are not allowed", _first_character),
    (r"sequence entries are not allowed", _list_in_line),
    (r"could not find expected ':'", _simple_key),
    (r"<block end>, but found '<scalar>'", _behind),
    (r"<block end>, but found '[\]},]'", _closes_nothing),
    (r"<block end>, but found '<block (?:mapping|sequence) start>'", _indentation),
    (r"<block end>, but found '-'", _list_among_keys),
    (r"<block end>, but found '\?'", _key_among_items),
    (r"<block end>, but found ':'", _nothing_before_colon),
    (r"while parsing a flow", _comment_in_brackets),
    (r"while parsing a flow", _unclosed_bracket),
    (r"flow (?:mapping|sequence) expected ',' or", _in_brackets),
    (r"flow node expected the node content", _nothing_between),
    (r"block node expected the node content", _first_character),
    (r"expected '<document start>'", _second_start),
    (r"scanning a directive|%YAML", _directive),
)
