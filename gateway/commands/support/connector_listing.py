"""The connector files of a command."""

from pathlib import Path

import click

from gateway.connectors.directory import Directory, DirectoryListing


def read_directory(directory: Path) -> DirectoryListing:
    """Read a directory of connector files, or end the command with the reason why it cannot be read."""
    listing = Directory(directory).read()
    if listing.problem:
        raise click.ClickException(listing.problem)
    return listing
