"""The report on the state of the gateway: its connector files, their findings, tokens, resources, and settings."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway import __version__
from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Asker
from gateway.connectors.finding import Finding
from gateway.connectors.plan import FileState, Outcome
from gateway.endpoints.live import Live, Snapshot
from gateway.endpoints.services import Auth, Intake, Storage
from gateway.resources import Resources
from gateway.setting_texts import SettingText, setting_texts


@dataclass(frozen=True, slots=True)
class FileReport:
    """A connector file and its findings, errors first; among them the names in `access` that no token has."""

    outcome: Outcome
    findings: tuple[Finding, ...]

    def body(self) -> dict[str, Any]:
        """Return it as JSON."""
        connector = self.outcome.connector
        return {
            "file": self.outcome.file,
            "state": self.outcome.state.value,
            "connector": self.outcome.name,
            "path": connector.path if connector else None,
            "findings": [finding.body() for finding in self.findings],
        }


def file_report(outcome: Outcome, credentials: Credentials) -> FileReport:
    """Return the report on a connector file."""
    connector, findings = outcome.connector, outcome.findings
    if connector and outcome.state in (FileState.LIVE, FileState.LAST_GOOD):
        findings += credentials.find_unknown_names(connector, is_as_written=outcome.state is FileState.LIVE)
    return FileReport(outcome, tuple(sorted(findings, key=lambda each: each.level != "error")))


class StatusReports:
    """Reports on the state of the gateway, from what is in memory."""

    def __init__(
        self, auth: Auth, storage: Storage, intake: Intake, live: Live, resources: Resources
    ) -> None:
        self._live = live
        self._credentials = auth.credentials
        self._intake = intake
        self._store = storage.reader
        self.resources = resources

    @property
    def snapshot(self) -> Snapshot:
        """The live snapshot."""
        return self._live.snapshot

    @property
    def token_findings(self) -> tuple[Finding, ...]:
        """The problems of the tokens file, and its tokens that have expired or soon expire."""
        return self._credentials.findings

    @property
    def settings(self) -> list[SettingText]:
        """The settings of the process."""
        return setting_texts(self._intake.settings)

    @property
    def disk(self) -> dict[str, Any]:
        """The free bytes of the disk of the data, and the bytes below which writes are refused."""
        disk = self._intake.disk
        return {"free": disk.free, "reserve": disk.reserve, "full": disk.is_full}

    def files(self, asker: Asker) -> list[FileReport]:
        """Report every connector file. The stored rows that a finding names are for the admin alone."""
        found = [file_report(outcome, self._credentials) for outcome in self.snapshot.outcomes]
        return found if asker.is_admin else [_without_rows(each) for each in found]

    def body(self, asker: Asker) -> dict[str, Any]:
        """Return the whole report as JSON."""
        snapshot = self.snapshot
        return {
            "version": __version__,
            "generation": snapshot.generation,
            "store": {"id": self._store.id, "answers": self._store.is_reachable},
            "source": {"path": snapshot.source, "problem": snapshot.source_problem},
            "files": [each.body() for each in self.files(asker)],
            "passed_over": [finding.body() for finding in snapshot.passed_over],
            "tokens": [finding.body() for finding in self.token_findings],
            "resources": asdict(self.resources),
            "disk": self.disk,
            "settings": {each.environment: each.value for each in self.settings},
        }


def _without_rows(report: FileReport) -> FileReport:
    return replace(report, findings=tuple(replace(each, rows=()) for each in report.findings))
