"""The evidence about each key of JSON and NDJSON rows."""

from collections.abc import Iterator, Mapping

from gateway import strictjson
from gateway.connectors.fields import MAX_FIELDS
from gateway.draft.evidence import Evidence
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.source import Source
from gateway.strictjson import Json


class JsonColumns:
    """Collects the evidence about the keys of JSON rows.

    Attributes:
        rows: The number of rows that were inspected.
        columns: The evidence about each key.
    """

    def __init__(self, source: Source) -> None:
        self.rows = 0
        self._path = source.shown
        self.columns: dict[str, Evidence] = {}

    def add(self, chunk: Chunk) -> None:
        """Inspect the rows of the next chunk.

        Raises:
            ValueError: The rows cannot be read; the message names the place.
        """
        rows = list(self._rows(chunk))
        for name in {name: None for row in rows for name in row}:
            if name not in self.columns:
                if len(self.columns) == MAX_FIELDS:
                    names = f"more than {MAX_FIELDS} different names"
                    raise ValueError(f"{self._path}: its rows have {names}, the maximum for a connector")
                self.columns[name] = Evidence()
                self.columns[name].add_values((), self.rows)  # No earlier row had the key.
        for name, evidence in self.columns.items():
            values = [row[name] for row in rows if name in row]
            evidence.add_values(values, len(rows) - len(values))
        self.rows += len(rows)

    def _rows(self, chunk: Chunk) -> Iterator[Mapping[str, Json]]:
        for place, text in self._texts(chunk):
            try:
                value = strictjson.read(text)
            except ValueError as error:
                raise ValueError(f"{self._path}, {place}: not JSON: {error}") from error
            for row in value if isinstance(value, list) and chunk.media is Media.JSON else [value]:
                if not isinstance(row, dict):
                    shown = strictjson.write(row).decode()[:60]
                    message = f"{self._path}, {place}: {shown} is not a row"
                    raise ValueError(f'{message}; a row is an object, such as {{"id": 1}}')  # noqa: TRY004  # one way out
                yield row

    def _texts(self, chunk: Chunk) -> Iterator[tuple[str, bytes]]:
        if chunk.media is Media.JSON:
            yield f"in row {self.rows + 1} or a later one", chunk.data
            return
        for number, line in enumerate(chunk.data.split(b"\n"), chunk.line or 1):
            if line.strip():
                yield f"line {number}", line
