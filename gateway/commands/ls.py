"""The verb `gateway ls`."""

import json
from typing import Any

import click
from rich.text import Text

from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.state_colors import STATE_COLORS
from gateway.commands.support.table import print_table

_COLUMNS = ("NAME", "PATH", "ROWS", "REJECTED", "LAST BATCH", "STATE")


@click.command("ls")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@add_gateway_options
def command(gateway: GatewayClient, style: str) -> None:
    """List the connectors of a running gateway: name, path, rows, rejected rows, last batch, state."""
    listed = gateway.get("/-/connectors")
    named = {each["name"] for each in listed}
    refused = [
        {
            "name": each["file"],
            "path": None,
            "rows": None,
            "rejected": None,
            "last_batch": None,
            "state": each["state"],
        }
        for each in gateway.get("/-/status")["files"]
        if each["connector"] not in named
    ]
    if style == "json":
        click.echo(json.dumps([*listed, *refused], indent=2))
        return
    print_table(_COLUMNS, map(_cells, (*listed, *refused)), numbers=("ROWS", "REJECTED"))


def _cells(each: dict[str, Any]) -> tuple[str | Text, ...]:
    """Return the row of one connector."""
    batch = each["last_batch"]
    return (
        each["name"],
        each["path"] or "-",
        "-" if each["rows"] is None else f"{each['rows']:,}",
        "-" if each["rejected"] is None else f"{each['rejected']:,}",
        batch["committed_at"][:19] + "Z" if batch else "-",
        Text(each["state"], STATE_COLORS[each["state"]]),
    )
