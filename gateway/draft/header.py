"""The header of a CSV file: which cells can name fields, and whether the first line is a header at all."""

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
from gateway.rowfile.option_error import FileOptionError
from gateway.rowfile.source import Source, csv_cells
from gateway.rowfile.source_reader import SourceReader

#: The types that no cell of a header has.
_VALUE_TYPES = ("integer", "number", "date", "timestamp", "datetime", "time", "uuid", "json")
_DIGITS = re.compile(r"[0-9]{1,9}")


def check_names(names: Sequence[str], source: Source) -> None:
    """Check that the first line can be a header.

    Raises:
        ValueError: It has too many columns, the same name twice, or values instead of names.
    """
    path = source.shown
    if len(names) > MAX_FIELDS:
        raise ValueError(
            f"{path}: its {len(names)} columns are more than the {MAX_FIELDS} fields of a connector;"
            " write the wanted columns into another file, or combine some of them in one column of JSON"
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
        columns = "; ".join(
            f"columns {_numbers([place for place, other in enumerate(names, 1) if other == name])} are both"
            f" named {name!r}"
            for name in twice[:5]
        )
        raise ValueError(f"{path}: {columns}; give each its own name in the first line of the file")


def first_line(source: Source) -> list[str]:
    """Return the column names of a file that has no rows."""
    reader = SourceReader(source)
    try:
        return csv_cells(reader.read(2**20).partition(b"\n")[0])
    finally:
        reader.close()


def name_problem(name: str, earlier: Sequence[str]) -> str | None:
    """Return why a column cannot be a field, as the predicate of a sentence; None if it can."""
    problems = {
        "starts with a blank": name[:1].isspace(),
        "ends with a blank": name[-1:].isspace(),
        f"has {len(name)} characters, and a field's name at most 63": len(name) > 63,
        "has characters that cannot be printed": not name.isprintable(),
        "starts with _, which is reserved for the gateway": name.startswith("_"),
    }
    problem = next((problem for problem, is_present in problems.items() if is_present), None)
    other = next((other for other in earlier if other.lower() == name.lower()), None)
    return problem or (f"differs from {other!r} by case alone" if other else None)


def check_no_title(names: Sequence[str], nameless: Mapping[int, bool], source: Source) -> None:
    """Check that the first line is not a title of the table.

    Raises:
        ValueError: Two or more columns have values but no name, and at most one has a name.
    """
    without = sum(nameless.values())
    named = [name for name in names if name.strip()]
    if len(named) < 2 <= without and not source.header:
        title = f"has one name, {named[0]!r}" if named else "has no names"
        raise ValueError(
            f"{source.shown}: its first line {title}, for {without + len(named)} columns with values; if it is the"
            " title of the table, remove it, so that the file begins with the names of the columns"
        )


def check_is_no_row(columns: Mapping[str, Evidence], names: Sequence[str], source: Source) -> None:
    """Check that the first line is not a row, whose values have the types of the values below them.

    Raises:
        ValueError: It is a row.
    """
    values = [name for name, evidence in columns.items() if _is_like(name, evidence)]
    labels = _labels(names)
    if any(name not in labels or _has_years(columns[name]) for name in values):
        raise _no_header(values, names, source)


def doubt(names: Sequence[str]) -> str | None:
    """Return why the first line may be a row, although its values do not have the types of those below; or None."""
    labels = _labels(names)
    values = [name for name in names if name.strip() and _is_value(name) and name not in labels]
    what = "a value" if len(values) == 1 else "values"
    return f"The first line has what looks like {what}, {_shown(values)}" if values else None


def default_names(count: int) -> str:
    """Return names for `count` columns, as a value of `--header`."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ",".join(letters[:count] if count <= len(letters) else [f"c{n}" for n in range(1, count + 1)])


def _no_header(values: Sequence[str], names: Sequence[str], source: Source) -> FileOptionError:
    line = shlex.quote(csv_line(names))
    are = "is a value" if len(values) == 1 else "are values"
    wanted = default_names(len(names))
    message = (
        f"{source.shown} seems to have no header: {_shown(values)} in its first line {are};"
        f" use --header {wanted} to name the columns (or --header {line} if that line is the header)"
    )
    return FileOptionError(message, "header", wanted)


def csv_line(names: Sequence[str]) -> str:
    """Return names as one line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def _is_like(name: str, column: Evidence) -> bool:
    """Return whether a cell of the first line has the type of the values below it."""
    if column.absent == column.rows or not _is_value(name):
        return False
    type = guess(column).type
    if type.startswith("decimal") or type in ("integer", "number"):
        return TESTS["number"](name)
    return type in TESTS and TESTS[type](name)


def _labels(names: Sequence[str]) -> frozenset[str]:
    """Return the numbers in a header that label columns after a text, such as years or 1, 2, 3."""
    named = [name for name in names if name.strip()]
    values = [name for name in named if _is_value(name)]
    if not values or values[0] == named[0] or not all(_DIGITS.fullmatch(name) for name in values):
        return frozenset()
    numbers = [int(name) for name in values]
    steps = {after - before for before, after in pairwise(numbers)}
    is_counting = len(numbers) > 2 and len(steps) == 1 and min(steps) > 0
    return frozenset(values) if is_counting or all(map(_is_year, numbers)) else frozenset()


def _has_years(column: Evidence) -> bool:
    """Return whether all values of a column are years."""
    texts = column.different
    return bool(texts) and all(_DIGITS.fullmatch(text) and _is_year(int(text)) for text in texts or ())


def _is_year(number: int) -> bool:
    return 1800 <= number <= 2200


def _shown(values: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in values[:3]) + (" …" if len(values) > 3 else "")


def _is_value(name: str) -> bool:
    return name.lower() in ("true", "false") or any(TESTS[type](name) for type in _VALUE_TYPES)


def _numbers(places: Sequence[int]) -> str:
    shown = [str(place) for place in places]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
