"""Serial numbers of a workbook as the dates and times that a person sees."""

import datetime
from dataclasses import dataclass

from gateway.rowfile.workbook.formats import CellFormat

_DAY_MILLISECONDS = 86_400_000
#: Excel counts from 1900-01-01, and has a day 60 that never was: 1900-02-29.
_EPOCH, _FIRST_EPOCH = datetime.date(1899, 12, 30), datetime.date(1899, 12, 31)
_EPOCH_1904 = datetime.date(1904, 1, 1)
#: The number of the day after 9999-12-31.
_DAYS_MAX = 2_958_466


@dataclass(frozen=True, slots=True)
class DayCount:
    """The count of days of a workbook: from 1900, or from 1904."""

    is_1904: bool = False

    def shown(self, serial: float, format: CellFormat) -> str:
        """Return the date, time, or duration that a number is, to the millisecond.

        Raises:
            ValueError: It is none.
        """
        # Excel shows no more than milliseconds, and its sums are as exact as that.
        milliseconds = round(serial * _DAY_MILLISECONDS) if abs(serial) <= _DAYS_MAX else -1
        if milliseconds < 0:
            raise ValueError(f"has the number {serial!r} in the format of a date or time, and is neither")
        if format is CellFormat.DURATION or (format is CellFormat.TIME and milliseconds < _DAY_MILLISECONDS):
            return _clock(milliseconds)
        days, rest = divmod(milliseconds, _DAY_MILLISECONDS)
        day = self._day(days)
        return day if not rest else f"{day}T{_clock(rest)}"

    def _day(self, days: int) -> str:
        if not self.is_1904 and days in (0, 60):
            raise ValueError(
                f"has the number {days} in the format of a date, and Excel's day {days} never was"
            )
        last = _DAYS_MAX - (1462 if self.is_1904 else 0)
        if days >= last:
            raise ValueError(f"has the number {days} in the format of a date, which is after the year 9999")
        epoch = _EPOCH_1904 if self.is_1904 else _EPOCH if days > 60 else _FIRST_EPOCH
        return (epoch + datetime.timedelta(days=days)).isoformat()


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}" + (f".{rest:03}" if rest else "")
