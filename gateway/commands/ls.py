"""The verb `gateway ls`."""

import json
from http import HTTPStatus
from typing import Any

import click
from rich.text import Text

from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.state_colors import STATE_COLORS
from gateway.commands.support.table import print_table

#: The columns of the last 24 hours.
_DAY = ("STORED 24H", "REFUSED 24H", "SERVED 24H")
_COLUMNS = ("NAME", "PATH", "ROWS", "REJECTED", *_DAY, "LAST BATCH", "STATE")
_NUMBERS = ("ROWS", "REJECTED", *_DAY)


@click.command("ls")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@add_gateway_options
def command(gateway: GatewayClient, style: str) -> None:
    """List the connectors of a running gateway: name, path, rows, rejected rows, last day, last batch, state.

    STORED 24H and SERVED 24H are rows of the last 24 hours, and REFUSED 24H are batches. The list has what the token may see: the
    admin token and one with `view: true` see everything, also the files that are refused.
    """
    listed = gateway.get("/-/connectors")
    refused = _refused_files(gateway, {each["name"] for each in listed})
    if style == "json":
        click.echo(json.dumps([*listed, *refused], indent=2))
        return
    print_table(_COLUMNS, map(_cells, (*listed, *refused)), numbers=_NUMBERS)


def _refused_files(gateway: GatewayClient, named: set[str]) -> list[dict[str, Any]]:
    """Return an entry for each file that no connector is served from; none if the token may not see files."""
    answer = gateway.request("GET", "/-/status")
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        click.echo(
            "no token: the list has public connectors alone; set GATEWAY_TOKEN, use --token-file, or run this"
            " where DATA/admin-token is",
            err=True,
        )
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return []
    none = dict.fromkeys(("path", "rows", "rejected", "last_batch", "last_day"))
    files = gateway.answer(answer)["files"]
    return [
        {"name": each["file"], **none, "state": each["state"]}
        for each in files
        if each["connector"] not in named
    ]


def _cells(each: dict[str, Any]) -> tuple[str | Text, ...]:
    """Return the row of one connector."""
    batch, day, state = each.get("last_batch"), each.get("last_day") or {}, each.get("state", "live")
    counts = (each.get("rows"), each.get("rejected"))
    last_day = (day.get(key) for key in ("stored", "refused_batches", "served_rows"))
    return (
        each["name"],
        each["path"] or "-",
        *("-" if count is None else f"{count:,}" for count in (*counts, *last_day)),
        batch["committed_at"][:19] + "Z" if batch else "-",
        Text(state, STATE_COLORS[state]),
    )
