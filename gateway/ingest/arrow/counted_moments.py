"""The fixes of columns of numbers for fields of days and instants, by what the numbers count."""

import math
import re
from collections.abc import Mapping

import pyarrow as pa

from gateway.ingest.arrow.column_fix import Fix

#: The units that numbers count, each with its number in a second.
_UNITS = (
    ("s", "seconds", 1),
    ("ms", "milliseconds", 10**3),
    ("us", "microseconds", 10**6),
    ("ns", "nanoseconds", 10**9),
)
#: The seconds since 1970 of the years 2001 to 2286, and the most days since then that a small number counts.
_SECONDS, _DAYS_MAX = range(10**9, 10**10), 10**5
#: The most numbers that are looked at: the first ones may be 0, in place of none.
_NUMBERS_MAX = 100
#: How a number is spelled that is a day, as in 20260131.
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
#: What is written for each type of a field, and the ends of the expressions: in pandas, for one value, and in polars.
_WRITTEN: Mapping[str, tuple[str, str, str, str]] = {
    "date": ("dates", ".dt.date", ".date()", ".dt.date()"),
    "timestamp": ("instants", "", "", ".dt.replace_time_zone('UTC')"),
    "datetime": ("dates and times", "", "", ""),
}
#: The types of fields that are days and instants.
MOMENTS = tuple(_WRITTEN)


def moment_fix(group: str, values: pa.Array) -> Fix:
    """Return the fix of numbers for a field of days or instants, by what the first of them seem to count.

    Args:
        group: The type of the field.
        values: The numbers.
    """
    numbers = [int(value) for value in values.drop_null()[:_NUMBERS_MAX].to_pylist() if math.isfinite(value)]
    if any(_DAY.fullmatch(str(number)) for number in numbers):
        return _of_days(group)
    is_small = all(abs(number) < _DAYS_MAX for number in numbers)
    default = ("D", "days", 1) if group == "date" and is_small else _UNITS[0]
    found = (each for number in numbers for each in _UNITS if number // each[2] in _SECONDS)
    unit, counted, _ = next(found, default)
    written, end, item_end, polars_end = _WRITTEN[group]
    # Doubles and nanoseconds have more digits than microseconds.
    is_fine = pa.types.is_floating(values.type) or unit == "ns"
    rounded = (".floor('us')" if unit == "ns" else ".round('us')") if is_fine and group != "date" else ""
    utc, zone = (", utc=True", ", tz='UTC'") if group == "timestamp" else ("", "")
    return Fix(
        f"if it counts {counted} since 1970, write {written}",
        f"pandas.to_datetime({{df}}, unit='{unit}'{utc}){'.dt' if rounded else ''}{rounded}{end}",
        None if is_fine else f"pl.from_epoch({{name}}, '{unit.lower()}'){polars_end}",
        f"pandas.Timestamp({{i}}, unit='{unit}'{zone}){rounded}{item_end}",
    )


def _of_days(group: str) -> Fix:
    written, end, item_end, _ = _WRITTEN[group]
    form = "format='%Y%m%d', utc=True" if group == "timestamp" else "format='%Y%m%d'"
    return Fix(
        f"if 20260131 is a day, write {written}",
        f"pandas.to_datetime({{df}}.astype('Int64').astype('string'), {form}){end}",
        None,
        f"pandas.to_datetime(str(int({{i}})), {form}){item_end}",
    )
