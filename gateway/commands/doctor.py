"""The verb `gateway doctor`."""

from collections.abc import Iterable
from pathlib import Path

import click
from rich.text import Text

from gateway.commands.support import integrity_text
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.lake_doctor import DAMAGED, NOT_EXAMINED, REPAIRABLE, SOUND, check_lake
from gateway.resources import memory_of
from gateway.store.engine.open_file import FILE
from gateway.store.files import lock, restore, saved_files
from gateway.store.files.checksum_repair import Repairable, Unopenable
from gateway.store.files.integrity_check import IntegrityReport, examine_file


@click.command("doctor")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="The data directory. [GATEWAY_DATA]"
)
@click.option("--repair", is_flag=True, help="Repair a write of metadata that a kill has cut off.")
@click.option(
    "--aside",
    "elsewhere",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The directory for copies of the files before a repair. [default: the data directory]",
)
@click.option("--quick", is_flag=True, help="Count the rows, but do not read them.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(data: Path | None, elsewhere: Path | None, style: str, *, repair: bool, quick: bool) -> None:
    """Check the data directory of a stopped gateway, and repair what a kill has cut off.

    Without --repair nothing is changed; before a repair the files are copied. Exit code 0: the store is sound.
    Exit code 1: rows are missing or unreadable, or the file cannot be opened. Exit code 2: --repair can repair it.
    Exit code 3: nothing was checked, because a gateway is running or the store does not exist.

    With GATEWAY_STORE=lake and without --data it is gateway lake doctor.
    """
    settings = read_settings()
    if settings.store == "lake" and data is None and not repair:
        check_lake(style, is_thorough=not quick)
    directory = (data or settings.data).resolve()
    file = directory / FILE
    where = (elsewhere or directory) if repair else None
    try:
        if not file.exists():
            raise FileNotFoundError(f"{directory} has no {FILE}, so there is nothing to check")
        with lock.held(directory):
            restore.require_finished(directory)
            found = examine_file(file, memory=memory_of(settings), is_thorough=not quick, repair_in=where)
    except Unopenable as error:
        is_repairable = isinstance(error, Repairable)
        state, code = ("repairable", REPAIRABLE) if is_repairable else ("damaged", DAMAGED)
        integrity_text.print_report(
            style, {"state": state, "message": str(error)}, [Text(f"{state}: {error}", "bold red")]
        )
    except (lock.Locked, OSError) as error:
        code = NOT_EXAMINED
        message = (
            f"{error}" if isinstance(error, lock.Locked | FileNotFoundError) else f"{directory}: {error}"
        )
        integrity_text.print_report(
            style, {"state": "not examined", "message": message}, [Text(message, "bold red")]
        )
    else:
        code = SOUND if found.is_sound else DAMAGED
        integrity_text.print_report(
            style,
            integrity_text.to_json(found),
            [_files(file), *integrity_text.text_lines(found), *_copies(directory, found)],
        )
    raise SystemExit(code)


def _files(file: Path) -> Text:
    sizes = (f"{path.name} {path.stat().st_size:,} bytes" for path in saved_files.siblings(file))
    return Text(f"{file.parent}: {', '.join(sizes)}")


def _copies(directory: Path, found: IntegrityReport) -> Iterable[Text]:
    """Yield the folders with saved files, which only the user removes."""
    for folder in saved_files.folders(directory, "before"):
        if found.repair is None or found.repair.copies != folder:
            yield Text(
                f"{folder} has files saved before a repair or restore; remove it when they are no longer needed"
            )
