"""CSV to the evidence about each of its columns."""

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
        rows: How many rows were looked at.
        names: The cells of the header.
        columns: The evidence about each column that has a name.
        nameless: The evidence about the others, by their numbers from 0.
    """

    def __init__(self, source: Source) -> None:
        self.rows = 0
        self.names: list[str] = []
        self.columns: dict[str, Evidence] = {}
        self.nameless: dict[int, Evidence] = {}
        self._source = source

    def add(self, chunk: Chunk) -> None:
        """Look at the rows of one more chunk.

        Raises:
            ValueError: Where they cannot be read, naming the line.
        """
        found = csv_records.read(chunk.data, 0)
        _, _, names = next(found)
        if isinstance(names, str):
            raise ValueError(f"{self._source.path}: the header: {names}")  # noqa: TRY004  # a Record may be what is wrong with it
        if not self.names:
            self.names = [name or "" for name in names]
            header.check_names(self.names, self._source)
            evidence = [Evidence() for _ in names]
            pairs = list(zip(self.names, evidence, strict=True))
            self.columns = {name: each for name, each in pairs if name.strip()}
            self.nameless = {place: each for place, (name, each) in enumerate(pairs) if not name.strip()}
            self._evidence = evidence
        rows = list(self._rows(found, chunk, len(names)))
        self.rows += len(rows)
        for each, cells in zip(self._evidence, zip(*rows, strict=True), strict=False):
            each.add_texts(cells)

    def _rows(
        self, found: Iterator[tuple[int, bytes, csv_records.Record]], chunk: Chunk, width: int
    ) -> Iterator[list[str | None]]:
        header_lines = chunk.header.count(b"\n")
        for line, _, record in found:
            place = f"{self._source.path}, line {line + (chunk.line or 2) - 1 - header_lines}"
            if isinstance(record, str):
                raise ValueError(f"{place}: {record}")  # noqa: TRY004  # as above
            if record == [None] and width > 1:
                continue
            if len(record) != width:
                raise ValueError(f"{place}: {self._of_cells(len(record), width)}")
            yield record

    def _of_cells(self, cells: int, width: int) -> str:
        """Say that a row does not have as many cells as the header has names."""
        if self._source.header:
            columns = counted(width, "column")
            return f"the row has {counted(cells, 'cell')}, and --header names {columns}; name every column of the file"
        if cells < width:
            return f"the row has {counted(cells, 'cell')}, the header {width}; write a separator for each cell that is empty"
        sign = (self._source.separator or b",").decode()
        advice = f"put cells that have a {sign!r} in quotes, or say what else separates cells: --separator"
        return f"the row has {counted(cells, 'cell')}, the header {width}; {advice}"
