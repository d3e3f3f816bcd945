"""The formats of cells: which numbers a person sees as dates, times, or durations."""

import re
from enum import Enum, auto

from gateway.rowfile.workbook.archive import WorkbookArchive
from gateway.rowfile.workbook.xml_parts import elements


class CellFormat(Enum):
    """A way to show a number."""

    NUMBER = auto()
    DAY = auto()
    TIME = auto()
    DURATION = auto()


#: The formats that have a number and no text; 27 to 36 and 50 to 58 are dates of East Asia.
_BUILT_IN = {
    **dict.fromkeys((*range(14, 18), 22, *range(27, 37), *range(50, 59)), CellFormat.DAY),
    **dict.fromkeys((*range(18, 22), 45, 47), CellFormat.TIME),
    46: CellFormat.DURATION,
}
#: The parts of a format that are shown as they are, and conditions and colors.
_LITERALS = re.compile(r'"[^"]*"?|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|am/pm|a/p|general', re.IGNORECASE)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)


def cell_formats(archive: WorkbookArchive, part: str | None) -> list[CellFormat]:
    """Return the format of each style of a workbook.

    Raises:
        ValueError: The part is damaged.
    """
    if part is None:
        return []
    codes = dict(_BUILT_IN)
    styles: list[CellFormat] = []
    is_inside = False
    with archive.open(part) as file:
        for tag, given in elements(file):
            if tag == "numFmt":
                codes[int(given.get("numFmtId", "0"))] = format_of(given.get("formatCode", ""))
            elif tag in ("cellXfs", "cellStyles", "dxfs"):
                is_inside = tag == "cellXfs"
            elif tag == "xf" and is_inside:
                styles.append(codes.get(int(given.get("numFmtId", "0")), CellFormat.NUMBER))
    return styles


def format_of(code: str) -> CellFormat:
    """Return the format of numbers above zero that a format code describes."""
    shown = _LITERALS.sub("", code[:255]).partition(";")[0].lower()
    if _ELAPSED.search(shown):
        return CellFormat.DURATION
    signs = set(shown)
    if signs & {"y", "d"} or ("m" in signs and not signs & {"h", "s"}):
        return CellFormat.DAY
    return CellFormat.TIME if signs & {"h", "s"} else CellFormat.NUMBER
