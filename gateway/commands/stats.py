"""The verb `gateway stats`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import click

from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.sparkline import sparkline
from gateway.commands.support.table import print_table
from gateway.plurals import counted

#: The plotted figures, with their titles.
_PLOTTED = {
    "stored": "rows stored",
    "rejected": "rows rejected",
    "refused_batches": "batches refused",
    "refused_rows": "rows refused",
    "reads": "reads",
    "served_rows": "rows served",
}
_REFUSALS = ("LAST REFUSED", "STATUS", "CODE", "METHOD", "TOKEN", "ROWS", "TIMES", "FIRST ERROR")
#: The most characters of a plot.
_PLOT_WIDTH = 60

Activity = Mapping[str, Any]


@click.command("stats")
@click.argument("name")
@click.option(
    "--since", metavar="24h|7d|DATE", default="24h", show_default=True, help="Where the plot begins."
)
@click.option("--step", metavar="1m|1h|1d", help="The length of a period. [default: by the time since then]")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@add_gateway_options
def command(name: str, gateway: GatewayClient, *, since: str, step: str | None, style: str) -> None:
    """Show what NAME stored, rejected, refused, and served, and list its last refused batches.

    A token with `ingest` sees its own batches and refusals. The admin token and one with `view: true` see all.
    """
    query = {"since": since, **({"step": step} if step else {})}
    activity = gateway.get(f"/-/connectors/{quote(name, safe='')}/activity?{urlencode(query)}")
    if style == "json":
        click.echo(json.dumps(activity, indent=2))
        return
    periods, refusals = activity["periods"], activity["refusals"]
    click.echo(f"{name}: {counted(len(periods), 'period')} of {activity['step']} since {activity['since']}")
    print_table(("IN EACH PERIOD", "TOTAL", "MOST", "PLOT"), _plots(activity), numbers=("TOTAL", "MOST"))
    for note in _notes(activity):
        click.echo(note)
    if refusals:
        click.echo()
        print_table(_REFUSALS, map(_refusal, refusals), numbers=("ROWS", "TIMES"))


def _notes(activity: Activity) -> Iterator[str]:
    """Yield what the numbers do not say: why some are missing, and why the list is shorter than their sum."""
    refused = activity["total"]["refused_batches"]
    # `figures_since` is set for minutes alone. Hours are always known to those who may see them.
    if refused is None and activity["figures_since"] is None:
        yield "-: only the admin token and one with view: true see these."
    if refused and refused > sum(each["times"] for each in activity["refusals"]):
        yield "The list has the last 100 kinds since the start of the gateway, so fewer than were refused."


def _plots(activity: Activity) -> Iterator[tuple[str, ...]]:
    """Yield a row for each figure: its title, its sum, its maximum, and its plot."""
    for key, title in _PLOTTED.items():
        values: Sequence[int | None] = [period[key] for period in activity["periods"]]
        total = activity["total"][key]
        known = [value for value in values if value is not None]
        yield (
            title,
            "-" if total is None else f"{total:,}",
            f"{max(known):,}" if known else "-",
            sparkline(values, _PLOT_WIDTH),
        )


def _refusal(refusal: Activity) -> tuple[str, ...]:
    first = refusal["first_error"]
    return (
        refusal["last_at"][:19] + "Z",
        str(refusal["status"]),
        refusal["code"] or "-",
        refusal["method"],
        refusal["token"] or "-",
        f"{refusal['rows']:,}",
        f"{refusal['times']:,}",
        _place(first) if first else "-",
    )


def _place(error: Activity) -> str:
    """Return the place of an error, such as `row 7, line 8, 'amount': 22P02`."""
    places = [f"{key} {error[key]}" for key in ("row", "line") if error[key] is not None]
    places += [repr(error["field"])] if error["field"] is not None else []
    return f"{', '.join(places)}: {error['code']}" if places else str(error["code"])
