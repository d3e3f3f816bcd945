"""The verb `gateway duplicate`."""

import time
from pathlib import Path

import click

from gateway.commands.support import connector_lookup
from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.new_file import write_new
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.file_edit.edit import with_name
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.plurals import rows_are

#: For how long the command waits until the new connector is live, before it copies rows.
SECONDS = 30.0


@click.command("duplicate")
@click.argument("old")
@click.argument("new")
@click.option("--with-rows", is_flag=True, help="Also copy the rows, through the running gateway.")
@click.option("--connectors", type=click.Path(path_type=Path), help="The directory. [GATEWAY_CONNECTORS]")
@add_gateway_options
def command(old: str, new: str, connectors: Path | None, gateway: GatewayClient, *, with_rows: bool) -> None:
    """Copy the connector OLD, with its comments, to a connector NEW at the path /NEW."""
    path, connector = connector_lookup.find(connectors or read_settings().connectors, old)
    if connector is None:
        raise click.ClickException(_unreadable(path, old, gateway))
    connector_lookup.check_name(new)
    connector_lookup.check_unused(path.parent, new)
    _require_applied(path, old, gateway, with_rows=with_rows)
    target = path.with_name(f"{new}{path.suffix}")
    text = renamed(connector, new)
    if target.exists() and target.read_bytes() == text.encode():
        click.echo(f"{target} exists already.")  # An earlier run was interrupted before it copied the rows.
    else:
        write_new(target, text)
        click.echo(f"{target} is written.")
    if with_rows:
        _wait_until_live(gateway, new)
        receipt = gateway.post(f"/-/connectors/{old}/copy", {"to": new})
        click.echo(f"{rows_are(receipt['stored'])} copied.")


def _unreadable(path: Path, name: str, gateway: GatewayClient) -> str:
    """Return why a file cannot be copied, and whether its last good version is served."""
    text = path.read_bytes() if path.is_file() else b""
    found = next(
        (each for each in plan.parse_file(ConnectorFile.of(path.name, text)).findings if not each.is_warning),
        None,
    )
    why = f": {found}" if found else ""
    served = gateway.state_of(name)
    if served and served["state"] == "last good":
        why += f". The gateway serves the last good version of '{name}', which differs from the file"
    return f"{path} cannot be copied, because it is not a valid connector{why}. Correct it first; gateway check shows all findings"


def _require_applied(path: Path, name: str, gateway: GatewayClient, *, with_rows: bool) -> None:
    """Print a note if the gateway serves an older version than the file; end the command if its rows are wanted."""
    served = gateway.state_of(name)
    if served is None or served["state"] != "last good":
        return
    why = next((each["message"] for each in served["findings"] if each["level"] == "error"), "it is refused")
    message = f"the gateway serves the last good version of '{name}', because {path} is not applied: {why}"
    if with_rows:
        hint = "Its rows are of that version. Correct the file first, or omit --with-rows to copy the file as it is"
        raise click.ClickException(f"{message}. {hint}")
    click.echo(f"Note: {message}. The copy is of the file as it is.", err=True)


def renamed(connector: Connector, new: str) -> str:
    """Return the text of a connector file with another name and the path of that name, otherwise unchanged."""
    try:
        return with_name(connector.text.encode(), connector.file, new).decode()
    except EditRefusedError as error:
        message = (
            f"the name and the path in {connector.file} cannot be changed: {error}; copy the file by hand"
        )
        raise click.ClickException(message) from error


def _wait_until_live(gateway: GatewayClient, name: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if gateway.find(f"/-/connectors/{name}"):
            return
        time.sleep(0.1)
    message = (
        f"'{name}' is not live at {gateway.url} yet; does it serve another directory? Nothing was copied"
    )
    raise click.ClickException(message)
