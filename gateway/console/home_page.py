"""`/-/console/`: all connectors with their state for those who see it, the endpoints that it may use for anyone else."""

import time
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
                "source": self._status.snapshot.source,
                "problem": self._status.snapshot.source_problem,
            },
        )
