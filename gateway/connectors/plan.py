"""The files of a directory and what was served before, to what is to be served now.

Each file stands alone: one that is refused leaves its last good version in place, and no other file notices.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway.connectors.compatibility import compare
from gateway.connectors.connector import Connector, Field
from gateway.connectors.declaration import declare
from gateway.connectors.directory import File
from gateway.connectors.finding import Finding, Refused
from gateway.errors import Code


class State(Enum):
    """What became of a file."""

    LIVE = "live"
    LAST_GOOD = "last good"
    REFUSED = "refused"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file says by itself: a connector, or the findings that keep it from being one."""

    file: str
    connector: Connector | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is served for a file, and what is to be said about it."""

    file: str
    state: State
    connector: Connector | None
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str | None:
        """The name of its connector, if it has one."""
        return self.connector.name if self.connector else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to serve.

    Attributes:
        outcomes: One per file.
        served: The connectors to serve, by name.
        added: Fields whose columns must be added first, by connector name.
        removed: Names that were served and are no longer.
    """

    outcomes: tuple[Outcome, ...]
    served: Mapping[str, Connector]
    added: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


def read_file(file: File) -> Declared:
    """Read what one file declares."""
    if file.problem:
        return Declared(file.name, None, (file.problem,))
    try:
        connector, warnings = declare(file.text, file.name)
    except Refused as refused:
        return Declared(file.name, None, tuple(refused.findings))
    except Exception as error:  # noqa: BLE001  # a file nobody foresaw must not take the others down
        message = f"the file cannot be read: {type(error).__name__}"
        return Declared(file.name, None, (Finding(file.name, None, None, Code.FILE_UNREADABLE, message),))
    return Declared(file.name, connector, tuple(warnings))


def build(files: Iterable[Declared], live: Mapping[str, Connector], stored: Mapping[str, Connector]) -> Plan:
    """Decide what each file becomes.

    Args:
        files: Every file of the directory.
        live: What is being served, by name: the last good versions.
        stored: The last applied version of every connector there ever was, by name; its rows may exist.
    """
    files = list(files)
    by_file = {connector.file: connector for connector in live.values()}
    names = {each.file for each in files}
    choices = {each.file: _Choice(each, _last_good(each, by_file, names, live)) for each in files}
    added: dict[str, tuple[Field, ...]] = {}
    for file, choice in choices.items():
        if choice.connector and (old := stored.get(choice.connector.name)):
            changes = compare(old, choice.connector)
            if refused := [change.refused for change in changes if change.refused]:
                choice.fall_back(refused)
            else:
                added[file] = tuple(change.added for change in changes if change.added)
    while clashes := list(_clashes(choices.values())):
        for choice, finding in clashes:
            choice.fall_back([finding])
    served = {choice.connector.name: choice.connector for choice in choices.values() if choice.connector}
    return Plan(
        tuple(choice.outcome() for choice in choices.values()),
        served,
        {
            choice.connector.name: more
            for file, more in added.items()
            if more and (choice := choices[file]).is_new and choice.connector
        },
        tuple(name for name in live if name not in served),
    )


def without(decided: Plan, failed: set[str], live: Mapping[str, Connector]) -> Plan:
    """Take back connectors that the store could not apply; what was live under their names stays."""
    outcomes = []
    for outcome in decided.outcomes:
        name = outcome.name
        if name in failed:
            last_good = live.get(name)
            message = f"the tables of '{name}' could not be changed; it is tried again at the next reload"
            finding = Finding(outcome.file, None, None, Code.STORE_FAILED, message)
            state = State.LAST_GOOD if last_good else State.REFUSED
            outcomes.append(Outcome(outcome.file, state, last_good, (*outcome.findings, finding)))
        else:
            outcomes.append(outcome)
    served = {name: live.get(name) if name in failed else each for name, each in decided.served.items()}
    return replace(
        decided, outcomes=tuple(outcomes), served={name: each for name, each in served.items() if each}
    )


@dataclass(slots=True)
class _Choice:
    """What one file is to serve, while it is being decided."""

    declared: Declared
    last_good: Connector | None
    is_new: bool = True
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.findings = list(self.declared.findings)
        self.is_new = self.declared.connector is not None

    @property
    def connector(self) -> Connector | None:
        return self.declared.connector if self.is_new else self.last_good

    def fall_back(self, findings: list[Finding]) -> None:
        self.is_new = False
        self.findings += [finding for finding in findings if finding not in self.findings]

    def outcome(self) -> Outcome:
        state = State.LIVE if self.is_new else State.LAST_GOOD if self.last_good else State.REFUSED
        return Outcome(self.declared.file, state, self.connector, tuple(self.findings))


def _last_good(
    declared: Declared, by_file: Mapping[str, Connector], files: set[str], live: Mapping[str, Connector]
) -> Connector | None:
    """Find what was served for a file; for a renamed one, what was served under its connector's name."""
    if declared.file in by_file:
        return by_file[declared.file]
    moved = live.get(declared.connector.name) if declared.connector else None
    return moved if moved and moved.file not in files else None


def _clashes(choices: Iterable[_Choice]) -> Iterable[tuple[_Choice, Finding]]:
    """Find new versions that want a name or a path which another file has or wants too."""
    for what in ("name", "path"):
        wanting: dict[str, list[_Choice]] = defaultdict(list)
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
