"""`/-/console/status`: connector files with their findings, tokens, resources, and settings."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.admin.status_report import FileReport, StatusReports
from gateway.auth import permissions
from gateway.connectors.finding import Finding
from gateway.connectors.plan import FileState
from gateway.console.connector_urls import connector_url
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit
from gateway.endpoints.services import Storage
from gateway.errors import GatewayError
from gateway.reload.connector_files import ConnectorFiles

#: The most characters of a line that are shown.
_LINE_MAX = 300
_ORDER = {FileState.REFUSED: 0, FileState.LAST_GOOD: 1, FileState.LIVE: 2, FileState.REMOVED: 3}


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """The line of a finding: the part before its column, the marked word, and the rest."""

    before: str
    marked: str
    after: str


@dataclass(frozen=True)
class FileEntry:
    """A connector file of the page.

    Attributes:
        report: Its state and findings.
        text: Its text as it is in the directory, None if it cannot be read.
    """

    report: FileReport
    text: bytes | None

    @property
    def url(self) -> str | None:
        """The page of its connector."""
        name = self.report.outcome.name
        return None if name is None else connector_url(name)

    def line(self, finding: Finding) -> MarkedLine | None:
        """Return the line that a finding is about, with a mark where it begins."""
        if self.text is None or finding.line is None:
            return None
        lines = self.text.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
        if finding.line > len(lines):
            return None
        line = lines[finding.line - 1].rstrip("\r")
        if finding.column is None or finding.column > len(line):
            return MarkedLine("", line[:_LINE_MAX], "")
        start = finding.column - 1
        word = line[start:].split(" ", 1)[0] or line[start : start + 1]
        begin = max(start - _LINE_MAX // 2, 0)
        word = word[:_LINE_MAX]
        end = start + len(word)
        return MarkedLine(line[begin:start], word, line[end : end + _LINE_MAX])


class StatusPage(ConsolePage):
    """The state of the gateway, for those who may see it."""

    def __init__(self, shell: Shell, reports: StatusReports, storage: Storage, files: ConnectorFiles) -> None:
        super().__init__(shell)
        self._reports = reports
        self._storage = storage
        self._files = files

    async def get(self, visit: Visit) -> View:
        """Show the files, trouble first, and the resources.

        Raises:
            GatewayError: 401 or 403 for those who may not see the state.
        """
        permissions.require_view(visit.asker)
        files = self._reports.files(visit.asker)
        texts = await asyncio.to_thread(self._texts) if any(each.findings for each in files) else {}
        entries = [FileEntry(each, texts.get(each.outcome.file)) for each in files]
        entries.sort(key=_place)
        snapshot = self._reports.snapshot
        return View(
            "status.html",
            {
                "entries": entries,
                "snapshot": snapshot,
                "token_findings": self._reports.token_findings,
                "resources": self._reports.resources,
                "disk": self._reports.disk,
                "usage": await self._storage.read_pool.call(self._storage.reader.usage),
                "settings": self._reports.settings,
                "mode": self._files.mode,
            },
        )

    def _texts(self) -> Mapping[str, bytes]:
        """Read the texts of the files; there are none if the directory cannot be read."""
        try:
            return {name: file.text for name, file in self._files.list().items() if file.problem is None}
        except GatewayError:
            return {}


def _place(entry: FileEntry) -> tuple[int, bool, str]:
    outcome = entry.report.outcome
    return _ORDER[outcome.state], not entry.report.findings, outcome.file
