"""ColumnarRows: the rows of a body as Arrow columns."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ColumnarRows:
    """The rows of a body, all of them valid.

    Attributes:
        table: The declared fields, one Arrow column each.
        lines: The line in which each row begins; None for a body without lines.
    """

    table: pa.Table
    lines: range | pa.ChunkedArray | None = None

    @property
    def places(self) -> pa.Table:
        """The number and the line of each row."""
        count = self.table.num_rows
        if self.lines is None:
            lines = pa.nulls(count, pa.int64())
        elif isinstance(self.lines, range):
            lines = pa.arange(self.lines.start, self.lines.stop)
        else:
            lines = self.lines
        return pa.table({"row": pa.arange(1, count + 1), "line": lines})
