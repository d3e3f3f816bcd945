"""Drafts of connector files from uploads, as `gateway new` writes them."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gateway.connectors.connector_file import NAME
from gateway.draft import columns, draft_file
from gateway.draft.columns import DraftColumns
from gateway.draft.draft_file import Draft
from gateway.rowfile.source import Source
from gateway.threads import ContextThreadPool
from gateway.uploads.reading import ReadingLimits, read_detecting
from gateway.uploads.upload import Owner, ReadingOptions, UploadedFile
from gateway.uploads.uploads import Uploads

#: The rows after which types are no longer inspected.
DRAFT_ROWS_MAX = 500_000
#: The drafts that are kept.
_KEPT_DRAFTS = 8


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
            "options": {
                "separator": self.options.separator,
                "encoding": self.options.encoding,
                "header": self.options.header,
            },
        }


class UploadDrafts:
    """Drafts the connector files of uploads, one at a time, in the thread of uploads. Belongs to the event loop."""

    def __init__(self, uploads: Uploads, thread: ContextThreadPool, limits: ReadingLimits) -> None:
        self._uploads = uploads
        self._thread = thread
        self._limits = limits
        self._kept: OrderedDict[tuple[str, ReadingOptions], FileDraft] = OrderedDict()

    async def drafted(self, upload_id: str, owner: Owner) -> FileDraft:
        """Return the draft of an upload; the upload keeps the options with which its file can be read.

        Raises:
            GatewayError: 404, there is no such upload; 409, it has not arrived whole.
            RowsFileError: Its rows cannot be read.
        """
        upload = self._uploads.find_complete(upload_id, owner)
        draft = self._kept.get((upload.id, upload.options))
        if draft is None:
            path = self._uploads.path(upload)
            draft = await self._in_thread(partial(draft_of, upload, path, self._limits))
            upload = await self._uploads.read_with(upload, draft.options)
            self._kept[upload.id, upload.options] = draft
            if len(self._kept) > _KEPT_DRAFTS:
                self._kept.popitem(last=False)
        return draft

    async def _in_thread(self, draft: Any) -> FileDraft:

        return await asyncio.get_running_loop().run_in_executor(self._thread, draft)


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
    )


def connector_name(file: str, used: Collection[str] = ()) -> str:
    """Return a name for the connector of a file: that of the file, as far as a connector may have it."""
    stem = file.partition(".")[0].lower()
    name = re.sub(r"[^a-z0-9_-]+", "_", stem).strip("_-")[:50]
    name = name if NAME.fullmatch(name) else f"rows_{name}".rstrip("_-")
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, 10_000))) if each not in used)
