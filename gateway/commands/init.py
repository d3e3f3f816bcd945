"""gateway init."""

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

#: What is written, each with its file in the package and what it is.
FILES: Mapping[str, tuple[str, str]] = {
    "connectors.d/orders.yaml": ("orders.yaml", "an example of a connector"),
    "tokens.yaml": ("tokens.yaml", "who may use the connectors"),
    ".gitignore": ("gitignore", "what is not for git: the rows and the admin token"),
    ".github/workflows/connectors.yaml": (
        "workflow.yaml",
        "checks pull requests; put your copy of the gateway for OWNER",
    ),
    "gunicorn.conf.py": ("gunicorn.conf", "lets plain gunicorn start the gateway"),
}
#: The token that the example names.
_TOKEN = "etl"  # noqa: S105  # it is a name
_ROW = '{"order_id": 1, "customer": "Ada", "amount": 12.50, "placed_at": "2026-11-23T08:30:00Z"}'
_PLACEHOLDER = "gateway @ git+https://github.com/OWNER/gateway"


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=".")
def command(directory: Path) -> None:
    """Make DIRECTORY one for connectors: an example, a tokens file, a check for pull requests. Default: this directory.

    What is there already stays as it is.
    """
    secret, line = make_token(_TOKEN)
    new = [name for name in FILES if not (directory / name).exists()]
    for name in FILES:
        path = directory / name
        if name not in new:
            click.echo(f"{path} is there already, and stays as it is.")
            continue
        text = _text(FILES[name][0]) + (f"{line}\n" if name == "tokens.yaml" else "")
        _write(path, text)
        click.echo(f"{path} is written: {_about(name, text)}.")
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
    """Return what starts this program in a shell: its name where the shell finds it, else its path."""
    return "gateway" if shutil.which("gateway") else shlex.quote(str(Path(sys.argv[0]).absolute()))


def _about(name: str, text: str) -> str:
    """Say what a file is; the workflow has nothing to put in where it is known which gateway it installs."""
    about = FILES[name][1]
    return about if _PLACEHOLDER in text or ";" not in about else about.partition(";")[0]


def _text(name: str) -> str:
    text = (resources.files("gateway") / "project" / name).read_text()
    return text.replace(_PLACEHOLDER, _requirement() or _PLACEHOLDER)


def _requirement() -> str | None:
    """Return what pip installs this very gateway from; None where that is not a repository others reach.

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
    """Write a file that is not there, or end with why it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(text)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
