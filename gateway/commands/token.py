"""The verb `gateway token`."""

import re
from datetime import UTC, datetime, timedelta

import click

from gateway.auth.tokens import is_token_name, make_token, parse_instant


@click.command("token")
@click.argument("name")
@click.option(
    "--expires", metavar="90d|DATE", help="The token expires after this number of days, or on this day."
)
@click.option("--view", "views", is_flag=True, help="The token may see the state of every connector.")
def command(name: str, expires: str | None, *, views: bool) -> None:
    """Create a token: print its secret, once, and the line to paste into the tokens file."""
    if not is_token_name(name):
        raise click.ClickException(f"'{name}' cannot be the name of a token: use letters, digits, and . _ -")
    secret, line = make_token(name, None if expires is None else _end(expires), views=views)
    click.echo(f"The secret, shown only this once:\n\n  {secret}\n\nThe line for the tokens file:\n\n{line}")


def _end(text: str) -> datetime:
    now = datetime.now(UTC)
    try:
        days = re.fullmatch(r"([0-9]{1,5})d", text)
        end = now + timedelta(days=int(days[1])) if days else parse_instant(text)
    except ValueError as error:
        hint = "write a number of days such as 90d, or a day such as 2027-01-01"
        raise click.ClickException(f"--expires {text} is no time: {hint}") from error
    if end <= now:
        raise click.ClickException(f"--expires {text} is not in the future")
    return end
