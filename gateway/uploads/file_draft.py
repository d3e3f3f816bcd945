"""The draft of the connector file of an upload. It runs in a process of its own."""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Self

from gateway.connectors.name_patterns import NAME
from gateway.draft import columns, draft_file
from gateway.draft.columns import DraftColumns
from gateway.draft.draft_file import Draft
from gateway.plurals import counted
from gateway.rowfile.source import Source
from gateway.uploads.reading import ReadingLimits, in_words_of_form, read_detecting
from gateway.uploads.upload import ReadingOptions, UploadedFile

#: The rows after which types are no longer inspected.
DRAFT_ROWS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class FileDraft:
    """The draft of a connector file.

    Attributes:
        file: The name of the user's file.
        name: A name for the connector.
        text: The text of the connector file.
        remarks: By the name of a field, the questions that its values leave open.
        left_out: The columns that the connector does not have, by name or number, each with the reason.
        header_doubt: Why the first line of the file may not be the header, or None.
        rows: The number of rows that were inspected.
        is_whole: Whether these are all.
        options: How the file was read.
        note: A sentence about the other sheets of a workbook, or empty.
    """

    file: str
    name: str
    text: str
    remarks: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    header_doubt: str | None
    rows: int
    is_whole: bool
    options: ReadingOptions
    note: str = ""

    @property
    def inspection(self) -> str:
        """The rows that were inspected, as a sentence without its point."""
        rows, verb = counted(self.rows, "row"), "was" if self.rows == 1 else "were"
        which = ("All " if self.rows > 1 else "") if self.is_whole else "The first "
        return f"{which}{rows} of {self.file} {verb} read" + (f". {self.note}" if self.note else "")

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Return the draft that `asdict` wrote."""
        remarks = {name: tuple(found) for name, found in given["remarks"].items()}
        return cls(**{**given, "remarks": remarks, "options": ReadingOptions(**given["options"])})

    def body(self) -> dict[str, Any]:
        """Return it as JSON for clients."""
        return {
            "name": self.name,
            "text": self.text,
            "remarks": {name: list(remarks) for name, remarks in self.remarks.items()},
            "left_out": dict(self.left_out),
            "header_doubt": self.header_doubt,
            "rows": self.rows,
            "whole": self.is_whole,
            "options": asdict(self.options),
        }


def draft_of(upload: UploadedFile, path: Path, limits: ReadingLimits) -> FileDraft:
    """Draft the connector file of an upload. A separator or an encoding that the file says itself is used.

    Raises:
        RowsFileError: The rows cannot be read.
    """

    def read(source: Source) -> tuple[DraftColumns, Draft]:
        inspected = columns.inspect(source, DRAFT_ROWS_MAX)
        return inspected, draft_file.render(inspected, upload.file)

    (inspected, rendered), options = read_detecting(upload, path, limits, read)
    remarks = {name: guess.remarks for name, guess in inspected.guesses.items() if guess.remarks}
    return FileDraft(
        upload.file,
        connector_name(upload.file),
        rendered.text,
        {name: found for name, found in remarks.items() if name not in rendered.left_out},
        rendered.left_out,
        rendered.doubt,
        inspected.rows,
        inspected.is_whole,
        options,
        in_words_of_form(rendered.note),
    )


def connector_name(file: str) -> str:
    """Return a name for the connector of a file: that of the file, as far as a connector may have it."""
    stem = file.partition(".")[0].lower()
    name = re.sub(r"[^a-z0-9_-]+", "_", stem).strip("_-")[:50]
    return name if NAME.fullmatch(name) else f"rows_{name}".rstrip("_-")


def unused_name(name: str, used: Collection[str]) -> str:
    """Return a name, with a number behind it if it is used."""
    return next(
        each for each in chain((name,), (f"{name}_{number}" for number in count(2))) if each not in used
    )
