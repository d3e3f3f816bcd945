"""Turns a changed directory into a new snapshot; no other module replaces the live one."""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile, DirectoryListing
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.connectors.plan import FileState, Outcome, ParsedFile, Plan, Tables
from gateway.connectors.preview import preview
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Snapshot
from gateway.endpoints.removed import RemovedConnector
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError, unknown_connector
from gateway.reload.apply_groups import Unit, failure, groups
from gateway.reload.authors import Authors
from gateway.reload.former_paths import FormerPaths
from gateway.reload.known_connectors import KnownConnectors
from gateway.reload.outcomes import log_changes, removal
from gateway.reload.parsed_files import ParsedFiles, PostponingTables
from gateway.reload.reload_counts import ReloadCounts, result_of
from gateway.reload.shared_files import SettledFile, SharedDirectory, settle
from gateway.store.batch import Receipt
from gateway.store.definition import RowsArrived
from gateway.store.errors import ConnectorChanged

_log = logging.getLogger(__name__)

#: How often a change is planned again because rows arrived in the meantime.
ATTEMPTS = 5
#: Seconds that a connector is served after its file is gone: a deployment may delete files and write them again.
LINGER_SECONDS = 0.4


#: A plan of files, and the connectors that are served now, by name.
PlannedFiles = tuple[Plan, Mapping[str, Connector]]


