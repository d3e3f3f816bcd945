"""Connector files on pages: their findings, with the lines that these are about."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.status_report import FileReport, StatusReports
from gateway.auth.permissions import Asker
from gateway.connectors.finding import Finding
from gateway.console.connector_urls import connector_url
from gateway.errors import GatewayError
from gateway.reload.connector_files import ConnectorFiles

#: The most characters of a line that are shown.
_LINE_MAX = 300
#: What is marked of a line, up to a space or the end of a YAML item.
_WORD = re.compile(r"[^\s,:\[\]{}]+")


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
        found = _WORD.match(line, start)
        word = found[0] if found else line[start]
        begin = max(start - _LINE_MAX // 2, 0)
        word = word[:_LINE_MAX]
        end = start + len(word)
        return MarkedLine(line[begin:start], word, line[end : end + _LINE_MAX])


class FileEntries:
    """Reads the connector files with their findings, for those who see every state."""

    def __init__(self, reports: StatusReports, files: ConnectorFiles) -> None:
        self._reports = reports
        self._files = files

    async def all(self, asker: Asker) -> list[FileEntry]:
        """Return every file. Texts are read if there is a finding."""
        return await self._read(self._reports.files(asker))

    async def of(self, asker: Asker, name: str) -> list[FileEntry]:
        """Return the file of a connector, if the asker may see its state."""
        reports = self._reports.files(asker) if asker.views else []
        return await self._read([each for each in reports if each.outcome.name == name])

    async def _read(self, reports: Sequence[FileReport]) -> list[FileEntry]:
        has_findings = any(each.findings for each in reports)
        texts = await asyncio.to_thread(_texts, self._files) if has_findings else {}
        return [FileEntry(each, texts.get(each.outcome.file)) for each in reports]


def _texts(files: ConnectorFiles) -> Mapping[str, bytes]:
    """Read the texts of the files; there are none if the directory cannot be read."""
    try:
        return {name: file.text for name, file in files.list().items() if file.problem is None}
    except GatewayError:
        return {}
