"""Requests for uploads, drafts, and loads, as values: the JSON under `/-/` and the pages of the console both call it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Asker
from gateway.errors import Code, GatewayError
from gateway.strictjson import Json
from gateway.uploads.column_check import ColumnCheck
from gateway.uploads.file_draft import FileDraft, unused_name
from gateway.uploads.loads import LoadChoice
from gateway.uploads.services import UploadServices
from gateway.uploads.upload import Owner, ReadingOptions, UploadedFile
from gateway.uploads.uploads import SLICE_BYTES

ANNOUNCEMENT = (
    'send {"name": "orders.csv", "size": 1024, "connector": "orders"}; without connector for a new one'
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A file as its client announces it.

    Attributes:
        name: The name of the file.
        size: Its size in bytes.
        connector: The connector that its rows are for; None for a new one.
        format: Its format, None for that of its name.
        modified: The time at which it was changed, in any unit; with it an unfinished upload is continued.
    """

    name: str
    size: int
    connector: str | None = None
    format: str | None = None
    modified: int | None = None

    @classmethod
    def from_json(cls, given: Json) -> "Announcement":
        """Return the announcement in a body.

        Raises:
            GatewayError: The body is none; the message names the key.
        """
        if not isinstance(given, dict):
            raise GatewayError(Code.BODY_INVALID, "the body is not an object", hint=ANNOUNCEMENT)
        kinds = {"name": str, "size": int, "connector": str, "format": str, "modified": int}
        for key, value in given.items():
            is_missing = value is None and key not in ("name", "size")
            if key not in kinds or not (is_missing or type(value) is kinds[key]):
                raise GatewayError(Code.BODY_INVALID, f"the body has a wrong {key[:40]!r}", hint=ANNOUNCEMENT)
        if not given.get("name") or given.get("size", -1) < 0:
            raise GatewayError(Code.BODY_INVALID, "the body has no name or size", hint=ANNOUNCEMENT)
        return cls(**given)


