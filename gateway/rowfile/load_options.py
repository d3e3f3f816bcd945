"""The file of a load, and the options of its user."""

from dataclasses import dataclass

from gateway.rowfile.batches import columns_without
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.source import Source


@dataclass(frozen=True, slots=True)
class LoadFile:
    """A file whose rows are loaded.

    Attributes:
        source: Its rows.
        id: The name under which its progress is recorded.
    """

    source: Source
    id: str

    @property
    def shown(self) -> str:
        """The name of the file in messages."""
        return self.source.shown


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options of a load.

    Attributes:
        size: The size of a batch in bytes.
        without: Columns to leave out, by name or number.
        reading: The options for reading the file, as arguments of the command.
        again: Whether to store all rows once more.
        token: The name of the token that the rows are sent with; empty if it is unknown.
        resumes: The seed of the only load that `again` may resume, None for any.
        rest: Whether to store only the rows after those that were loaded before.
        by_content: Whether a file continues a load of a file with another name.
    """

    size: int
    without: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    again: bool = False
    rest: bool = False
    by_content: bool = False
    resumes: str | None = None
    token: str = ""

    def can_resume(self, seed: str) -> bool:
        """Return whether `again` may go on with a load of this seed."""
        return self.resumes in (None, seed)

    def columns(self, chunk: Chunk | ColumnChunk) -> dict[str, str]:
        """Return the query parameter that leaves columns out; empty if it is not needed.

        Raises:
            ValueError: The file has no such column.
        """
        return columns_without(chunk, self.without)
