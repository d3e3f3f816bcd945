"""Faults of quotes: values that need them, quotes that are never closed, and escapes."""

import re

from gateway.connectors.yaml_text.fault import Fault, ParserComplaint, TextEdit
from gateway.connectors.yaml_text.positions import (
    find_opening,
    line_at,
    shorten,
    single_quoted,
    value_end,
    value_start,
)

#: What YAML knows behind a backslash in double quotes.
_ESCAPE = re.compile(
    r"\\(?![0abt\tnvfre \"/\\N_LP\r\n]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})(.)"
)
_DOUBLE_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def missing_quotes(text: str, start: int, message: str, *, first: bool = False) -> Fault | None:
    """Build the fault of a value that needs quotes, None if it is empty or has quotes."""
    end = value_end(text, start, first=first)
    value = text[start:end]
    if not value or (len(value) > 1 and value[0] in "'\"" and value[-1] == value[0]):
        return None
    quoted = single_quoted(value)
    return Fault(
        start, message, f"put the value in quotes: {shorten(quoted)}", (TextEdit(start, end, quoted),)
    )


def explain_first_character(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a character that no value without quotes can begin with."""
    start = min(trouble.start, trouble.at)
    character = text[start : start + 1]
    if not character.strip():
        return None
    if trouble.context == "while scanning for the next token":
        start, character = trouble.at, text[trouble.at]
    fault = missing_quotes(text, start, f"a value without quotes cannot begin with {character}", first=True)
    if fault and text[fault.at : fault.edits[0].end] == "*":
        return fault._replace(hint="for anyone write public; a star as text is written '*'")
    return fault


def explain_unclosed_quote(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a quote that is never closed."""
    quote = text[trouble.start]
    inside = 'a " inside is written \\"' if quote == '"' else "a ' inside is written ''"
    message = f"the quote {quote} that opens here is never closed"
    return Fault(trouble.start, message, f"close it behind its text; {inside}")


def explain_escape(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain an escape that YAML does not know."""
    quoted = _DOUBLE_QUOTED.match(text, trouble.start)
    found = _ESCAPE.search(text, trouble.start, quoted.end() if quoted else len(text))
    if quoted is None or found is None:
        return None
    start, line = line_at(text, trouble.start)
    key = re.search(r"(\w+):\s*$", line[: trouble.start - start])
    what = key[1] if key and key[1] in ("pattern", "description", "using") else "value"
    edits = tuple(
        TextEdit(each.start(), each.start() + 1, "\\\\")
        for each in _ESCAPE.finditer(text, quoted.start(), quoted.end())
    )
    return Fault(
        found.start(),
        f"in double quotes a backslash is \\\\, and \\{found[1]} means nothing there",
        f"write the {what} in single quotes",
        edits,
    )


def explain_text_behind(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain text behind the end of a value: behind its quotes, its brackets, or an alias."""
    start, line = line_at(text, trouble.at)
    before = line[: trouble.at - start].rstrip()
    if not before or before[-1] not in "'\"]}":
        value = value_start(text, trouble.at)
        if text[value : value + 1] in ("*", "&", "!"):
            return explain_first_character(text, trouble._replace(start=value, at=value))
        return None
    closer = before[-1]
    if closer in "]}":
        value = value_start(text, start + find_opening(before))
        return missing_quotes(text, value, f"text stands behind the closing {closer}")
    return _inner_quote(text, trouble.at, closer)


def _inner_quote(text: str, index: int, quote: str) -> Fault | None:
    start, line = line_at(text, index)
    opened = re.search(rf"(?:^|[:,\[{{-])\s*({quote})", line)
    if opened is None:
        return None
    place = start + opened.start(1)
    end = value_end(text, place)
    if text[end - 1] != quote:
        behind = text[index:end]
        message = f"the text {shorten(behind)} stands behind the closing {quote}"
        return Fault(index, message, "take it into the quotes, or delete it", (TextEdit(index, end, ""),))
    inner = text[place + 1 : end - 1]
    other = '"' if quote == "'" else "'"
    written = f"{other}{inner}{other}" if other not in inner and "\\" not in inner else single_quoted(inner)
    message = f"a {quote} stands inside text in {quote}, and ends it"
    inside = "''" if quote == "'" else '\\"'
    hint = f"write {shorten(written)}, or {inside} for the one inside"
    return Fault(index - 1, message, hint, (TextEdit(place, end, written),))


def explain_directive(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a line that begins with %, as a directive does."""
    found = re.search(r"(?m:^%)", text)
    if found is None:
        return None
    edit = TextEdit(found.start(), found.start() + 1, "#")
    return Fault(
        found.start(), "a line cannot begin with %", "delete the line, or put its text in quotes", (edit,)
    )


def explain_out_of_range(text: str, _: ParserComplaint) -> Fault | None:
    """Explain an escape beyond the last character of Unicode."""
    found = re.search(r"\\U(?!00(?:0[0-9A-Fa-f]|10))[0-9A-Fa-f]{8}", text)
    if found is None:
        return None
    edit = TextEdit(found.start(), found.start(), "\\")
    message = f"{found[0]} is no character: the last one is \\U0010FFFF"
    return Fault(found.start(), message, "write a backslash as \\\\, or use single quotes", (edit,))
