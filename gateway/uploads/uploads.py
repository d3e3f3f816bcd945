"""The uploads of all askers: who may begin one, where its next slice begins, and when it is deleted."""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from gateway.errors import Code, GatewayError
from gateway.resources import Disk, disk_full
from gateway.rowfile import file_names
from gateway.uploads.ended_uploads import EndedUploads
from gateway.uploads.upload import Owner, ReadingOptions, UploadedFile
from gateway.uploads.upload_files import UploadFiles

#: The most bytes of a slice.
SLICE_BYTES = 4 * 2**20
#: How long an upload is kept after its last use.
KEPT_SECONDS = 3600.0
#: The most uploads of an owner.
OWNED_MAX = 8
_NAME_CHARACTERS_MAX = 120
_SUFFIX_OF_FORMAT = {suffix.removeprefix("."): suffix for suffix in file_names.SUFFIXES}


class Uploads:
    """The uploads. Belongs to the event loop; `expire` and `all` may be called by any thread."""

    def __init__(
        self, directory: Path, max_bytes: int, disk: Disk, clock: Callable[[], float] = time.time
    ) -> None:
        """Read the uploads of an earlier process: their users can continue them.

        Args:
            directory: The directory of their files.
            max_bytes: The most bytes of all of them.
            disk: The disk under the directory.
            clock: Returns the seconds since 1970.
        """
        self.max_bytes = max_bytes
        self._files = UploadFiles(directory)
        self._disk = disk
        self._clock = clock
        # The lock guards the mapping; the values never change.
        self._lock = threading.Lock()
        self._uploads = {upload.id: upload for upload in self._files.read_all()}
        self._writing: set[str] = set()
        self._ended = EndedUploads()
        self.expire()

    def all(self) -> list[UploadedFile]:
        """Return all uploads."""
        with self._lock:
            return list(self._uploads.values())

    def of(self, owner: Owner) -> list[UploadedFile]:
        """Return the uploads that an owner sees, the latest first."""
        seen = [each for each in self.all() if each.is_seen_by(owner)]
        return sorted(seen, key=lambda each: each.began, reverse=True)

    def find(self, id: str, owner: Owner) -> UploadedFile:
        """Return an upload.

        Raises:
            GatewayError: 404, there is no such upload, it is another's, or it was deleted; the message says why.
        """
        found = self._uploads.get(id)
        if found is None or not found.is_seen_by(owner):
            message = self._ended.message_of(id, owner) or f"there is no upload {id[:40]!r}"
            raise GatewayError(Code.UPLOAD_UNKNOWN, message, hint="upload the file again")
        return found

    def find_complete(self, id: str, owner: Owner) -> UploadedFile:
        """Return an upload whose whole file has arrived.

        Raises:
            GatewayError: 404 as `find`; 409, the file has not arrived.
        """
        upload = self.find(id, owner)
        if not upload.is_complete:
            raise _offset_error(upload, f"{upload.file} has not arrived whole")
        return upload

    def path(self, upload: UploadedFile) -> Path:
        """Return the path of the rows of an upload."""
        return self._files.rows(upload)

    # -- the life of an upload

    async def begin(
        self,
        owner: Owner,
        file: str,
        size: int,
        *,
        connector: str | None,
        format: str | None = None,
        modified: int | None = None,
    ) -> UploadedFile:
        """Begin an upload, or return the unfinished one of the same file.

        If there is no space, the owner's idle uploads that were not used for the longest time are deleted.

        Raises:
            GatewayError: The format is unknown, or there is no space.
        """
        shown = shown_name(file)
        suffix = _suffix_of(shown, format)
        for before in self.of(owner):
            if before.is_same_file(shown, size, modified) and not before.is_complete:
                return await self.change(before, connector=connector)
        replaced = self._replaced_by(owner, size)
        now = self._clock()
        upload = UploadedFile(
            secrets.token_urlsafe(16), owner, shown, suffix, size, modified, connector, began=now, used=now
        )
        with self._lock:
            for each in replaced:
                self._uploads.pop(each.id, None)
            self._uploads[upload.id] = upload
        for each in replaced:
            self._ended.add(each, f"it was deleted to make space for {shown}")
        await self._create_files(upload, replaced)
        return upload

    async def _create_files(self, upload: UploadedFile, replaced: Collection[UploadedFile]) -> None:
        """Create the files of an upload in the place of those that it replaces."""
        for each in replaced:
            await asyncio.to_thread(self._files.delete, each)
        try:
            await asyncio.to_thread(self._files.create, upload)
        except OSError as error:
            await self.delete(upload)
            raise disk_full() from error

    async def append(self, upload: UploadedFile, at: int, data: bytes) -> UploadedFile:
        """Write the slice of an upload that begins at an offset.

        Raises:
            GatewayError: 409, the upload ends elsewhere, or another slice is being written; 507, the disk is full.
        """
        if at != upload.received:
            raise _offset_error(upload, f"the slice begins at {at:,}")
        if at + len(data) > upload.size:
            message = f"{upload.file} has {upload.size:,} bytes, and the slice ends at {at + len(data):,}"
            raise GatewayError(Code.UPLOAD_OFFSET, message, hint="begin the upload again with the right size")
        with self._exclusively(upload):
            self._disk.require_space()
            try:
                await asyncio.to_thread(self._files.write, upload, data)
            except OSError as error:
                raise disk_full() from error
            return await self.change(upload, received=at + len(data))

    async def change(self, upload: UploadedFile, **changes: Any) -> UploadedFile:
        """Edit an upload, and write its state; one that was deleted meanwhile stays deleted."""
        with self._lock:
            # The present one: another request may have changed it since.
            present = self._uploads.get(upload.id)
            changed = replace(present or upload, used=self._clock(), **changes)
            if present is None:
                return changed
            self._uploads[upload.id] = changed
        # The load goes on without its state on disk: a restart then continues it from an earlier batch.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._files.save, changed)
        return changed

    async def read_with(self, upload: UploadedFile, options: ReadingOptions) -> UploadedFile:
        """Return an upload that is read with other options; a load by its old options is forgotten.

        Raises:
            GatewayError: 409, it is being loaded.
        """
        if options == upload.options:
            return upload
        self.require_not_loading(upload)
        return await self.change(upload, options=options, load=None)

    async def delete(self, upload: UploadedFile) -> None:
        """Delete an upload and its files.

        Raises:
            GatewayError: 409, it is being loaded.
        """
        self.require_not_loading(upload)
        with self._lock:
            self._uploads.pop(upload.id, None)
        self._ended.add(upload, "it was deleted")
        await asyncio.to_thread(self._files.delete, upload)

    async def end_session(self, owner: Owner) -> None:
        """Delete what a session has uploaded; a load goes on, and every session of its token sees it."""
        for each in self._of_session(owner):
            if not each.is_loading:
                await self.delete(each)
        await self.release(owner)

    async def release(self, owner: Owner) -> None:
        """Release what a session that has ended has uploaded: every session of its token sees it, as after a restart."""
        for each in self._of_session(owner):
            await self.change(each, owner=Owner(owner.token))

    def _of_session(self, owner: Owner) -> list[UploadedFile]:
        return [each for each in self.all() if owner.session and each.owner == owner]

    def expire(self) -> None:
        """Delete the uploads that were not used for an hour. Any thread may call it."""
        before = self._clock() - KEPT_SECONDS
        with self._lock:
            expired = [each for each in self._uploads.values() if each.used < before and not each.is_loading]
            for each in expired:
                del self._uploads[each.id]
        for each in expired:
            self._ended.add(each, "it was not used for an hour")
            self._files.delete(each)

    def require_not_loading(self, upload: UploadedFile) -> None:
        """Check that an upload is not being loaded.

        Raises:
            GatewayError: 409, it is.
        """
        if self._uploads.get(upload.id, upload).is_loading:
            message = f"{upload.file} is being loaded into '{upload.connector}'"
            raise GatewayError(Code.UPLOAD_RUNNING, message, hint="wait for its end, or cancel the load")

    def _replaced_by(self, owner: Owner, size: int) -> list[UploadedFile]:
        """Return the fewest idle uploads of an owner that have to go, so that a file of this size fits.

        Raises:
            GatewayError: It would not fit even without all of them.
        """
        idle = [each for each in self.of(owner) if not each.is_loading and each.id not in self._writing]
        replaced: list[UploadedFile] = []
        for each in sorted(idle, key=lambda each: each.used):
            if self._space_problem(owner, size, replaced) is None:
                return replaced
            replaced.append(each)
        if (problem := self._space_problem(owner, size, replaced)) is not None:
            raise problem
        return replaced

    def _space_problem(
        self, owner: Owner, size: int, replaced: Collection[UploadedFile]
    ) -> GatewayError | None:
        """Return why a file does not fit beside the other uploads and what they have yet to send; None if it does."""
        others = [each for each in self.all() if each not in replaced]
        if sum(each.is_seen_by(owner) for each in others) >= OWNED_MAX:
            message = f"{OWNED_MAX} files are being loaded, and no more can be uploaded"
            return GatewayError(Code.UPLOADS_FULL, message, hint="wait for the end of a load, or cancel one")
        if size + sum(each.size for each in others) > self.max_bytes:
            message = f"a file of {size:,} bytes does not fit"
            details = f"all uploaded files may have {self.max_bytes:,} bytes together (GATEWAY_UPLOADS)"
            hint = "load it with gateway load, split it, or wait: uploads are deleted after an hour"
            return GatewayError(Code.UPLOADS_FULL, message, details=details, hint=hint)
        expected = sum(each.size - each.received for each in others)
        freed = sum(each.received for each in replaced)
        if self._disk.free + freed - expected - size < self._disk.reserve:
            return disk_full(f"the disk has too little free space for a file of {size:,} bytes")
        return None

    @contextlib.contextmanager
    def _exclusively(self, upload: UploadedFile) -> Iterator[None]:
        if upload.id in self._writing:
            raise _offset_error(upload, "another slice is being written")
        self._writing.add(upload.id)
        try:
            yield
        finally:
            self._writing.discard(upload.id)


