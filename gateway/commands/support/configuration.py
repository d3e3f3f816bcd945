"""The settings and the connector files of a command."""

from pathlib import Path

import click

from gateway.connectors.directory import Directory, DirectoryListing
from gateway.settings import Settings


def read_settings() -> Settings:
    """Read the settings from the environment, or end the command with their error."""
    try:
        return Settings.read()
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def read_directory(directory: Path) -> DirectoryListing:
    """Read a directory of connector files, or end the command with the reason why it cannot be read."""
    listing = Directory(directory).read()
    if listing.problem:
        raise click.ClickException(listing.problem)
    return listing
