"""The texts that the cells of a workbook share, held in one piece of memory."""

import re
from array import array

from gateway.rowfile.workbook.archive import WorkbookArchive
from gateway.rowfile.workbook.xml_parts import parsed

#: How Excel writes characters that XML cannot hold.
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
#: The most characters of a cell; Excel itself has 32,767.
CELL_CHARACTERS_MAX = 2**20


class SharedTexts:
    """The shared texts of a workbook, by number."""

    def __init__(self, bytes_max: int | None) -> None:
        """Prepare; all texts together may have `bytes_max` bytes of memory, None does not bound them."""
        self._data = bytearray()
        self._ends = array("Q", [0])
        self._bytes_max = bytes_max

    def add(self, text: str) -> None:
        """Add the next text.

        Raises:
            ValueError: They have too many bytes.
        """
        self._data += unescaped(text).encode()
        self._ends.append(len(self._data))
        if self._bytes_max is not None and len(self._data) + 8 * len(self._ends) > self._bytes_max:
            raise ValueError(
                f"its texts have more than {self._bytes_max:,} bytes together; save the sheet as CSV, which has no limit"
            )

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise ValueError("refers to a text that the file does not have")
        return self._data[self._ends[number] : self._ends[number + 1]].decode()


class RunCollector:
    """Collects the text of an element whose runs have their own formats; what tells its pronunciation is left out."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._is_text = False
        self._depth = self._characters = 0

    def start(self, name: str) -> None:
        """Enter an element inside."""
        if name == "rPh":
            self._depth += 1
        self._is_text = name == "t" and not self._depth

    def end(self, name: str) -> None:
        """Leave an element inside."""
        if name == "rPh":
            self._depth -= 1
        self._is_text = False

    def add(self, text: str) -> None:
        """Add characters.

        Raises:
            ValueError: They are too many for one text.
        """
        if self._is_text:
            self._parts.append(text)
            self._characters += len(text)
            if self._characters > CELL_CHARACTERS_MAX:
                raise ValueError(f"it has a text of more than {CELL_CHARACTERS_MAX:,} characters in one cell")

    def take(self) -> str:
        """Remove and return the text."""
        text = "".join(self._parts)
        self._parts.clear()
        self._characters = 0
        return text


def shared_texts(archive: WorkbookArchive, part: str | None, bytes_max: int | None) -> SharedTexts:
    """Read the shared texts of a workbook.

    Raises:
        ValueError: The part is damaged, or has too many bytes.
    """
    texts, runs = SharedTexts(bytes_max), RunCollector()
    if part is None:
        return texts

    def end(name: str) -> None:
        runs.end(name)
        if name == "si":
            texts.add(runs.take())

    with archive.open(part) as file:
        for _ in parsed(file, lambda name, _: runs.start(name), end, runs.add):
            pass
    return texts


def too_long() -> ValueError:
    """Return the error of a text that is too long for a cell."""
    return ValueError(f"it has a text of more than {CELL_CHARACTERS_MAX:,} characters in one cell")


def unescaped(text: str) -> str:
    """Return a text with the characters that Excel has escaped as `_x000D_`."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    is_one = number and not 0xD800 <= number < 0xE000
    return chr(number) if is_one else found[0]