def shown_name(file: str) -> str:
    """Return the name of a user's file as it is shown: its last part, printable, and not too long."""
    name = PurePath(file.replace("\\", "/")).name
    printable = "".join(character if character.isprintable() else "?" for character in name)
    if len(printable) > _NAME_CHARACTERS_MAX:
        stem, _, suffixes = printable.partition(".")
        printable = f"{stem[:60]}….{suffixes[-40:]}"
    return printable.strip() or "file"


def _suffix_of(file: str, format: str | None) -> str:
    """Return the suffixes of a file of ours, by the format that the user chose, or that the name says.

    Raises:
        GatewayError: 415, it is no format of rows.
    """
    suffix, packed = file_names.split_suffixes(file)
    if format:
        if format not in _SUFFIX_OF_FORMAT:
            hint = f"write one of {', '.join(_SUFFIX_OF_FORMAT)}"
            raise GatewayError(
                Code.MEDIA_TYPE_UNSUPPORTED, f"{format[:40]!r} is no format of rows", hint=hint
            )
        return _SUFFIX_OF_FORMAT[format] + packed
    try:
        file_names.check_name(file)
    except ValueError as error:
        raise GatewayError(
            Code.MEDIA_TYPE_UNSUPPORTED, str(error), hint="if only its name is wrong, choose its format"
        ) from error
    return suffix + packed


def _offset_error(upload: UploadedFile, problem: str) -> GatewayError:
    message = f"{problem}; the upload has {upload.received:,} of {upload.size:,} bytes"
    hint = f"send the rest in slices of up to {SLICE_BYTES} bytes, the next with ?at={upload.received}"
    return GatewayError(
        Code.UPLOAD_OFFSET, message, hint=hint, headers={"Upload-Offset": str(upload.received)}
    )
