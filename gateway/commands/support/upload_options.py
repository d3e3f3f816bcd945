"""How the user wants a file to be uploaded."""

from dataclasses import dataclass

from gateway.errors import suggest
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How the user wants a file to be uploaded.

    Attributes:
        size: How many bytes a batch has.
        without: The columns that are left out, by their names or numbers.
        reading: The options that say how to read the file, as they are typed.
        again: Whether all rows are stored once more.
        rest: Whether only the rows behind those of another file are stored.
    """

    size: int
    without: tuple[str, ...]
    reading: tuple[str, ...]
    again: bool
    rest: bool

    def columns(self, chunk: Chunk) -> dict[str, str]:
        """Return the parameter that leaves columns out, or nothing.

        Raises:
            ValueError: Where CSV has no such column.
        """
        if not self.without:
            return {}
        names = chunk.column_names()
        by_number = {each for each in self.without if each not in names and each.isdecimal()}
        for each in self.without if chunk.media is Media.CSV else ():
            if each not in names and not (each in by_number and 0 < int(each) <= len(names)):
                hint = suggest(each, [name for name in names if name], "its columns are")
                raise ValueError(f"the file has no column {each!r} to leave out; {hint}")
        left = [
            name
            for place, name in enumerate(names, 1)
            if name.strip() and name not in self.without and str(place) not in by_number
        ]
        return {"columns": ",".join(map(_quoted, left))}


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
