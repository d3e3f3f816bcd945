"""gateway new."""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway import strictjson
from gateway.auth.credentials import ADMIN_FILE
from gateway.commands.duplicate import write_new
from gateway.commands.support import connector_lookup
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.file_options import Reading, reading_options
from gateway.connectors import plan
from gateway.connectors.connector import Access, Connector
from gateway.connectors.directory import File
from gateway.connectors.finding import Finding
from gateway.draft import columns, draft, example_row, header
from gateway.draft.draft import Draft
from gateway.rowfile.compression import BROKEN
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed to make a draft.

    Attributes:
        name: What the connector is called.
        rows: The file of rows.
        written: The connector file that is written; None where it is printed.
        connectors: The directory, where that was said.
        reading: How the file is written.
    """

    name: str
    rows: Path | None
    written: Path | None
    connectors: Path | None
    reading: Reading

    def with_header(self, width: int) -> str:
        """Return the command that makes the draft anew, with names for so many columns."""
        words = ["gateway", "new", self.name, "--from", str(self.rows), *self.reading.words()]
        words += ["--header", header.names_for(width)]
        words += ["--connectors", str(self.connectors)] if self.connectors else []
        if self.written is None:
            return shlex.join([*words, "--stdout"])
        return f"rm {shlex.quote(str(self.written))} && {shlex.join(words)}"


@click.command("new")
@click.argument("name")
@click.option(
    "--from",
    "rows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rows as .csv, .tsv, .json, .ndjson or .parquet, also with .gz or .zst behind.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="FIELD",
    help="A field such as 'amount: decimal(12, 2)'; repeatable.",
)
@click.option("--rows", "most", type=click.IntRange(min=1), help="Look at so many rows. [default: all]")
@reading_options
@click.option("--stdout", is_flag=True, help="Print the file instead of writing it.")
@click.option("--connectors", type=click.Path(path_type=Path), help="The directory. [GATEWAY_CONNECTORS]")
def command(  # noqa: PLR0913  # one for each option
    name: str,
    rows: Path | None,
    fields: tuple[str, ...],
    most: int | None,
    connectors: Path | None,
    *,
    stdout: bool,
    reading: Reading,
) -> None:
    """Write a connector NAME whose fields are the columns of a file of rows, or those of --field.

    Types and nullability are what every row has; what the rows cannot tell is said in a comment.
    """
    connector_lookup.require_name(name)
    if (rows is None) == (not fields):
        raise click.ClickException(
            "say what the fields are, in one of two ways: --from FILE with rows of them, or"
            " --field 'NAME: TYPE' for each"
        )
    settings = read_settings()
    directory = connectors or settings.connectors
    if not stdout:
        connector_lookup.require_new(directory, name)
    if rows is None:
        drafted, load = Draft(_of_fields(fields), {}, 0), None
        connector = _declared(name, drafted.text, fields, "--field")
    else:
        drafted = _draft(rows, most, reading)
        connector = _declared(name, drafted.text, (), f"a draft of {rows}")
        load = _load_command(name, rows, drafted, reading)
    path = directory / f"{name}.yaml"
    typed = _Typed(name, rows, None if stdout else path, connectors, reading)
    notes = list(_notes(drafted, load, typed))
    if stdout:
        click.echo(drafted.text, nl=False)
        for note in notes:
            click.echo(note, err=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_new(path, drafted.text)
    click.echo(f"{path} is written, with {len(connector.fields)} field{'s' * (len(connector.fields) != 1)}.")
    for line in (
        *notes,
        *_left_open(drafted, connector, path),
        *_way_on(connector, directory, settings, load),
    ):
        click.echo(line)


def _of_fields(fields: Sequence[str]) -> str:
    for each in fields:
        if not each.isprintable() or not each.strip():
            raise click.ClickException(f"--field {each!r} is not a line such as 'amount: decimal(12, 2)'")
    return "fields:\n" + "".join(f"  {each.strip()}\n" for each in fields)


def _declared(name: str, text: str, fields: Sequence[str], what: str) -> Connector:
    """Read the connector of a text, or end with what is wrong with it."""
    declared = plan.read_file(File.of(f"{name}.yaml", text.encode()))
    if declared.connector is None:
        faults = [each for each in declared.findings if not each.warning]
        raise click.ClickException(
            f"no connector can be made of {what}: " + "; ".join(_said(each, fields) for each in faults)
        )
    extra = {
        each.partition(":")[0].strip()
        for each in text.splitlines()
        if each and not each.startswith((" ", "#"))
    }
    if extra - {"fields"}:
        raise click.ClickException(f"no connector can be made of {what}: a field is one line NAME: TYPE")
    return declared.connector


def _said(finding: Finding, fields: Sequence[str]) -> str:
    at = (finding.line or 0) - 2
    place = f"'{fields[at]}': " if 0 <= at < len(fields) else ""
    return f"{place}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")


def _draft(rows: Path, most: int | None, reading: Reading) -> Draft:
    try:
        return draft.write(columns.look(reading.open(rows), most, reading.without), rows.name)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except BROKEN as error:
        raise click.ClickException(f"{rows} cannot be read: {error}") from error


# -- what is said about a draft


def _load_command(name: str, rows: Path, drafted: Draft, reading: Reading) -> str:
    """Write the command that loads the file into the connector."""
    without = [word for each in drafted.left_out for word in ("--without", each)]
    return shlex.join(["gateway", "load", name, str(rows), *reading.words(), *without])


def _notes(drafted: Draft, load: str | None, typed: _Typed) -> Iterator[str]:
    """Say what the connector does not have of the file, and what may be wrong with that."""
    if drafted.doubt:
        yield f"{drafted.doubt}. If it is a row and no header, name the columns: {typed.with_header(drafted.width)}"
    for name, problem in drafted.left_out.items():
        if name.isdecimal():
            yield f"Column {name} {problem}. It is left out: name it in the file, or load without it: {load}"
        else:
            yield f"The column {name!r} {problem}. It is left out: rename it in the file, or load without it: {load}"


def _left_open(drafted: Draft, connector: Connector, path: Path) -> Iterator[str]:
    """Say what is to be decided before others use it."""
    if drafted.questions:
        has = "field has a question" if drafted.questions == 1 else "fields have a question"
        yield f"{drafted.questions} {has} behind a # in {path}."
    if connector.access == Access():
        yield f"Nothing but the admin token may write or read its rows; access: in {path} names others."


def _way_on(connector: Connector, directory: Path, settings: Settings, load: str | None) -> Iterator[str]:
    """Say where the connector is served, and how rows come in."""
    base = os.environ.get("GATEWAY_URL") or settings.local_url
    url = base.rstrip("/") + connector.path
    row, missing = example_row.row(connector)
    body = shlex.quote(strictjson.write([row]).decode())
    token = (
        "$GATEWAY_TOKEN"
        if os.environ.get("GATEWAY_TOKEN")
        else f"$(cat {shlex.quote(str(settings.data / ADMIN_FILE))})"
    )
    yield f"A gateway that serves {directory} has it at {url}. To store a row:"
    yield f"  curl {url} -H \"Authorization: Bearer {token}\" -H 'Content-Type: application/json' -d {body}"
    if missing:
        yield f"Put a value for {', '.join(missing)} into it: none was found that their constraints let through."
    if load:
        yield f"To load the file: {load}"
