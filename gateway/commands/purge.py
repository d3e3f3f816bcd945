"""The verb `gateway purge`."""

import click

from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.plurals import counted


@click.command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@add_gateway_options
def command(name: str, gateway: GatewayClient, *, yes: bool) -> None:
    """Delete the rows of the removed connector NAME permanently."""
    known = {each["name"]: each for each in gateway.get("/-/connectors")}
    found = known.get(name)
    if found is None:
        raise click.ClickException(f"the gateway knows no connector '{name}'; gateway ls lists them")
    if found["state"] != "removed":
        raise click.ClickException(
            f"'{name}' is declared by {found['file']}; gateway remove {name} comes first"
        )
    if not yes:
        question = f"Drop the {counted(found['rows'], 'row')} of '{name}'? They cannot be recovered."
        click.confirm(question, abort=True)
    purged = gateway.post(f"/-/connectors/{name}/purge")["purged"]
    click.echo(f"{counted(purged, 'row')} of '{name}' {'is' if purged == 1 else 'are'} gone.")
