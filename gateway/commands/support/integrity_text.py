"""An examination to what people and programs read."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from gateway.instants import rfc3339
from gateway.plurals import counted
from gateway.store.files.integrity_check import IntegrityReport


def text_lines(found: IntegrityReport) -> Iterator[Text]:
    """Give the lines for a terminal."""
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
    """Say it in a line."""
    rows = sum(found.rows.values())
    sizes = f"{counted(len(found.rows), 'connector')}, {counted(rows, 'row')}"
    looked = "every row was read" if found.is_thorough else "rows were counted, and not read"
    if not found.is_sound:
        looked = "what is wrong stands above"
    last = f", the last batch is of {rfc3339(found.last_commit)}" if found.last_commit else ""
    return f"{'sound' if found.is_sound else 'damaged'}: {sizes}{last}; {looked}"


def sentence(found: IntegrityReport) -> str:
    """Say it in a line that begins a sentence."""
    told = summary(found)
    return told[0].upper() + told[1:]


def to_json(found: IntegrityReport) -> dict[str, Any]:
    """Give it as JSON."""
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
