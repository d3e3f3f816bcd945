"""Columns to the text of a connector file, with a comment wherever the file could not tell."""

import json
import re

from gateway.draft.columns import Columns
from gateway.draft.guess import Guess

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off"))


def write(columns: Columns, file: str) -> str:
    """Write the connector file of a file's columns."""
    counted = "1 row" if columns.rows == 1 else f"{columns.rows:,} rows"
    seen = counted if columns.is_whole else f"the first {counted}"
    lines = [
        f"# Drafted by gateway new from {seen} of {file}. What the rows could not tell stands behind a #.",
        "fields:",
    ]
    fields = {name: each for name, each in columns.guesses.items() if not _problem(name, columns)}
    shown = {name: f"  {_key(name)}: {_value(each)}" for name, each in fields.items()}
    width = max((len(text) for name, text in shown.items() if fields[name].remarks), default=0)
    for name, each in columns.guesses.items():
        if problem := _problem(name, columns):
            lines.append(f"  # {json.dumps(name, ensure_ascii=False)} is left out: {problem}")
        else:
            remarks = f"  # {'; '.join(each.remarks)}" if each.remarks else ""
            lines.append(f"{shown[name]:<{width if remarks else 0}}{_one_line(remarks)}")
    lines.append(
        "# Who may write and read: names of tokens, or public for anyone to read. Left out: the admin token alone."
    )
    lines.append("# access: {ingest: [etl], read: [public]}")
    return "\n".join(lines) + "\n"


def _problem(name: str, columns: Columns) -> str | None:
    """Say why a column cannot be a field under its own name."""
    if not 1 <= len(name) <= 63 or not name.isprintable() or name != name.strip():
        return "a field's name has 1 to 63 printable characters"
    if name.startswith("_"):
        return "names that start with _ are the gateway's own"
    earlier = list(columns.guesses)[: list(columns.guesses).index(name)]
    if name.lower() in {each.lower() for each in earlier}:
        return "another differs from it by case alone"
    return None


def _key(name: str) -> str:
    is_plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def _value(guess: Guess) -> str:
    if not guess.nullable:
        return guess.type
    type = f'"{guess.type}"' if "," in guess.type or "[" in guess.type else guess.type
    return f"{{type: {type}, nullable: true}}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
