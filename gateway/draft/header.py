"""The header of a CSV file: which of its cells can name fields, and whether it is one at all."""

import csv
import io
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from gateway.connectors.fields import MAX_FIELDS
from gateway.draft.evidence import TESTS, Evidence
from gateway.draft.guess import guess
from gateway.rowfile.source import Source, csv_cells
from gateway.rowfile.source_reader import SourceReader

#: The types that a cell of a header has no business to be of.
_VALUES = ("integer", "number", "date", "timestamp", "datetime", "time", "uuid", "json")
_DIGITS = re.compile(r"[0-9]{1,9}")


def check_names(names: Sequence[str], source: Source) -> None:
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
    if not source.header:
        values = [name for name in names if name.strip() and _is_value(name)]
        if values and len(values) == sum(bool(name.strip()) for name in names):
            raise _no_header(values, names, source)
    counted = Counter(name for name in names if name.strip())
    twice = [name for name, count in counted.items() if count > 1]
    if any(map(_is_value, twice)) and not source.header:
        raise _no_header(twice, names, source)
    if twice:
        told = "; ".join(
            f"columns {_numbers([place for place, each in enumerate(names, 1) if each == name])} are both"
            f" named {name!r}"
            for name in twice[:5]
        )
        raise ValueError(f"{path}: {told}; give each a name of its own in the file's first line")


def first_line(source: Source) -> list[str]:
    """Read the names of a file that has no rows."""
    reader = SourceReader(source)
    try:
        return csv_cells(reader.read(2**20).partition(b"\n")[0])
    finally:
        reader.close()


def name_problem(name: str, earlier: Sequence[str]) -> str | None:
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


def check_no_title(names: Sequence[str], nameless: Mapping[int, bool], source: Source) -> None:
    """Make sure that the first line is not the title of the table.

    Raises:
        ValueError: Where several columns have values, and one alone or none has a name.
    """
    without = sum(nameless.values())
    named = [name for name in names if name.strip()]
    if len(named) < 2 <= without and not source.header:
        title = f"has one name, {named[0]!r}" if named else "has no names"
        raise ValueError(
            f"{source.path}: its first line {title}, for {without + len(named)} columns with values; if it is the"
            " title of the table, take it out, so that the file begins with the names of the columns"
        )


def check_is_no_row(columns: Mapping[str, Evidence], names: Sequence[str], source: Source) -> None:
    """Make sure that the first line is not a row: that its values are not like those below them.

    Raises:
        ValueError: Where it is.
    """
    values = [name for name, each in columns.items() if _is_like(name, each)]
    labels = _labels(names)
    if any(name not in labels or _has_years(columns[name]) for name in values):
        raise _no_header(values, names, source)


def doubt(names: Sequence[str]) -> str | None:
    """Say why the first line of a file may be a row, although its values are not like those below them."""
    labels = _labels(names)
    values = [name for name in names if name.strip() and _is_value(name) and name not in labels]
    like = "a value" if len(values) == 1 else "values"
    return f"The first line has what looks like {like}, {_shown(values)}" if values else None


def default_names(count: int) -> str:
    """Return names for so many columns, as `--header` takes them."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ",".join(letters[:count] if count <= len(letters) else [f"c{n}" for n in range(1, count + 1)])


def _no_header(values: Sequence[str], names: Sequence[str], source: Source) -> ValueError:
    line = shlex.quote(csv_line(names))
    are = "is a value" if len(values) == 1 else "are values"
    return ValueError(
        f"{source.path} seems to have no header: {_shown(values)} in its first line {are};"
        f" use --header {default_names(len(names))} to name the columns (or --header {line} if that line is the header)"
    )


def csv_line(names: Sequence[str]) -> str:
    """Return names as a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def _is_like(name: str, column: Evidence) -> bool:
    """Whether a cell of the first line is of the type that the values below it have."""
    if column.absent == column.rows or not _is_value(name):
        return False
    type = guess(column).type
    if type.startswith("decimal") or type in ("integer", "number"):
        return TESTS["number"](name)
    return type in TESTS and TESTS[type](name)


def _labels(names: Sequence[str]) -> frozenset[str]:
    """Return the numbers of a header that number its columns, behind one that is text: years, or 1, 2, 3."""
    named = [name for name in names if name.strip()]
    values = [name for name in named if _is_value(name)]
    if not values or values[0] == named[0] or not all(_DIGITS.fullmatch(name) for name in values):
        return frozenset()
    numbers = [int(name) for name in values]
    steps = {after - before for before, after in pairwise(numbers)}
    is_counting = len(numbers) > 2 and len(steps) == 1 and min(steps) > 0
    return frozenset(values) if is_counting or all(map(_is_year, numbers)) else frozenset()


def _has_years(column: Evidence) -> bool:
    """Whether the values of a column are years, as those below a year that is a value."""
    texts = column.different
    return bool(texts) and all(_DIGITS.fullmatch(text) and _is_year(int(text)) for text in texts or ())


def _is_year(number: int) -> bool:
    return 1800 <= number <= 2200


def _shown(values: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in values[:3]) + (" …" if len(values) > 3 else "")


def _is_value(name: str) -> bool:
    return name.lower() in ("true", "false") or any(TESTS[type](name) for type in _VALUES)


def _numbers(places: Sequence[int]) -> str:
    shown = [str(place) for place in places]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
