"""The verb `gateway init`."""

import importlib.metadata
import json
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import click

from gateway.auth.tokens import make_token
from gateway.commands.support.configuration import read_settings

#: The files to write, each with its template in the package and its purpose.
FILES: Mapping[str, tuple[str, str]] = {
    "connectors.d/orders.yaml": ("orders.yaml", "an example of a connector"),
    "tokens.yaml": ("tokens.yaml", "who may use the connectors"),
    ".gitignore": ("gitignore", "keeps the rows and the admin token out of git"),
    ".github/workflows/connectors.yaml": (
        "workflow.yaml",
        "checks pull requests; replace OWNER with that of your copy of the gateway",
    ),
    "gunicorn.conf.py": ("gunicorn.conf", "lets plain gunicorn start the gateway"),
}
#: The name of the token in the example.
_TOKEN = "etl"  # noqa: S105  # it is a name
_ROW = '{"order_id": 1, "customer": "Ada", "amount": 12.50, "placed_at": "2026-11-23T08:30:00Z"}'
_PLACEHOLDER = "gateway @ git+https://github.com/OWNER/gateway"


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".")
def command(directory: Path) -> None:
    """Create a project in DIRECTORY: an example connector, a tokens file, a check for pull requests. Default: here.

    Existing files are not changed.
    """
    secret, line = make_token(_TOKEN)
    new = [name for name in FILES if not (directory / name).exists()]
    texts = {name: _text(FILES[name][0]) + (f"{line}\n" if name == "tokens.yaml" else "") for name in new}
    # All files are written before the first line is printed: a pipe that closes early ends the command.
    for name, text in texts.items():
        _write(directory / name, text)
    for name in FILES:
        path = directory / name
        if name in texts:
            click.echo(f"{path} is written: {_about(name, texts[name])}.")
        else:
            click.echo(f"{path} exists already, and is not changed.")
    if not new:
        return
    click.echo("\nNext:\n")
    there = "" if directory == Path() else f"cd {shlex.quote(str(directory))} && "
    click.echo(f"  {there}{_program()} serve --tokens tokens.yaml")
    if {"tokens.yaml", "connectors.d/orders.yaml"} <= set(new):
        url = f"{read_settings().local_url}/orders"
        click.echo(f"  curl {url} -H 'Authorization: Bearer {secret}' -d '{_ROW}'\n  curl {url}\n")
        click.echo(f"The secret of the token '{_TOKEN}' in that line is shown only this once.")


def _program() -> str:
    """Return the command that starts this program in a shell: its name if the shell finds it, or else its path."""
    return "gateway" if shutil.which("gateway") else shlex.quote(str(Path(sys.argv[0]).absolute()))


def _about(name: str, text: str) -> str:
    """Return the purpose of a file, without the placeholder to fill in if it is known which gateway to install."""
    about = FILES[name][1]
    return about if _PLACEHOLDER in text or ";" not in about else about.partition(";")[0]


def _text(name: str) -> str:
    text = (resources.files("gateway") / "project" / name).read_text()
    return text.replace(_PLACEHOLDER, _requirement() or _PLACEHOLDER)


def _requirement() -> str | None:
    """Return the requirement with which pip installs this gateway; None if it is not from a public repository.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        origin = json.loads(importlib.metadata.distribution("gateway").read_text("direct_url.json") or "{}")
    except importlib.metadata.PackageNotFoundError:
        return None
    commit = origin.get("vcs_info", {}).get("commit_id", "")
    if not re.match(r"(https|ssh)://", origin.get("url", "")) or not commit:
        return None
    return f"gateway @ {origin['vcs_info']['vcs']}+{origin['url']}@{commit}"


def _write(path: Path, text: str) -> None:
    """Create a file, or end the command with the reason why it cannot be created."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
