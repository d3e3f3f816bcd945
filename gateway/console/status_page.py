"""`/-/console/status`: connector files with their findings, tokens, resources, and settings."""

from gateway.admin.status_report import StatusReports
from gateway.auth import permissions
from gateway.connectors.plan import FileState
from gateway.console.connector_urls import connector_url
from gateway.console.file_entries import FileEntries, FileEntry
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit
from gateway.endpoints.services import Storage
from gateway.reload.connector_files import ConnectorFiles

_ORDER = {FileState.REFUSED: 0, FileState.LAST_GOOD: 1, FileState.LIVE: 2, FileState.REMOVED: 3}


class StatusPage(ConsolePage):
    """The state of the gateway, for those who may see it."""

    def __init__(
        self,
        shell: Shell,
        reports: StatusReports,
        storage: Storage,
        files: FileEntries,
        writer: ConnectorFiles,
    ) -> None:
        super().__init__(shell)
        self._reports = reports
        self._storage = storage
        self._files = files
        self._writer = writer

    async def get(self, visit: Visit) -> View:
        """Show the files, trouble first, and the resources.

        Raises:
            GatewayError: 401 or 403 for those who may not see the state.
        """
        permissions.require_view(visit.asker)
        entries = await self._files.all(visit.asker)
        entries.sort(key=_place)
        snapshot, reader = self._reports.snapshot, self._storage.reader
        usage, purged = await self._storage.read_pool.call(
            lambda: (reader.usage(), reader.definitions.purged())
        )
        return View(
            "status.html",
            {
                "entries": entries,
                "snapshot": snapshot,
                "token_findings": self._reports.token_findings,
                "resources": self._reports.resources,
                "disk": self._reports.disk,
                "usage": usage,
                "purged": [(name, connector_url(name, "history")) for name in purged],
                "settings": self._reports.settings,
                "mode": self._writer.mode,
            },
        )


def _place(entry: FileEntry) -> tuple[int, bool, str]:
    outcome = entry.report.outcome
    return _ORDER[outcome.state], not entry.report.findings, outcome.file
