"""Guess: the type of a column, whether it is nullable, and the questions that the file leaves open."""

import re
from dataclasses import dataclass

from gateway.draft.evidence import Evidence

#: From the narrowest type to the widest. The type of a column is the first that fits every value.
_ORDER = (
    "boolean",
    "integer",
    "decimal(38, 0)",
    "number",
    "date",
    "timestamp",
    "datetime",
    "time",
    "uuid",
    "json",
)
_WORDS = frozenset(("yes", "no", "y", "n", "on", "off"))
_DAY_FIRST = re.compile(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}(?:[ T].*)?")
#: The number of rows above which a few distinct values suggest an enum.
_ENOUGH_ROWS = 50


@dataclass(frozen=True, slots=True)
class Guess:
    """The guess for a column.

    Attributes:
        type: The type of the field.
        nullable: Whether a row had no value.
        remarks: The questions that the user has to decide.
    """

    type: str
    nullable: bool
    remarks: tuple[str, ...] = ()


def guess(evidence: Evidence) -> Guess:
    """Guess the type of a column."""
    nullable = evidence.absent > 0
    if evidence.absent == evidence.rows:
        return Guess("string", nullable=True, remarks=("it had no value in any row: the type is unknown",))
    type, remarks = _from_json(evidence) if evidence.is_json else _from_texts(evidence)
    return Guess(type, nullable, tuple(remarks))


def _from_texts(evidence: Evidence) -> tuple[str, list[str]]:
    fitting = [name for name in _ORDER if name in evidence.possible and not evidence.odd.get(name)]
    if not fitting:
        return "string", _about_text(evidence)
    type = fitting[0]
    if type == "json":
        return _from_items(evidence.items) if set(evidence.kinds) == {"array"} else ("json", [])
    if type == "number":
        return _number(evidence)
    if type == "datetime":
        return type, ["it has no zone; an instant is a timestamp, and needs an offset such as Z"]
    if type == "integer" and evidence.different is not None and set(evidence.different) == {"0", "1"}:
        return type, ["it was 0 or 1 only: perhaps a boolean, which also reads them"]
    return type, []


def _number(evidence: Evidence) -> tuple[str, list[str]]:
    if evidence.is_whole and evidence.absent and evidence.before < 19:
        # pandas writes integers with gaps in this form; the type `integer` reads them.
        return "integer", [
            "written like 517.0, as pandas writes integers with gaps; number, if it may have decimals"
        ]
    before, after = max(evidence.before, 1), evidence.after
    if not 0 < after <= 6 or before + after > 30:
        return "number", []
    exact = f'"decimal({before + after}, {after})"'
    seen = f"it had {before} before the point and {after} after it"
    return "number", [f"if every digit counts, as in amounts of money: {exact}, or wider; {seen}"]


def _about_text(evidence: Evidence) -> list[str]:
    """Return why a column of text does not have a narrower type."""
    values = evidence.different
    if values and {text.lower() for text in values} <= _WORDS:
        return [f"perhaps a boolean, which also reads {', '.join(sorted(values))}"]
    if values and all(_DAY_FIRST.fullmatch(text) for text in values):
        return ["it looks like dates; the gateway reads YYYY-MM-DD"]
    if evidence.has_commas or evidence.is_digits:
        commas = "numbers with a decimal comma, which stay text; a number is written 1.5"
        return [commas if evidence.has_commas else "digits that start with 0, which an integer would lose"]
    if near := _nearest(evidence):
        exceptions = " and ".join(f"'{text}' {_times(count)}" for text, count in evidence.odd[near].items())
        return [f"it would be {near}, except for {exceptions}"]
    if values and evidence.rows >= _ENOUGH_ROWS:
        shown = ", ".join(_yaml_word(text) for text in sorted(values))
        return [f"it had {len(values)} distinct values; to reject others, add enum: [{shown}]"]
    return []


def _nearest(evidence: Evidence) -> str | None:
    """Return the type that most values fit; at most two distinct values do not."""
    odd = {name: evidence.odd[name].total() for name in _ORDER if name in evidence.possible}
    near = [name for name, count in odd.items() if count * 2 < evidence.rows - evidence.absent]
    return min(near, key=odd.__getitem__, default=None)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _yaml_word(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", text) else f'"{text}"'


def _from_json(evidence: Evidence) -> tuple[str, list[str]]:
    kinds = {kind for kind, count in evidence.kinds.items() if count}
    if kinds == {"string"}:
        return _from_texts(evidence)
    if kinds == {"array"}:
        return _from_items(evidence.items)
    return _from_mixed(evidence, kinds)


def _from_mixed(evidence: Evidence, kinds: set[str]) -> tuple[str, list[str]]:
    if "beyond" in kinds:
        return "json", ["it has numbers larger than a number holds, such as 1e400; json keeps their digits"]
    if kinds <= {"integer", "decimal(38, 0)"}:
        return ("integer" if kinds == {"integer"} else "decimal(38, 0)"), []
    if kinds <= {"integer", "number", "decimal(38, 0)"}:
        return _number(evidence)
    if len(kinds) == 1:
        (kind,) = kinds
        return ("boolean", []) if kind == "boolean" else ("json", [])
    counts = " and ".join(f"{kind} {_times(evidence.kinds[kind])}" for kind in sorted(kinds))
    return "json", [f"its values have several types: {counts}"]


def _from_items(items: set[str]) -> tuple[str, list[str]]:
    if not items:
        return "json", ["its lists were all empty: perhaps string[]"]
    if items <= {"integer", "number"}:
        return ("integer[]" if items == {"integer"} else "number[]"), []
    if items in ({"string"}, {"boolean"}):
        return f"{items.pop()}[]", []
    return "json", []
