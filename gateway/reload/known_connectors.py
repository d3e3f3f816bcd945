"""The connectors that the store knows: the last applied version of each, and those of them that are served or removed."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from gateway.connectors import plan
from gateway.connectors.connector import Connector
from gateway.connectors.directory import ConnectorFile
from gateway.reload.parsed_files import ParsedFiles
from gateway.store.definition import Definition
from gateway.store.definition_reader import DefinitionReader

_log = logging.getLogger(__name__)


class KnownConnectors:
    """The connectors by name. The reload's lock guards it.

    Attributes:
        stored: The last applied version of every connector; its rows may exist.
        served: Those that are served: the last good versions.
        removed: The definitions of those that are removed.
    """

    def __init__(self, definitions: DefinitionReader, files: ParsedFiles) -> None:
        """Load the last good versions from the store, which are served while their files are invalid."""
        self._definitions = definitions
        self._files = files
        self.stored: dict[str, Connector] = {}
        self.served: dict[str, Connector] = {}
        self.removed: dict[str, Definition] = {}
        self._last_change = definitions.last_change()
        self._load(definitions.all())

    @property
    def is_outdated(self) -> bool:
        """True if another gateway has changed a connector since the last `take_over`."""
        return self._definitions.last_change() != self._last_change

    def take_over(self) -> bool:
        """Load the versions that other gateways have applied; return whether they may have changed."""
        if not self.is_outdated:
            return False
        self._last_change = self._definitions.last_change()
        definitions = self._definitions.all()
        for name in self.stored.keys() - {each.name for each in definitions}:
            self.forget(name)
        self._load(each for each in definitions if not self._has(each))
        return True

    def add(self, applied: Iterable[Connector]) -> None:
        """Add versions that were applied, and serve them."""
        new = {each.name: each for each in applied}
        self.stored |= new
        self.served |= new
        self.note_removed()

    def note_removed(self) -> None:
        """Read from the store which connectors are removed."""
        self.removed = {each.name: each for each in self._definitions.all() if each.removed_at}

    def forget(self, name: str) -> None:
        """Forget a connector that was purged."""
        self.stored.pop(name, None)
        self.served.pop(name, None)
        self.removed.pop(name, None)

    def _has(self, definition: Definition) -> bool:
        stored = self.stored.get(definition.name)
        wanted = (definition.text, definition.file, definition.revision)
        is_same = stored is not None and (stored.text, stored.file, stored.revision) == wanted
        return is_same and (definition.name in self.served) == (definition.removed_at is None)

    def _load(self, definitions: Iterable[Definition]) -> None:
        for definition in definitions:
            file = ConnectorFile.of(definition.file, definition.text.encode())
            declared = plan.parse_file(file)
            if declared.connector is None:
                _log.error(
                    "the stored connector %s cannot be read any more: %s",
                    definition.name,
                    "; ".join(map(str, declared.findings)),
                )
                continue
            self._files.add(file, declared)
            connector = replace(declared.connector, revision=definition.revision)
            connector = self._definitions.stored(connector)
            self.forget(definition.name)
            self.stored[definition.name] = connector
            if definition.removed_at is None:
                self.served[definition.name] = connector
            else:
                self.removed[definition.name] = definition
