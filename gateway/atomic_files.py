"""Files that are replaced whole: a reader sees the old text or the new one, also after a crash.

A new text is written to a hidden file beside its place, synced, and renamed. A process that is killed leaves at most
that hidden file.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import secrets
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

_STAGED = re.compile(r"\.gateway-[0-9a-f]{16}\.tmp")
#: Staged files of this age were left by a process that was killed.
LEFTOVER_SECONDS = 600.0
_FILE_BITS = 0o7777
#: Linux renames two files at once (renameat2(2)); Python has no function for it.
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
_RENAME_EXCHANGE = 2
_NO_EXCHANGE = frozenset((errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP))
_NO_HARD_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS))
_NO_UNNAMED_FILES = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT))


class AtomicDirectory:
    """An open directory. Names lead to its own entries, never through a symbolic link. Any thread may call it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path) -> Iterator["AtomicDirectory"]:
        """Open a directory for the block.

        Raises:
            OSError: It cannot be opened.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    def probe(self) -> None:
        """Create a file without a name, or one that is deleted at once. Permission bits do not tell root the truth.

        Raises:
            OSError: The directory takes no file.
        """
        try:
            os.close(os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._descriptor))
        except (OSError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_UNNAMED_FILES:
                raise
            self.delete(self.stage(b""))

    def is_at(self, path: Path) -> bool:
        """Return whether a path still leads to this directory."""
        with contextlib.suppress(OSError):
            return os.path.samestat(path.stat(), os.fstat(self._descriptor))
        return False

    def is_link(self, name: str) -> bool:
        """Return whether an entry is a symbolic link."""
        with contextlib.suppress(FileNotFoundError):
            return stat.S_ISLNK(os.lstat(name, dir_fd=self._descriptor).st_mode)
        return False

    def read(self, name: str) -> bytes | None:
        """Return the text of a file, None if there is no such entry.

        Raises:
            BlockingIOError: A program is writing it.
            OSError: It is a symbolic link, or it cannot be read.
        """
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123  # of a descriptor
            if is_being_written(descriptor):
                raise BlockingIOError(errno.EAGAIN, "a program is writing it", name)
            return file.read()

    def stage(self, text: bytes, replacing: str | None = None) -> str:
        """Write a text to a hidden file, sync it, and return its name.

        Args:
            text: The text.
            replacing: The file whose mode and owner it gets, as far as this process may set them.

        Raises:
            OSError: It cannot be written; nothing is left of it.
        """
        name = _new_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o666, dir_fd=self._descriptor)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123  # of a descriptor
                file.write(text)
                if replacing is not None:
                    self._copy_owner(replacing, descriptor)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            self.delete(name)
            raise
        return name

    def _copy_owner(self, name: str, descriptor: int) -> None:
        old = os.lstat(name, dir_fd=self._descriptor)
        with contextlib.suppress(OSError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        # After the owner, because a change of the owner clears bits of the mode.
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, old.st_mode & _FILE_BITS)

    def create(self, staged: str, name: str) -> None:
        """Publish a staged file under a name, which no entry may have.

        Raises:
            FileExistsError: An entry has the name.
            OSError: The directory cannot be changed.
        """
        try:
            os.link(
                staged,
                name,
                src_dir_fd=self._descriptor,
                dst_dir_fd=self._descriptor,
                follow_symlinks=False,
            )
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            # Such a file system has no hard links. An empty file reserves the name.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(name, flags, dir_fd=self._descriptor))
            self.replace(staged, name)
        else:
            with contextlib.suppress(OSError):  # `clean` deletes it later.
                self.delete(staged)

    def replace(self, staged: str, name: str) -> None:
        """Put a staged file in the place of another.

        Raises:
            OSError: The directory cannot be changed.
        """
        os.replace(staged, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def exchange(self, staged: str, name: str) -> bool:
        """Swap a staged file with another, in one step; return False where the system cannot.

        Raises:
            OSError: The directory cannot be changed, or one of both is missing.
        """
        if _renameat2 is None:
            return False
        place = self._descriptor
        if _renameat2(place, os.fsencode(staged), place, os.fsencode(name), _RENAME_EXCHANGE) == 0:
            return True
        number = ctypes.get_errno()
        if number in _NO_EXCHANGE:
            return False
        raise OSError(number, os.strerror(number), name)

    def set_aside(self, name: str) -> str:
        """Rename a file to the name of a staged one, and return that.

        Raises:
            OSError: The directory cannot be changed, or the file is missing.
        """
        staged = _new_name()
        os.rename(name, staged, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        return staged

    def delete(self, name: str) -> None:
        """Delete a file, if there is one.

        Raises:
            OSError: The directory cannot be changed.
        """
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Sync the changed entries, so that they survive a crash of the machine."""
        os.fsync(self._descriptor)

    def clean(self) -> None:
        """Delete the staged files of processes that were killed."""
        for name in os.listdir(self._descriptor):  # noqa: PTH208  # of a descriptor
            if not _STAGED.fullmatch(name):
                continue
            with contextlib.suppress(OSError):
                if time.time() - os.lstat(name, dir_fd=self._descriptor).st_mtime > LEFTOVER_SECONDS:
                    self.delete(name)


def _new_name() -> str:
    return f".gateway-{secrets.token_hex(8)}.tmp"


def is_being_written(descriptor: int) -> bool:
    """Return whether a program has a file open for writing, under any name, or mapped; False if unknown.

    Linux grants a read lease only if none has (fcntl(2), "Leases"), and only to the file's owner or root.
    """
    try:
        # A program that opens it during the lease waits, and this process gets a signal: one that is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return False
    return False
