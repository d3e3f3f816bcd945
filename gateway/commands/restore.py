"""The verb `gateway restore`."""

from pathlib import Path

import click

from gateway.commands.support import integrity_text
from gateway.commands.support.configuration import read_settings
from gateway.resources import memory_of
from gateway.store.engine.open_file import FILE
from gateway.store.files import lock, restore, saved_files
from gateway.store.files.checksum_repair import Unopenable
from gateway.store.files.integrity_check import IntegrityReport, examine_file


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data directory. [GATEWAY_DATA]"
)
@click.option("--move-aside", is_flag=True, help="First move an existing store to a dated folder.")
@click.option("--quick", is_flag=True, help="Count the rows of FILE, but do not read them.")
def command(file: Path, data: Path | None, *, move_aside: bool, quick: bool) -> None:
    """Replace the store by a backup FILE of gateway backup; the gateway must not be running.

    Rows, connectors, and numbers are those of the backup. Rows stored after it are not included.
    """
    settings = read_settings()
    if settings.store == "lake" and data is None:
        message = (
            "a lake has no file to restore: restore PostgreSQL and the data files, as gateway docs lake says"
        )
        raise click.ClickException(f"{message}; --data restores the store of one machine")
    directory = (data or settings.data).resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock.held(directory):
            found = _checked(file, memory_of(settings), is_thorough=not quick)
            folder = restore.put(file, directory / FILE, move_aside=move_aside)
    except lock.Locked as error:
        raise click.ClickException(str(error)) from error
    except restore.Occupied as error:
        hint = "--move-aside first moves it to a dated folder of that directory"
        raise click.ClickException(f"{error}; {hint}") from error
    except saved_files.NoRoom as error:
        raise click.ClickException(f"{error}; free some; nothing was changed") from error
    except OSError as error:
        raise click.ClickException(f"{directory} cannot be written: {error.strerror or error}") from error
    click.echo(f"{directory} has the store of {file}. {integrity_text.sentence(found)}.")
    if folder:
        click.echo(f"The previous store is in {folder}.")


def _checked(file: Path, memory: int, *, is_thorough: bool) -> IntegrityReport:
    try:
        found = examine_file(file, memory=memory, is_thorough=is_thorough, repair_in=None)
    except Unopenable as error:
        raise click.ClickException(f"{file} cannot be restored: {error}") from error
    if not found.is_sound:
        raise click.ClickException(f"{file} is damaged and was not restored: {found.harm}")
    return found
