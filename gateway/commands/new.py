"""The verb `gateway new`."""

from collections.abc import Sequence
from pathlib import Path

import click

from gateway.commands.support import connector_lookup
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.draft_report import DraftReport
from gateway.commands.support.file_options import FileOptions, add_file_options
from gateway.commands.support.new_file import write_new
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.finding import Finding
from gateway.draft import columns, draft_file
from gateway.draft.draft_file import Draft
from gateway.plurals import counted
from gateway.rowfile.compression import BROKEN


@click.command("new")
@click.argument("name")
@click.option(
    "--from",
    "rows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of rows: .csv, .tsv, .json, .ndjson, .parquet, .arrow or .xlsx; text also with .gz or .zst.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="FIELD",
    help="A field such as 'amount: decimal(12, 2)'; repeatable.",
)
@click.option(
    "--rows", "row_limit", type=click.IntRange(min=1), help="Inspect only the first rows. [default: all]"
)
@add_file_options
@click.option("--stdout", is_flag=True, help="Print the file instead of writing it.")
@click.option("--connectors", type=click.Path(path_type=Path), help="The directory. [GATEWAY_CONNECTORS]")
def command(  # noqa: PLR0913  # one for each option
    name: str,
    rows: Path | None,
    fields: tuple[str, ...],
    row_limit: int | None,
    connectors: Path | None,
    *,
    stdout: bool,
    file_options: FileOptions,
) -> None:
    """Write a connector file for NAME, with the columns of a file of rows or the fields of --field.

    Types and nullability fit every row; a comment marks each decision that the rows leave open.
    """
    connector_lookup.check_name(name)
    if (rows is None) == (not fields):
        raise click.ClickException(
            "name the fields in one of two ways: --from FILE with rows, or --field 'NAME: TYPE' for each"
        )
    settings = read_settings()
    directory = connectors or settings.connectors
    if not stdout:
        connector_lookup.check_unused(directory, name)
    draft = _from_fields(fields) if rows is None else _from_rows(rows, row_limit, file_options)
    what = "--field" if rows is None else f"a draft of {rows}"
    connector = _declared(name, draft.text, fields, what)
    path = None if stdout else directory / f"{name}.yaml"
    report = DraftReport(draft, connector, rows, path, connectors, file_options)
    if path is None:
        click.echo(draft.text, nl=False)
        click.echo("".join(f"{note}\n" for note in report.notes()), err=True, nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_new(path, draft.text)
    click.echo(f"{path} is written, with {counted(len(connector.fields), 'field')}.")
    for line in (*report.notes(), *report.questions(), *report.next_steps(settings)):
        click.echo(line)


def _from_fields(fields: Sequence[str]) -> Draft:
    for field in fields:
        if not field.isprintable() or not field.strip():
            raise click.ClickException(f"--field {field!r} is not a line such as 'amount: decimal(12, 2)'")
    return Draft("fields:\n" + "".join(f"  {field.strip()}\n" for field in fields), {}, 0)


def _from_rows(rows: Path, row_limit: int | None, file_options: FileOptions) -> Draft:
    try:
        return draft_file.render(
            columns.inspect(file_options.open(rows), row_limit, file_options.without), rows.name
        )
    except columns.HeaderOnlyError as error:
        message = f"{error}; or use --field 'NAME: TYPE' for each column instead of --from"
        raise click.ClickException(message) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except BROKEN as error:
        raise click.ClickException(f"{rows} cannot be read: {error}") from error


def _declared(name: str, text: str, fields: Sequence[str], what: str) -> Connector:
    """Parse a connector file, or end the command with its errors."""
    declared = plan.parse_file(ConnectorFile.of(f"{name}.yaml", text.encode()))
    if declared.connector is None:
        errors = [finding for finding in declared.findings if not finding.is_warning]
        raise click.ClickException(
            f"no connector can be made of {what}: "
            + "; ".join(_error_text(error, fields) for error in errors)
        )
    extra = {
        each.partition(":")[0].strip()
        for each in text.splitlines()
        if each and not each.startswith((" ", "#"))
    }
    if extra - {"fields"}:
        raise click.ClickException(f"no connector can be made of {what}: a field is one line NAME: TYPE")
    return declared.connector


def _error_text(finding: Finding, fields: Sequence[str]) -> str:
    at = (finding.line or 0) - 2
    place = f"'{fields[at]}': " if 0 <= at < len(fields) else ""
    return f"{place}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")
