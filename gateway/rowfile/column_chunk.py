"""ColumnChunk: whole rows of a file of Arrow columns as a request body.

A command that sends no columns does not wait for the import of pyarrow, so `Columns` says what this module needs of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar, Protocol

from gateway.media_types import Media


class Columns(Protocol):
    """Rows in columns, as `ArrowRows` are."""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""

    def stream(self) -> bytes:
        """Return the rows as a stream of Arrow."""

    def slice(self, begin: int, end: int) -> "Columns":
        """Return the rows from index `begin` up to, but without, index `end`; the first row has index 0."""

    def joined(self, others: Sequence[Any]) -> "Columns":
        """Return these rows and the following ones."""


@dataclass(frozen=True)
class ColumnChunk:
    """Whole rows of a file as a request body: a stream of Arrow.

    Attributes:
        columns: The rows.
        texts: The text of each row, which tells equal rows of other files.
        bytes_read: The number of bytes of the file on disk that have been read so far.
        media: The media type of the body.
        line: None: no row has a line.
    """

    columns: Columns
    texts: tuple[bytes, ...]
    bytes_read: int
    media: Media = Media.ARROW
    line: None = None

    @cached_property
    def data(self) -> bytes:
        """The body."""
        return self.columns.stream()

    #: False: another version of the libraries may write the same rows with other bytes.
    is_bytes: ClassVar[bool] = False

    def identity(self, digest: str) -> bytes:
        """Return the bytes that tell the rows: the digest of the rows of the file up to its end."""
        return digest.encode()

    @property
    def header(self) -> bytes:
        """The names of the columns, as the first bytes of the rows' digest."""
        return "\x1f".join(self.column_names()).encode()

    def column_names(self) -> list[str]:
        """Return the names of the columns."""
        return self.columns.names

    def rows(self) -> Sequence[bytes]:
        """Return the texts of the rows."""
        return self.texts

    def with_line_end(self) -> "ColumnChunk":
        """Return the chunk itself: its rows end without a line end."""
        return self

    def slice(self, begin: int, end: int) -> "ColumnChunk":
        """Return the rows from index `begin` up to, but without, index `end`; the first row has index 0."""
        return ColumnChunk(self.columns.slice(begin, end), self.texts[begin:end], self.bytes_read)

    def joined(self, others: Sequence["ColumnChunk"]) -> "ColumnChunk":
        """Return one chunk with the rows of this and the following ones."""
        columns = self.columns.joined([chunk.columns for chunk in others])
        texts = chain(self.texts, *(chunk.texts for chunk in others))
        return ColumnChunk(columns, tuple(texts), [self, *others][-1].bytes_read)
