"""`/-/console/`: all connectors with their state for those who see it, the endpoints that it may use for anyone else."""

import time
from pathlib import Path
from urllib.parse import parse_qsl

from gateway.admin.connector_reports import ConnectorReports
from gateway.admin.recent_activity import RecentActivities
from gateway.admin.status_report import StatusReports
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.endpoint_list import EndpointList
from gateway.console.home import home_entries
from gateway.console.page import Shell, View
from gateway.console.visit import Visit


class HomePage(EndpointList):
    """The first page."""

    def __init__(
        self,
        shell: Shell,
        connectors: VisibleConnectors,
        reports: ConnectorReports,
        status: StatusReports,
        recent: RecentActivities,
    ) -> None:
        super().__init__(shell, connectors)
        self._reports = reports
        self._status = status
        self._recent = recent

    async def get(self, visit: Visit) -> View:
        """List the connectors, or those that have all words of `?q=`."""
        if not visit.asker.views:
            return await super().get(visit)
        search = dict(parse_qsl(visit.query_string)).get("q", "").strip()
        reports = await self._reports.all(visit.asker)
        recent = await self._recent.read([each.connector.name for each in reports])
        entries = home_entries(reports, self._status.files(visit.asker), recent, time.time())
        words = search.lower().split()
        return View(
            "home.html",
            {
                "entries": [each for each in entries if each.has_words(words)],
                "count": len(reports),
                "search": search,
                **self._source(),
            },
        )

    def _source(self) -> dict[str, object]:
        """Return the directory; one that the first save makes is no problem."""
        snapshot = self._status.snapshot
        has_problem = snapshot.source_problem is not None
        is_new = has_problem and not snapshot.outcomes and not Path(snapshot.source).exists()
        return {
            "source": snapshot.source,
            "problem": None if is_new else snapshot.source_problem,
            "is_new": is_new,
        }
