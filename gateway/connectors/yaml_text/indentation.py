"""Faults of indentation: tabs, and lines in a column where no block is open."""

import re

from gateway.connectors.yaml_text.fault import Fault, ParserComplaint, TextEdit
from gateway.connectors.yaml_text.positions import PAIR, indent_of, line_at, line_number, lines_above, shorten
from gateway.connectors.yaml_text.quotes import explain_directive, explain_text_behind


def explain_tab(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a tab: in the indentation, where all of them are repaired, or behind a value."""
    start, line = line_at(text, trouble.at)
    if line[: trouble.at - start].strip():
        before = line[: trouble.at - start].split()[-1]
        edit = TextEdit(trouble.at, trouble.at + 1, " ")
        return Fault(trouble.at, f"a tab stands after '{before}'", "write a blank in its place", (edit,))
    tabbed = list(re.finditer(r"(?m:^ *\t[ \t]*)", text))
    edits = tuple(
        TextEdit(each.start(), each.end(), each[0].replace("\t", "  "))
        for each in tabbed
        if each[0].count("\t")
    )
    begins = "begins with a tab" if line.startswith("\t") else "has a tab in its indentation"
    more = len(tabbed) - 1
    others = f", and so do {more} more lines" if more > 1 else ", and so does 1 more line" if more else ""
    message = f"YAML is indented with blanks; line {line_number(text, start)} {begins}{others}"
    return Fault(trouble.at, message, "write two blanks for each tab", edits)


def deeper_line(text: str, start: int, line: str, above: tuple[int, str]) -> Fault | None:
    """Explain a line that is indented deeper than a key above it that has its value already."""
    pair = PAIR.fullmatch(above[1])
    if pair is None or indent_of(line) <= indent_of(above[1]):
        return None
    message = (
        f"line {line_number(text, start)} is indented deeper than '{pair['key']}' above it,"
        f" which has its value {shorten(pair['value'])} already"
    )
    return _reindented(start, line, indent_of(above[1]), message, f"as '{pair['key']}'")


def _reindented(start: int, line: str, wanted: int, message: str, like: str) -> Fault:
    edit = TextEdit(start, start + indent_of(line), " " * wanted)
    return Fault(start + indent_of(line), message, f"indent it by {_blanks(wanted)}, {like}", (edit,))


def _blanks(count: int) -> str:
    return f"{count or 'no'} blank{'' if count == 1 else 's'}"


def explain_indentation(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain a line that begins in a column where none of the open blocks does."""
    start, line = line_at(text, trouble.at)
    mine = indent_of(line)
    open_blocks: list[tuple[int, str]] = []
    least = 10**6
    for _, above in lines_above(text, start):
        if indent_of(above) < least:
            least = indent_of(above)
            open_blocks.append((least, above.strip().partition(":")[0]))
    if not open_blocks:
        return None
    wanted, like = min(open_blocks, key=lambda block: (abs(block[0] - mine), -block[0]))
    known = " or ".join(str(indent) for indent, _ in sorted(open_blocks))
    message = f"line {line_number(text, start)} is indented by {_blanks(mine)}; the lines above it by {known}"
    if wanted == mine:
        return None
    return _reindented(start, line, wanted, message, f"as '{shorten(like)}'")


def explain_second_start(text: str, trouble: ParserComplaint) -> Fault | None:
    """Explain content behind the end of the document."""
    start, line = line_at(text, trouble.at)
    above = list(lines_above(text, start))
    if line[: trouble.at - start].strip():
        return explain_text_behind(text, trouble)
    if above and indent_of(above[-1][1]) > indent_of(line):
        message = (
            f"line {line_number(text, above[-1][0])} is indented, but line {line_number(text, start)} is not"
        )
        place, first = above[-1]
        return _reindented(place, first, indent_of(line), message, "as the other keys")
    message = "the text here does not belong to the keys and values above it"
    return explain_directive(text, trouble) or Fault(trouble.at, message, "write KEY: VALUE lines alone")
