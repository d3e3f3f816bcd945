"""Connector files and the connectors that are served, to the plan of what to serve next.

Each file is independent: if one is refused, its last good version stays, and no other file is affected.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.connector_comparison import compare
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.finding import Finding, InvalidFileError
from gateway.errors import Code, GatewayError, trace

_log = logging.getLogger(__name__)


class FileState(Enum):
    """The outcome of a file."""

    LIVE = "live"
    LAST_GOOD = "last good"
    REFUSED = "refused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """One file after parsing: a connector, or the findings that prevent one."""

    file: str
    connector: Connector | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The connector that is served for a file, and the findings about it.

    Attributes:
        file: Its name in the directory.
        state: Its outcome.
        connector: The connector that is served, or would be with its file; None if there never was one.
        findings: The problems of the file.
        diff: The differences between the applied version and the file, with refused changes; None if there are none.
    """

    file: str
    state: FileState
    connector: Connector | None
    findings: tuple[Finding, ...] = ()
    diff: SchemaDiff | None = None

    @property
    def name(self) -> str | None:
        """The name of its connector, if it has one."""
        return self.connector.name if self.connector else None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: the connectors to serve, and the changes to apply first.

    Attributes:
        outcomes: One per file.
        served: The connectors to serve, by name.
        diffs: The changes to apply first, by connector name.
        postponed: Names of connectors whose change depends on stored rows that were not checked.
        removed: Connectors that are no longer served.
    """

    outcomes: tuple[Outcome, ...]
    served: Mapping[str, Connector]
    diffs: Mapping[str, SchemaDiff] = field(default_factory=dict)
    postponed: frozenset[str] = frozenset()
    removed: tuple[Connector, ...] = ()


@dataclass(frozen=True, slots=True)
class TableState:
    """The state of a table: its hidden columns, and whether it is empty."""

    hidden: Mapping[str, FieldType] = field(default_factory=dict)
    is_empty: bool = False


class Tables(Protocol):
    """The queries of a plan about stored rows."""

    def state_of(self, connector: Connector) -> TableState:
        """Return the state of the table of an applied connector."""

    def check_rows(self, comparison: SchemaDiff) -> SchemaDiff | None:
        """Check the stored rows and decide conditional changes; None postpones the check."""


class UnknownTables:
    """Tables without access: changes that depend on stored rows stay undecided."""

    def state_of(self, connector: Connector) -> TableState:
        """Return a table without hidden columns."""
        return TableState()

    def check_rows(self, comparison: SchemaDiff) -> SchemaDiff | None:
        """Return the changes undecided."""
        return comparison


def parse_file(file: ConnectorFile) -> ParsedFile:
    """Parse one file; every error becomes a finding."""
    if file.problem:
        return ParsedFile(file.name, None, (file.problem,))
    try:
        connector, warnings = parse_connector(file.text, file.name)
    except InvalidFileError as refused:
        return ParsedFile(file.name, None, tuple(refused.findings))
    except Exception as error:  # noqa: BLE001  # an unexpected error of one file must not affect the others
        message = f"the file cannot be read: {type(error).__name__}"
        return ParsedFile(file.name, None, (Finding(file.name, None, None, Code.FILE_UNREADABLE, message),))
    return ParsedFile(file.name, connector, tuple(warnings))


def build_plan(
    files: Iterable[ParsedFile],
    live: Mapping[str, Connector],
    stored: Mapping[str, Connector],
    tables: Tables,
) -> Plan:
    """Build the plan of all files.

    Args:
        files: Every file of the directory.
        live: The connectors that are served, by name: the last good versions.
        stored: The last applied version of every connector, also of removed ones, by name; its rows may exist.
        tables: Access to those rows.
    """
    files = list(files)
    by_file = {connector.file: connector for connector in live.values()}
    names = {each.file for each in files}
    choices = [_FileChoice(_as_served(each, live), _last_good(each, by_file, names, live)) for each in files]
    for choice in choices:
        if choice.connector is not None and choice.connector is not live.get(choice.connector.name):
            choice.compare(stored.get(choice.connector.name), tables)
    while clashes := list(_clashes(choices)):
        for choice, finding in clashes:
            choice.fall_back([finding])
            if choice.last_good is None and choice.declared.connector is not None:
                # What is served by that name is of another file, which this one does not change.
                choice.diff = SchemaDiff(None, choice.declared.connector)
    served = {choice.connector.name: choice.connector for choice in choices if choice.connector}
    removed = tuple(connector for name, connector in live.items() if name not in served)
    for choice in choices:
        choice.findings += _successions(choice, removed)
    return Plan(
        tuple(choice.outcome() for choice in choices),
        served,
        {
            choice.connector.name: choice.diff
            for choice in choices
            if choice.is_new and choice.connector and choice.diff
        },
        frozenset(each.diff.new.name for each in choices if each.is_postponed and each.diff),
        removed,
    )


def without_failed(
    decided: Plan, failed: Mapping[str, Sequence[Finding]], live: Mapping[str, Connector]
) -> Plan:
    """Remove connectors that could not be applied from a plan; the live versions of those names stay."""
    outcomes = []
    for outcome in decided.outcomes:
        name = outcome.name or ""
        if name in failed:
            last_good = live.get(name)
            findings = (*outcome.findings, *failed[name])
            state = FileState.LAST_GOOD if last_good else FileState.REFUSED
            outcomes.append(Outcome(outcome.file, state, last_good, findings))
        else:
            outcomes.append(outcome)
    served = {name: live.get(name) if name in failed else each for name, each in decided.served.items()}
    return replace(
        decided, outcomes=tuple(outcomes), served={name: each for name, each in served.items() if each}
    )


@dataclass(slots=True)
class _FileChoice:
    """The decision about one file, in progress."""

    declared: ParsedFile
    last_good: Connector | None
    is_new: bool = True
    is_postponed: bool = False
    findings: list[Finding] = field(default_factory=list)
    diff: SchemaDiff | None = None

    def __post_init__(self) -> None:
        self.findings = list(self.declared.findings)
        self.is_new = self.declared.connector is not None

    @property
    def connector(self) -> Connector | None:
        return self.declared.connector if self.is_new else self.last_good

    def compare(self, old: Connector | None, tables: Tables) -> None:
        """Compare the file with the applied version; fall back to that version if the change is refused."""
        new = self.declared.connector
        assert new is not None
        if old is None:
            self.diff = SchemaDiff(None, new)
            return
        try:
            self._compare(old, new, tables)
        except GatewayError as error:
            message = f"the rows of '{new.name}' could not be checked; the next reload tries again"
            self.diff = None
            self.fall_back([Finding(new.file, None, None, error.code, message)])
        except Exception as error:  # noqa: BLE001  # an unexpected error of one change must not affect other files
            _log.error("%s could not be compared: %s", new.file, trace(error))
            message = f"the changes of '{new.name}' could not be compared: {type(error).__name__}"
            self.diff = None
            self.fall_back([Finding(new.file, None, None, Code.INTERNAL, message)])

    def _compare(self, old: Connector, new: Connector, tables: Tables) -> None:
        is_alike = (old.fields, old.primary_key) == (new.fields, new.primary_key)
        table = TableState() if is_alike else tables.state_of(old)
        self.diff = compare(old, new, table.hidden, is_empty=table.is_empty)
        if self.diff.is_conditional:
            settled = tables.check_rows(self.diff)
            self.is_postponed = settled is None
            self.diff = settled or self.diff
        if self.is_postponed or self.diff.refused:
            self.fall_back([change.finding(new.file) for change in self.diff.refused])

    def fall_back(self, findings: list[Finding]) -> None:
        self.is_new = False
        self.findings += [finding for finding in findings if finding not in self.findings]

    def outcome(self) -> Outcome:
        state = (
            FileState.LIVE if self.is_new else FileState.LAST_GOOD if self.last_good else FileState.REFUSED
        )
        return Outcome(self.declared.file, state, self.connector, tuple(self.findings), self.diff)


def _as_served(declared: ParsedFile, live: Mapping[str, Connector]) -> ParsedFile:
    """Replace a connector by the served one if their texts are equal."""
    new = declared.connector
    served = live.get(new.name) if new else None
    if new and served and (new.text, new.file) == (served.text, served.file):
        return replace(declared, connector=served)
    return declared


def _last_good(
    declared: ParsedFile, by_file: Mapping[str, Connector], files: set[str], live: Mapping[str, Connector]
) -> Connector | None:
    """Find the connector that was served for a file, for a renamed file by the name of its connector."""
    if declared.file in by_file:
        return by_file[declared.file]
    moved = live.get(declared.connector.name) if declared.connector else None
    return moved if moved and moved.file not in files else None


def _successions(choice: _FileChoice, removed: Iterable[Connector]) -> list[Finding]:
    """Warn about a new connector at the path of a removed one: the file may have been renamed."""
    new = choice.connector
    if new is None or choice.diff is None or choice.diff.old is not None:
        return []
    return [
        Finding(
            new.file,
            None,
            None,
            Code.CONNECTOR_REMOVED,
            f"'{new.name}' has the path {new.path} of '{old.name}', but none of its rows",
            f"if it is '{old.name}' in a renamed file, write name: {old.name} in that file",
            is_warning=True,
        )
        for old in removed
        if old.path == new.path
    ]


def _clashes(choices: Iterable[_FileChoice]) -> Iterable[tuple[_FileChoice, Finding]]:
    """Yield the new versions whose name or path another file declares too."""
    for what in ("name", "path"):
        wanting: dict[str, list[_FileChoice]] = defaultdict(list)
        for choice in choices:
            if choice.connector:
                wanting[getattr(choice.connector, what)].append(choice)
        for value, rivals in wanting.items():
            if len(rivals) > 1:
                files = sorted(rival.declared.file for rival in rivals)
                for rival in (rival for rival in rivals if rival.is_new):
                    others = " and ".join(file for file in files if file != rival.declared.file)
                    message = f"the {what} '{value}' is declared by {others} too"
                    hint = f"give one of them another {what}"
                    yield rival, Finding(rival.declared.file, None, None, Code.CONNECTOR_CLASH, message, hint)
