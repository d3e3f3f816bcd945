"""gateway new."""

from pathlib import Path

import click

from gateway.commands import file_of
from gateway.commands.configuration import read_settings
from gateway.commands.duplicate import write_new
from gateway.connectors import plan
from gateway.connectors.declaration import NAME
from gateway.connectors.directory import File
from gateway.draft import columns, draft
from gateway.rowfile.source import BROKEN, Source


@click.command("new")
@click.argument("name")
@click.option(
    "--from",
    "rows",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Rows as .csv, .json, .ndjson or .parquet, also with .gz or .zst behind.",
)
@click.option("--rows", "most", type=click.IntRange(min=1), help="Look at so many rows. [default: all]")
@click.option("--stdout", is_flag=True, help="Print the file instead of writing it.")
@click.option("--connectors", type=click.Path(path_type=Path), help="The directory. [GATEWAY_CONNECTORS]")
def command(name: str, rows: Path, most: int | None, connectors: Path | None, *, stdout: bool) -> None:
    """Write a connector NAME whose fields are the columns of a file of rows.

    Types and nullability are what every row has; what the rows cannot tell is said in a comment.
    """
    if not NAME.fullmatch(name):
        raise click.ClickException(
            f"'{name}' is not a connector name: a to z, 0 to 9, _ and -, a letter first"
        )
    directory = connectors or read_settings().connectors
    if not stdout:
        file_of.require_new(directory, name)
    text = _draft(rows, most)
    declared = plan.read_file(File.of(f"{name}.yaml", text.encode()))
    if declared.connector is None:
        told = "; ".join(finding.message for finding in declared.findings)
        raise click.ClickException(f"no connector can be made of {rows}: {told}")
    if stdout:
        click.echo(text, nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.yaml"
    write_new(path, text)
    remarks = sum("  # " in line for line in text.splitlines())
    click.echo(f"{path} is written" + (f"; {remarks} fields have a question behind a #." if remarks else "."))


def _draft(rows: Path, most: int | None) -> str:
    try:
        return draft.write(columns.look(Source.of(rows), most), rows.name)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except BROKEN as error:
        raise click.ClickException(f"{rows} cannot be read: {error}") from error
