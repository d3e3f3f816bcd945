"""Who is asking, and what they may do."""

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from gateway.connectors.connector import ADMIN, PUBLIC, Access, Connector
from gateway.connectors.declaration import TOKEN_NAME
from gateway.connectors.finding import Finding, Refused
from gateway.connectors.loader import load
from gateway.errors import Code, GatewayError, nearest

_log = logging.getLogger(__name__)

Verb = Literal["ingest", "read", "change"]

ADMIN_FILE = "admin-token"
#: How many secrets prove one name: the old one and the new one, while a token is being rotated.
MAX_SECRETS = 2

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_BEARER_HINT = "send the header Authorization: Bearer gw_…"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gateway"'}


def can_name_a_token(name: str) -> bool:
    """Tell whether a token may be called that; `public` means anyone."""
    return name != PUBLIC and TOKEN_NAME.fullmatch(name) is not None


def make_token(name: str) -> tuple[str, str]:
    """Make a secret for a token name: the secret itself, and the line of the tokens file that proves it."""
    secret = f"gw_{secrets.token_urlsafe(32)}"
    return secret, f"{name}: [sha256:{hashlib.sha256(secret.encode()).hexdigest()}]"


def read_tokens(text: bytes, file: str) -> dict[str, tuple[bytes, ...]]:
    """Read a tokens file: names, each with the SHA-256 digests that prove it.

    Raises:
        Refused: With every finding of the file.
    """
    root = load(text, file)
    findings: list[Finding] = []
    tokens: dict[str, tuple[bytes, ...]] = {}

    def find(line: int, column: int, message: str) -> None:
        hint = "`gateway token NAME` prints a line to paste"
        findings.append(Finding(file, line, column, Code.DECLARATION_INVALID, message, hint))

    if root.value is None:
        return {}
    if not isinstance(root.value, dict):
        find(root.line, root.column, "a tokens file maps names to lists of sha256:… digests")
        raise Refused(findings)
    for name, node in root.value.items():
        given = node.value if isinstance(node.value, list) else [node]
        digests = [found[1] for item in given if (found := _DIGEST.fullmatch(str(item.value)))]
        if not can_name_a_token(name):
            find(node.line, node.column, f"'{name}' cannot be the name of a token")
        if len(digests) != len(given) or not 1 <= len(digests) <= MAX_SECRETS:
            # What stands there instead may be a secret: it is not shown.
            find(
                node.line,
                node.column,
                f"the token '{name}' needs 1 or {MAX_SECRETS} digests sha256:<64 hexadecimal digits>",
            )
        tokens[name] = tuple(bytes.fromhex(digest) for digest in digests)
    if findings:
        raise Refused(findings)
    return tokens


