"""The effects of a plan, connector by connector, as the JSON that `/-/plan` and `gateway plan` give."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.connectors.change import SchemaDiff, Verdict
from gateway.connectors.connector import Connector
from gateway.connectors.plan import FileState, Outcome, Plan

#: The actions of a plan, each with its meaning for the docs.
ACTIONS: Mapping[str, str] = {
    "create": "the connector is new",
    "change": "its new version is served",
    "restore": "its file is back, with its rows",
    "remove": "its file was removed: the endpoint answers 410, and its rows are kept",
    "refuse": "the file is not applied; the last good version stays live",
    "none": "nothing",
}


def preview(decided: Plan, live: Mapping[str, Connector]) -> dict[str, Any]:
    """Return the effects of a plan.

    Args:
        decided: The plan, built and not applied.
        live: The connectors that are served now, by name.

    Returns:
        `{"verdict", "connectors"}`; the verdict is `none`, `applied`, `conditional` or `refused`, the gravest
        verdict of the connectors.
    """
    entries = [_of_file(outcome, live) for outcome in decided.outcomes]
    heirs = {each.path: name for name, each in decided.served.items()}
    entries += [_of_removed(connector, heirs.get(connector.path)) for connector in decided.removed]
    entries.sort(key=lambda entry: (entry["connector"] or entry["file"], entry["file"]))
    return {"verdict": gravest(entries), "connectors": entries}


def gravest(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return the gravest verdict of the entries of a plan."""
    grave = ("refused", "conditional", "applied", "none")
    return min((entry["verdict"] for entry in entries), key=grave.index, default="none")


def _of_file(outcome: Outcome, live: Mapping[str, Connector]) -> dict[str, Any]:
    comparison = outcome.diff
    connector = comparison.new if comparison else outcome.connector
    action = _action(outcome, comparison, live)
    verdict = "none" if action == "none" else "applied"
    if action == "refuse":
        verdict = "refused"
    elif comparison and comparison.is_conditional:
        verdict = Verdict.CONDITIONAL.value
    return {
        "connector": connector.name if connector else None,
        "file": outcome.file,
        "path": connector.path if connector else None,
        "action": action,
        "state": outcome.state.value,
        "verdict": verdict,
        "changes": [change.body() for change in comparison.changes] if comparison else [],
        "findings": [finding.body() for finding in outcome.findings],
    }


def _action(outcome: Outcome, comparison: SchemaDiff | None, live: Mapping[str, Connector]) -> str:
    if outcome.state is not FileState.LIVE:
        return "refuse"
    if comparison is None:
        return "none"
    if comparison.old is None:
        return "create"
    if comparison.new.name not in live:
        return "restore"
    return "change" if comparison.changes else "none"


def _of_removed(connector: Connector, heir: str | None) -> dict[str, Any]:
    """Return the entry of a connector without a file; its heir is the new connector at its path."""
    return {
        "connector": connector.name,
        "file": connector.file,
        "path": connector.path,
        "action": "remove",
        "state": FileState.REMOVED.value,
        "heir": heir,
        "verdict": "applied",
        "changes": [],
        "findings": [],
    }
