"""The names of tokens, for verbs that check `access` in connector files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.auth import tokens_source
from gateway.auth.token_findings import find_expiring, find_unknown_names
from gateway.auth.tokens_file import parse_tokens
from gateway.commands.support.configuration import read_settings
from gateway.connectors.connector import ADMIN, PUBLIC, Connector
from gateway.connectors.finding import Finding, InvalidFileError

tokens_option = click.option(
    "--tokens",
    type=click.Path(path_type=Path),
    help="The tokens file in which names in access are looked up. [GATEWAY_TOKENS; default: not looked up]",
)


@dataclass(frozen=True, slots=True)
class TokenNames:
    """The known names of tokens; None if no tokens are known.

    Attributes:
        names: The names.
        where: The tokens that have no such name, as the end of the sentence "access names 'etl', …".
        findings: The findings of the tokens file itself, with its path.
        are_sure: Whether an unknown name is an error.
    """

    names: frozenset[str] | None
    where: str = ""
    findings: tuple[Finding, ...] = ()
    are_sure: bool = True

    def unknown(self, connectors: Iterable[Connector | None]) -> list[Finding]:
        """Return a finding for each unknown name in access."""
        if self.names is None:
            return []
        return [
            finding
            for connector in connectors
            if connector
            for finding in find_unknown_names(connector, self.names, self.where, warning=not self.are_sure)
        ]

    def leave_open(self, connectors: Iterable[Connector | None]) -> bool:
        """Return whether connectors name tokens, but no tokens are known."""
        return self.names is None and not self.findings and any(map(_names_tokens, connectors))


def from_file(path: Path | None) -> TokenNames:
    """Read a tokens file: the given one, or that of GATEWAY_TOKENS."""
    path = path or read_settings().tokens
    if path is None:
        return TokenNames(None)
    try:
        tokens = parse_tokens(tokens_source.read_tokens_file(path), str(path))
    except InvalidFileError as refused:
        return TokenNames(None, findings=tuple(refused.findings))
    return TokenNames(
        frozenset(tokens), f"which {path} does not have", find_expiring(tokens, str(path), datetime.now(UTC))
    )


def of_gateway(names: Sequence[str] | None) -> TokenNames:
    """Return the token names of a running gateway; its `names` are None if it has no tokens file."""
    if names is None:
        return TokenNames(frozenset(), "but the gateway has no tokens file", are_sure=False)
    return TokenNames(frozenset(names), "which the gateway's tokens file does not have")


def _names_tokens(connector: Connector | None) -> bool:
    if connector is None:
        return False
    access = connector.access
    return bool((access.ingest | access.read | access.change) - {ADMIN, PUBLIC})
