"""The names that tokens prove, for verbs that look at connector files without a gateway or with one."""

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
    help="The tokens file, which names in access are looked up in. [GATEWAY_TOKENS; default: they are not]",
)


@dataclass(frozen=True, slots=True)
class TokenNames:
    """The names that are known, or None where nothing is known about them.

    Attributes:
        names: The names.
        where: Which tokens have or lack a name, as the end of the sentence "access names 'etl', …".
        findings: What is wrong with the tokens file itself, whose path they name.
        are_sure: Whether a name that is not among them is an error.
    """

    names: frozenset[str] | None
    where: str = ""
    findings: tuple[Finding, ...] = ()
    are_sure: bool = True

    def unknown(self, connectors: Iterable[Connector | None]) -> list[Finding]:
        """Return a finding for each name in access that is not known."""
        if self.names is None:
            return []
        return [
            finding
            for connector in connectors
            if connector
            for finding in find_unknown_names(connector, self.names, self.where, warning=not self.are_sure)
        ]

    def leave_open(self, connectors: Iterable[Connector | None]) -> bool:
        """Tell whether connectors name tokens and nothing is known about any."""
        return self.names is None and not self.findings and any(map(_names_tokens, connectors))


def from_file(path: Path | None) -> TokenNames:
    """Read the tokens file that is given, or that GATEWAY_TOKENS names."""
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
    """Take the names that a running gateway has; None where it has no tokens file."""
    if names is None:
        return TokenNames(frozenset(), "but the gateway has no tokens file", are_sure=False)
    return TokenNames(frozenset(names), "which the gateway's tokens file does not have")


def _names_tokens(connector: Connector | None) -> bool:
    if connector is None:
        return False
    access = connector.access
    return bool((access.ingest | access.read | access.change) - {ADMIN, PUBLIC})
