"""Faults of brackets: those that are never closed, close nothing, or lack a comma."""

import re

from gateway.connectors.yaml_text.fault import Fault, ParserComplaint, TextEdit
from gateway.connectors.yaml_text.positions import (
    find_opening,
    line_at,
    line_end,
    line_number,
    lines_above,
    shorten,
    single_quoted,
    value_end,
    value_start,
)
from gateway.connectors.yaml_text.quotes import explain_text_behind, missing_quotes

_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\n]*")
_CLOSERS = {"{": "}", "[": "]"}
#: The most brackets that may be open at once. For each token the scanner looks at all of them.
OPEN_MAX = 100


def find_bracket_too_deep(text: str) -> int | None:
    """Find the first bracket inside more than `OPEN_MAX` open ones, also in quotes and comments; None without one."""
    depth = 0
    for found in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if found[0] in _CLOSERS else max(0, depth - 1)
        if depth > OPEN_MAX:
            return found.start()
    return None


def explain_closes_nothing(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a closing bracket without an opening one."""
    character = text[trouble.at]
    edit = TextEdit(trouble.at, trouble.at + 1, " ")
    message = f"the {character} here closes nothing that is open"
    return Fault(trouble.at, message, "delete it, or put the value in quotes", (edit,))


def explain_comment_in_brackets(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a bracket whose end a comment has hidden."""
    begin = trouble.start
    if "#" not in text[begin : trouble.at]:  # The parser names the end of the text alone.
        begin = next((start for start, _ in lines_above(text, line_at(text, begin)[0])), begin)
    for found in re.finditer(r"(?:(?<=\s)|(?<=[\[{,]))#[^\n]*", text[begin : trouble.at + 1]):
        if re.search(r"[\]}]", found[0]):
            index = begin + found.start()
            start, end = index, value_end(text, index, first=True)
            before = text[text.rfind("\n", 0, index) + 1 : index]
            if word := re.search(r"[:,\[{]\s+(\S[^:,\[{]*)\s$", before):
                start = index - len(word[1]) - 1
            quoted = single_quoted(text[start:end])
            message = "the # here begins a comment, which hides the rest of the line and its closing bracket"
            return Fault(
                index, message, f"put the text in quotes: {shorten(quoted)}", (TextEdit(start, end, quoted),)
            )
    return None


def explain_unclosed_bracket(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a bracket that is never closed."""
    at = trouble.start
    if "<stream end>" in trouble.problem:
        at = _last_open(text, at)
    opener = text[at : at + 1]
    if opener not in _CLOSERS or "\n" not in text[at : trouble.at]:
        return None
    if opener == text[at : line_end(text, at)].strip() and _is_closed(text[at:]):
        return _missing_comma(text, trouble)
    message = f"the {opener} that opens here is never closed"
    end = line_end(text, at)
    if comment := _COMMENT.search(text, at, end):
        end = comment.start()
    end = at + len(text[at:end].rstrip())
    edit = TextEdit(end, end, _CLOSERS[opener])
    return Fault(at, message, f"close it with {_CLOSERS[opener]}", (edit,))


def _is_closed(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if not depth:
            return True
    return False


def _missing_comma(text: str, trouble: ParserComplaint) -> Fault | None:
    above = next(lines_above(text, line_at(text, trouble.at)[0]), None)
    if above is None:
        return None
    end = above[0] + len(above[1].rstrip())
    hint = "write a comma behind each value but the last, or leave the brackets out"
    return Fault(
        end - 1,
        f"no comma stands at the end of line {line_number(text, above[0])}",
        hint,
        (TextEdit(end, end, ","),),
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


def explain_in_brackets(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a surprise between brackets, in the line where they open."""
    index = trouble.at
    character, opener = text[index : index + 1], text[trouble.start : trouble.start + 1]
    if character in ("]", "}"):
        wanted = _CLOSERS.get(opener, "")
        message = f"a {character} stands where the {opener} before it needs its {wanted}"
        edit = TextEdit(index, index + 1, wanted)
        return Fault(index, message, f"close {opener} with {wanted}", (edit,))
    if character == ":":
        value = value_start(text, index)
        message = "the value has a colon and a blank in it, which would begin another value"
        return missing_quotes(text, value, message)
    if character in ("{", "["):
        start, line = line_at(text, index)
        before = line[: index - start]
        opened = start + find_opening(before) if before[-1:] in ("]", "}") else index
        return missing_quotes(text, value_start(text, opened), f"the value has a {character} in it")
    return explain_text_behind(text, trouble)
