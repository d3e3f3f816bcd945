"""The report of `gateway new` about a draft of a connector file."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import strictjson
from gateway.auth.data_files import ADMIN_FILE
from gateway.commands.support.file_options import FileOptions
from gateway.connectors import example_row
from gateway.connectors.connector import Access, Connector
from gateway.draft import header
from gateway.draft.draft_file import Draft
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class DraftReport:
    """The report about a draft.

    Attributes:
        draft: The draft.
        connector: The connector that the draft declares.
        rows: The file of rows; None if the fields were typed.
        written: The connector file; None if it is printed.
        connectors: The directory, if it was typed.
        file_options: The options for reading the file of rows.
    """

    draft: Draft
    connector: Connector
    rows: Path | None
    written: Path | None
    connectors: Path | None
    file_options: FileOptions

    def notes(self) -> Iterator[str]:
        """Yield the columns and the sheets that the connector leaves out, and a doubt about the header."""
        draft, load = self.draft, self._load_command()
        if draft.note:
            yield f"{draft.note}."
        if draft.doubt:
            yield f"{draft.doubt}. If it is a row and not the header, name the columns: {self._with_header(draft.width)}"
        for name, problem in draft.left_out.items():
            if name.isdecimal():
                yield f"Column {name} {problem}. It is left out: name it in the file, or load without it: {load}"
            else:
                yield f"The column {name!r} {problem}. It is left out: rename it in the file, or load without it: {load}"

    def questions(self) -> Iterator[str]:
        """Yield the decisions to make before others use the connector."""
        count = self.draft.questions
        if count:
            has = "field has a question" if count == 1 else "fields have a question"
            yield f"{count} {has} after a # in {self.written}."
        if self.connector.access == Access():
            yield f"Only the admin token may write or read its rows; access: in {self.written} names others."

    def next_steps(self, settings: Settings) -> Iterator[str]:
        """Yield the URL of the connector, and commands that store rows."""
        base = os.environ.get("GATEWAY_URL") or settings.local_url
        url = base.rstrip("/") + self.connector.path
        row, missing = example_row.build(self.connector)
        body = shlex.quote(strictjson.write([row]).decode())
        token = (
            "$GATEWAY_TOKEN"
            if os.environ.get("GATEWAY_TOKEN")
            else f"$(cat {shlex.quote(str(settings.data / ADMIN_FILE))})"
        )
        yield f"A gateway that serves {self.connectors or settings.connectors} has it at {url}. To store a row:"
        yield f"  curl {url} -H \"Authorization: Bearer {token}\" -H 'Content-Type: application/json' -d {body}"
        if missing:
            yield f"Add a value for {', '.join(missing)}: no value was found that their constraints accept."
        if self.rows:
            yield f"To load the file: {self._load_command()}"

    def _load_command(self) -> str:
        """Return the command that loads the file into the connector."""
        without = [word for column in self.draft.left_out for word in ("--without", column)]
        words = ["gateway", "load", self.connector.name, str(self.rows), *self.file_options.words()]
        return shlex.join([*words, *without])

    def _with_header(self, width: int) -> str:
        """Return the command that repeats the draft with names for `width` columns."""
        words = ["gateway", "new", self.connector.name, "--from", str(self.rows), *self.file_options.words()]
        words += ["--header", header.default_names(width)]
        words += ["--connectors", str(self.connectors)] if self.connectors else []
        if self.written is None:
            return shlex.join([*words, "--stdout"])
        return f"rm {shlex.quote(str(self.written))} && {shlex.join(words)}"
