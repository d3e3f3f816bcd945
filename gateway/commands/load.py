"""gateway load."""

from pathlib import Path
from urllib.parse import quote

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.commands.loading import Loading
from gateway.commands.operating import Operating, told, with_gateway
from gateway.rowfile.source import BROKEN, Source
from gateway.settings import parse_size


@click.command("load")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--batch", "size", metavar="SIZE", default="4M", show_default=True, help="How large a batch is."
)
@click.option("--again", is_flag=True, help="Store the rows once more, although they were loaded before.")
@with_gateway
def command(name: str, file: Path, size: str, gateway: Operating, *, again: bool) -> None:
    """Post the rows of FILE to the connector NAME, or to a path such as /orders, in batches.

    A row of a file is stored once, however often this is typed: what was interrupted goes on where it ended,
    and of a file that has grown the rest is stored. A bad row ends it: the batches before are stored, and the
    rest of the file can be mended.
    """
    try:
        source = Source.of(file)
        path = _path_of(gateway, name)
        loading = Loading(gateway, source, name, path, parse_size(size), again=again)
        _run(loading, source)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except BROKEN as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error
    before = loading.rows - loading.stored - loading.rejected - loading.duplicates
    told = [f"{loading.stored:,} rows are stored at {loading.path}."]
    if loading.rejected:
        told.append(f"{loading.rejected:,} bad ones are kept; gateway rejected ls {name} shows them.")
    if loading.duplicates:
        told.append(f"{loading.duplicates:,} have primary keys that were there already.")
    if before:
        told.append(f"{before:,} had been before; --again would store those once more.")
    click.echo(" ".join(told))


def _run(loading: Loading, source: Source) -> None:
    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(source.path.name, total=source.size, rows=0)
        try:
            for raw_place in loading.run():
                progress.update(task, completed=raw_place, rows=loading.rows)
        except KeyboardInterrupt as error:
            raise click.ClickException(f"interrupted; {loading.how_far()}") from error


def _path_of(gateway: Operating, name: str) -> str:
    """Give the path of a connector; where the token may not ask for it, the usual one."""
    if name.startswith("/") and not name.startswith("/-/"):
        return quote(name)
    if not name or "/" in name:
        raise click.ClickException(f"{name!r} is neither the name of a connector nor the path of one")
    answer = gateway.request("GET", f"/-/connectors/{quote(name)}")
    if answer.is_success:
        return str(answer.json()["path"])
    if answer.status_code == 404:
        raise click.ClickException(told(answer))
    return f"/{quote(name)}"
