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
    lines: pa.Array | pa.ChunkedArray | None = None
