"""Text of several lines as block scalars, `|` and `>`."""

import re

from gateway.connectors.file_edit.scalar_text import is_printable

#: A line is wrapped between two words that have one blank between them.
_WRAP = re.compile(r"(?<=\S) (?=\S)")
WIDTH = 80


def write_block(text: str, indent: int, newline: str, style: str = "|", width: int = WIDTH) -> str | None:
    """Write a text as a block scalar, from its `|` or `>` to the end of its last line, without the line break.

    Args:
        text: The text.
        indent: The number of blanks before each line.
        newline: The line break of the file.
        style: `|`, which keeps lines, or `>`, which wraps them.
        width: The number of characters of a line after which `>` wraps it.

    Returns:
        None if the text needs escapes, or would have blanks at an end of a line that editors delete.
    """
    body = text.removesuffix("\n")
    lines = body.split("\n")
    is_clean = all(is_printable(line) and line == line.rstrip() for line in lines)
    if not is_clean or not lines[0] or lines[0].startswith(" ") or not lines[-1]:
        return None
    if style == ">":
        if any(line.startswith(" ") for line in lines):
            return None
        lines = _folded(lines, width)
    chomping = "" if text.endswith("\n") else "-"
    return newline.join([style + chomping, *(" " * indent + line if line else "" for line in lines)])


def _folded(lines: list[str], width: int) -> list[str]:
    """Wrap lines, with a blank line for each line break of the text."""
    wrapped: list[str] = []
    for number, line in enumerate(lines):
        wrapped += [""] if number else []
        wrapped += _wrapped(line, width) if line else []
    return wrapped


def _wrapped(line: str, width: int) -> list[str]:
    parts: list[str] = []
    for word in _WRAP.split(line):
        if parts and len(parts[-1]) + 1 + len(word) <= width:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts
