"""The verb `gateway serve`."""

import os
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from gateway.commands.support.configuration import read_settings
from gateway.gunicorn_settings import gunicorn_settings
from gateway.settings import SETTINGS, Setting


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with the gateway's settings, wherever it is started."""

    def load_config(self) -> None:
        for name, value in gunicorn_settings(read_settings()).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from gateway.app import app  # noqa: PLC0415  # only the worker may make the application

        return app


@click.command("serve")
def command(**flags: str | None) -> None:
    """Serve the connectors of a directory."""
    for setting in SETTINGS:
        if value := flags.get(setting.name):
            _check_flag(setting, value)
            os.environ[setting.environment] = value
    read_settings()
    _Gunicorn().run()


def _check_flag(setting: Setting, value: str) -> None:
    """Check the value of a flag, or end the command with what to write."""
    try:
        setting.parse(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}", param_hint=setting.flag) from error


for _setting in reversed([setting for setting in SETTINGS if setting.flag]):
    _shown = f"{_setting.help} [{_setting.environment}; default: {_setting.default or 'none'}]"
    command = click.option(str(_setting.flag), metavar=_setting.metavar, help=_shown)(command)
