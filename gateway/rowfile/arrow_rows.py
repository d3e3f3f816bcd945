"""ArrowRows: rows of a file in batches of Arrow."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.ipc


@dataclass(frozen=True, slots=True)
class ArrowRows:
    """Rows of a file in batches of Arrow, at least one, all with the same schema."""

    batches: tuple[pa.RecordBatch, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        names: list[str] = self.batches[0].schema.names
        return names

    def stream(self) -> bytes:
        """Return the rows as a stream of Arrow."""
        sink = io.BytesIO()
        with pyarrow.ipc.new_stream(sink, self.batches[0].schema) as writer:
            for batch in self.batches:
                writer.write_batch(batch)
        return sink.getvalue()

    def slice(self, begin: int, end: int) -> "ArrowRows":
        """Return the rows from index `begin` up to, but without, index `end`; the first row has index 0."""
        return ArrowRows(tuple(pa.Table.from_batches(self.batches).slice(begin, end - begin).to_batches()))

    def joined(self, others: Sequence["ArrowRows"]) -> "ArrowRows":
        """Return these rows and the following ones."""
        return ArrowRows(tuple(batch for rows in (self, *others) for batch in rows.batches))
