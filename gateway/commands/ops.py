"""The verb `gateway ops`."""

import click

from gateway.ops import files


@click.command("ops")
@click.argument("file", type=click.Choice(list(files.FILES)))
def command(file: str) -> None:
    """Print a file for Prometheus or Grafana: the alert rules, their tests for promtool, or the dashboard."""
    click.echo(files.read(file), nl=False)
