"""The errors of reading and writing connector files through the gateway."""

import contextlib
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.connectors.directory import ConnectorFile, digest_of
from gateway.connectors.name_patterns import NAME
from gateway.errors import Code, GatewayError

_READ_AGAIN = "read the file again, and make the change to its present text"
_READ_ONLY = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class SaveRefusedError(GatewayError):
    """A save whose plan is refused; nothing was written. The body of the error has the plan."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        findings = [each for entry in plan["connectors"] for each in entry["findings"]]
        first: dict[str, Any] = next((each for each in findings if each["level"] == "error"), {})
        super().__init__(Code.SAVE_REFUSED, first.get("message"), hint=first.get("hint"))
        self.plan = plan

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the error, with the plan."""
        return {**super().body(), "plan": self.plan}


def require_new_name(file: str) -> None:
    """Check the name of a file that does not exist.

    Raises:
        GatewayError: 400, no connector file that the gateway creates can have the name.
    """
    if not file.endswith(".yaml") or not NAME.fullmatch(file.removesuffix(".yaml")):
        raise GatewayError(
            Code.FILE_NAME_INVALID,
            f"a new connector file cannot have the name {file[:80]!r}",
            hint="use the connector's name with .yaml: a letter, then up to 62 of a-z, 0-9, _ and -; orders.yaml",
        )


def unknown_file(file: str) -> GatewayError:
    """Return the error for a file that does not exist."""
    return GatewayError(
        Code.FILE_UNKNOWN, f"there is no connector file {file[:80]!r}", hint="see /-/files for all of them"
    )


def unreadable(file: ConnectorFile) -> GatewayError:
    """Return the error for a file that exists, but cannot be read."""
    message = f"{file.name}: {file.problem.message if file.problem else 'the file cannot be read'}"
    return GatewayError(Code.FILE_UNREADABLE, message, hint=file.problem.hint if file.problem else None)


def read_only(reason: str) -> GatewayError:
    """Return the error where the gateway may not write files."""
    hint = "apply the patch of POST /-/files/NAME/plan in the repository of the files"
    return GatewayError(Code.FILES_READ_ONLY, reason, hint=hint)


def changed(file: str, present: bytes | None) -> GatewayError:
    """Return the error for a file that is not the one that a change began from; its ETag is that of the present text."""
    digest = None if present is None else digest_of(present)
    details = "The file does not exist." if digest is None else f"Its digest is {digest}."
    headers = {} if digest is None else {"ETag": f'"{digest}"'}
    message = f"{file} has changed since its text was read"
    return GatewayError(Code.FILE_CHANGED, message, details=details, hint=_READ_AGAIN, headers=headers)


def busy(file: str) -> GatewayError:
    """Return the error for a file that another program has open for writing."""
    return GatewayError(
        Code.FILE_BUSY, f"a program is writing {file}", hint="try again once it has closed the file"
    )


@contextlib.contextmanager
def translated(directory: Path) -> Iterator[None]:
    """Turn errors of the file system about a directory into those of the gateway."""
    try:
        yield
    except OSError as error:
        where, why = f"{directory}", error.strerror or type(error).__name__
        if error.errno in _READ_ONLY:
            raise read_only(f"{where} takes no file: {why}.") from error
        if error.errno in _FULL:
            hint = "free space on the disk of the connector files, and save again"
            raise GatewayError(
                Code.DISK_FULL, f"{where} takes no file: {why}; nothing was written", hint=hint
            ) from error
        message = f"{where} cannot be written: {why}; nothing was changed"
        headers = {"Retry-After": "1"}
        raise GatewayError(Code.FILE_NOT_WRITTEN, message, hint="try again", headers=headers) from error
