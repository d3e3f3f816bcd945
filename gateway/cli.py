"""The command line: gateway serve, check, token."""

import json
import os
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from gateway import __version__
from gateway.connectors import plan
from gateway.connectors.directory import Directory
from gateway.connectors.finding import Finding
from gateway.connectors.plan import Unseen
from gateway.serve.access import can_name_a_token, make_token
from gateway.serve.worker import gunicorn_settings
from gateway.settings import SETTINGS, Settings


@click.group()
@click.version_option(__version__)
def main() -> None:
    """One YAML file becomes a live, validated, durable HTTP endpoint on DuckDB."""


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with the gateway's settings, wherever it is started."""

    def load_config(self) -> None:
        for name, value in gunicorn_settings(_settings()).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from gateway.app import app  # noqa: PLC0415  # only the worker may make the application

        return app


def _settings() -> Settings:
    try:
        return Settings.read()
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
def serve(**flags: str | None) -> None:
    """Serve the connectors of a directory."""
    for setting in SETTINGS:
        if value := flags.get(setting.name):
            os.environ[setting.environment] = value
    _settings()
    _Gunicorn().run()


for _setting in reversed([setting for setting in SETTINGS if setting.flag]):
    _shown = f"{_setting.help} [{_setting.environment}; default: {_setting.default or 'none'}]"
    serve = click.option(str(_setting.flag), metavar=_setting.metavar, help=_shown)(serve)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True
)
def check(directory: Path | None, style: str) -> None:
    """Check the connector files of DIRECTORY, without a server; exit 1 where one would be refused."""
    directory = directory or _settings().connectors
    listing = Directory(directory).read()
    if listing.problem:
        raise click.ClickException(listing.problem)
    if not listing.files:
        raise click.ClickException(f"{directory} has no *.yaml files")
    outcomes = plan.build(map(plan.read_file, listing.files.values()), {}, {}, Unseen()).outcomes
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    refused = [outcome.file for outcome in outcomes if outcome.connector is None]
    if style == "json":
        click.echo(
            json.dumps(
                {"files": len(outcomes), "refused": refused, "findings": [each.body() for each in findings]}
            )
        )
    for finding in findings if style != "json" else ():
        click.echo(_github(directory, finding) if style == "github" else f"{directory}/{finding}")
    if style == "text":
        click.echo(f"{len(outcomes)} files, {len(refused)} refused")
    raise SystemExit(1 if refused else 0)


def _github(directory: Path, finding: Finding) -> str:
    """Write a finding as a GitHub workflow command, which marks the line in the pull request."""
    place = f"file={directory}/{finding.file}"
    if finding.line is not None:
        place += f",line={finding.line},col={finding.column}"
    text = finding.message + (f" ({finding.hint})" if finding.hint else "")
    for character, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(character, escaped)
    return f"::{'warning' if finding.warning else 'error'} {place},title={finding.code.code}::{text}"


@main.command()
@click.argument("name")
def token(name: str) -> None:
    """Make a token: print its secret, once, and the line to paste into the tokens file."""
    if not can_name_a_token(name):
        raise click.ClickException(f"'{name}' cannot be the name of a token: use letters, digits and . _ -")
    secret, line = make_token(name)
    click.echo(f"The secret, shown only this once:\n\n  {secret}\n\nThe line for the tokens file:\n\n{line}")
