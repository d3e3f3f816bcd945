"""gateway token."""

import click

from gateway.serve.access import can_name_a_token, make_token


@click.command("token")
@click.argument("name")
def command(name: str) -> None:
    """Make a token: print its secret, once, and the line to paste into the tokens file."""
    if not can_name_a_token(name):
        raise click.ClickException(f"'{name}' cannot be the name of a token: use letters, digits and . _ -")
    secret, line = make_token(name)
    click.echo(f"The secret, shown only this once:\n\n  {secret}\n\nThe line for the tokens file:\n\n{line}")
