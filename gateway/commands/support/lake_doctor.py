"""The check of a lake as a command: its output, and its exit code, which are those of `gateway doctor`."""

from typing import NoReturn

from rich.text import Text

from gateway.commands.support import integrity_text
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.lake_errors import errors_of_lake
from gateway.resources import memory_of

#: The exit codes.
SOUND, DAMAGED, REPAIRABLE, NOT_EXAMINED = 0, 1, 2, 3


def check_lake(style: str, *, is_thorough: bool) -> NoReturn:
    """Check the lake of the settings, print the report, and exit with its code."""
    settings = read_settings()
    with errors_of_lake(exit_code=NOT_EXAMINED):
        from gateway.store.lake.lake_check import (  # noqa: PLC0415
            GATE,
            IMPORT,
            OPTION,
            OWNER,
            NotExamined,
            examine_lake,
        )
        from gateway.store.lake.lake_settings import lake_address  # noqa: PLC0415

        address = lake_address(settings)
        try:
            found = examine_lake(
                address,
                memory=memory_of(settings),
                spill_folder=settings.data / "spill",
                is_thorough=is_thorough,
            )
        except NotExamined as error:
            body = {"state": "not examined", "message": str(error)}
            integrity_text.print_report(style, body, [Text(str(error), "bold red")])
            raise SystemExit(NOT_EXAMINED) from error
    about = {each.about for each in found.flaws if not each.is_harmless}
    is_repairable = bool(about) and about <= {GATE, OPTION, IMPORT, OWNER}
    body = integrity_text.to_json(found)
    if is_repairable:
        body["state"] = "repairable"
    lines = [Text(f"{address.shown}, data files in {address.data}"), *integrity_text.text_lines(found)]
    integrity_text.print_report(style, body, lines)
    raise SystemExit(SOUND if found.is_sound else REPAIRABLE if is_repairable else DAMAGED)
