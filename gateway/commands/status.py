"""The verb `gateway status`."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.text import Text

from gateway.commands.support import terminal
from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.plan_report import finding_line
from gateway.commands.support.state_colors import STATE_COLORS
from gateway.commands.support.table import print_table
from gateway.plurals import counted

#: How long a gateway may take to answer: its state is in memory.
SECONDS = 10.0

Status = Mapping[str, Any]


@click.command("status")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--json", "style", flag_value="json", help="The same as --format json.")
@add_gateway_options
def command(gateway: GatewayClient, style: str) -> None:
    """Show the state of a running gateway in short; exit 0: all is well, 1: it is not.

    All is well unless a file is refused, an older version of it is served, the directory or the tokens file cannot be
    read or has an error, or the disk is full. Nor is it while PostgreSQL does not answer a gateway on a lake. Warnings,
    removed connectors, and tokens that expire are shown only. A gateway that does not answer within 10 seconds is an
    error, too.

    The token is the admin token, or one with `view: true` in the tokens file.
    """
    status = gateway.get("/-/status", seconds=SECONDS)
    problems = list(_problems(status))
    if style == "json":
        click.echo(json.dumps({"ok": not problems, "problems": problems, **status}, indent=2))
    else:
        _print(status, problems)
    raise SystemExit(1 if problems else 0)


def _problems(status: Status) -> Iterator[str]:
    """Yield the reasons why not all is well."""
    if status["source"]["problem"]:
        yield f"the directory cannot be read: {status['source']['problem']}"
    states = Counter(file["state"] for file in status["files"])
    if states["refused"]:
        yield f"{counted(states['refused'], 'file')} refused"
    if states["last good"]:
        yield f"{counted(states['last good'], 'file')} served as an older version"
    if any(finding["level"] == "error" for finding in status["tokens"]):
        yield "the tokens file has an error, so the tokens stay as they were"
    if status["disk"]["full"]:
        yield "the disk is full, so writes are refused"
    if not status["store"].get("answers", True):
        yield "PostgreSQL does not answer, so rows can neither be written nor read"


def _print(status: Status, problems: list[str]) -> None:
    print_table(
        ("FILE", "STATE", "PATH"),
        (
            (file["file"], Text(file["state"], STATE_COLORS[file["state"]]), file["path"] or "-")
            for file in status["files"]
        ),
    )
    console = terminal.console(soft_wrap=True)
    directory = status["source"]["path"]
    for finding in (*status["passed_over"], *(each for file in status["files"] for each in file["findings"])):
        console.print(finding_line("", finding, f" {directory}/{finding['file']}"))
    for finding in status["tokens"]:
        console.print(finding_line("", finding, f" {finding['file']}"))
    disk = status["disk"]
    console.print(
        Text(f"disk: {disk['free'] / 2**30:,.1f} GiB free; writes need {disk['reserve'] / 2**30:,.1f} GiB")
    )
    text = "not all is well: " + "; ".join(problems) if problems else "all is well"
    console.print(Text(text, "bold red" if problems else "green"))
