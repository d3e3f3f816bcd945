"""The cells of a rejected row that cannot be read as it came, by name, for a person who corrects it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from urllib.parse import parse_qsl

from gateway.connectors.connector import Connector
from gateway.ingest import csv_records, csv_rows
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.media_types import Media
from gateway.strictjson import Json

#: The cells of a record with a stray quote: a comma between two quotes belongs to a cell.
_CELLS = re.compile(r'(?:\A|,)((?:"(?:[^"]++|"")*+"|[^,])*+)')
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"')


def find(raw: str, decoding: Mapping[str, Json], connector: Connector) -> dict[str, Json]:
    """Return the cells of a row of CSV or of a form.

    A cell has the name of its field; without a field the name that the header or the form gives it; without a name it
    is called by its place, such as `cell 5`. Columns that the request skipped are left out, as are empty cells without
    a field.
    """
    if decoding["media"] == Media.CSV.media_type:
        pairs: Iterable[tuple[str | None, str | None]] = zip_longest(
            _record(decoding["header"]), _record(raw)
        )
    else:
        pairs = ((name, cell or None) for name, cell in parse_qsl(raw, keep_blank_values=True))
    taken = {_present(name, connector) for name in decoding["columns"] or ()}
    row: dict[str, Json] = {}
    for number, (name, cell) in enumerate(pairs, 1):
        field = connector.find_input(name or "")
        if taken and _present(name or "", connector) not in taken:
            continue
        if field is not None and field.name not in row:
            csv_rows.parse_cell(field, cell, row)
        elif cell is not None:
            is_free = name and name not in row
            row[name if name and is_free else f"{name or ''} cell {number}".strip()] = cell
    return row


def _present(name: str, connector: Connector) -> str:
    """Return the present name of a field, or a name that is no field."""
    field = connector.find_input(name)
    return field.name if field else name


def _record(text: str) -> Sequence[str | None]:
    """Return the cells of a record, whether or not its quotes are those of CSV."""
    try:
        record = next((record for _, _, record in csv_records.read(text.encode(), 0)), "")
    except UnclosedQuoteError:
        record = ""
    if not isinstance(record, str):
        return record
    return [_unquoted(cell) or None for cell in _CELLS.findall(text)]


def _unquoted(cell: str) -> str:
    found = _QUOTED.fullmatch(cell)
    return found[1].replace('""', '"') if found else cell
