"""Credentials: authenticates requests by the tokens of the tokens file and the admin token."""

import contextlib
import hashlib
import hmac
import logging
import math
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.auth import permissions, tokens_source
from gateway.auth.authorization_header import CHALLENGE, EXPIRED, hint_for, parse_secret
from gateway.auth.data_files import ADMIN_FILE, TOKENS_FILE
from gateway.auth.login_throttle import LoginThrottle
from gateway.auth.permissions import Asker, Verb
from gateway.auth.token_findings import find_expiring, find_unknown_names, unknown_names
from gateway.auth.tokens import Token, TokenDigest, make_token
from gateway.auth.tokens_file import parse_tokens
from gateway.connectors.connector import ADMIN, Connector
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.connectors.policy import NO_LIMITS, Limits
from gateway.errors import Code, GatewayError
from gateway.instants import rfc3339
from gateway.request_context import current

_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Credentials:
    """The known tokens. Any thread may call it."""

    def __init__(self, data: Path, tokens_file: Path | None, clock: Callable[[], datetime] = _now) -> None:
        """Read the tokens; create the admin token if it is missing.

        Args:
            data: The directory of the admin token's file.
            tokens_file: The tokens file; None for that in `data`, which may be missing.
            clock: Returns the current time, for the expiry of tokens.

        Raises:
            InvalidFileError: The tokens file is unreadable or invalid.
        """
        self._file = tokens_file
        #: The tokens file, or where one is made.
        self.tokens_file = tokens_file or data / TOKENS_FILE
        self._refreshing = threading.Lock()
        self._admin_file = data / ADMIN_FILE
        self._text: bytes | None = None
        #: Whether any token has limits of its own.
        self.has_limits = False
        self._clock = clock
        #: Counts failures by address, and all of them.
        self.throttle = LoginThrottle()
        self._problems: tuple[Finding, ...] = ()
        self._warned: frozenset[Finding] = frozenset()
        self._admin = Token((TokenDigest(_admin_digest(data / ADMIN_FILE)),))
        self._logged_admin: str | None = None
        #: The names that lent secrets prove, by the digest of the secret.
        self._loans: dict[bytes, str] = {}
        self._replace_tokens({})
        self.refresh()
        self._log_admin()
        if self._problems:
            raise InvalidFileError(list(self._problems))

    @property
    def admin_file(self) -> Path | None:
        """Return the file of the admin token, or None if the tokens file has its own admin."""
        return None if ADMIN in self._tokens else self._admin_file

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the problems of the tokens file, and its tokens that have expired or soon expire."""
        return self._problems + self.expiring

    @property
    def expiring(self) -> tuple[Finding, ...]:
        """Return the tokens that have expired or soon expire."""
        return find_expiring(self._tokens, str(self._file), self._clock())

    @property
    def names(self) -> list[str] | None:
        """Return the names in the tokens file, or None without such a file."""
        return sorted(self._tokens) if self._file else None

    def find_unknown_names(self, connector: Connector, *, is_as_written: bool) -> tuple[Finding, ...]:
        """Return a warning for every name in a connector's access that is not the name of a token."""
        where = "which the tokens file does not have"
        if not self._file:
            where = "but there is no tokens file"
        return find_unknown_names(connector, self._tokens, where, warning=True, is_as_written=is_as_written)

    def count_unknown_names(self, connector: Connector) -> int:
        """Return the number of findings of `find_unknown_names`, without the work to find their lines."""
        return len(unknown_names(connector, self._tokens))

    def refresh(self) -> None:
        """Read the tokens file again if it has changed; an invalid one changes no token."""
        with self._refreshing:
            if self._file is None and self.tokens_file.exists():
                self._file = self.tokens_file
            if self._file is not None:
                self._refresh(self._file)

    def _refresh(self, file: Path) -> None:
        try:
            text = tokens_source.read_tokens_file(file)
        except InvalidFileError as refused:
            self._text = None
            self._report(
                tuple(
                    replace(each, hint="make the file readable; the tokens stay as they were")
                    for each in refused.findings
                )
            )
            return
        if text != self._text:
            self._text = text
            self._read(text)
        self._warn()

    def _read(self, text: bytes) -> None:
        if not text.strip() and self._tokens:
            problem = "the tokens file is empty, so the tokens stay as they were; write {} to have none"
            self._report((Finding(str(self._file), None, None, Code.FILE_UNREADABLE, problem),))
            return
        try:
            self._replace_tokens(parse_tokens(text, str(self._file)))
        except InvalidFileError as refused:
            self._report(tuple(refused.findings))
        else:
            self._report(())
            _log.info("the tokens file names %s", ", ".join(self._tokens) or "no token")
            if self._logged_admin is not None:
                self._log_admin()

    def _log_admin(self) -> None:
        """Log which admin token is in use, at the start and after each change."""
        message = f"the admin token is in {self._admin_file}"
        if ADMIN in self._tokens:
            message = f"the admin token is that of the tokens file; {self._admin_file} is not in use"
        if message != self._logged_admin:
            _log.info("%s", message)
        self._logged_admin = message

    def _replace_tokens(self, tokens: Mapping[str, Token]) -> None:
        """Replace the tokens, and prepare what every request needs of them."""
        self._tokens = tokens
        # The tokens file may have its own admin.
        known = tokens if ADMIN in tokens else {**tokens, ADMIN: self._admin}
        self.has_limits = any(token.limits != NO_LIMITS for token in tokens.values())
        self._digests = [(name, digest) for name, token in known.items() for digest in token.digests]

    def _report(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings if findings != self._problems else ():
            _log.error("%s", finding)
        self._problems = findings

    def _warn(self) -> None:
        """Log every token once when it expires soon, and once more when it has expired."""
        warnings = self.expiring
        for finding in warnings:
            if finding not in self._warned:
                _log.warning("%s", finding)
        self._warned = frozenset(warnings)

    def limits_of(self, name: str | None) -> Limits:
        """Return the limits of a token over all connectors together."""
        token = self._tokens.get(name) if name else None
        return token.limits if token else NO_LIMITS

    def authenticate(self, authorization: str | None) -> str | None:
        """Return the name of the token in an Authorization header, or None without a header.

        Raises:
            GatewayError: 401 for an unknown or expired token; 429 if the client address of the current request has sent
                too many unknown ones.
        """
        if authorization is None:
            return None
        found = self._find_digest(authorization) or self._find_loan(authorization)
        if found is None:
            raise self._failure(authorization)
        name, digest = found
        if digest.expires is not None and digest.has_expired(self._clock()):
            raise GatewayError(
                Code.TOKEN_EXPIRED,
                f"the token '{name}' expired on {rfc3339(digest.expires, timespec='seconds')}",
                hint="ask the operator of the gateway for a new one",
                headers=EXPIRED,
            )
        if context := current.get(None):
            context.token = name
        return name

    def asker(self, authorization: str | None) -> Asker:
        """Return the sender of a request; it raises what `authenticate` does."""
        return self.asker_named(self.authenticate(authorization))

    def asker_named(self, name: str | None) -> Asker:
        """Return the asker with a token of this name; the caller has proved it."""
        token = self._tokens.get(name) if name else None
        return Asker(name, views=name == ADMIN or (token is not None and token.views))

    def authorize(self, authorization: str | None, connector: Connector, verb: Verb) -> str | None:
        """Return the name of the token as `authenticate` does, after a check of one permission on a connector.

        Raises:
            GatewayError: As `authenticate` and `permissions.require` do.
        """
        token = self.authenticate(authorization)
        permissions.require(token, connector, verb)
        return token

    def proves(self, authorization: str | None, name: str | None) -> bool:
        """Return whether `authenticate` would return that name now; this counts no failure and notes nothing."""
        if authorization is None or name is None:
            return authorization is name
        found = self._find_digest(authorization)
        if found is None or found[0] != name:
            return False
        return found[1].expires is None or not found[1].has_expired(self._clock())

    def digest_of(self, name: str) -> bytes | None:
        """Return a digest that proves a token's name now, None if none does."""
        now = self._clock()
        digests = (
            each.sha256 for known, each in self._digests if known == name and not each.has_expired(now)
        )
        return next(digests, None)

    def has_digest(self, name: str, sha256: bytes) -> bool:
        """Return whether a digest proves a token's name now. It compares no secret, so it need not take constant time."""
        return any(
            name == known and sha256 == digest.sha256 and not digest.has_expired(self._clock())
            for known, digest in self._digests
        )

    def _find_digest(self, authorization: str) -> tuple[str, TokenDigest] | None:
        secret = parse_secret(authorization)
        digest = hashlib.sha256(secret or b"").digest()
        found: tuple[str, TokenDigest] | None = None
        # Every digest is compared, so that the duration reveals nothing about a guess.
        for each in self._digests:
            if hmac.compare_digest(each[1].sha256, digest):
                found = each
        return None if secret is None else found

    @contextlib.contextmanager
    def lend(self, name: str) -> Iterator[str]:
        """Return a secret that proves a token's name inside this process, until the block ends.

        It proves nothing once the token is removed or has expired. The caller has proved the name.
        """
        secret = secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).digest()
        self._loans[digest] = name
        try:
            yield secret
        finally:
            del self._loans[digest]

    def has_token(self, name: str) -> bool:
        """Return whether a token of this name is known and has not expired."""
        return self._valid_digest(name) is not None

    def _valid_digest(self, name: str) -> TokenDigest | None:
        now = self._clock()
        valid = (each for known, each in self._digests if known == name and not each.has_expired(now))
        return next(valid, None)

    def _find_loan(self, authorization: str) -> tuple[str, TokenDigest] | None:
        """Return the name that a lent secret proves, with a digest of its token; None if it is not lent."""
        if not self._loans:
            return None
        name = self._loans.get(hashlib.sha256(parse_secret(authorization) or b"").digest())
        digest = None if name is None else self._valid_digest(name)
        return None if name is None or digest is None else (name, digest)

    def _is_superseded(self, authorization: str) -> bool:
        """Return whether a header has the admin token of the data directory although the tokens file has its own admin."""
        digest = hashlib.sha256(parse_secret(authorization) or b"").digest()
        return ADMIN in self._tokens and hmac.compare_digest(self._admin.digests[0].sha256, digest)

    def _failure(self, authorization: str) -> GatewayError:
        context = current.get(None)
        wait = self.throttle.count_failure(context.remote if context else None)
        if not wait and self._is_superseded(authorization):
            message = f"the tokens file has its own admin, so the token of DATA/{ADMIN_FILE} is not in use"
            hint = "send the secret of that admin; the command line reads it from GATEWAY_TOKEN"
            return GatewayError(Code.TOKEN_INVALID, message, hint=hint, headers=CHALLENGE)
        if not wait:
            return GatewayError(Code.TOKEN_INVALID, hint=hint_for(authorization), headers=CHALLENGE)
        return GatewayError(
            Code.TOO_MANY_FAILURES,
            hint="check the token; a valid one is accepted immediately",
            headers={"Retry-After": str(math.ceil(wait))},
        )


def _admin_digest(path: Path) -> bytes:
    """Return the digest of the admin token; create the token if its file is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    secret, _ = make_token(ADMIN)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text().strip()
        if not secret:
            raise ValueError(
                f"{path} is empty; remove it, and the gateway creates a new admin token"
            ) from None
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
    return hashlib.sha256(secret.encode()).digest()
