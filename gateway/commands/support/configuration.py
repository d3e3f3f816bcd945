"""The settings and the connector files that a command works with."""

from pathlib import Path

import click

from gateway.connectors.directory import Directory, DirectoryListing
from gateway.settings import Settings


def read_settings() -> Settings:
    """Read the settings from the environment, or end with what is wrong with them."""
    try:
        return Settings.read()
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def read_directory(directory: Path) -> DirectoryListing:
    """Read a directory of connector files, or end where it cannot be."""
    listing = Directory(directory).read()
    if listing.problem:
        raise click.ClickException(listing.problem)
    return listing
