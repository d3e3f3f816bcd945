"""gateway check."""

import json
from pathlib import Path

import click

from gateway.commands import workflow
from gateway.commands.configuration import read_directory, read_settings
from gateway.connectors import plan
from gateway.connectors.plan import Unseen
from gateway.store import expression


@click.command("check")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
def command(directory: Path | None, style: str) -> None:
    """Check the connector files of DIRECTORY, without a server; exit 1 where one would be refused."""
    directory = directory or read_settings().connectors
    listing = read_directory(directory)
    if not listing.files:
        raise click.ClickException(f"{directory} has no *.yaml files")
    declared = [expression.check(plan.read_file(file)) for file in listing.files.values()]
    outcomes = plan.build(declared, {}, {}, Unseen()).outcomes
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    refused = [outcome.file for outcome in outcomes if outcome.connector is None]
    if style == "json":
        told = {"files": len(outcomes), "refused": refused, "findings": [each.body() for each in findings]}
        click.echo(json.dumps(told))
    for finding in findings if style != "json" else ():
        click.echo(
            workflow.finding(directory, finding.body()) if style == "github" else f"{directory}/{finding}"
        )
    if style == "text":
        click.echo(f"{len(outcomes)} {'file' if len(outcomes) == 1 else 'files'}, {len(refused)} refused")
    raise SystemExit(1 if refused else 0)
