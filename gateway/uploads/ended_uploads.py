"""Uploads that were deleted: their pages say what happened to them."""

from collections import OrderedDict

from gateway.uploads.upload import Owner, UploadedFile

#: The most that are kept; the oldest goes first.
_KEPT_MAX = 200


class EndedUploads:
    """The last uploads that were deleted, in memory, each with the reason. Any thread may call it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[UploadedFile, str]] = OrderedDict()

    def add(self, upload: UploadedFile, reason: str) -> None:
        """Keep the reason for which an upload was deleted."""
        self._kept[upload.id] = upload, reason
        # Of two threads, one may have removed the last that was too many.
        while len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)

    def message_of(self, id: str, owner: Owner) -> str | None:
        """Return what happened to an upload, in words; None if that is not known, or not for its asker."""
        upload, reason = self._kept.get(id, (None, ""))
        if upload is None or not upload.is_seen_by(owner):
            return None
        return f"{upload.file} is no longer here: {reason}"
