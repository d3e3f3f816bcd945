"""Writes the changes of connector files: all of them, or none if one fails.

New texts come first, and files are deleted last. So a process that is killed in between leaves a connector in two
files, which is reported and serves on, and not in none.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.atomic_files import AtomicDirectory
from gateway.connectors.directory import digest_of
from gateway.errors import Code, GatewayError
from gateway.reload import file_errors


@dataclass(frozen=True, slots=True)
class FileChanges:
    """Changes of files.

    Attributes:
        texts: The new text of each file, None to delete it.
        expected: The digest of the text that each change began from, None for a new file.
    """

    texts: Mapping[str, bytes | None]
    expected: Mapping[str, str | None]


def write_changes(path: Path, changes: FileChanges) -> None:
    """Write changes to a directory, which is created if it is missing.

    Raises:
        GatewayError: A file is not the expected one, or is being written; or the directory was replaced meanwhile.
        OSError: The file system refuses. Nothing is changed then.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    with AtomicDirectory.opened(path) as directory:
        directory.clean()
        _Writing(directory, changes).run()
        if not directory.is_at(path):
            message = f"{path} was replaced by another directory while files were written to it"
            raise GatewayError(Code.FILE_CHANGED, message, hint="read the files again")


class _Writing:
    """One run of changes in an open directory."""

    def __init__(self, directory: AtomicDirectory, changes: FileChanges) -> None:
        self._directory = directory
        self._changes = changes
        #: How to take back what is done, latest last.
        self._undo: list[Callable[[], None]] = []

    def run(self) -> None:
        before = {file: self._expected_text(file) for file in self._changes.texts}
        with self._staged(before) as staged:
            try:
                for file, name in sorted(staged.items(), key=lambda each: before[each[0]] is not None):
                    self._put(file, name, before[file])
                for file, text in self._changes.texts.items():
                    if text is None:
                        self._delete(file, before[file])
                self._directory.sync()
            except BaseException:
                for undo in reversed(self._undo):
                    with contextlib.suppress(OSError):
                        undo()
                raise

    @contextlib.contextmanager
    def _staged(self, before: Mapping[str, bytes | None]) -> Iterator[dict[str, str]]:
        """Write all new texts to hidden files, before the first change is seen; yield their names by file."""
        staged: dict[str, str] = {}
        try:
            for file, text in self._changes.texts.items():
                if text is not None:
                    replacing = None if before[file] is None else file
                    staged[file] = self._directory.stage(text, replacing)
            yield staged
        finally:
            for name in staged.values():
                with contextlib.suppress(OSError):
                    self._directory.delete(name)

    def _put(self, file: str, staged: str, before: bytes | None) -> None:
        if before is None:
            try:
                self._directory.create(staged, file)
            except FileExistsError:
                raise file_errors.changed(file, self._text(file, file)) from None
            self._undo.append(lambda: self._directory.delete(file))
        else:
            self._expected_text(file)
            self._replace(file, staged)
            self._undo.append(lambda: self._put_back(file, before))

    def _replace(self, file: str, staged: str) -> None:
        """Replace a file. Where the system can, what it has replaced is checked once more, and put back if it is new."""
        try:
            if not self._directory.exchange(staged, file):
                self._directory.replace(staged, file)
                return
        except FileNotFoundError:
            raise file_errors.changed(file, None) from None
        try:
            self._expected_text(file, at=staged)
        except BaseException:
            self._directory.replace(staged, file)
            raise

    def _delete(self, file: str, before: bytes | None) -> None:
        self._expected_text(file)
        try:
            aside = self._directory.set_aside(file)
        except FileNotFoundError:
            raise file_errors.changed(file, None) from None
        try:
            self._expected_text(file, at=aside)
        except BaseException:
            self._directory.create(aside, file)
            raise
        self._undo.append(lambda: self._put_back(file, before or b""))
        with contextlib.suppress(OSError):  # `clean` deletes it later.
            self._directory.delete(aside)

    def _put_back(self, file: str, text: bytes) -> None:
        self._directory.replace(self._directory.stage(text), file)

    def _expected_text(self, file: str, at: str | None = None) -> bytes | None:
        """Return the text of a file, or of one that had its place, which must be the expected one."""
        text = self._text(file, at or file)
        if (None if text is None else digest_of(text)) != self._changes.expected[file]:
            raise file_errors.changed(file, text)
        return text

    def _text(self, file: str, at: str) -> bytes | None:
        if self._directory.is_link(at):
            message = f"{file} is a symbolic link: another program delivers it, so nothing is written there"
            raise file_errors.read_only(message)
        try:
            return self._directory.read(at)
        except BlockingIOError:
            raise file_errors.busy(file) from None
