"""The files of uploads on disk: for each a directory with its rows and its state.

All names are the gateway's own. The name of the user's file is in the state alone.
"""

import contextlib
import re
import shutil
from pathlib import Path

import msgspec

from gateway.uploads.upload import UploadedFile

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_STATE = "state.json"


class UploadFiles:
    """The directory of uploads. Any thread may call it, one at a time for each upload."""

    def __init__(self, directory: Path) -> None:
        """Create the directory."""
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def rows(self, upload: UploadedFile) -> Path:
        """Return the path of the rows of an upload."""
        return self._directory / upload.id / f"rows{upload.suffix}"

    def create(self, upload: UploadedFile) -> None:
        """Create the files of an upload."""
        (self._directory / upload.id).mkdir(mode=0o700)
        self.rows(upload).touch(mode=0o600)
        self.save(upload)

    def write(self, upload: UploadedFile, data: bytes) -> None:
        """Write the next bytes of the rows."""
        with self.rows(upload).open("r+b") as file:
            file.seek(upload.received)
            file.write(data)

    def save(self, upload: UploadedFile) -> None:
        """Write the state of an upload, whole or not at all."""
        path = self._directory / upload.id / _STATE
        elsewhere = path.with_suffix(".new")
        elsewhere.write_bytes(msgspec.json.encode(upload.to_json()))
        elsewhere.replace(path)

    def delete(self, upload: UploadedFile) -> None:
        """Delete the files of an upload."""
        shutil.rmtree(self._directory / upload.id, ignore_errors=True)

    def read_all(self) -> list[UploadedFile]:
        """Return the uploads that an earlier process has left, and delete everything else."""
        found = []
        for path in self._directory.iterdir():
            upload = self._read(path)
            if upload is not None:
                found.append(upload)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        return found

    def _read(self, path: Path) -> UploadedFile | None:
        if not _ID.fullmatch(path.name) or path.is_symlink():
            return None
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            upload = UploadedFile.from_json(msgspec.json.decode((path / _STATE).read_bytes()))
            if upload.id == path.name and self.rows(upload).stat().st_size >= upload.received:
                return upload
        return None
