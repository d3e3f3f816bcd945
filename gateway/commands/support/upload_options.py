"""The options of an upload."""

from dataclasses import dataclass

from gateway.rowfile.batches import columns_without
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
        return columns_without(chunk, self.without)
