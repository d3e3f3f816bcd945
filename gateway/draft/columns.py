"""A file of rows to the evidence about each of its columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from gateway import strictjson
from gateway.connectors.fields import MAX_FIELDS
from gateway.draft import header
from gateway.draft.evidence import Evidence
from gateway.draft.guess import Guess, guess
from gateway.errors import suggest
from gateway.ingest import csv_records
from gateway.media_types import Media
from gateway.rowfile import sniffing
from gateway.rowfile.chunk import Piece
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from gateway.strictjson import Json

#: How many bytes of rows are looked at together.
PIECE_BYTES = 2**21


@dataclass(slots=True)
class Columns:
    """The columns of a file.

    Attributes:
        rows: How many rows were looked at.
        guesses: What each column seems to be, in the order of the file.
        is_whole: Whether all rows were looked at.
        nameless: The numbers of columns that have no name, from 1, each with whether it has values.
        left_out: The names of columns that are left out as the user has said.
        doubt: Why the first line may be no header, or None.
        width: How many columns CSV has, those without a name included.
    """

    rows: int = 0
    guesses: dict[str, Guess] = field(default_factory=dict)
    is_whole: bool = True
    nameless: dict[int, bool] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    doubt: str | None = None
    width: int = 0


def look(source: Source, most: int | None, without: Sequence[str] = ()) -> Columns:
    """Look at the rows of a file, or the first `most` of them.

    Args:
        source: The file.
        most: None for all rows.
        without: Columns that are left out, by their names or numbers.

    Raises:
        ValueError: Where they cannot be read, naming the line.
    """
    sniffing.require(source)
    if source.media is Media.PARQUET:
        return _without(_parquet(source), without, source)
    looking = _Csv(source) if source.media is Media.CSV else _Json(source)
    is_whole = True
    for piece in split(source, PIECE_BYTES):
        if most is not None and looking.rows >= most:
            is_whole = False
            break
        looking.add(piece)
    if not looking.rows:
        raise ValueError(f"{source.path} has no rows to tell from{_behind_header(source)}")
    found = Columns(looking.rows, {name: guess(each) for name, each in looking.columns.items()}, is_whole)
    if isinstance(looking, _Csv):
        found.nameless = {place + 1: each.absent < each.rows for place, each in looking.nameless.items()}
        header.require_names(looking.names, found.nameless, source)
        if not source.header:
            header.require_header(looking.columns, looking.names, source)
            found.doubt = header.doubt(looking.names)
        found.width = len(looking.names)
    return _without(found, without, source)


def _behind_header(source: Source) -> str:
    """Say what to do where CSV has a header alone."""
    names = header.first_line(source) if source.media is Media.CSV and not source.header else []
    if not names:
        return ""
    return (
        ": its one line is the header. Add a row, or say --field 'NAME: TYPE' for each column in place of --from;"
        f" if the line is a row, name the columns: --header {header.names_for(len(names))}"
    )


def _without(columns: Columns, without: Sequence[str], source: Source) -> Columns:
    """Leave columns out."""
    names = list(columns.guesses)
    for each in without:
        if each in columns.guesses:
            del columns.guesses[each]
        elif each.isdecimal() and int(each) in columns.nameless:
            del columns.nameless[int(each)]
        else:
            hint = suggest(each, names, "its columns are")
            raise ValueError(f"{source.path} has no column {each!r} to leave out; {hint}")
    columns.left_out = tuple(without)
    return columns


class _Csv:
    def __init__(self, source: Source) -> None:
        self.rows = 0
        self.names: list[str] = []
        self.columns: dict[str, Evidence] = {}
        self.nameless: dict[int, Evidence] = {}
        self._source = source

    def add(self, piece: Piece) -> None:
        found = csv_records.read(piece.data, 0)
        _, _, names = next(found)
        if isinstance(names, str):
            raise ValueError(f"{self._source.path}: the header: {names}")  # noqa: TRY004  # a Record may be what is wrong with it
        if not self.names:
            self.names = [name or "" for name in names]
            header.require(self.names, self._source)
            evidence = [Evidence() for _ in names]
            pairs = list(zip(self.names, evidence, strict=True))
            self.columns = {name: each for name, each in pairs if name.strip()}
            self.nameless = {place: each for place, (name, each) in enumerate(pairs) if not name.strip()}
            self._evidence = evidence
        rows = list(self._rows(found, piece, len(names)))
        self.rows += len(rows)
        for each, cells in zip(self._evidence, zip(*rows, strict=True), strict=False):
            each.add_texts(cells)

    def _rows(
        self, found: Iterator[tuple[int, bytes, csv_records.Record]], piece: Piece, width: int
    ) -> Iterator[list[str | None]]:
        header_lines = piece.header.count(b"\n")
        for line, _, record in found:
            place = f"{self._source.path}, line {line + (piece.line or 2) - 1 - header_lines}"
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
            named = "1 column" if width == 1 else f"{width} columns"
            return f"the row has {cells} cells, and --header names {named}; name every column of the file"
        if cells < width:
            return f"the row has {cells} cells, the header {width}; write a separator for each cell that is empty"
        sign = (self._source.separator or b",").decode()
        advice = f"put cells that have a {sign!r} in quotes, or say what else separates cells: --separator"
        return f"the row has {cells} cells, the header {width}; {advice}"


class _Json:
    def __init__(self, source: Source) -> None:
        self.rows = 0
        self._path = source.path
        self.columns: dict[str, Evidence] = {}

    def add(self, piece: Piece) -> None:
        rows = list(self._rows(piece))
        for name in {name: None for row in rows for name in row}:
            if name not in self.columns:
                if len(self.columns) == MAX_FIELDS:
                    raise ValueError(
                        f"{self._path}: its rows have more than {MAX_FIELDS} different names, as many as a connector has fields"
                    )
                self.columns[name] = Evidence()
                self.columns[name].add_values((), self.rows)  # No row before had it.
        for name, evidence in self.columns.items():
            values = [row[name] for row in rows if name in row]
            evidence.add_values(values, len(rows) - len(values))
        self.rows += len(rows)

    def _rows(self, piece: Piece) -> Iterator[Mapping[str, Json]]:
        for place, text in self._texts(piece):
            try:
                read = strictjson.read(text)
            except ValueError as error:
                raise ValueError(f"{self._path}, {place}: not JSON: {error}") from error
            for row in read if isinstance(read, list) and piece.media is Media.JSON else [read]:
                if not isinstance(row, dict):
                    shown = strictjson.write(row).decode()[:60]
                    message = f"{self._path}, {place}: {shown} is not a row"
                    raise ValueError(f'{message}; a row is an object, such as {{"id": 1}}')  # noqa: TRY004  # one way out
                yield row

    def _texts(self, piece: Piece) -> Iterator[tuple[str, bytes]]:
        if piece.media is Media.JSON:
            yield f"in row {self.rows + 1} or behind it", piece.data
            return
        for number, line in enumerate(piece.data.split(b"\n"), piece.line or 1):
            if line.strip():
                yield f"line {number}", line


# ------------------------------------------------------------------------------------------------------
# Parquet says the types itself


def _parquet(source: Source) -> Columns:
    try:
        file = pq.ParquetFile(source.path)
    except pa.ArrowException as error:
        raise ValueError(f"{source.path} is not Parquet: {error}") from error
    columns = {each.name: Evidence() for each in file.schema_arrow}
    for batch in file.iter_batches():
        for evidence, column in zip(columns.values(), batch.columns, strict=True):
            is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
            if is_text:
                evidence.add_values(column.to_pylist(), 0)
            else:
                evidence.rows += len(column)
                evidence.absent += column.null_count
    guesses = {}
    for each in file.schema_arrow:
        evidence = columns[each.name]
        type, remarks = _type_of(each.type)
        plain = Guess(type, evidence.absent > 0, remarks)
        guesses[each.name] = guess(evidence) if evidence.kinds else plain
    return Columns(file.metadata.num_rows, guesses)


def _type_of(arrow: pa.DataType) -> tuple[str, tuple[str, ...]]:
    """Give the type that takes every value of an Arrow type."""
    types = pa.types
    if types.is_dictionary(arrow):
        return _type_of(arrow.value_type)
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        item, _ = _type_of(arrow.value_type)
        return ("json" if item == "json" or item.endswith("[]") else f"{item}[]"), ()
    if types.is_decimal(arrow):
        return f"decimal({arrow.precision}, {arrow.scale})", ()
    remarks: tuple[str, ...] = ()
    if types.is_timestamp(arrow) and arrow.unit == "ns":
        remarks = ("it has nanoseconds; the gateway keeps microseconds",)
    elif any(test(arrow) for test in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        remarks = ("it is binary, and comes as base64",)
    name = next((name for test, name in _ARROW_TYPES if test(arrow)), None)
    return (name, remarks) if name else ("json", (f"Parquet calls it {arrow}",))


_ARROW_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "decimal(20, 0)"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_binary, "string"),
    (pa.types.is_large_binary, "string"),
    (pa.types.is_fixed_size_binary, "string"),
    (lambda arrow: pa.types.is_timestamp(arrow) and arrow.tz is not None, "timestamp"),
    (pa.types.is_timestamp, "datetime"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_struct, "json"),
    (pa.types.is_map, "json"),
)