class UploadRequests:
    """Checks what an asker may do with an upload, and does it. Belongs to the event loop."""

    def __init__(self, connectors: VisibleConnectors, services: UploadServices) -> None:
        self._connectors = connectors
        self._services = services
        self._uploads = services.uploads

    async def begin(self, asker: Asker, owner: Owner, announced: Announcement) -> UploadedFile:
        """Begin an upload.

        Raises:
            GatewayError: 401, 403, or 404, the asker may not; else as `Uploads.begin` does.
        """
        self.require_target(asker, announced.connector)
        if not announced.size:
            raise _empty()
        return await self._uploads.begin(
            owner,
            announced.name,
            announced.size,
            connector=announced.connector,
            format=announced.format,
            modified=announced.modified,
        )

    async def append(self, owner: Owner, id: str, at: int, data: bytes) -> UploadedFile:
        """Write a slice; it raises what `Uploads.append` does."""
        return await self._uploads.append(self._uploads.find(id, owner), at, data)

    async def end(self, owner: Owner, id: str) -> UploadedFile:
        """End an upload whose size was not known before.

        Raises:
            GatewayError: 422, nothing has arrived.
        """
        upload = self._uploads.find(id, owner)
        if not upload.received:
            raise _empty()
        return await self._uploads.change(upload, size=upload.received)

    async def delete(self, owner: Owner, id: str) -> None:
        """Delete an upload; it raises what `Uploads.delete` does."""
        await self._uploads.delete(self._uploads.find(id, owner))

    async def read_with(self, owner: Owner, id: str, options: ReadingOptions) -> None:
        """Read an upload with other options; it raises what `Uploads.read_with` does."""
        await self._uploads.read_with(self._uploads.find(id, owner), options)

    async def draft(self, asker: Asker, owner: Owner, id: str, options: ReadingOptions | None) -> FileDraft:
        """Draft a connector file.

        Raises:
            GatewayError: 401 or 403, the asker is not the admin; else as `UploadDrafts.drafted` does.
        """
        permissions.require_admin(asker.token)
        if options:
            await self._uploads.read_with(self._uploads.find(id, owner), options)
        draft = await self._services.drafts.drafted(id, owner)
        used = {each.connector.name for each in self._connectors.all(asker)}
        return replace(draft, name=unused_name(draft.name, used))

    async def draft_body(self, asker: Asker, name: str, options: ReadingOptions, data: bytes) -> FileDraft:
        """Draft a connector file from the bytes of a file, which are deleted afterwards."""
        permissions.require_admin(asker.token)
        owner = Owner(asker.token or "", secrets.token_hex())
        upload = await self.begin(asker, owner, Announcement(name, len(data)))
        try:
            for at in range(0, len(data), SLICE_BYTES):
                upload = await self._uploads.append(upload, at, data[at : at + SLICE_BYTES])
            return await self.draft(asker, owner, upload.id, options)
        finally:
            await self._uploads.delete(upload)

    async def check(
        self, asker: Asker, owner: Owner, id: str, connector: str
    ) -> tuple[UploadedFile, ColumnCheck]:
        """Compare the columns of an upload with the fields of a connector."""
        found = self.writable(asker, connector)
        upload = self._uploads.find_complete(id, owner)
        return upload, await self._services.loads.check(upload, found.connector)

    async def start(
        self, asker: Asker, owner: Owner, id: str, connector: str, choice: LoadChoice
    ) -> UploadedFile:
        """Begin or continue a load.

        Raises:
            GatewayError: The asker may not write there, or the file has not arrived, or is being loaded.
        """
        found = self.writable(asker, connector)
        upload = self._uploads.find_complete(id, owner)
        return await self._services.loads.start(upload, found.connector, choice)

    async def cancel(self, owner: Owner, id: str) -> UploadedFile:
        """Stop a load after its present batch."""
        return await self._services.loads.cancel(self._uploads.find(id, owner))

    async def end_session(self, owner: Owner) -> None:
        """End a session, as `Uploads.end_session` does."""
        await self._uploads.end_session(owner)

    async def release(self, owner: Owner) -> None:
        """Release the uploads of a session that has ended, as `Uploads.release` does."""
        await self._uploads.release(owner)

    def find(self, owner: Owner, id: str) -> UploadedFile:
        """Return an upload; it raises what `Uploads.find` does."""
        return self._uploads.find(id, owner)

    def all(self, owner: Owner, connector: str | None = None) -> list[UploadedFile]:
        """Return the uploads of an owner, the latest first: all, or those for one connector."""
        return [each for each in self._uploads.of(owner) if connector in (None, each.connector)]

    async def assign(self, owner: Owner, id: str, connector: str) -> None:
        """Assign an upload to the connector that was created for it; it raises what `Uploads.find` does."""
        await self._uploads.change(self._uploads.find(id, owner), connector=connector)

    def writable(self, asker: Asker, connector: str) -> VisibleConnector:
        """Return a connector that an asker may write to.

        Raises:
            GatewayError: 404 if it may not know of it, 410 if it was removed, 401 or 403 if it may not write.
        """
        found = self._connectors.find_for(asker, connector)
        if "ingest" not in found.sight.verbs:
            raise permissions.denied(asker.token, "ingest")
        return found

    def require_target(self, asker: Asker, connector: str | None) -> None:
        """Check that an asker may load rows into a connector, or make a new one."""
        if connector is None:
            permissions.require_admin(asker.token)
        else:
            self.writable(asker, connector)


def _empty() -> GatewayError:
    return GatewayError(
        Code.ROWS_FILE_INVALID, "the file is empty: it has no rows", hint="choose another file"
    )


def owner_of(asker: Asker, session: str = "") -> Owner:
    """Return the owner of what an asker uploads.

    Raises:
        GatewayError: 401, the asker has no token.
    """
    permissions.require_token(asker.token, "upload a file")
    return Owner(asker.token or "", session)


def choice_of(given: Mapping[str, Any]) -> LoadChoice:
    """Return the choices of a body.

    Raises:
        GatewayError: One of them has the wrong type.
    """
    without = given.get("without", [])
    flags = [given.get(name, False) for name in ("keep_bad_rows", "again", "rest")]
    if not isinstance(without, list) or not all(isinstance(each, str) for each in without):
        raise GatewayError(Code.BODY_INVALID, "'without' is not a list of columns", hint='send ["note"]')
    if not all(isinstance(flag, bool) for flag in flags):
        raise GatewayError(Code.BODY_INVALID, "'keep_bad_rows', 'again', and 'rest' are true or false")
    choice = LoadChoice(tuple(without), *flags)
    if choice.again and choice.rest:
        hint = "'again' stores all rows, 'rest' those after the known ones: send one"
        raise GatewayError(Code.BODY_INVALID, "'again' and 'rest' are both true", hint=hint)
    return choice
