"""Lookup of the connector file that declares a connector."""

from pathlib import Path

import click

from gateway.commands.support.connector_listing import read_directory
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import nearest_name
from gateway.connectors.name_patterns import NAME
from gateway.errors import suggest


def find(directory: Path, name: str) -> tuple[Path, Connector | None]:
    """Find the file of a connector, and parse the connector; it is None if the file is invalid.

    An invalid file is found by its own name.
    """
    declared = _declared(directory)
    found = [(file, connector) for file, (own, connector) in declared.items() if own == name]
    if len(found) > 1:
        files = " and ".join(str(directory / file) for file, _ in found)
        raise click.ClickException(f"'{name}' is declared by {files}; remove it from one of them first")
    if not found:
        names = sorted(own for own, _ in declared.values())
        hint = suggest(name, names, "it has") if names else "it has none"
        raise click.ClickException(f"no file of {directory} declares a connector '{name}'; {hint}")
    file, connector = found[0]
    return directory / file, connector


def check_name(name: str) -> None:
    """Check that a connector can have a name; end the command otherwise."""
    if not NAME.fullmatch(name):
        nearest = nearest_name(name)
        hint = f"; {nearest} is one" if nearest else ""
        rule = "a to z, 0 to 9, _ and -, a letter first"
        raise click.ClickException(f"{name!r} is not a connector name: {rule}{hint}")


def check_unused(directory: Path, name: str) -> None:
    """Check that no file declares a connector of this name, or one at its path; end the command otherwise."""
    for file, (own, connector) in _declared(directory).items() if directory.is_dir() else ():
        path = connector.path if connector else None
        # `write_new` reports an existing file of this name.
        if Path(file).stem != name and (own == name or path == f"/{name}"):
            what = f"the connector '{name}'" if own == name else f"the path '{path}'"
            raise click.ClickException(f"{directory / file} declares {what}; choose another name")


def _declared(directory: Path) -> dict[str, tuple[str, Connector | None]]:
    """Return the connector that each file declares, with its name."""
    declared = {}
    for file in read_directory(directory).files.values():
        connector = plan.parse_file(file).connector
        declared[file.name] = (connector.name if connector else Path(file.name).stem, connector)
    return declared
