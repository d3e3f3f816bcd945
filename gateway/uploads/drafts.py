"""Drafts of connector files from uploads, as `gateway new` writes them."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import OrderedDict
from dataclasses import asdict
from functools import partial
from pathlib import Path

import msgspec

from gateway.media_types import Media
from gateway.rowfile.file_names import SUFFIXES, WORKBOOKS
from gateway.threads import ContextThreadPool
from gateway.uploads.file_draft import FileDraft, draft_of
from gateway.uploads.reading import ReadingLimits, RowsFileError
from gateway.uploads.upload import Owner, ReadingOptions, UploadedFile
from gateway.uploads.uploads import Uploads

#: The suffixes of files that have no more text than bytes.
_PLAIN = frozenset(suffix for suffix, media in SUFFIXES.items() if media is not Media.PARQUET) - WORKBOOKS
#: The drafts that are kept.
_KEPT_DRAFTS = 8
#: A text file up to this size is read in a thread: a process would take longer to start.
_SMALL_BYTES = 2**20
#: How long a draft may take.
_DRAFT_SECONDS_MAX = 120.0


class UploadDrafts:
    """Drafts the connector files of uploads, one at a time. Belongs to the event loop."""

    def __init__(self, uploads: Uploads, thread: ContextThreadPool, limits: ReadingLimits) -> None:
        self._uploads = uploads
        self._thread = thread
        self._limits = limits
        self._turn = asyncio.Semaphore(1)
        self._kept: OrderedDict[tuple[str, ReadingOptions], FileDraft] = OrderedDict()

    async def drafted(self, upload_id: str, owner: Owner) -> FileDraft:
        """Return the draft of an upload; the upload keeps the options with which its file can be read.

        Raises:
            GatewayError: 404, there is no such upload; 409, it has not arrived whole.
            RowsFileError: Its rows cannot be read.
        """
        async with self._turn:
            upload = self._uploads.find_complete(upload_id, owner)
            draft = self._kept.get((upload.id, upload.options))
            if draft is None:
                draft = await self._draft(upload, self._uploads.path(upload))
                upload = await self._uploads.read_with(upload, draft.options)
                self._kept[upload.id, upload.options] = draft
                if len(self._kept) > _KEPT_DRAFTS:
                    self._kept.popitem(last=False)
            return draft

    async def _draft(self, upload: UploadedFile, path: Path) -> FileDraft:
        """Draft a small text here, and any other file in another process, whose memory and time are bounded."""
        if upload.size <= _SMALL_BYTES and upload.suffix in _PLAIN:
            draft = partial(draft_of, upload, path, self._limits)
            return await asyncio.get_running_loop().run_in_executor(self._thread, draft)
        request = {"upload": upload.to_json(), "path": str(path), "limits": asdict(self._limits)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.uploads.draft_process", stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            async with asyncio.timeout(_DRAFT_SECONDS_MAX):
                written, _ = await process.communicate(msgspec.json.encode(request))
        except TimeoutError as error:
            message = f"{upload.file} took longer than {_DRAFT_SECONDS_MAX:g} seconds to read"
            raise RowsFileError(f"{message}; upload a part of it") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RowsFileError(f"{upload.file} takes too much memory to read")
        answer = msgspec.json.decode(written)
        if "draft" not in answer:
            raise RowsFileError(answer["message"], answer["option"] and tuple(answer["option"]))
        return FileDraft.from_json(answer["draft"])
