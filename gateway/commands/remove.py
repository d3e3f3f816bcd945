"""The verb `gateway remove`."""

from pathlib import Path

import click

from gateway.commands.support import connector_lookup
from gateway.commands.support.configuration import read_settings


@click.command("remove")
@click.argument("name")
@click.option("--connectors", type=click.Path(path_type=Path), help="The directory. [GATEWAY_CONNECTORS]")
def command(name: str, connectors: Path | None) -> None:
    """Delete the file of the connector NAME. Its endpoint then answers 410; its rows are kept."""
    path, _ = connector_lookup.find(connectors or read_settings().connectors, name)
    path.unlink()
    click.echo(
        f"{path} is deleted. The rows are kept: the file brings them back, gateway purge {name} deletes them."
    )
