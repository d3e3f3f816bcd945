"""The text of a rejected row that its page lets a person edit."""

from dataclasses import dataclass

from gateway import strictjson
from gateway.connectors.connector import Connector
from gateway.ingest import named_cells
from gateway.ingest.replay import decode
from gateway.ingest.rows import RowError
from gateway.media_types import Media
from gateway.printable import printable
from gateway.store.rejection import RejectedExcerpt, RejectedRow

#: Formats of cells, whose names are in a header or in the text.
CELL_FORMATS = (Media.CSV.media_type, Media.FORM.media_type)


@dataclass(frozen=True, slots=True)
class EditableText:
    """The text of a row before it is edited.

    Attributes:
        text: The JSON of the row, that of the cells of another format, else what came.
        problem: Why a replay cannot read the cells as they came, so that the text is what it reads; empty if it can.
    """

    text: str
    problem: str = ""


def editable_text(row: RejectedExcerpt, connector: Connector) -> EditableText:
    """Return the text of a row to edit."""
    if row.decoding.get("media") not in CELL_FORMATS:
        return EditableText(printable(indented(row.text) or row.text))
    value = decode(RejectedRow(row.id, row.row, row.line, row.text, row.decoding), connector)
    problem = value.message if isinstance(value, RowError) else ""
    found = named_cells.find(row.text, row.decoding, connector) if isinstance(value, RowError) else value
    return EditableText(printable(strictjson.indented(strictjson.write(found)).decode()), problem)


def indented(text: str) -> str | None:
    """Return JSON with a line for each member, None for a text that is not JSON."""
    data = text.encode()
    try:
        strictjson.read(data)
    except ValueError:
        return None
    return strictjson.indented(data).decode()
