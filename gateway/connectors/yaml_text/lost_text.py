"""Text that YAML reads, but not as it looks: a comment inside a value, and curly quotes."""

import re

from gateway.connectors.yaml_text.characters import CURLY_VALUE, name_character
from gateway.connectors.yaml_text.fault import Fault
from gateway.connectors.yaml_text.positions import line_at, shorten, single_quoted

_LOST_COMMENT = re.compile(
    r"(?m:^[ ]*(?P<key>description|pattern|using|default): +(?P<value>[^\s'\"|>#{\[&*!][^#\n]*?)(?P<gap> +)(?P<rest>#\S.*)$)"
)


def may_lose_text(text: str) -> bool:
    """Return whether `find_lost_text` could find something; cheap."""
    return _LOST_COMMENT.search(text) is not None or CURLY_VALUE.search(text) is not None


def find_lost_text(text: str, masked: str) -> list[Fault]:
    """Find text that YAML reads as something else than it looks, in a file that can be served."""
    found = []
    for comment in _LOST_COMMENT.finditer(text):
        if masked[comment.start("value")] != "x" or text[comment.start("value")] == "x":
            message = (
                f"the value of '{comment['key']}' ends before {shorten(comment['rest'])}, which is a comment"
            )
            hint = f"if it belongs to the value, put quotes around it: {shorten(single_quoted(comment['value'] + comment['gap'] + comment['rest']))}"
            found.append(Fault(comment.start("rest"), message, hint))
    for curly in CURLY_VALUE.finditer(masked):
        _, line = line_at(masked, curly.start())
        if re.search(r"\b(?:enum|pattern|default|format|name|path|primary_key)\b", line):
            message = f"the {name_character(curly[0])} is a part of the value, for it is no quote for YAML"
            found.append(Fault(curly.start(), message, "write \" or ' in its place"))
    return found
