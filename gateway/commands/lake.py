"""The verb `gateway lake`."""

import click

from gateway.commands.support.configuration import read_settings
from gateway.lake_extra import MissingExtra, require_lake_extra


@click.group("lake")
def command() -> None:
    """Prepare the lake that several gateways share."""


@command.command("init")
def init() -> None:
    """Create the lake of GATEWAY_LAKE_CATALOG and GATEWAY_LAKE_DATA, or what is missing of it; it may be run again."""
    try:
        require_lake_extra()
    except MissingExtra as error:
        raise click.ClickException(str(error)) from error
    from gateway.store.lake.lake_address import InvalidAddress  # noqa: PLC0415
    from gateway.store.lake.lake_init import UnsoundLake, init_lake  # noqa: PLC0415
    from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415

    settings = read_settings()
    try:
        done = init_lake(lake_address(settings), settings.data / "spill")
    except (InvalidAddress, UnsoundLake) as error:
        raise click.ClickException(str(error)) from error
    for line in done:
        click.echo(line)
