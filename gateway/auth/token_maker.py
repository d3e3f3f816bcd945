"""Makes tokens, and adds their lines to the tokens file where the gateway may write it."""

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from gateway.atomic_files import AtomicDirectory
from gateway.auth.credentials import Credentials
from gateway.auth.tokens import is_token_name, make_token
from gateway.auth.tokens_file import parse_tokens
from gateway.connectors.connector import ADMIN
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.write_mode import delivery_of, forbidden_by
from gateway.errors import Code, GatewayError
from gateway.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was made.

    Attributes:
        name: Its name.
        secret: What proves it. Only this value has it.
        line: Its line for the tokens file.
        file: The tokens file.
        is_written: Whether the line is in that file, and so the token is valid.
        reason: Why the line is not written, None if it is.
    """

    name: str
    secret: str = field(repr=False)
    line: str
    file: str
    is_written: bool
    reason: str | None


def is_new_token_name(name: str) -> bool:
    """Return whether a token can be made with a name; `admin` is that of the admin token."""
    return is_token_name(name) and name != ADMIN


class _NotWrittenError(Exception):
    """The line cannot be added; the message is the reason."""


class TokenMaker:
    """Makes tokens. Its methods touch the disk, so they do not run on the event loop."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._lock = threading.Lock()

    def make(self, name: str, *, view: bool = False, by: str = ADMIN) -> NewToken:
        """Create a token, which is valid at once if its line could be written.

        Args:
            name: A name that no token has.
            view: Whether the token may see the state of every connector.
            by: Who makes it, for the log.

        Raises:
            GatewayError: 400 if no token can have the name, 409 if one has it.
        """
        if not is_new_token_name(name):
            hint = "use up to 63 letters, digits, and . _ -, with a letter first; `admin` and `public` are reserved"
            raise GatewayError(Code.TOKEN_NAME_INVALID, f"a token cannot be called {name[:80]!r}", hint=hint)
        with self._lock:
            self._credentials.refresh()
            self._require_new(name)
            secret, line = make_token(name, views=view)
            file = self._credentials.tokens_file
            try:
                self._write(file, name, line)
            except _NotWrittenError as problem:
                return NewToken(name, secret, line, str(file), is_written=False, reason=str(problem))
            self._credentials.refresh()
        _log.info("the token '%s' was added to %s by %s", name, file, by)
        return NewToken(name, secret, line, str(file), is_written=True, reason=None)

    def _require_new(self, name: str) -> None:
        if name in (self._credentials.names or ()):
            hint = "choose another name; `gateway token NAME` prints a second digest to rotate its secret"
            raise GatewayError(Code.TOKEN_EXISTS, f"there is a token '{name}'", hint=hint)

    def _write(self, file: Path, name: str, line: str) -> None:
        refusal = forbidden_by(self._settings) or delivery_of(file.parent)
        if refusal is not None:
            raise _NotWrittenError(refusal)
        try:
            with AtomicDirectory.opened(file.parent) as directory:
                if directory.is_link(file.name):
                    raise _NotWrittenError(f"{file} is a symbolic link.")
                old = directory.read(file.name)
                new = _with_line(old, name, line, str(file))
                staged = directory.stage(new, None if old is None else file.name)
                if old is None:
                    directory.create(staged, file.name)
                else:
                    _replace(directory, staged, file, old)
                directory.sync()
        except OSError as error:
            raise _NotWrittenError(f"{file} cannot be written: {error.strerror}.") from error


def _replace(directory: AtomicDirectory, staged: str, file: Path, old: bytes) -> None:
    """Replace a tokens file, unless another program has changed it since it was read."""
    if directory.read(file.name) != old:
        directory.delete(staged)
        raise _NotWrittenError(f"{file} has changed meanwhile.")
    directory.replace(staged, file.name)


def _with_line(old: bytes | None, name: str, line: str, file: str) -> bytes:
    """Return the text of a tokens file with one more line; all its other bytes stay."""
    old = old or b""
    end = b"\r\n" if b"\r\n" in old else b"\n"
    try:
        before = parse_tokens(old, file)
    except InvalidFileError as error:
        raise _NotWrittenError(f"{file} is not valid: {error.findings[0].message}.") from error
    kept = old
    if not before and (rest := old.rstrip()).endswith(b"{}"):
        kept = rest[:-2].rstrip(b" ")  # A file without any token may be written so.
    if kept and not kept.endswith(b"\n"):
        kept += end
    new = kept + line.encode() + end
    try:
        after = parse_tokens(new, file)
    except InvalidFileError:
        after = {}
    if {key: after[key] for key in after if key != name} != before or name not in after:
        raise _NotWrittenError(f"{file} is not a plain list of names, to which a line could be added.")
    return new
