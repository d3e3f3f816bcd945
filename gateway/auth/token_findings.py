"""Findings about tokens: tokens that expire soon, and unknown names in the access of a connector."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from gateway.auth.tokens import Token
from gateway.connectors.connector import ADMIN, PUBLIC, Connector
from gateway.connectors.connector_file import places_in_access
from gateway.connectors.finding import Finding
from gateway.errors import Code, nearest
from gateway.instants import rfc3339

#: How long before its expiry a token is reported.
EXPIRY_NOTICE = timedelta(days=14)


def find_expiring(tokens: Mapping[str, Token], file: str, now: datetime) -> tuple[Finding, ...]:
    """Return a warning for every digest that has expired or expires soon."""
    return tuple(
        Finding(
            file,
            digest.line,
            None,
            Code.TOKEN_EXPIRES,
            f"the token '{name}' {'expired' if digest.has_expired(now) else 'expires'} on {rfc3339(digest.expires, timespec='seconds')}",
            f"`gateway token {name} --expires 90d` prints the digest of a new one, which can stand beside the old one during the rotation",
            is_warning=True,
        )
        for name, token in tokens.items()
        for digest in token.digests
        if digest.expires is not None and digest.expires <= now + EXPIRY_NOTICE
    )


def unknown_names(connector: Connector, known: Collection[str]) -> frozenset[str]:
    """Return the names in a connector's access that are not names of tokens."""
    access = connector.access
    return (access.ingest | access.read | access.change).difference(known, (ADMIN, PUBLIC))


def find_unknown_names(
    connector: Connector, known: Collection[str], where: str, *, warning: bool, is_as_written: bool = True
) -> tuple[Finding, ...]:
    """Return a finding for every name in a connector's access that is not the name of a token.

    Args:
        connector: The connector.
        known: The names of all tokens.
        where: Where the names are missing, as the end of the sentence "access names 'etl', …".
        warning: Whether the findings are warnings.
        is_as_written: Whether the file still declares this connector, so that the findings can name lines of it.
    """
    missing = sorted(unknown_names(connector, known))
    known = (*known, ADMIN, PUBLIC)
    places = places_in_access(connector) if missing and is_as_written else {}
    findings = []
    for name in missing:
        line, column = places.get(name, (None, None))
        guess = nearest(name, known)
        hint = f"did you mean '{guess}'?" if guess else f"`gateway token {name}` prints the line to add to it"
        message = f"access names '{name}', {where}"
        findings.append(Finding(connector.file, line, column, Code.TOKEN_UNKNOWN, message, hint, warning))
    return tuple(sorted(findings, key=lambda finding: (finding.line or 0, finding.column or 0)))
