"""The options of an upload."""

from dataclasses import dataclass

from gateway.errors import suggest
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """The options of an upload.

    Attributes:
        size: The size of a batch in bytes.
        without: Columns to leave out, by name or number.
        reading: The options for reading the file, as arguments of the command.
        again: Whether to store all rows once more.
        rest: Whether to store only the rows after those of another file.
    """

    size: int
    without: tuple[str, ...]
    reading: tuple[str, ...]
    again: bool
    rest: bool

    def columns(self, chunk: Chunk) -> dict[str, str]:
        """Return the query parameter that leaves columns out; empty if it is not needed.

        Raises:
            ValueError: CSV has no such column.
        """
        if not self.without:
            return {}
        names = chunk.column_names()
        by_number = {column for column in self.without if column not in names and column.isdecimal()}
        for column in self.without if chunk.media is Media.CSV else ():
            if column not in names and not (column in by_number and 0 < int(column) <= len(names)):
                hint = suggest(column, [name for name in names if name], "its columns are")
                raise ValueError(f"the file has no column {column!r} to leave out; {hint}")
        columns = [
            name
            for place, name in enumerate(names, 1)
            if name.strip() and name not in self.without and str(place) not in by_number
        ]
        return {"columns": ",".join(map(_quoted, columns))}


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
