"""The file of a directory that declares a connector."""

from pathlib import Path

import click

from gateway.commands.support.configuration import read_directory
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import NAME, nearest_name
from gateway.errors import suggest


def find(directory: Path, name: str) -> tuple[Path, Connector | None]:
    """Find the file of a connector, and the connector unless the file is not one.

    A file that cannot be read as a connector is found by its own name.
    """
    declared = _declared(directory)
    found = [(file, connector) for file, (called, connector) in declared.items() if called == name]
    if len(found) > 1:
        files = " and ".join(str(directory / file) for file, _ in found)
        raise click.ClickException(f"'{name}' is declared by {files}; take it out of one of them first")
    if not found:
        names = sorted(called for called, _ in declared.values())
        hint = suggest(name, names, "it has") if names else "it has none"
        raise click.ClickException(f"no file of {directory} declares a connector '{name}'; {hint}")
    file, connector = found[0]
    return directory / file, connector


def check_name(name: str) -> None:
    """End where a connector cannot have a name."""
    if not NAME.fullmatch(name):
        meant = nearest_name(name)
        hint = f"; {meant} is one" if meant else ""
        raise click.ClickException(
            f"{name!r} is not a connector name: a to z, 0 to 9, _ and -, a letter first{hint}"
        )


def check_unused(directory: Path, name: str) -> None:
    """End where a file declares a connector of that name, or one at the path of that name."""
    for file, (called, connector) in _declared(directory).items() if directory.is_dir() else ():
        path = connector.path if connector else None
        # A file of that very name is told apart where it is about to be written.
        if Path(file).stem != name and (called == name or path == f"/{name}"):
            what = f"the connector '{name}'" if called == name else f"the path '{path}'"
            raise click.ClickException(f"{directory / file} declares {what}; choose another name")


def _declared(directory: Path) -> dict[str, tuple[str, Connector | None]]:
    """Give what each file of a directory declares, and what it is called."""
    declared = {}
    for file in read_directory(directory).files.values():
        connector = plan.parse_file(file).connector
        declared[file.name] = (connector.name if connector else Path(file.name).stem, connector)
    return declared
