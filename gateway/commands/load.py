"""The verb `gateway load`."""

from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.commands.support import terminal
from gateway.commands.support.client import GatewayClient, add_gateway_options
from gateway.commands.support.file_options import FileOptions, add_file_options
from gateway.commands.support.load_target import LoadTarget
from gateway.commands.support.upload import Upload
from gateway.plurals import rows_are
from gateway.rowfile import sniffing
from gateway.rowfile.compression import BROKEN
from gateway.rowfile.load_options import LoadOptions
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import sheet_note
from gateway.setting_values import parse_size


@click.command("load")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--batch",
    "size",
    metavar="SIZE",
    default="4M",
    show_default=True,
    help="The size of a batch in bytes, such as 512K or 8M.",
)
@click.option("--again", is_flag=True, help="Store all rows once more, even if they were loaded before.")
@click.option("--rest", is_flag=True, help="Store only the rows after those that were loaded before.")
@add_file_options
@add_gateway_options
def command(  # noqa: PLR0913  # one for each option
    name: str,
    file: Path,
    size: str,
    gateway: GatewayClient,
    *,
    again: bool,
    rest: bool,
    file_options: FileOptions,
) -> None:
    """Post the rows of FILE to the connector NAME, or to a path such as /orders, in batches.

    Each row of a file is stored once, even if the command is repeated: an interrupted load continues where it
    stopped, and of a file that has grown the new rows are stored. A bad row ends the load: the batches before it
    are stored, and the rest of the file can be corrected. Use --rest or --again for a file whose first rows were
    loaded from another file, or whose loaded rows have changed.
    """
    if again and rest:
        raise click.UsageError("--again stores all rows, --rest only some; choose one")
    if Path(name).is_file() and not file.exists():
        raise click.ClickException(
            f"{file} is not a file, but {name} is; NAME comes first: gateway load {file} {name}"
        )
    try:
        source = file_options.open(file)
        sniffing.check_content(source)
        note = sheet_note(source)
        options = LoadOptions(
            parse_size(size), file_options.without, tuple(file_options.words()), again, rest
        )
        upload = Upload(LoadTarget.find(gateway, name), name, source, options)
        upload.notes += [f"{note}."] if note else []
        _run(upload, source)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except BROKEN as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error
    _print_result(upload)


def _print_result(upload: Upload) -> None:
    """Print the notes and the numbers of rows."""
    for note in upload.notes:
        click.echo(note, err=True)
    sentences = [f"{rows_are(upload.outcome.stored)} stored at {upload.target.path}."]
    if upload.outcome.rejected:
        name = upload.target.connector
        kept = rows_are(upload.outcome.rejected, noun="bad row")
        sentences.append(f"{kept} kept; see gateway rejected ls {name}.")
    if upload.outcome.duplicates:
        sentences.append(f"{upload.outcome.duplicates:,} have primary keys that existed already.")
    if upload.outcome.before:
        sentences.append(
            f"{upload.outcome.before:,} were stored before; --again would store those once more."
        )
        sentences += _lost_rows(upload)
    click.echo(" ".join(sentences))


def _lost_rows(upload: Upload) -> list[str]:
    """Return a sentence about the rows that were stored before and have changed since.

    Raises:
        click.ClickException: None is unchanged, and nothing was stored.
    """
    try:
        present = upload.left()
    except (
        click.ClickException
    ) as error:  # All rows are stored: a user told otherwise would store them --again.
        return [f"How many of all these are unchanged is unknown: {error.message}."]
    gone = present.stored - present.left
    if not gone:
        return []
    if present.left or upload.outcome.stored:
        return [f"{gone:,} of all these were deleted, replaced, or changed since."]
    message = f"the {upload.outcome.before:,} rows were stored before, and all of them"
    raise click.ClickException(
        f"{message} were deleted, replaced, or changed since. Nothing was stored; --again stores all rows once more"
    )


def _run(upload: Upload, source: Source) -> None:
    console = terminal.console(stderr=True)
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
            for bytes_read in upload.run():
                progress.update(task, completed=bytes_read, rows=upload.outcome.rows)
        except KeyboardInterrupt as error:
            how_far = upload.outcome.how_far(is_answered=False)
            raise click.ClickException(f"interrupted; {how_far}") from error
