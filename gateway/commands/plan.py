"""gateway plan."""

import json
from pathlib import Path

import click
from rich.console import Console

from gateway.commands import against as comparison
from gateway.commands import presentation
from gateway.commands.configuration import read_directory, read_settings

NOTHING, REFUSED, CHANGES = 0, 1, 2


@click.command("plan")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--against",
    metavar="URL|DIR|GIT-REV",
    default="HEAD",
    show_default=True,
    help="A running gateway, whose rows are asked; a directory; or a revision in git.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown", "github"]),
    default="text",
    show_default=True,
)
@click.option("--changes-ok", is_flag=True, help="Exit 0 where there are changes and none is refused.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="For a URL: a file with the admin token. [else GATEWAY_TOKEN; default: DATA/admin-token]",
)
def command(
    directory: Path | None, against: str, style: str, token_file: Path | None, *, changes_ok: bool
) -> None:
    """Tell what the connector files of DIRECTORY would change; exit 0: nothing, 2: changes, 1: refused.

    Compared with a directory or a revision in git it needs no gateway and no secret, and leaves open what
    only the stored rows can tell.
    """
    directory = directory or read_settings().connectors
    files = read_directory(directory).files.values()
    preview = comparison.compare(files, directory, against, token_file)
    if style == "json":
        click.echo(json.dumps({"against": against, **preview}, indent=2, ensure_ascii=False))
    elif style == "text":
        console = Console(soft_wrap=True, highlight=False)
        for line in presentation.text(preview, directory):
            console.print(line)
    else:
        lines = presentation.markdown if style == "markdown" else presentation.github
        click.echo("\n".join(lines(preview, directory)))
    raise SystemExit(_code(preview["verdict"], changes_ok=changes_ok))


def _code(verdict: str, *, changes_ok: bool) -> int:
    if verdict == "refused":
        return REFUSED
    return NOTHING if verdict == "none" or changes_ok else CHANGES
