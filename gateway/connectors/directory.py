"""A directory of connector files, read at one moment."""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from gateway.atomic_files import is_being_written
from gateway.connectors.finding import Finding
from gateway.connectors.ignored_files import find_ignored_files, is_connector_file
from gateway.connectors.yaml_text.document import MAX_FILE_BYTES
from gateway.errors import Code

MAX_FILES = 5000

#: A file whose inode changed this recently may change again within the clock's step, unseen by its times.
_SETTLED_SECONDS = 2.0
#: How long after its last change an open file counts as being written.
WRITING_SECONDS = 30.0


def digest_of(text: bytes) -> str:
    """Return the digest that a change of a text must name."""
    return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class ConnectorFile:
    """The content of one file, or why it could not be read; `is_open` while a program has it open for writing."""

    name: str
    digest: str
    text: bytes = b""
    problem: Finding | None = None
    is_open: bool = False

    @classmethod
    def of(cls, name: str, text: bytes) -> "ConnectorFile":
        """Build one from its content."""
        return cls(name, digest_of(text), text)


@dataclass(frozen=True)
class DirectoryListing:
    """The connector files of a directory. Two listings are equal if all names and contents are.

    `problem` is set, and `files` empty, where the directory itself cannot be read. `warnings` are about files
    that are not read.
    """

    path: str
    files: Mapping[str, ConnectorFile]
    problem: str | None = None
    warnings: tuple[Finding, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all names and contents."""
        whole = hashlib.sha256(f"{self.path}\n{self.problem}\n".encode())
        for name in sorted(self.files):
            whole.update(f"{name}\0{self.files[name].digest}\n".encode(errors="surrogateescape"))
        for warning in self.warnings:
            whole.update(f"{warning}\n".encode())
        return whole.hexdigest()


class Directory:
    """Reads a directory repeatedly; an unchanged file is not read twice.

    Called by one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, tuple[tuple[int, ...], ConnectorFile]] = {}

    def read(self) -> DirectoryListing:
        """List the connector files: `*.yaml` and `*.yml`, except hidden ones and those of editors."""
        real = os.path.realpath(self.path)
        try:
            with os.scandir(real) as entries:
                listed = list(entries)
        except OSError as error:
            return DirectoryListing(real, {}, f"{self.path}: {error.strerror}")
        found = {entry.name: entry for entry in listed if is_connector_file(entry.name)}
        if len(found) > MAX_FILES:
            return DirectoryListing(real, {}, f"{self.path}: {len(found)} files are more than {MAX_FILES}")
        files = {_shown(name): file for name in sorted(found) if (file := self._file(real, found[name]))}
        self._known = {name: known for name, known in self._known.items() if name in files}
        return DirectoryListing(real, files, warnings=find_ignored_files(listed))

    def _file(self, directory: str, entry: os.DirEntry[str]) -> ConnectorFile | None:
        name, path = entry.name, entry.path
        if _shown(name) != name:
            return _unreadable(_shown(name), "has a name that is not UTF-8", "rename it")
        if entry.is_symlink():
            path = os.path.realpath(path)
            if not path.startswith(directory.rstrip("/") + "/"):
                return _unreadable(
                    name, "is a link that leads out of the directory", "put the file itself there"
                )
        return self._seen(name, path) or self._read(entry, path)

    def _seen(self, name: str, path: str) -> ConnectorFile | None:
        """Return a file that is unchanged since it was read, without opening it."""
        known = self._known.get(name)
        with contextlib.suppress(OSError):
            if known and known[0] == _signature(os.lstat(path)):
                return known[1]
        return None

    def _read(self, entry: os.DirEntry[str], path: str) -> ConnectorFile | None:
        name = entry.name
        try:
            # O_NONBLOCK: opening a FIFO must not wait for its other end. O_NOFOLLOW: links were followed already.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not Path(entry.path).is_symlink():
                return None  # It was there a moment ago.
            return _unreadable(name, f"cannot be opened: {error.strerror}")
        try:
            return self._content(descriptor, name)
        except OSError as error:
            return _unreadable(name, f"cannot be read: {error.strerror}")
        finally:
            os.close(descriptor)

    def _content(self, descriptor: int, name: str) -> ConnectorFile:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return _unreadable(name, "is not a regular file")
        text = b""
        while len(text) <= MAX_FILE_BYTES and (chunk := os.read(descriptor, MAX_FILE_BYTES + 1)):
            text += chunk
        file = ConnectorFile.of(name, text)
        age = time.time() - status.st_ctime
        if age < WRITING_SECONDS and is_being_written(descriptor):
            return replace(file, is_open=True)
        if age > _SETTLED_SECONDS:
            self._known[name] = (_signature(status), file)
        return file


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _shown(name: str) -> str:
    return os.fsencode(name).decode(errors="replace")


def file_being_written(name: str) -> ConnectorFile:
    """Return the entry of a file that a program is writing."""
    return _unreadable(name, "is being written", "it is read once it is closed")


def _unreadable(name: str, problem: str, hint: str | None = None) -> ConnectorFile:
    finding = Finding(name, None, None, Code.FILE_UNREADABLE, f"the file {problem}", hint)
    return ConnectorFile(name, hashlib.sha256(problem.encode()).hexdigest(), problem=finding)
