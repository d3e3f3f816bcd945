"""A changed directory to a new snapshot: the only place that changes what is live."""

import logging
import threading
from collections.abc import Mapping

from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.declaration import declare
from gateway.connectors.directory import Listing
from gateway.connectors.finding import Finding, Refused
from gateway.connectors.plan import Declared, Outcome, Plan, State
from gateway.errors import Code, GatewayError
from gateway.ingest.writer import Writer
from gateway.serve.endpoint import Endpoint, Stages
from gateway.serve.router import Router, Snapshot
from gateway.store.store import Definition, Store

_log = logging.getLogger(__name__)


class Reload:
    """Shows what the directory declares. `apply` may be called from any thread; one runs at a time."""

    def __init__(self, store: Store, router: Router, stages: Stages) -> None:
        self._store = store
        self._writer: Writer = stages.writer
        self._router = router
        self._stages = stages
        # The lock guards what follows.
        self._lock = threading.Lock()
        self._declared: dict[str, tuple[str, Declared]] = {}
        self._stored: dict[str, Connector] = {}
        self._live: dict[str, Connector] = {}
        self._removed: dict[str, Definition] = {}
        self._recall(store.definitions())

    def apply(self, listing: Listing) -> None:
        """Bring the tables to what the files declare, then show it, in one assignment."""
        with self._lock:
            before = self._router.snapshot
            if listing.problem:
                # The files are out of sight, not gone: what is live stays.
                self._show(before.outcomes or self._recalled(), listing)
                _log.error("the connectors cannot be read, what was live stays: %s", listing.problem)
                return
            decided = plan.build(self._declare(listing), self._live, self._stored)
            decided = self._prepare(decided)
            self._live = dict(decided.served)
            self._show((*decided.outcomes, *self._gone()), listing)
            _report(before.outcomes, self._router.snapshot.outcomes)

    def _recall(self, definitions: list[Definition]) -> None:
        """Take the last good versions from the store: they are what a broken file falls back to."""
        for definition in definitions:
            try:
                connector, _ = declare(definition.text.encode(), definition.file)
            except Refused as refused:
                _log.error("the stored connector %s cannot be read any more: %s", definition.name, refused)
                continue
            self._stored[definition.name] = connector
            if definition.removed_at is None:
                self._live[definition.name] = connector
            else:
                self._removed[definition.name] = definition

    def _recalled(self) -> tuple[Outcome, ...]:
        """Give what is served while the directory has not been readable since the start."""
        return tuple(Outcome(each.file, State.LAST_GOOD, each) for each in self._live.values())

    def _declare(self, listing: Listing) -> list[Declared]:
        """Read the files, those that have not changed only once."""
        read: dict[str, tuple[str, Declared]] = {}
        for name, file in listing.files.items():
            known = self._declared.get(name)
            read[name] = known if known and known[0] == file.digest else (file.digest, plan.read_file(file))
        self._declared = read
        return [declared for _, declared in read.values()]

    def _prepare(self, decided: Plan) -> Plan:
        """Commit what the store must know before the snapshot is shown; give the plan as far as that went."""
        changed = {name: each for name, each in decided.served.items() if not self._is_stored(name, each)}
        failed: set[str] = set()
        if changed and not self._applied(changed, decided):
            failed = {name for name, each in changed.items() if not self._applied({name: each}, decided)}
        self._stored.update((name, each) for name, each in changed.items() if name not in failed)
        if decided.removed:
            self._writer.run(lambda: self._store.remove(decided.removed)).result()
        if changed or decided.removed:
            self._removed = {each.name: each for each in self._store.definitions() if each.removed_at}
        return plan.without(decided, failed, self._live) if failed else decided

    def _applied(self, connectors: Mapping[str, Connector], decided: Plan) -> bool:
        added = {name: fields for name, fields in decided.added.items() if name in connectors}
        try:
            self._writer.run(lambda: self._store.apply(connectors.values(), added)).result()
        except GatewayError as error:
            _log.error("%s could not be applied: %s", ", ".join(connectors), error)
            return False
        return True

    def _is_stored(self, name: str, connector: Connector) -> bool:
        stored = self._stored.get(name)
        return (
            stored is not None
            and name not in self._removed
            and (stored.text, stored.file) == (connector.text, connector.file)
        )

    def _show(self, outcomes: tuple[Outcome, ...], listing: Listing) -> None:
        before = self._router.snapshot
        endpoints = {name: self._endpoint(before.endpoints, each) for name, each in self._live.items()}
        self._router.show(Snapshot(before.generation + 1, endpoints, outcomes, listing.path, listing.problem))

    def _endpoint(self, before: Mapping[str, Endpoint], connector: Connector) -> Endpoint:
        known = before.get(connector.name)
        return known if known and known.connector is connector else Endpoint(connector, self._stages)

    def _gone(self) -> list[Outcome]:
        return [
            Outcome(each.file, State.REMOVED, self._stored.get(each.name), (_removal(each),))
            for each in self._removed.values()
            if each.name not in self._live
        ]


def _removal(definition: Definition) -> Finding:
    when = definition.removed_at.isoformat(timespec="seconds") if definition.removed_at else ""
    message = f"no file has declared '{definition.name}' since {when}; its rows are kept"
    hint = f"put the file back, or write name: {definition.name} in the file that took its place"
    return Finding(definition.file, None, None, Code.CONNECTOR_REMOVED, message, hint, warning=True)


def _report(before: tuple[Outcome, ...], after: tuple[Outcome, ...]) -> None:
    """Log what has become different; what was removed before the start is not news."""
    known = {(outcome.file, outcome.name): outcome for outcome in before}
    for outcome in after:
        old = known.get((outcome.file, outcome.name))
        if old == outcome or (not before and outcome.state is State.REMOVED):
            continue
        if old is None or old.state is not outcome.state or old.connector != outcome.connector:
            _log.info("%s: %s", outcome.file, outcome.state.value)
        for finding in outcome.findings:
            _log.log(logging.WARNING if finding.warning else logging.ERROR, "%s", finding)
