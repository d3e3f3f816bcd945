"""The verb `gateway check`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from gateway.commands.support import github, token_names
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.connector_listing import read_directory
from gateway.commands.support.directory_outcomes import outcomes_of
from gateway.connectors.finding import Finding
from gateway.plurals import counted


@click.command("check")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@token_names.tokens_option
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
def command(directory: Path | None, tokens: Path | None, style: str) -> None:
    """Check the connector files of DIRECTORY without a server; exit 1 if a file has an error.

    A tokens file is checked too, and every name in access must be in it.
    """
    directory = directory or read_settings().connectors
    listing = read_directory(directory)
    known = token_names.from_file(tokens)
    outcomes = outcomes_of(listing)
    connectors = [outcome.connector for outcome in outcomes]
    unknown = known.unknown(connectors)
    findings = [
        finding
        for outcome in outcomes
        for finding in (*outcome.findings, *(finding for finding in unknown if finding.file == outcome.file))
    ]
    findings += listing.warnings
    refused = [outcome.file for outcome in outcomes if outcome.connector is None]
    if style == "json":
        bodies = [finding.body() for finding in (*findings, *known.findings)]
        click.echo(json.dumps({"files": len(outcomes), "refused": refused, "findings": bodies}))
    else:
        _show(findings, directory, style)
        _show(known.findings, None, style)
    if not outcomes:
        raise click.ClickException(f"{directory} has no *.yaml or *.yml files")
    if style == "text":
        note = "; names in access were not looked up: use --tokens FILE" * known.leave_open(connectors)
        if unknown:
            note = f"; {counted(len(unknown), 'unknown name')} in access"
        click.echo(f"{counted(len(outcomes), 'file')}, {len(refused)} refused{note}")
    has_errors = any(not finding.is_warning for finding in (*findings, *known.findings))
    raise SystemExit(1 if has_errors else 0)


def _show(findings: Sequence[Finding], directory: Path | None, style: str) -> None:
    for finding in findings:
        if style == "github":
            click.echo(github.finding_annotation(directory, finding.body()))
        else:
            click.echo(f"{directory}/{finding}" if directory else str(finding))
