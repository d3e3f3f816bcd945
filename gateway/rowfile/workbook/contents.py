"""The sheets of a workbook, and which of them is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.errors import suggest
from gateway.rowfile.workbook.archive import WorkbookArchive
from gateway.rowfile.workbook.xml_parts import elements

#: The most sheets of a workbook that are told apart.
_SHEETS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with cells: its name, its part of the archive, and whether its tab is hidden."""

    name: str
    part: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class WorkbookContents:
    """The contents of a workbook, as its main part lists them.

    Attributes:
        sheets: Its sheets with cells, in the order of their tabs.
        is_1904: Whether its days are counted from 1904, as Excel on old Macs did.
        texts: The part with the texts of cells, None if it has none.
        styles: The part with the formats of cells, None if it has none.
    """

    sheets: tuple[Sheet, ...]
    is_1904: bool
    texts: str | None
    styles: str | None

    @property
    def visible(self) -> list[Sheet]:
        """The sheets whose tabs a person sees."""
        return [sheet for sheet in self.sheets if not sheet.is_hidden]

    def find(self, wanted: str | None) -> Sheet:
        """Return a sheet by its name, or by its number among the visible ones; None is the first.

        Raises:
            ValueError: There is none; the message names those that there are.
        """
        if wanted is None:
            if first := next(iter(self.visible or self.sheets), None):
                return first
            raise ValueError("it has no sheet with cells")
        for equal in (wanted.__eq__, partial(_is_like, wanted)):
            if found := [sheet for sheet in self.sheets if equal(sheet.name)]:
                return found[0]
        if wanted.isdecimal() and 0 < int(wanted[:9]) <= len(self.visible):
            return self.visible[int(wanted) - 1]
        hint = suggest(wanted, [sheet.name for sheet in self.sheets], "its sheets are")
        raise ValueError(f"it has no sheet {wanted!r}; {hint}")


def _is_like(wanted: str, name: str) -> bool:
    return wanted.casefold() == name.casefold()


def contents(archive: WorkbookArchive) -> WorkbookContents:
    """Read the contents of a workbook.

    Raises:
        ValueError: It is damaged, or no workbook.
    """
    main = archive.main_part()
    relations = archive.relations(main)
    sheets: list[Sheet] = []
    is_1904 = False
    with archive.open(main) as file:
        for tag, given in elements(file):
            if tag == "workbookPr":
                is_1904 = given.get("date1904", "") in ("1", "true")
            elif tag == "sheet" and len(sheets) < _SHEETS_MAX:
                id = next((value for key, value in given.items() if key.rpartition(":")[2] == "id"), "")
                relation = relations.get(id, {"Type": "", "Target": ""})
                if relation["Type"].endswith("/worksheet"):
                    is_hidden = given.get("state", "visible") != "visible"
                    sheets.append(Sheet(given.get("name", ""), relation["Target"], is_hidden))
    targets = {each["Type"].rpartition("/")[2]: each["Target"] for each in relations.values()}
    known = {kind: part for kind, part in targets.items() if part in archive}
    return WorkbookContents(tuple(sheets), is_1904, known.get("sharedStrings"), known.get("styles"))


def others(found: WorkbookContents, wanted: str | None) -> Sequence[str]:
    """Return the names of the visible sheets that are not read, if the user has not chosen one."""
    first = found.find(wanted)
    return [] if wanted else [sheet.name for sheet in found.visible if sheet != first]
