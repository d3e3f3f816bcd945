"""The parts of a workbook: a ZIP archive of XML files, read within bounds."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from gateway.rowfile.workbook.xml_parts import elements

#: The most bytes that one read may take: the table of contents is read at once.
_READ_BYTES_MAX = 2**20
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ROOT = ""


class WorkbookArchive:
    """The parts of a workbook."""

    def __init__(self, raw: IO[bytes], bytes_max: int | None) -> None:
        """Open the archive; no part may have more than `bytes_max` bytes, None does not bound them.

        Raises:
            ValueError: It is no ZIP archive, or its table of contents is too large.
        """
        self._bytes_max = bytes_max
        with _readable():
            self._zip = zipfile.ZipFile(_BoundedFile(raw))

    def __contains__(self, part: str) -> bool:
        return part in self._zip.NameToInfo

    @contextmanager
    def open(self, part: str) -> Iterator[IO[bytes]]:
        """Open a part.

        Raises:
            ValueError: There is no such part, it is too large, or its bytes are damaged.
        """
        info = self._zip.NameToInfo.get(part)
        if info is None:
            raise ValueError(f"it has no part {part[:100]!r}")
        if info.flag_bits & 1:
            raise ValueError("it is encrypted; save it without a password")
        if info.compress_type not in _METHODS:
            raise ValueError("its parts are compressed in a way that Excel does not know")
        if self._bytes_max is not None and info.file_size > self._bytes_max:
            raise ValueError(
                f"its part {part[:100]!r} has more than {self._bytes_max:,} bytes once decompressed; split it"
            )
        with _readable(), self._zip.open(info) as file:
            yield file

    def main_part(self) -> str:
        """Return the name of the part that lists the sheets.

        Raises:
            ValueError: The archive is no workbook.
        """
        for relation in self.relations(_ROOT).values():
            if relation["Type"].endswith("/officeDocument"):
                return relation["Target"]
        raise ValueError("it is a ZIP archive, but no workbook")

    def relations(self, part: str) -> Mapping[str, Mapping[str, str]]:
        """Return the parts that a part refers to, by their ids; each `Target` is the name of a part."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, Mapping[str, str]] = {}
        if listed in self:
            with self.open(listed) as file:
                for tag, given in elements(file):
                    if tag == "Relationship":
                        target = posixpath.normpath(posixpath.join("/", folder, given.get("Target", "")))
                        kind = given.get("Type", "")
                        found[given.get("Id", "")] = {"Type": kind, "Target": target.lstrip("/")}
        return found


class _BoundedFile:
    """A file of which no read takes more than a bound."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.seek, self.tell, self.close = raw.seek, raw.tell, raw.close
        self.seekable = raw.seekable

    def read(self, size: int = -1) -> bytes:
        """Read; to the end of the file only if that is near.

        Raises:
            ValueError: It would take too much.
        """
        data = self._raw.read(_READ_BYTES_MAX + 1 if size < 0 else min(size, _READ_BYTES_MAX + 1))
        if len(data) > _READ_BYTES_MAX:
            raise ValueError("its table of contents is too large for a workbook")
        return data


@contextmanager
def _readable() -> Iterator[None]:
    """Raise the errors of a damaged archive as errors of a file of rows."""
    try:
        yield
    except _BROKEN as error:
        raise ValueError(f"its bytes are damaged ({error}); copy or save it again") from error
