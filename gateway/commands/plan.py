"""The verb `gateway plan`."""

import json
from pathlib import Path
from typing import Any

import click

from gateway.commands.support import baseline as comparison
from gateway.commands.support import plan_report, terminal, token_names
from gateway.commands.support.configuration import read_settings
from gateway.commands.support.connector_listing import read_directory
from gateway.commands.support.token_names import TokenNames
from gateway.connectors import plan

NOTHING, REFUSED, CHANGES = 0, 1, 2


@click.command("plan")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option(
    "--against",
    metavar="URL|DIR|GIT-REV",
    default="HEAD",
    show_default=True,
    help="A running gateway with its rows, a directory, or a revision in git.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown", "github"]),
    default="text",
    show_default=True,
)
@token_names.tokens_option
@click.option("--changes-ok", is_flag=True, help="Exit 0 if there are changes and none is refused.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help="For a URL: a file with the admin token. [or GATEWAY_TOKEN; default: DATA/admin-token]",
)
def command(
    directory: Path | None,
    against: str,
    style: str,
    tokens: Path | None,
    token_file: Path | None,
    *,
    changes_ok: bool,
) -> None:
    """Show what the connector files of DIRECTORY would change; exit 0: nothing, 2: changes, 1: refused.

    A comparison with a directory or a revision in git needs no gateway and no secret; changes that depend on the
    stored rows are marked as undecided. A name in access that no token has is an error if tokens are known:
    those of --tokens, or those of the gateway.
    """
    directory = directory or read_settings().connectors
    listing = read_directory(directory)
    preview = comparison.compare(listing.files.values(), directory, against, token_file)
    known = _known_tokens(tokens, preview)
    connectors = [plan.parse_file(file).connector for file in listing.files.values()]
    unknown = known.unknown(connectors)
    preview["findings"] = [finding.body() for finding in (*unknown, *listing.warnings)]
    preview["token_findings"] = [finding.body() for finding in known.findings]
    if style == "json":
        click.echo(json.dumps({"against": against, **preview}, indent=2, ensure_ascii=False))
    elif style == "text":
        console = terminal.console(soft_wrap=True)
        for line in plan_report.text_lines(preview, directory):
            console.print(line)
    else:
        lines = plan_report.markdown_lines if style == "markdown" else plan_report.github_lines
        click.echo("\n".join(lines(preview, directory)))
    has_errors = any(not finding.is_warning for finding in (*unknown, *known.findings))
    raise SystemExit(REFUSED if has_errors else _code(preview["verdict"], changes_ok=changes_ok))


def _known_tokens(file: Path | None, preview: dict[str, Any]) -> TokenNames:
    """Return the token names of the given file, or else of the gateway that answered, or else of the environment."""
    of_gateway = "token_names" in preview
    names = preview.pop("token_names", None)
    return token_names.of_gateway(names) if of_gateway and file is None else token_names.from_file(file)


def _code(verdict: str, *, changes_ok: bool) -> int:
    if verdict == "refused":
        return REFUSED
    return NOTHING if verdict == "none" or changes_ok else CHANGES
