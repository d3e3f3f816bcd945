"""The files of one gateway among several that share a store, each with a copy of the directory of its own.

The copies differ while a deployment runs, and longer. A gateway that applied an older copy would undo the work of another
one, and that would apply its own again. So a file is applied only if its text is new to all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.connectors.connector import Connector
from gateway.connectors.finding import Finding
from gateway.connectors.plan import ParsedFile
from gateway.errors import Code
from gateway.store.definition import Event

#: The most events of a connector's history in which a text is looked for.
_EVENTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class SettledFile:
    """A file of the own copy that needs nothing more: it was applied, or is known to be older.

    Attributes:
        connector: The name of its connector.
        text: Its text.
        is_applied: Whether it was the applied version when it was seen last.
    """

    connector: str
    text: str
    is_applied: bool


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """The files that a plan is built of, and the state of the own copy after it. Replaced, never edited.

    Attributes:
        declared: The files, those of connectors that another gateway has applied included.
        settled: The settled files of the own copy, by name.
    """

    declared: Sequence[ParsedFile] = ()
    settled: Mapping[str, SettledFile] = field(default_factory=dict)


class SharedDirectory:
    """Decides which files of the own copy are applied. The reload's lock guards it."""

    def __init__(self, history: Callable[[str, int], Sequence[Event]]) -> None:
        """Keep the function that returns the events of a connector, newest first, up to a number of them."""
        self._history = history

    def merge(
        self,
        own: Sequence[ParsedFile],
        served: Mapping[str, Connector],
        before: Mapping[str, SettledFile] | None,
    ) -> SharedFiles:
        """Merge the own files with the applied connectors.

        Args:
            own: The files of the own copy.
            served: The applied connectors that are not removed, by name.
            before: The settled files of the own copy before; None at the first look.

        Raises:
            GatewayError: The history cannot be read.
        """
        declared: list[ParsedFile] = []
        settled: dict[str, SettledFile] = {}
        for file in own:
            new = file.connector
            if new is None:
                declared.append(file)
                continue
            live = served.get(new.name)
            if live is not None and live.text == new.text:
                declared.append(ParsedFile(file.file, live, file.findings))
                settled[file.file] = SettledFile(new.name, new.text, is_applied=True)
            elif self._is_older(file.file, new, live, before):
                settled[file.file] = SettledFile(new.name, new.text, is_applied=False)
                if live is not None:
                    declared.append(
                        ParsedFile(file.file, live, (*file.findings, _superseded(file.file, live)))
                    )
            else:
                declared.append(file)
        deleted = _deleted(own, served, before or {})
        known = {each.connector.name for each in declared if each.connector is not None}
        known |= {each.connector for each in deleted.values()}
        broken = {each.file for each in declared if each.connector is None}
        declared += [
            ParsedFile(live.file, live)
            for name, live in served.items()
            if name not in known and live.file not in broken
        ]
        return SharedFiles(declared, settled | deleted)

    def _is_older(
        self, file: str, new: Connector, live: Connector | None, before: Mapping[str, SettledFile] | None
    ) -> bool:
        """Return whether a text that is not applied was settled before, or is an older one of the history.

        A file that comes back restores its removed connector: the own copy has changed.
        """
        if live is None and before is not None and file not in before:
            return False
        known = (before or {}).get(file)
        if known is not None and (known.connector, known.text) == (new.name, new.text):
            return True
        return any(new.text in (event.old, event.new) for event in self._history(new.name, _EVENTS_MAX))


def settle(
    own: Sequence[ParsedFile], served: Mapping[str, Connector], settled: Mapping[str, SettledFile]
) -> Mapping[str, SettledFile]:
    """Return the settled files after their plan was carried out: with the applied ones, and without those that are gone.

    A file that declares another connector than before stays that of the former one until that is removed.
    """
    kept, declared = {each.file for each in own}, _declared(own)
    leaving = {
        name for name, each in settled.items() if each.connector in served and each.connector not in declared
    }
    applied = {
        each.file: SettledFile(new.name, new.text, is_applied=True)
        for each in own
        if (new := each.connector) is not None
        and each.file not in leaving
        and (live := served.get(new.name)) is not None
        and live.text == new.text
    }
    return {
        name: each for name, each in settled.items() if name in kept or each.connector in served
    } | applied


def _deleted(
    own: Sequence[ParsedFile], served: Mapping[str, Connector], before: Mapping[str, SettledFile]
) -> dict[str, SettledFile]:
    """Return the files of the own copy that had the version that is applied, and are gone or declare another connector."""
    declared = _declared(own)
    broken = {each.file for each in own if each.connector is None}
    return {
        name: each
        for name, each in before.items()
        if each.is_applied
        and each.connector not in declared
        and name not in broken
        and (live := served.get(each.connector)) is not None
        and live.text == each.text
    }


def _declared(own: Sequence[ParsedFile]) -> set[str]:
    """Return the names of the connectors that files declare."""
    return {each.connector.name for each in own if each.connector is not None}


def _superseded(file: str, live: Connector) -> Finding:
    message = (
        f"'{live.name}' has a newer version, which another gateway has applied; this one is not applied again"
    )
    hint = "deploy the newer file here; to go back to this version, change its text, for example a comment"
    return Finding(file, None, None, Code.FILE_SUPERSEDED, message, hint, is_warning=True)
