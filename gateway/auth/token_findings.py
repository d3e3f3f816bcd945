"""Findings about tokens: those that expire soon, and names in a connector that no token proves."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from gateway.auth.tokens import Token
from gateway.connectors.connector import ADMIN, PUBLIC, Connector
from gateway.connectors.connector_file import places_in_access
from gateway.connectors.finding import Finding
from gateway.errors import Code, nearest
from gateway.instants import rfc3339

#: How long before its end a token is warned of.
EXPIRY_NOTICE = timedelta(days=14)


def find_expiring(tokens: Mapping[str, Token], file: str, now: datetime) -> tuple[Finding, ...]:
    """Warn of what has expired or soon does."""
    return tuple(
        Finding(
            file,
            proof.line,
            None,
            Code.TOKEN_EXPIRES,
            f"the token '{name}' {'expired' if proof.has_expired(now) else 'expires'} on {rfc3339(proof.expires, timespec='seconds')}",
            f"`gateway token {name} --expires 90d` prints the digest of a new one, to stand beside it for a while",
            is_warning=True,
        )
        for name, token in tokens.items()
        for proof in token.proofs
        if proof.expires is not None and proof.expires <= now + EXPIRY_NOTICE
    )


def find_unknown_names(
    connector: Connector, known: Collection[str], where: str, *, warning: bool, is_as_written: bool = True
) -> tuple[Finding, ...]:
    """Return a finding for every name in a connector's access that no token proves.

    Args:
        connector: The connector.
        known: The names that tokens prove.
        where: Which tokens, as the end of the sentence "access names 'etl', which …".
        warning: Whether the findings are warnings.
        is_as_written: Whether its file says what the connector does, so that places in it can be named.
    """
    known = (*known, ADMIN, PUBLIC)
    access = connector.access
    missing = sorted((access.ingest | access.read | access.change).difference(known))
    places = places_in_access(connector) if missing and is_as_written else {}
    findings = []
    for name in missing:
        line, column = places.get(name, (None, None))
        guess = nearest(name, known)
        hint = f"did you mean '{guess}'?" if guess else f"`gateway token {name}` prints the line to add to it"
        message = f"access names '{name}', which {where}"
        findings.append(Finding(connector.file, line, column, Code.TOKEN_UNKNOWN, message, hint, warning))
    return tuple(sorted(findings, key=lambda finding: (finding.line or 0, finding.column or 0)))
