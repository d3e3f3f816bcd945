"""The text of a drafted connector file, with a comment for each decision that the rows leave open."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.draft import header
from gateway.draft.columns import DraftColumns
from gateway.draft.guess import Guess
from gateway.plurals import counted

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ACCESS = (
    "# Who may write and read: names of tokens, or public for anyone to read. Without it: only the admin token.",
    "# access: {ingest: [etl], read: [public]}",
)
_YAML_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off"))


@dataclass(frozen=True, slots=True)
class Draft:
    """A drafted connector file.

    Attributes:
        text: The text of the file.
        left_out: The columns that the connector does not have, as values of `--without`, each with the reason.
        questions: The number of fields with a comment.
        doubt: Why the first line of the file may not be the header, or None.
        width: The number of columns of CSV.
        note: A sentence about the other sheets of a workbook, or empty.
    """

    text: str
    left_out: Mapping[str, str]
    questions: int
    doubt: str | None = None
    width: int = 0
    note: str = ""


def render(columns: DraftColumns, file: str) -> Draft:
    """Render the connector file for the columns of a file.

    Raises:
        ValueError: No column can be a field.
    """
    rows = counted(columns.rows, "row")
    inspected = rows if columns.is_whole else f"the first {rows}"
    lines = [f"# Drafted by gateway new from {inspected} of {file}. Comments mark what the rows leave open."]
    if columns.doubt:
        lines.append(f"# {columns.doubt}: if it is a row and not the header, name the columns with --header.")
    lines.append("fields:")
    names = list(columns.guesses)
    problems = {name: header.name_problem(name, names[:place]) for place, name in enumerate(names)}
    fields = {name: guess for name, guess in columns.guesses.items() if not problems[name]}
    left_out = {name: problem for name, problem in problems.items() if problem}
    if not fields:
        raise ValueError(_no_field(left_out, file))
    shown = {name: f"  {_key(name)}: {_value(guess)}" for name, guess in fields.items()}
    width = max((len(text) for name, text in shown.items() if fields[name].remarks), default=0)
    for name, guess in columns.guesses.items():
        if problem := problems[name]:
            lines.append(f"  # {json.dumps(name, ensure_ascii=False)} is left out: it {problem}")
        else:
            remarks = f"  # {'; '.join(guess.remarks)}" if guess.remarks else ""
            lines.append(f"{shown[name]:<{width if remarks else 0}}{_one_line(remarks)}")
    empty = [number for number, has_values in columns.nameless.items() if not has_values]
    if empty:
        is_ignored = "is ignored" if len(empty) == 1 else "are ignored"
        lines.append(f"  # {_columns_have(empty)} no name and no values, and {is_ignored}")
    for number in (number for number, has_values in columns.nameless.items() if has_values):
        left_out[str(number)] = _nameless_problem(number)
        lines.append(f"  # column {number} {_nameless_problem(number)}: it is left out")
    lines += _ACCESS
    questions = sum(bool(guess.remarks) for guess in fields.values())
    return Draft("\n".join(lines) + "\n", left_out, questions, columns.doubt, columns.width, columns.note)


def _nameless_problem(number: int) -> str:
    pandas = " (the index of pandas: write the file with to_csv(index=False))" if number == 1 else ""
    return f"has values, but no name{pandas}"


def _no_field(left_out: Mapping[str, str], file: str) -> str:
    problems = "; ".join(f"{name!r} {problem}" for name, problem in list(left_out.items())[:5])
    reason = problems or "no column has a name"
    return f"no column of {file} has a valid field name: {reason}; rename them"


def _columns_have(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"column {numbers[0]} has"
    return f"columns {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} have"


def _key(name: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(name) and name.lower() not in _YAML_WORDS
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def _value(guess: Guess) -> str:
    if not guess.nullable:
        return guess.type
    type = f'"{guess.type}"' if "," in guess.type or "[" in guess.type else guess.type
    return f"{{type: {type}, nullable: true}}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
