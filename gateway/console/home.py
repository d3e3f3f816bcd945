"""The entries of the connectors page for those who see every state: trouble first, then by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.connector_reports import ConnectorReport
from gateway.admin.recent_activity import RecentActivity
from gateway.admin.status_report import FileReport
from gateway.connectors.finding import Finding
from gateway.connectors.plan import FileState
from gateway.console.connector_urls import connector_url
from gateway.console.plot import Sparkline, sparkline


@dataclass(frozen=True)
class HomeEntry:
    """One connector, or a file from which none is served.

    Attributes:
        name: The name of the connector, or of the file.
        state: The state of the file.
        findings: The findings about the file.
        report: The report on the connector, None for a file without one.
        recent: Its activity of the last day, None where it is not known.
        now: The present in seconds since 1970.
    """

    name: str
    state: FileState
    findings: tuple[Finding, ...]
    report: ConnectorReport | None
    recent: RecentActivity | None
    now: float

    @property
    def url(self) -> str | None:
        """The page of the connector."""
        return connector_url(self.name) if self.report else None

    @property
    def is_late(self) -> bool:
        """True if no batch came for longer than twice the usual gap."""
        is_served = self.report is not None and self.report.removed_at is None
        return is_served and self.recent is not None and self.recent.is_late(self.now)

    @property
    def plot(self) -> Sparkline | None:
        """The rows stored in the last day."""
        if self.recent is None:
            return None
        stored = self.recent.counts.stored
        return sparkline(self.recent.stored, f"{stored:,} rows stored since 24 hours")

    @property
    def rank(self) -> int:
        """The place of its trouble: the gravest is 0."""
        ranks = {FileState.REFUSED: 0, FileState.LAST_GOOD: 1, FileState.REMOVED: 6}
        if self.state in ranks:
            return ranks[self.state]
        if self.report is not None and self.report.rejected:
            return 2
        if self.is_late:
            return 3
        return 4 if self.findings else 5

    def has_words(self, words: Iterable[str]) -> bool:
        """Return whether all words are in its name, path, description, state, or findings."""
        connector = self.report.connector if self.report else None
        about = (connector.path, connector.file, connector.description or "") if connector else ()
        messages = (each.message for each in self.findings)
        text = "\n".join((self.name, self.state.value, *about, *messages)).lower()
        return all(word in text for word in words)


def home_entries(
    reports: Sequence[ConnectorReport],
    files: Sequence[FileReport],
    recent: Mapping[str, RecentActivity],
    now: float,
) -> list[HomeEntry]:
    """Return the entries of all connectors, and of the files from which none is served; trouble first."""
    findings: dict[str, tuple[Finding, ...]] = {}
    for file in files:
        name = file.outcome.name
        if name is not None:
            findings[name] = (*findings.get(name, ()), *file.findings)
    known = {each.connector.name for each in reports}
    entries = [
        HomeEntry(
            each.connector.name,
            each.state or FileState.LIVE,
            # That it was removed is said by its state.
            findings.get(each.connector.name, ()) if each.state is not FileState.REMOVED else (),
            each,
            recent.get(each.connector.name),
            now,
        )
        for each in reports
    ]
    entries += [
        HomeEntry(each.outcome.file, each.outcome.state, each.findings, None, None, now)
        for each in files
        if each.outcome.name not in known
    ]
    return sorted(entries, key=lambda each: (each.rank, each.name))
