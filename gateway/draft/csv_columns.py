"""The evidence about each column of CSV."""

from collections.abc import Iterator

from gateway.draft import header
from gateway.draft.evidence import Evidence
from gateway.ingest import csv_records
from gateway.plurals import counted
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.source import Source


class CsvColumns:
    """Collects the evidence about the columns of CSV.

    Attributes:
        rows: The number of rows that were inspected.
        names: The cells of the header.
        columns: The evidence about each column with a name.
        nameless: The evidence about the other columns, by index.
    """

    def __init__(self, source: Source) -> None:
        self.rows = 0
        self.names: list[str] = []
        self.columns: dict[str, Evidence] = {}
        self.nameless: dict[int, Evidence] = {}
        self._source = source

    def add(self, chunk: Chunk) -> None:
        """Inspect the rows of the next chunk.

        Raises:
            ValueError: The rows cannot be read; the message names the line.
        """
        records = csv_records.read(chunk.data, 0)
        _, _, names = next(records)
        if isinstance(names, str):
            raise ValueError(f"{self._source.shown}: the header: {names}")  # noqa: TRY004  # a str is the problem of a record
        if not self.names:
            self.names = [name or "" for name in names]
            header.check_names(self.names, self._source)
            evidence = [Evidence() for _ in names]
            pairs = list(zip(self.names, evidence, strict=True))
            self.columns = {name: column for name, column in pairs if name.strip()}
            self.nameless = {place: column for place, (name, column) in enumerate(pairs) if not name.strip()}
            self._evidence = evidence
        rows = list(self._rows(records, chunk, len(names)))
        self.rows += len(rows)
        for column, cells in zip(self._evidence, zip(*rows, strict=True), strict=False):
            column.add_texts(cells)

    def _rows(
        self, records: Iterator[tuple[int, bytes, csv_records.Record]], chunk: Chunk, width: int
    ) -> Iterator[list[str | None]]:
        header_lines = chunk.header.count(b"\n")
        for line, _, record in records:
            place = f"{self._source.shown}, line {line + (chunk.line or 2) - 1 - header_lines}"
            if isinstance(record, str):
                raise ValueError(f"{place}: {record}")  # noqa: TRY004  # as above
            if record == [None] and width > 1:
                continue
            if len(record) != width:
                raise ValueError(f"{place}: {self._wrong_width(len(record), width)}")
            yield record

    def _wrong_width(self, count: int, width: int) -> str:
        """Return the message about a row that does not have as many cells as the header."""
        cells = f"the row has {counted(count, 'cell')}"
        if self._source.header:
            return f"{cells}, and --header names {counted(width, 'column')}; name every column of the file"
        if count < width:
            return f"{cells}, the header {width}; write a separator for each cell that is empty"
        sign = (self._source.separator or b",").decode()
        fix = f"put cells that have a {sign!r} in quotes, or name the actual separator: --separator"
        return f"{cells}, the header {width}; {fix}"
