"""Integrity reports as text and JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click
from rich.text import Text

from gateway.commands.support import terminal
from gateway.instants import rfc3339
from gateway.plurals import counted
from gateway.store.files.integrity_check import IntegrityReport


def text_lines(found: IntegrityReport) -> Iterator[Text]:
    """Yield the lines for a terminal."""
    if found.repair:
        yield Text(f"repaired: {found.repair}", "yellow")
    for name, rows in found.rows.items():
        yield Text(
            f"  {name}: {counted(rows, 'row')}{' (its file is gone)' if name in found.removed else ''}"
        )
    for flaw in found.flaws:
        yield Text(f"! {flaw.about}: {flaw.message}", "yellow" if flaw.is_harmless else "bold red")
        yield Text(f"    {flaw.hint}")
    yield Text(summary(found), "green" if found.is_sound else "bold red")


def summary(found: IntegrityReport) -> str:
    """Return the result in one line."""
    rows = sum(found.rows.values())
    sizes = f"{counted(len(found.rows), 'connector')}, {counted(rows, 'row')}"
    scope = "every row was read" if found.is_thorough else "rows were counted, but not read"
    if not found.is_sound:
        scope = "the problems are listed above"
    last = f", last batch {rfc3339(found.last_commit)}" if found.last_commit else ""
    return f"{'sound' if found.is_sound else 'damaged'}: {sizes}{last}; {scope}"


def sentence(found: IntegrityReport) -> str:
    """Return the result in one line that begins with a capital letter."""
    line = summary(found)
    return line[0].upper() + line[1:]


def to_json(found: IntegrityReport) -> dict[str, Any]:
    """Return the report in its JSON form."""
    repair = found.repair
    return {
        "store": found.store,
        "state": "sound" if found.is_sound else "damaged",
        "repaired": {"copies": str(repair.copies), "blocks": list(repair.before)} if repair else None,
        "connectors": [
            {"name": name, "rows": rows, "removed": name in found.removed}
            for name, rows in found.rows.items()
        ],
        "last_commit": rfc3339(found.last_commit) if found.last_commit else None,
        "every_row_read": found.is_thorough and found.is_sound,
        "findings": [flaw.body() for flaw in found.flaws],
    }


def print_report(style: str, body: dict[str, Any], lines: Iterable[Text]) -> None:
    """Print a report as `json`, or its lines as `text`."""
    if style == "json":
        click.echo(json.dumps(body, indent=2))
        return
    console = terminal.console(soft_wrap=True)
    for line in lines:
        console.print(line)
