"""Text that other tools left behind: the marks of a merge conflict, and templates that are not rendered."""

import re
from collections.abc import Iterator

from gateway.connectors.yaml_text.fault import Fault, TextEdit
from gateway.connectors.yaml_text.positions import line_number, shorten

_CONFLICT = re.compile(r"(?ms:^<{7}(?: [^\n]*)?$.*?(?:^>{7}(?: [^\n]*)?$|\Z))")
_CONFLICT_MARK = re.compile(r"(?m:^(?:<{7}|={7}|>{7}|\|{7})(?: [^\n]*)?$)")
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{\{|\{%")


def find_conflicts(text: str) -> Iterator[Fault]:
    """Yield the marks of merge conflicts; the repair reads our side."""
    for conflict in _CONFLICT.finditer(text):
        marks = list(_CONFLICT_MARK.finditer(text, conflict.start(), conflict.end()))
        first, last = line_number(text, conflict.start()), line_number(text, marks[-1].start())
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
            tuple(TextEdit(start, start + 1, "#") for start in sorted(starts)),
        )
    for mark in re.finditer(
        r"(?m:^>{7}(?: [^\n]*)?$)", _CONFLICT.sub(lambda found: "#" * len(found[0]), text)
    ):
        yield Fault(
            mark.start(),
            "a mark of a merge conflict stands here",
            "delete the line",
            (TextEdit(*_first_mark(mark), "#"),),
        )


def _first_mark(mark: re.Match[str]) -> tuple[int, int]:
    return mark.start(), mark.start() + 1


def find_templates(masked: str) -> Iterator[Fault]:
    """Yield the first template, behind which nothing can be read."""
    if found := _TEMPLATE.search(masked):
        message = f"a template stands here: {shorten(found[0])}"
        yield Fault(found.start(), message, "the gateway reads finished files: render the template first")
