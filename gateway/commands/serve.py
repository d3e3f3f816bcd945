"""The verb `gateway serve`."""

import os
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from gateway.commands.support.configuration import read_settings
from gateway.connectors.write_mode import is_loopback
from gateway.errors import GatewayError
from gateway.gunicorn_settings import gunicorn_settings
from gateway.server.forwarded import require_allowed_host
from gateway.settings import SETTINGS, Setting, Settings


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with the gateway's settings, wherever it is started."""

    def __init__(self, *, opens_console: bool) -> None:
        self._opens_console = opens_console
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_settings(read_settings()).items():
            self.cfg.set(name, value)
        if self._opens_console:
            self.cfg.set("post_fork", _open_console_once)

    def load(self) -> Any:
        from gateway.app import app  # noqa: PLC0415  # only the worker may make the application

        return app


def _open_console_once(arbiter: Any, worker: Any) -> None:
    """Allow the first worker to open the console, but no later one."""
    worker.opens_console = worker.age == 1


@click.command("serve")
@click.option("--open", "opens_console", is_flag=True, help="Open the console in a browser, signed in.")
def command(*, opens_console: bool, **flags: str | None) -> None:
    """Serve the connectors of a directory."""
    for setting in SETTINGS:
        if value := flags.get(setting.name):
            _check_flag(setting, value)
            os.environ[setting.environment] = value
    settings = read_settings()
    if opens_console and (problem := _why_not_opened(settings)):
        raise click.ClickException(f"--open: {problem}")
    _Gunicorn(opens_console=opens_console).run()


def _why_not_opened(settings: Settings) -> str | None:
    """Return why a browser of this machine cannot be signed in, None if it can."""
    if settings.console == "off":
        return "there is no console with GATEWAY_CONSOLE=off"
    if not is_loopback(settings.bind):
        return (
            f"the link signs in on this machine alone, but the gateway would listen at {settings.bind};"
            " use --bind 127.0.0.1:8000"
        )
    host = settings.local_url.removeprefix("http://")
    try:
        require_allowed_host(host, "1.1", settings.hosts)
    except GatewayError:
        return f"GATEWAY_HOSTS does not have {host}, where the browser would open the console"
    return None


def _check_flag(setting: Setting, value: str) -> None:
    """Check the value of a flag, or end the command with what to write."""
    try:
        setting.parse(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}", param_hint=setting.flag) from error


for _setting in reversed([setting for setting in SETTINGS if setting.flag]):
    _shown = f"{_setting.help} [{_setting.environment}; default: {_setting.default or 'none'}]"
    command = click.option(str(_setting.flag), metavar=_setting.metavar, help=_shown)(command)
