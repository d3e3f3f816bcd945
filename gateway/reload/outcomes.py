"""The log of changed outcomes, and the warning about removed connectors."""

import logging
from collections.abc import Collection, Iterator

from gateway.auth.credentials import Credentials
from gateway.connectors.finding import Finding
from gateway.connectors.plan import FileState, Outcome
from gateway.errors import Code
from gateway.store.definition import Definition

_log = logging.getLogger(__name__)


def log_changes(
    before: tuple[Outcome, ...], after: tuple[Outcome, ...], live: Collection[str], credentials: Credentials
) -> None:
    """Log the outcomes that changed, and the names in changed connectors that are not names of tokens.

    Args:
        before: The outcomes of the former snapshot.
        after: The outcomes of the new one.
        live: The names of the served connectors.
        credentials: The known tokens.
    """
    known = [outcome.connector for outcome in before]
    for outcome in _changed(before, after):
        connector = outcome.connector
        if connector is not None and connector not in known and connector.name in live:
            for finding in credentials.find_unknown_names(
                connector, is_as_written=outcome.state is FileState.LIVE
            ):
                _log.warning("%s", finding)


def removal(definition: Definition) -> Finding:
    """Return the warning about a removed connector whose rows are kept."""
    when = definition.removed_at.isoformat(timespec="seconds") if definition.removed_at else ""
    message = f"no file has declared '{definition.name}' since {when}; its rows are kept"
    hint = (
        f"put the file back, or write name: {definition.name} in the file that took its place;"
        f" gateway purge {definition.name} drops the rows"
    )
    return Finding(definition.file, None, None, Code.CONNECTOR_REMOVED, message, hint, is_warning=True)


def _changed(before: tuple[Outcome, ...], after: tuple[Outcome, ...]) -> Iterator[Outcome]:
    """Log and yield the outcomes that differ; connectors that were removed before the start are not logged."""
    known = {(outcome.file, outcome.name): outcome for outcome in before}
    for outcome in after:
        old = known.get((outcome.file, outcome.name))
        if old == outcome or (not before and outcome.state is FileState.REMOVED):
            continue
        if old is None or old.state is not outcome.state or old.connector != outcome.connector:
            is_applied = outcome.state not in (FileState.REFUSED, FileState.LAST_GOOD)
            _log.log(
                logging.INFO if is_applied else logging.WARNING, "%s: %s", outcome.file, outcome.state.value
            )
        for finding in outcome.findings:
            _log.log(logging.WARNING if finding.is_warning else logging.ERROR, "%s", finding)
        yield outcome