class Reload:
    """Applies the connectors of the directory. Any thread may call it; a lock admits one change at a time."""

    def __init__(self, services: Services) -> None:
        self._store = services.storage.reader
        self._writer = services.storage.writer
        self._credentials = services.auth.credentials
        self._disk = services.intake.disk
        self._live = services.live
        self._endpoint_of = services.endpoint
        self.counts = ReloadCounts()
        # The lock guards what follows.
        self._lock = threading.Lock()
        self._files = ParsedFiles()
        self._known = KnownConnectors(self._store.definitions, self._files)
        self._shared = SharedDirectory(self._store.definitions.history) if self._store.is_shared else None
        self._settled: Mapping[str, SettledFile] | None = None
        self._former_paths = FormerPaths(self._credentials)
        self._lingering: dict[str, float] = {}
        self._authors = Authors()
        self._listing = DirectoryListing("", {})
        self._former_paths.update(self._store.definitions.moves())

    def apply(self, listing: DirectoryListing, *, at_once: bool, saved: Collection[str] = ()) -> None:
        """Apply a listing: change the tables to match the files, then show a new snapshot.

        Args:
            listing: The directory.
            at_once: Whether a connector whose file is gone is removed now, and not after `LINGER_SECONDS`.
            saved: The files that the gateway itself has changed. Those that are gone were deleted on purpose.
        """
        with self._lock:
            deleted = [each.name for each in self._known.served.values() if each.file in saved]
            self._lingering |= dict.fromkeys(deleted, -math.inf)
            try:
                self._apply(listing, at_once=at_once)
                self._authors.forget(saved)
            except BaseException:
                self.counts.count("failed")
                raise
            self.counts.count(result_of(listing.problem, self._live.snapshot.outcomes))

    def _apply(self, listing: DirectoryListing, *, at_once: bool) -> None:
        before = self._live.snapshot.outcomes
        for warning in listing.warnings:
            if warning not in self._listing.warnings:
                _log.warning("%s", warning)
        self._listing = listing
        if listing.problem:
            # The files are unreadable, not gone, so the live connectors stay.
            self._lingering.clear()
            kept = before or self._recalled()
            self._show(kept, listing)
            if kept:
                _log.error("the connectors cannot be read, so the live ones stay: %s", listing.problem)
            else:
                _log.warning("there are no connectors: %s", listing.problem)
            return
        declared = self._files.parse_all(listing)
        self._take_over()
        # Changes that depend on stored rows come last, because their checks may take long.
        decided = self._apply_plan(declared, listing, PostponingTables(self._store), at_once=at_once)
        for _ in range(ATTEMPTS):
            if not decided.postponed:
                break
            self._take_over()
            decided = self._apply_plan(declared, listing, self._store, at_once=at_once)
        log_changes(before, self._live.snapshot.outcomes, self._known.served, self._credentials)

    def linger(self) -> float | None:
        """Remove connectors whose files have been gone for `LINGER_SECONDS`; return the seconds until the next, or None."""
        with self._lock:
            if not self._lingering:
                return None
            now = time.monotonic()
            left = [since + LINGER_SECONDS - now for since in self._lingering.values()]
            if min(left) > 0:
                return min(left)
            before = self._live.snapshot.outcomes
            declared = self._files.parse_all(self._listing)
            self._apply_plan(declared, self._listing, self._store, at_once=False)
            log_changes(before, self._live.snapshot.outcomes, self._known.served, self._credentials)
            return None

    def read(self, listing: DirectoryListing) -> None:
        """Parse files in advance; `apply` uses the result for those that stay the same."""
        with self._lock:
            self._files.parse_all(listing)

    def preview(self, files: Sequence[ConnectorFile]) -> dict[str, Any]:
        """Return the effects that files would have in place of the present ones; nothing is changed."""
        return preview(*self.plan(files))

    def plan(self, files: Iterable[ConnectorFile]) -> PlannedFiles:
        """Plan files in place of the present ones; nothing is changed."""
        with self._lock:
            live, stored = dict(self._known.served), dict(self._known.stored)
        return plan.build_plan(map(self._files.parse, files), live, stored, self._store), live

    def save(
        self,
        files: Iterable[ConnectorFile],
        changes: Mapping[str, bytes | None],
        by: str,
        write: Callable[[PlannedFiles], None],
    ) -> None:
        """Plan files, and let `write` change the directory so, with no reload in between.

        Args:
            files: All files of the directory, as they will be.
            changes: The new texts of those that change, None for those that are deleted.
            by: Who changes them, for the history.
            write: Writes them, or raises what the plan says against it.
        """
        with self._lock:
            declared = self._merged([self._files.parse(file) for file in files])
            decided = plan.build_plan(declared, self._known.served, self._known.stored, self._store)
            write((decided, self._known.served))
            self._authors.remember(changes, by)

    def duplicate(self, name: str, target: str, token: str | None) -> Receipt:
        """Copy the rows of a connector into an empty one with the same fields.

        Raises:
            GatewayError: A connector is unknown, their fields differ, the target has rows, or the disk is full.
        """
        with self._lock:
            old, new = (self._known.served.get(each) for each in (name, target))
            if old is None or new is None:
                raise unknown_connector(name if old is None else target)
            if old.fields != new.fields:
                raise self._copy_refused(name, target)
            self._disk.require_space()
            return self._writer.run(lambda store: store.duplicate(old, new, token)).result()

    def _copy_refused(self, name: str, target: str) -> GatewayError:
        """Return the error for two connectors with different fields; it says if an older version of the first is served."""
        message = f"'{target}' does not have the fields of '{name}'"
        outcomes = self._live.snapshot.outcomes
        if not any(each.name == name and each.state is FileState.LAST_GOOD for each in outcomes):
            return GatewayError(
                Code.COPY_REFUSED, message, hint=f"gateway duplicate {name} makes one that does"
            )
        file = self._known.served[name].file
        message += f", whose last good version is served: {file} is not applied"
        return GatewayError(Code.COPY_REFUSED, message, hint=f"correct {file} first")

    def purge(self, name: str, by: str | None = None) -> int:
        """Delete the rows of a removed connector permanently, by whose wish the history says; return their number.

        Raises:
            GatewayError: A file declares the connector, or it is unknown.
        """
        with self._lock:
            if name in self._known.served:
                message = f"'{name}' is declared by {self._known.served[name].file}"
                hint = "remove the file first; its rows are kept until they are purged"
                raise GatewayError(Code.CONNECTOR_LIVE, message, hint=hint)
            if name not in self._known.removed or name not in self._known.stored:
                raise unknown_connector(name)
            connector = self._known.stored[name]
            rows = self._writer.run(lambda store: store.purge(connector, by)).result()
            _log.info("%s was purged: %s rows", name, rows)
            self._known.forget(name)
            snapshot = self._live.snapshot
            outcomes = tuple(
                each for each in snapshot.outcomes if each.name != name or each.state is not FileState.REMOVED
            )
            listing = DirectoryListing(snapshot.source, {}, snapshot.source_problem, snapshot.passed_over)
            self._show(outcomes, listing)
            return rows

    @property
    def is_outdated(self) -> bool:
        """True if another gateway has changed a connector since the last `apply`."""
        return self._known.is_outdated

    def _take_over(self) -> None:
        if self._known.take_over():
            self._former_paths.update(self._store.definitions.moves())

    def _merged(self, declared: Sequence[ParsedFile]) -> Sequence[ParsedFile]:
        """Return the files to plan: the own ones, or those of all gateways that share the store."""
        if self._shared is None:
            return declared
        merged = self._shared.merge(declared, self._known.served, self._settled)
        self._settled = merged.settled
        return merged.declared

    def _recalled(self) -> tuple[Outcome, ...]:
        """Return the outcomes while the directory has been unreadable since the start."""
        return tuple(Outcome(each.file, FileState.LAST_GOOD, each) for each in self._known.served.values())

    def _apply_plan(
        self, declared: Sequence[ParsedFile], listing: DirectoryListing, tables: Tables, *, at_once: bool
    ) -> Plan:
        """Build a plan, commit it, and show it.

        Each group of changes is shown before the next one starts, because requests wait for the new version of their
        connector.
        """
        decided = plan.build_plan(self._merged(declared), self._known.served, self._known.stored, tables)
        self._remove(decided, at_once=at_once)
        failed: dict[str, Sequence[Finding]] = {}
        outdated: set[str] = set()
        for group in groups(list(decided.diffs.values())):
            for applied in self._applied(group, failed, outdated):
                self._known.add(applied)
                self._former_paths.update(self._store.definitions.moves())
                self._show(self._live.snapshot.outcomes, listing)
        decided = replace(decided, postponed=decided.postponed | outdated)
        decided = plan.without_failed(decided, failed | dict.fromkeys(outdated, ()), self._known.served)
        outcomes = [replace(each, connector=self._served_for(each)) for each in decided.outcomes]
        self._show((*outcomes, *self._removed_outcomes(outcomes)), listing)
        if self._shared is not None:
            self._settled = settle(declared, self._known.served, self._settled or {})
        return decided

    def _remove(self, decided: Plan, *, at_once: bool) -> None:
        """Remove connectors that no file has declared for `LINGER_SECONDS`."""
        now, wanted = time.monotonic(), {each.path for each in decided.served.values()}
        gone = {each.name: each for each in decided.removed}
        self._lingering = {name: self._lingering.get(name, now) for name in gone}
        over = [
            connector
            for name, connector in gone.items()
            if at_once or connector.path in wanted or now - self._lingering[name] >= LINGER_SECONDS
        ]
        if not over:
            return
        authors = self._authors.deleted(over)
        self._writer.run(lambda store: store.remove(over, authors)).result()
        for connector in over:
            del self._known.served[connector.name], self._lingering[connector.name]
        self._known.note_removed()

    def _applied(
        self, group: Sequence[Unit], failed: dict[str, Sequence[Finding]], outdated: set[str]
    ) -> list[list[Connector]]:
        """Apply units in one transaction; if it fails, apply them one by one, so that only the invalid one fails."""
        comparisons = [comparison for unit in group for comparison in unit]
        authors = self._authors.saved(each.new for each in comparisons)
        try:
            applied = self._writer.run(lambda store: store.apply(comparisons, authors)).result()
        except (GatewayError, InvalidFileError, RowsArrived) as error:
            if len(group) > 1:
                return [each for unit in group for each in self._applied([unit], failed, outdated)]
            if isinstance(error, RowsArrived | ConnectorChanged):
                outdated.update(comparison.new.name for comparison in comparisons)
            else:
                failed.update({each.new.name: failure(each.new, comparisons, error) for each in comparisons})
            return []
        return [applied]

    def _show(self, outcomes: tuple[Outcome, ...], listing: DirectoryListing) -> None:
        before = self._live.snapshot
        endpoints = {
            name: self._endpoint(before.endpoints, each) for name, each in self._known.served.items()
        }
        refused = {each.name: each for each in outcomes if each.state is FileState.REFUSED}
        gone = {
            name: RemovedConnector(
                self._known.stored[name], definition.removed_at, self._credentials, refused.get(name)
            )
            for name, definition in self._known.removed.items()
            if name in self._known.stored and name not in self._known.served and definition.removed_at
        }
        self._live.show(
            Snapshot(
                before.generation + 1,
                endpoints,
                gone,
                self._former_paths.resources(self._known.served, gone),
                outcomes,
                listing.path,
                listing.problem,
                listing.warnings,
            )
        )

    def _endpoint(self, before: Mapping[str, Endpoint], connector: Connector) -> Endpoint:
        known = before.get(connector.name)
        return known if known and known.connector is connector else self._endpoint_of(connector)

    def _served_for(self, outcome: Outcome) -> Connector | None:
        """Return the connector that is served for a file, or the removed one of a file that is back but refused."""
        connector = self._known.served.get(outcome.name or "", outcome.connector)
        removed = (self._known.stored.get(name) for name in self._known.removed)
        return connector or next((each for each in removed if each and each.file == outcome.file), None)

    def _removed_outcomes(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Return the outcomes of removed connectors, except those whose file is back but refused."""
        reported = {each.name for each in outcomes}
        return [
            Outcome(each.file, FileState.REMOVED, self._known.stored.get(each.name), (removal(each),))
            for each in self._known.removed.values()
            if each.name not in self._known.served and each.name not in reported
        ]
