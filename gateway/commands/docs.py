"""The verb `gateway docs`."""

import click

from gateway.docs import pages
from gateway.errors import GatewayError


@click.command("docs")
@click.argument("page", required=False)
def command(page: str | None) -> None:
    """Print a page of the documentation as Markdown; without PAGE, list the pages."""
    if page is None:
        click.echo(_list(), nl=False)
        return
    try:
        click.echo(pages.read(page).text, nl=False)
    except GatewayError as error:
        raise click.ClickException(f"{error.message}; {error.hint}") from error


def _list() -> str:
    width = max(map(len, pages.NAMES))
    lines = []
    for group, names in pages.GROUPS.items():
        lines += [f"{group}:", *(f"  {name:{width}}  {pages.read(name).summary}" for name in names), ""]
    return "\n".join([*lines, "Print one with: gateway docs PAGE", ""])
