"""A form with a file: it is written to disk while it arrives."""

from collections.abc import AsyncIterator, Mapping

import falcon
from falcon import mediatypes
from falcon.asgi import Request
from falcon.asgi.multipart import MultipartForm
from falcon.asgi.reader import BufferedReader
from falcon.media.multipart import MultipartParseOptions

from gateway.admin.upload_requests import Announcement, UploadRequests
from gateway.auth.permissions import Asker
from gateway.errors import Code, GatewayError
from gateway.ingest.arrival import Arrival, Pace
from gateway.ingest.body import too_large
from gateway.request_context import current
from gateway.settings import Settings
from gateway.uploads.upload import Owner, UploadedFile
from gateway.uploads.uploads import SLICE_BYTES

#: What a form has beside its file.
_FORM_BYTES_MAX = 16 * 1024


class FileForm:
    """Receives forms with a file. Belongs to the event loop."""

    def __init__(self, requests: UploadRequests, settings: Settings) -> None:
        self._requests = requests
        self._max_body = settings.max_body
        self._pace = Pace(settings.body_timeout, settings.body_rate)

    async def receive(self, req: Request, asker: Asker, owner: Owner) -> UploadedFile:
        """Receive the parts `connector` and `format`, then the part `file`, which becomes an upload.

        Raises:
            GatewayError: The form is malformed, too large, too slow, or incomplete; or the upload is refused.
        """
        if (req.content_length or 0) > self._max_body:
            raise too_large(self._max_body)
        _, parameters = mediatypes.parse_header(req.content_type or "")
        boundary = parameters.get("boundary", "")
        if not 0 < len(boundary) <= 70 or not boundary.isascii():
            raise _malformed()
        stream = BufferedReader(self._chunks())
        form = MultipartForm(stream, boundary.encode(), req.content_length, MultipartParseOptions())
        try:
            upload = await self._receive(form, req.content_length or self._max_body, asker, owner)
        except falcon.HTTPError as error:
            raise _malformed() from error
        if upload is None:
            raise _no_file()
        return upload

    async def _receive(
        self, form: MultipartForm, size: int, asker: Asker, owner: Owner
    ) -> UploadedFile | None:
        """Receive the parts of a form; if it turns out to be wrong, nothing of it is left."""
        given: dict[str, str] = {}
        upload: UploadedFile | None = None
        try:
            async for part in form:
                if part.name == "file" and upload is None:
                    upload = await self._begin(part.filename, size, given, asker, owner)
                    await self._write(part.stream, upload)
                elif part.name in ("connector", "format"):
                    given[part.name] = (await part.stream.read(_FORM_BYTES_MAX)).decode("utf-8", "replace")
            return None if upload is None else await self._requests.end(owner, upload.id)
        except BaseException:
            if upload is not None:
                await self._requests.delete(owner, upload.id)
            raise

    async def _chunks(self) -> AsyncIterator[bytes]:
        arrival = Arrival(current.get().receive, self._pace)
        while not arrival.is_over:
            chunk = await arrival.next_chunk()
            if arrival.received > self._max_body:
                raise too_large(self._max_body)
            if chunk:
                yield chunk

    async def _begin(
        self, file: str | None, size: int, given: Mapping[str, str], asker: Asker, owner: Owner
    ) -> UploadedFile:
        """Begin the upload of a file whose size is not known before its end; the form is larger."""
        if not file:
            raise _no_file()
        announced = Announcement(file, size, given.get("connector") or None, given.get("format") or None)
        return await self._requests.begin(asker, owner, announced)

    async def _write(self, stream: BufferedReader, upload: UploadedFile) -> None:
        received = 0
        while data := await stream.read(SLICE_BYTES):
            await self._requests.append(upload.owner, upload.id, received, data)
            received += len(data)


def _no_file() -> GatewayError:
    return GatewayError(Code.BODY_INVALID, "the form has no file", hint="choose a file")


def _malformed() -> GatewayError:
    return GatewayError(
        Code.BODY_INVALID, "the form with the file cannot be read", hint="load the page again, and send it"
    )
