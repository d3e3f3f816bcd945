"""The header of a CSV file: which of its cells can name fields, and whether it is one at all."""

from collections import Counter
from collections.abc import Mapping, Sequence

from gateway.connectors.fields import MAX_FIELDS
from gateway.draft.evidence import TESTS
from gateway.draft.guess import Guess
from gateway.rowfile.source import Source

#: The types that a cell of a header has no business to be of.
_VALUES = ("integer", "number", "date", "timestamp", "datetime", "time", "uuid", "json")


def require(names: Sequence[str], source: Source) -> None:
    """Make sure that a header can be that of rows.

    Raises:
        ValueError: Where it has too many columns, two of one name, or values for names.
    """
    path = source.path
    if len(names) > MAX_FIELDS:
        raise ValueError(
            f"{path}: its {len(names)} columns are more than the {MAX_FIELDS} fields of a connector;"
            " write the ones that are wanted into a file of their own, or the others as one column of JSON"
        )
    values = [name for name in names if name.strip() and _is_value(name)]
    if values and not source.header and len(values) == sum(bool(name.strip()) for name in names):
        raise ValueError(
            f"{path} seems to have no header: {_shown(values)} in its first line {'is a value' if len(values) == 1 else 'are values'}."
            " Name the columns by --header a,b,c; if that line is the header, say --header with the line itself"
        )
    counted = Counter(name for name in names if name.strip())
    twice = [name for name, count in counted.items() if count > 1]
    if twice:
        told = "; ".join(
            f"columns {_numbers([place for place, each in enumerate(names, 1) if each == name])} are both"
            f" named {name!r}"
            for name in twice[:5]
        )
        raise ValueError(f"{path}: {told}; give each a name of its own in the file's first line")


def problem(name: str, earlier: Sequence[str]) -> str | None:
    """Say why a column cannot be a field under its own name, to finish the sentence "it …"."""
    reasons = {
        "starts with a blank": name[:1].isspace(),
        "ends with a blank": name[-1:].isspace(),
        f"has {len(name)} characters, and a field's name at most 63": len(name) > 63,
        "has characters that cannot be printed": not name.isprintable(),
        "starts with _, as only the gateway's own names do": name.startswith("_"),
    }
    found = next((reason for reason, is_so in reasons.items() if is_so), None)
    other = next((each for each in earlier if each.lower() == name.lower()), None)
    return found or (f"differs from {other!r} by case alone" if other else None)


def doubt(names: Sequence[str], guesses: Mapping[str, Guess]) -> str | None:
    """Say why the first line of a file may be a row, and no header."""
    named = [name for name in names if name.strip()]
    values = [name for name in named if _is_value(name)]
    if not values:
        return None
    # A table that is wide by years has numbers for names, but not in its first column, which is text.
    if values[0] != named[0] or guesses[named[0]].type == "string":
        return None
    return f"The first line begins with a value, {_shown(values)}"


def _shown(values: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in values[:3]) + (" …" if len(values) > 3 else "")


def _is_value(name: str) -> bool:
    return any(TESTS[type](name) for type in _VALUES)


def _numbers(places: Sequence[int]) -> str:
    shown = [str(place) for place in places]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
