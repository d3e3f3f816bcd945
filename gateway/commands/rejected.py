"""The verb `gateway rejected`."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.table import print_table
from gateway.plurals import rows_are

_COLUMNS = ("ID", "BATCH", "ROW", "STATE", "FIELD", "CODE", "WHAT IS WRONG")
#: The default number of listed rows.
LISTED = 50


def _add_selection(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select rejected rows to a command."""
    for option in reversed(
        (
            click.option(
                "--id",
                "ids",
                type=int,
                multiple=True,
                metavar="ID",
                help="The row with this _id; repeatable.",
            ),
            click.option("--batch", type=int, metavar="BATCH", help="The rows of this batch."),
            click.option("--field", metavar="FIELD", help="The rows with an error in this field."),
            click.option("--code", metavar="CODE", help="The rows with an error of this code."),
        )
    ):
        command = option(command)
    return command


@click.group("rejected")
def command() -> None:
    """Show, replay, or discard the rejected rows of connectors."""


@command.command("ls")
@click.argument("name")
@_add_selection
@click.option(
    "--state", type=click.Choice(["kept", "replayed", "discarded", "all"]), default="kept", show_default=True
)
@click.option("--limit", type=click.IntRange(1), default=LISTED, show_default=True, metavar="MOST")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@add_gateway_options
def ls(name: str, gateway: GatewayClient, *, state: str, limit: int, style: str, **selection: Any) -> None:
    """List the rejected rows of NAME, latest first, each with its first error."""
    query = [*_query(**selection), ("order", "_id.desc"), ("limit", str(limit))]
    if state != "all":
        query.append(("state", f"eq.{state}"))
    listed = gateway.get(_path(name, query=query))
    summary = gateway.get(_path(name, "/summary"))
    if style == "json":
        click.echo(json.dumps(listed, indent=2))
        return
    if listed:
        print_table(_COLUMNS, map(_cells, listed))
    counts = ", ".join(f"{summary[state]:,} {state}" for state in ("kept", "replayed", "discarded"))
    click.echo(f"{name}: {counts}")
    for each in summary["errors"]:
        where = each["field"] or "the row"
        click.echo(f"  {each['rows']:,} × {where} {each['code']}, such as: {each['message']}")


def _cells(each: dict[str, Any]) -> tuple[str, ...]:
    """Return the row of one rejected row."""
    first = each["errors"][0] if each["errors"] else {}
    more = f" (and {len(each['errors']) - 1} more)" if len(each["errors"]) > 1 else ""
    cells = (each["_id"], each["_batch"], each["row"], each["state"], first.get("field"), first.get("code"))
    return (*(str("-" if cell is None else cell) for cell in cells), f"{first.get('message')}{more}")


@command.command("show")
@click.argument("name")
@click.argument("id", type=int)
@add_gateway_options
def show(name: str, id: int, gateway: GatewayClient) -> None:
    """Show the rejected row ID of NAME: its original text and all its errors."""
    found = gateway.get(_path(name, query=[("_id", f"eq.{id}")]))
    if not found:
        raise click.ClickException(
            f"'{name}' has no rejected row {id}; gateway rejected ls {name} lists them"
        )
    (row,) = found
    line = f", line {row['line']}" if row["line"] else ""
    click.echo(f"row {row['row']}{line} of batch {row['_batch']}, {row['_ingested_at']}, {row['state']}")
    if row["reason"]:
        click.echo(f"because: {row['reason']}")
    if row["settled_batch"]:
        click.echo(f"it is a row of batch {row['settled_batch']} since {row['settled_at']}")
    click.echo(row["raw"])
    for each in row["errors"]:
        click.echo(f"  {each['field'] or 'the row'}: {each['code']}: {each['message']}")


@command.command("replay")
@click.argument("name")
@_add_selection
@click.option(
    "--edited",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON or NDJSON: corrected rows, each with the _id of the rejected row.",
)
@click.option("--check", is_flag=True, help="Only report what would be stored, and store nothing.")
@add_gateway_options
def replay(name: str, gateway: GatewayClient, *, edited: Path | None, check: bool, **selection: Any) -> None:
    """Validate rejected rows of NAME again, and store the valid ones: all kept rows, or the selected ones."""
    path = _path(name, "/check" if check else "/replay", _query(**selection))
    receipt = gateway.post_text(path, edited.read_bytes() if edited else b"")
    tried = rows_are(receipt["received"], "were")
    if check:
        click.echo(f"{tried} checked: {receipt['valid']:,} valid, {receipt['rejected']:,} still bad.")
    else:
        click.echo(
            f"{tried} tried: {receipt['stored']:,} stored, {receipt['duplicates']:,} there already,"
            f" {receipt['rejected']:,} still bad."
        )
    for each in receipt.get("errors", ())[:10]:
        click.echo(f"  id {each['_id']}, {each['field'] or 'the row'}: {each['message']}")
    _require_all(receipt["received"], selection["ids"])
    if receipt["rejected"]:
        raise SystemExit(1)


@command.command("discard")
@click.argument("name")
@_add_selection
@click.option("--reason", required=True, metavar="WHY", help="The reason, stored with the rows.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation if all rows are selected.")
@add_gateway_options
def discard(name: str, gateway: GatewayClient, *, reason: str, yes: bool, **selection: Any) -> None:
    """Mark rejected rows of NAME as discarded permanently: all kept rows, or the selected ones."""
    query = _query(**selection)
    if not query and not yes:
        kept = gateway.get(_path(name, "/summary"))["kept"]
        all_of = "the 1 rejected row" if kept == 1 else f"all {kept:,} rejected rows"
        click.confirm(f"Discard {all_of} of '{name}'?", abort=True)
    done = gateway.post(_path(name, "/discard", query or [("_id", "gte.0")]), {"reason": reason})
    click.echo(f"{rows_are(done['discarded'])} discarded.")
    _require_all(done["discarded"], selection["ids"])


def _require_all(rows: int, ids: Sequence[int]) -> None:
    """Check that all rows named by --id were kept; end the command otherwise."""
    if rows < len(set(ids)):
        raise click.ClickException(f"{len(set(ids)) - rows} of the named rows are no longer kept")


def _query(
    ids: Sequence[int] = (), batch: int | None = None, field: str | None = None, code: str | None = None
) -> list[tuple[str, str]]:
    """Return the filter that selects the rows, as query parameters."""
    query = []
    if ids:
        query.append(("_id", f"in.({','.join(map(str, ids))})"))
    if batch is not None:
        query.append(("_batch", f"eq.{batch}"))
    error = {name: value for name, value in (("field", field), ("code", code)) if value is not None}
    if error:
        query.append(("errors", f"cs.{json.dumps([error])}"))
    return query


def _path(name: str, rest: str = "", query: Sequence[tuple[str, str]] = ()) -> str:
    return f"/-/connectors/{quote(name, safe='')}/rejected{rest}" + (f"?{urlencode(query)}" if query else "")
