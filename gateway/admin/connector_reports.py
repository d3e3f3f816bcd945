"""Reports of connectors: counts, last batches, and hidden columns, as far as an asker may see them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.admin.activity_report import HOUR, ActivityReports
from gateway.admin.visible_connectors import KnownConnector, VisibleConnector, VisibleConnectors
from gateway.auth.permissions import Asker, Sight
from gateway.connectors.connector import Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.plan import FileState
from gateway.endpoints.live import Live, Snapshot
from gateway.endpoints.services import Storage
from gateway.figures import RequestFigures
from gateway.store.activity import BatchCounts
from gateway.store.batch import StoredBatch

#: The activity of a connector over a period: its batches, and what was refused and served.
Activity = tuple[BatchCounts, RequestFigures]


@dataclass(frozen=True, slots=True)
class ConnectorReport:
    """One connector, with what its asker may see of it; what it may not see is None.

    Attributes:
        connector: The connector, the last version of a removed one.
        sight: What the asker may see and do.
        state: The state of its file.
        removed_at: When it was removed, None for a served one.
        rows: The number of its rows.
        rejected: The number of its kept rejected rows.
        latest: Its last batch, also None if there is none.
    """

    connector: Connector
    sight: Sight
    state: FileState | None
    removed_at: datetime | None
    rows: int | None
    rejected: int | None
    latest: StoredBatch | None


class ConnectorReports:
    """Reads reports of connectors. Belongs to the event loop; queries run in the read pool of its storage."""

    def __init__(
        self, connectors: VisibleConnectors, storage: Storage, live: Live, activity: ActivityReports
    ) -> None:
        self._connectors = connectors
        self._storage = storage
        self._live = live
        self._activity = activity

    async def all(self, asker: Asker) -> list[ConnectorReport]:
        """Report the connectors that an asker may see, by name; a viewer also sees removed ones whose rows are kept."""
        return await self._live.settled(lambda: self._all(asker))

    async def one(self, known: KnownConnector | VisibleConnector) -> ConnectorReport:
        """Report one connector, or a removed one."""
        (report,) = await self._live.settled(lambda: self._read([self._present(known)], known.asker))
        return report

    async def is_purged(self, asker: Asker, name: str) -> bool:
        """Return whether only the history of a connector is left, as far as the asker may see that."""
        if not asker.views:
            return False
        return name in await self._storage.read_pool.call(self._storage.reader.definitions.purged)

    async def hidden(self, found: VisibleConnector) -> Mapping[str, FieldType]:
        """Return the columns of a connector's table that are not fields; none for those who may not see the state."""
        if not found.sight.has_state:
            return {}
        return await self._live.settled(lambda: self._hidden(self._present(found).connector))

    async def last_day(self, names: Sequence[str]) -> Mapping[str, Activity]:
        """Return the activity of connectors since 24 hours before the start of this hour."""
        if not names:
            return {}
        now = int(time.time())
        since = now // HOUR * HOUR - 24 * HOUR
        return await self._storage.read_pool.call(lambda: self._activity.totals(names, since, now + 1))

    def _present(self, known: KnownConnector | VisibleConnector) -> KnownConnector:
        """Return the present version of a connector, which may have changed since it was found."""
        return self._connectors.find_known(known.asker, known.connector.name)

    async def _hidden(self, connector: Connector) -> Mapping[str, FieldType]:
        return await self._storage.read_pool.call(lambda: self._storage.reader.definitions.hidden(connector))

    async def _all(self, asker: Asker) -> list[ConnectorReport]:
        return await self._read(list(self._connectors.all_known(asker)), asker)

    async def _read(
        self, known: Sequence[KnownConnector | VisibleConnector], asker: Asker
    ) -> list[ConnectorReport]:
        # Only what is shown is read: a request without a token must not cost a query of every table.
        counted = [each.connector for each in known if each.sight.has_row_count]
        with_rejected = [each.connector.name for each in known if each.sight.rejected_counts != "none"]
        with_batches = [each.connector.name for each in known if each.sight.batches != "none"]
        token, reader = None if asker.views else asker.token, self._storage.reader
        rows, rejected, latest = await self._storage.read_pool.call(
            lambda: (
                reader.counts(counted),
                reader.rejected.counts(with_rejected, token),
                self._latest(with_batches, token),
            )
        )
        return [
            self._report(each, rows.get(name), rejected.get(name), latest.get(name))
            for each in known
            for name in [each.connector.name]
        ]

    def _report(
        self,
        known: KnownConnector | VisibleConnector,
        rows: int | None,
        rejected: int | None,
        latest: StoredBatch | None,
    ) -> ConnectorReport:
        snapshot, sight, name = self._live.snapshot, known.sight, known.connector.name
        return ConnectorReport(
            known.connector,
            sight,
            state_of(snapshot, name) if sight.has_state else None,
            removed_at(snapshot, name),
            rows or 0 if sight.has_row_count else None,
            rejected or 0 if sight.rejected_counts != "none" else None,
            latest,
        )

    def _latest(self, names: Sequence[str], token: str | None) -> Mapping[str, StoredBatch]:
        batches = self._storage.reader.batches
        if len(names) > 1:
            return batches.latest(token)
        return {name: batch for name in names for batch in batches.newest(name, 1, token)}


def state_of(snapshot: Snapshot, name: str) -> FileState:
    """Return the state of the file of a connector; that of a removed one may be back, and refused."""
    states = {outcome.name: outcome.state for outcome in snapshot.outcomes}
    return states.get(name, FileState.REMOVED if name in snapshot.gone else FileState.LIVE)


def removed_at(snapshot: Snapshot, name: str) -> datetime | None:
    """Return when a connector was removed, None for a served one."""
    removed = snapshot.gone.get(name)
    return removed.since if removed else None
