"""The file of a directory that declares a connector."""

from pathlib import Path

import click

from gateway.commands.configuration import read_directory
from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.errors import suggest


def find(directory: Path, name: str) -> tuple[Path, Connector | None]:
    """Find the file of a connector, and the connector unless the file is not one.

    A file that cannot be read as a connector is found by its own name.
    """
    names = []
    for file in read_directory(directory).files.values():
        connector = plan.read_file(file).connector
        declared = connector.name if connector else Path(file.name).stem
        if declared == name:
            return directory / file.name, connector
        names.append(declared)
    hint = suggest(name, sorted(names), "it has") if names else "it has none"
    raise click.ClickException(f"no file of {directory} declares a connector '{name}'; {hint}")
