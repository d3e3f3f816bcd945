"""The verb `gateway lake`."""

from dataclasses import replace
from pathlib import Path

import click

from gateway.commands.support import integrity_text
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.lake_doctor import check_lake
from gateway.commands.support.lake_errors import errors_of_lake
from gateway.plurals import counted
from gateway.resources import memory_of
from gateway.store.engine.open_file import FILE
from gateway.store.files import lock

#: The names under which these verbs commit and connect.
_IMPORT, _EXPORT = "lake import", "lake export"


@click.group("lake")
def command() -> None:
    """Prepare and check the lake that several gateways share, and move a store into it and back."""


@command.command("init")
@click.option(
    "--take-over",
    "takes_over",
    is_flag=True,
    help="Let the data files belong to this catalog, although they belong to another one, which is gone for good.",
)
def init(*, takes_over: bool) -> None:
    """Create the lake of GATEWAY_LAKE_CATALOG and GATEWAY_LAKE_DATA, or what is missing of it; it may be run again."""
    with errors_of_lake():
        from gateway.store.lake.lake_init import init_lake  # noqa: PLC0415
        from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415

        settings = read_settings()
        done = init_lake(lake_address(settings), settings.data / "spill", takes_over=takes_over)
    for line in done:
        click.echo(line)


@command.command("import")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DATA",
    required=True,
    help="The data directory of the stopped gateway.",
)
def import_command(source: Path) -> None:
    """Copy the store of one machine into a new lake: rows, rejected rows, batches, keys, and history.

    The gateway of DATA and those of the lake must be stopped; DATA is not changed. If it is interrupted, run it again: it
    goes on where it was. No gateway starts on the lake before every row was compared.
    """
    directory = source.resolve()
    if not (directory / FILE).exists():
        raise click.ClickException(f"{directory} has no {FILE}, so there is nothing to import")
    with errors_of_lake():
        from gateway.store.lake.lake_import import import_store  # noqa: PLC0415
        from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415

        settings = replace(read_settings(), name=_IMPORT)
        with lock.held(directory):
            done = import_store(
                lake_address(settings),
                directory / FILE,
                memory=memory_of(settings),
                spill_folder=settings.data / "spill",
                report=click.echo,
            )
    for table in done.strangers:
        click.echo(f"rows.{table} belongs to no connector and was not copied")
    sizes = f"{counted(done.connectors, 'connector')} with {counted(done.rows, 'row')}"
    click.echo(f"imported and compared: {sizes}, the store {done.store}. Start the gateways of the lake.")


@command.command("export")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DATA",
    required=True,
    help="The data directory for a gateway on one machine, without a store.",
)
def export_command(target: Path) -> None:
    """Copy a lake into the data directory of a gateway on one machine.

    It has the rows of one moment. Stop the gateways of the lake first, else later rows are in the lake alone.
    """
    directory = target.resolve()
    with errors_of_lake():
        from gateway.store.lake.lake_export import export_store  # noqa: PLC0415
        from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415

        settings = replace(read_settings(), name=_EXPORT)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock.held(directory):
            done = export_store(
                lake_address(settings),
                directory,
                memory=memory_of(settings),
                spill_folder=directory / "spill",
                report=click.echo,
            )
    click.echo(f"{directory / FILE}: {integrity_text.summary(done.found)}")
    if done.later:
        click.echo(f"{counted(done.later, 'commit')} came to the lake since, and are not in the file")


@command.command("doctor")
@click.option("--quick", is_flag=True, help="Count the rows, but do not read them.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
def doctor_command(style: str, *, quick: bool) -> None:
    """Check the lake: its gate, the files of the catalog, and the rows of each connector against its ledger.

    Nothing is changed, and the gateways may run. Exit code 0: the lake is sound. Exit code 1: rows are missing or
    unreadable. Exit code 2: gateway lake init or import can repair it. Exit code 3: nothing was checked.
    """
    check_lake(style, is_thorough=not quick)