class Credentials:
    """The tokens that are known now. `refresh` belongs to the watch thread; the others to any."""

    def __init__(self, data: Path, tokens_file: Path | None) -> None:
        """Read the tokens, making the admin token where there is none.

        Raises:
            Refused: Where the tokens file cannot be read at start.
        """
        self._file = tokens_file
        self._text: bytes | None = None
        self._tokens: Mapping[str, tuple[bytes, ...]] = {}
        self.findings: tuple[Finding, ...] = ()
        self._admin = _admin_digest(data / ADMIN_FILE)
        self.refresh()
        if self.findings:
            raise Refused(list(self.findings))

    def unknown(self, file: str, access: Access) -> tuple[Finding, ...]:
        """Warn of every name in a connector's access that no token proves now."""
        known = (*self._tokens, ADMIN, PUBLIC)
        missing = sorted((access.ingest | access.read | access.change).difference(known))
        where = "the tokens file does not have" if self._file else "there is no tokens file to have"
        return tuple(
            Finding(
                file,
                None,
                None,
                Code.TOKEN_UNKNOWN,
                f"access names '{name}', which {where}",
                f"did you mean '{guess}'?"
                if (guess := nearest(name, known))
                else f"`gateway token {name}` prints the line to add to it; start with --tokens FILE",
                warning=True,
            )
            for name in missing
        )

    def refresh(self) -> None:
        """Read the tokens file again if it has changed; a bad one leaves the tokens as they were."""
        if self._file is None:
            return
        try:
            text = self._file.read_bytes()
        except OSError as error:
            problem = f"the tokens file cannot be read, the tokens stay as they were: {error.strerror}"
            self._text = None
            self._find((Finding(str(self._file), None, None, Code.FILE_UNREADABLE, problem),))
            return
        if text == self._text:
            return
        self._text = text
        try:
            self._tokens = read_tokens(text, str(self._file))
        except Refused as refused:
            self._find(tuple(refused.findings))
        else:
            self._find(())
            _log.info("the tokens file names %s", ", ".join(self._tokens) or "nobody")

    def _find(self, findings: tuple[Finding, ...]) -> None:
        for finding in findings if findings != self.findings else ():
            _log.error("%s", finding)
        self.findings = findings

    def name_of(self, authorization: str | None) -> str | None:
        """Tell whose token an Authorization header carries; None where there is no header.

        Raises:
            GatewayError: Where it is no token the gateway knows.
        """
        if authorization is None:
            return None
        scheme, _, secret = authorization.partition(" ")
        digest = hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).digest()
        name = None
        # All are compared, whichever fits: the time must not tell how near a guess was.
        known = self._tokens if ADMIN in self._tokens else {**self._tokens, ADMIN: (self._admin,)}
        for candidate, proofs in known.items():
            for proof in proofs:
                if hmac.compare_digest(proof, digest):
                    name = candidate
        if name is None or scheme.lower() != "bearer":
            raise GatewayError(Code.TOKEN_INVALID, hint=_BEARER_HINT, headers=_CHALLENGE)
        return name


def sees(token: str | None, access: Access) -> bool:
    """Tell whether a token may do anything at all with a connector."""
    return any(may(token, access, verb) for verb in ("ingest", "read", "change"))


def may(token: str | None, access: Access, verb: Verb) -> bool:
    """Tell whether a token may do one thing."""
    allowed: frozenset[str] = getattr(access, verb)
    return token == ADMIN or PUBLIC in allowed or (token is not None and token in allowed)


def require(token: str | None, connector: Connector, verb: Verb) -> None:
    """Let a token do one thing, or raise.

    Raises:
        GatewayError: 404 where it may not even know that the connector exists, else 401 or 403.
    """
    if may(token, connector.access, verb):
        return
    if not sees(token, connector.access):
        raise unknown_endpoint(connector.path)
    if token is None:
        raise GatewayError(
            Code.TOKEN_REQUIRED, f"to {verb} here takes a token", hint=_BEARER_HINT, headers=_CHALLENGE
        )
    raise GatewayError(
        Code.ACCESS_DENIED,
        f"the token '{token}' may not {verb} here",
        hint=f"add it to access.{verb} in the connector's file",
    )


def require_admin(token: str | None) -> None:
    """Let the admin token operate the gateway, or raise."""
    if token is None:
        hint = f"send the header Authorization: Bearer and the admin token, from DATA/{ADMIN_FILE}"
        raise GatewayError(
            Code.TOKEN_REQUIRED, "operating the gateway takes the admin token", hint=hint, headers=_CHALLENGE
        )
    if token != ADMIN:
        raise GatewayError(Code.ACCESS_DENIED, f"the token '{token}' may not operate the gateway")


def unknown_endpoint(path: str) -> GatewayError:
    """Say that there is nothing at a path, in the same words whether or not that is the whole truth."""
    hint = "look at the path, and send the token if the endpoint needs one"
    return GatewayError(
        Code.ENDPOINT_UNKNOWN, f"there is no endpoint {path[:200]!r} that you may see", hint=hint
    )


def _admin_digest(path: Path) -> bytes:
    """Read the admin token, making it where there is none, and give its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    secret, _ = make_token(ADMIN)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text().strip()
        if not secret:
            raise ValueError(f"{path} is empty; remove it and a new admin token is made") from None
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
    _log.info("the admin token is in %s", path)
    return hashlib.sha256(secret.encode()).digest()
