"""The settings of a command."""

import click

from gateway.settings import Settings


def read_settings() -> Settings:
    """Read the settings from the environment, or end the command with their error."""
    try:
        return Settings.read()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
