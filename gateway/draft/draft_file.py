"""Columns to the text of a connector file, with a comment wherever the file could not tell."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.draft import header
from gateway.draft.columns import DraftColumns
from gateway.draft.guess import Guess
from gateway.plurals import counted

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ACCESS = (
    "# Who may write and read: names of tokens, or public for anyone to read. Left out: the admin token alone.",
    "# access: {ingest: [etl], read: [public]}",
)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off"))


@dataclass(frozen=True, slots=True)
class Draft:
    """A connector file, and what is to be known about it.

    Attributes:
        text: The file.
        left_out: What the file of rows has and the connector has not, as `--without` names it, with the reason.
        questions: How many fields have a question behind a #.
        doubt: Why the first line of the file may be no header, or None.
        width: How many columns the file has, where it is CSV.
    """

    text: str
    left_out: Mapping[str, str]
    questions: int
    doubt: str | None = None
    width: int = 0


def render(columns: DraftColumns, file: str) -> Draft:
    """Write the connector file of a file's columns.

    Raises:
        ValueError: Where no column can be a field.
    """
    rows = counted(columns.rows, "row")
    seen = rows if columns.is_whole else f"the first {rows}"
    lines = [
        f"# Drafted by gateway new from {seen} of {file}. What the rows could not tell stands behind a #.",
        *(
            [f"# {columns.doubt}: if it is a row and no header, name the columns by --header."]
            if columns.doubt
            else []
        ),
        "fields:",
    ]
    names = list(columns.guesses)
    problems = {name: header.name_problem(name, names[:place]) for place, name in enumerate(names)}
    fields = {name: each for name, each in columns.guesses.items() if not problems[name]}
    left_out = {name: problem for name, problem in problems.items() if problem}
    if not fields:
        raise ValueError(_no_field(left_out, file))
    shown = {name: f"  {_key(name)}: {_value(each)}" for name, each in fields.items()}
    width = max((len(text) for name, text in shown.items() if fields[name].remarks), default=0)
    for name, each in columns.guesses.items():
        if problem := problems[name]:
            lines.append(f"  # {json.dumps(name, ensure_ascii=False)} is left out: it {problem}")
        else:
            remarks = f"  # {'; '.join(each.remarks)}" if each.remarks else ""
            lines.append(f"{shown[name]:<{width if remarks else 0}}{_one_line(remarks)}")
    empty = [number for number, has_values in columns.nameless.items() if not has_values]
    if empty:
        lines.append(f"  # {_nameless(empty)} no name and no values, and {_are(empty)} passed over")
    for number in (number for number, has_values in columns.nameless.items() if has_values):
        left_out[str(number)] = _index(number)
        lines.append(f"  # column {number} {_index(number)}: it is left out")
    lines += _ACCESS
    questions = sum(bool(each.remarks) for each in fields.values())
    return Draft("\n".join(lines) + "\n", left_out, questions, columns.doubt, columns.width)


def _index(number: int) -> str:
    pandas = " (pandas writes its index so: write the file with to_csv(index=False))" if number == 1 else ""
    return f"has no name, but values{pandas}"


def _no_field(left_out: Mapping[str, str], file: str) -> str:
    told = "; ".join(f"{name!r} {problem}" for name, problem in list(left_out.items())[:5])
    return (
        f"no column of {file} has a name that a field may have: {told or 'no column has a name'}; rename them"
    )


def _nameless(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"column {numbers[0]} has"
    return f"columns {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} have"


def _are(numbers: Sequence[int]) -> str:
    return "is" if len(numbers) == 1 else "are"


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
