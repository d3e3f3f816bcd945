"""gateway ls."""

import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.operating import Operating, with_gateway

_COLOURS = {"live": "green", "last good": "yellow", "refused": "bold red", "removed": "dim"}


@click.command("ls")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@with_gateway
def command(gateway: Operating, style: str) -> None:
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("NAME", "PATH", "ROWS", "REJECTED", "LAST BATCH", "STATE"):
        table.add_column(title, justify="right" if title in ("ROWS", "REJECTED") else "left", no_wrap=True)
    for each in (*listed, *refused):
        batch = each["last_batch"]
        table.add_row(
            Text(each["name"]),
            Text(each["path"] or "-"),
            "-" if each["rows"] is None else f"{each['rows']:,}",
            "-" if each["rejected"] is None else f"{each['rejected']:,}",
            batch["committed_at"][:19] + "Z" if batch else "-",
            Text(each["state"], _COLOURS[each["state"]]),
        )
    console = Console(highlight=False)
    # A terminal is as wide as it is; what a program reads is never cut.
    console.print(table, width=None if console.is_terminal else 400)
