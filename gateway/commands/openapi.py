"""The verb `gateway openapi`."""

from pathlib import Path

import click

from gateway import strictjson
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.connector_listing import read_directory
from gateway.commands.support.directory_outcomes import outcomes_of
from gateway.connectors.connector import Connector
from gateway.errors import suggest
from gateway.openapi import document


@click.command("openapi")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--connector", "name", metavar="NAME", help="The document of one connector.")
@click.option(
    "--server", default="/", show_default=True, metavar="URL", help="The URL of the gateway, in the document."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file.")
def command(directory: Path | None, name: str | None, server: str, output: Path | None) -> None:
    """Write the OpenAPI document of the connector files of DIRECTORY without a server, as the admin token sees it.

    If a file has an error, nothing is written, and the exit code is 1.
    """
    directory = directory or read_settings().connectors
    connectors = _read(directory)
    if name is not None:
        connectors = {name: _find(connectors, name)}
    seen = [(connector, document.EVERY_VERB) for connector in connectors.values()]
    found = document.build(seen, f"{server.removesuffix('/')}/", name or "gateway")
    text = strictjson.indented(strictjson.write(found)) + b"\n"
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from error


def _read(directory: Path) -> dict[str, Connector]:
    """Read the connectors by name, and print the findings; end the command if a file has an error."""
    listing = read_directory(directory)
    outcomes = outcomes_of(listing)
    for finding in (*(each for outcome in outcomes for each in outcome.findings), *listing.warnings):
        click.echo(f"{directory}/{finding}", err=True)
    if not outcomes:
        raise click.ClickException(f"{directory} has no *.yaml or *.yml files")
    if any(outcome.connector is None for outcome in outcomes):
        raise SystemExit(1)
    return {outcome.connector.name: outcome.connector for outcome in outcomes if outcome.connector}


def _find(connectors: dict[str, Connector], name: str) -> Connector:
    if name not in connectors:
        hint = suggest(name, connectors, "there are")
        raise click.ClickException(f"there is no connector {name!r}; {hint}")
    return connectors[name]
