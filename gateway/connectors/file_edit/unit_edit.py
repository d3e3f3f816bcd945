"""Edits inside one key with its value, or one item, wherever it stands."""

from collections.abc import Callable
from typing import Protocol

from gateway.connectors.file_edit.arrangement import Slot
from gateway.connectors.file_edit.scalar_text import write_key
from gateway.connectors.file_edit.source import Place, SourceText, Splice
from gateway.connectors.yaml_text.node import Node
from gateway.strictjson import Json

#: Returns the changes that make a value of the one at a place.
Change = Callable[[Place, Json], list[Splice]]


class Unit(Protocol):
    """A key with its value, or an item."""

    @property
    def place(self) -> Place:
        """Its value."""

    @property
    def key(self) -> Node | None:
        """Its key, None for an item."""

    @property
    def name(self) -> str:
        """Its key as text."""


def changes_inside(source: SourceText, unit: Unit, slot: Slot, change: Change) -> list[Splice]:
    """Return the changes of an old unit: of its value, and of its name, which keeps its quotes."""
    changes = change(unit.place, slot.value)
    if unit.key and slot.key != unit.name:
        quote = source.style_of(unit.key)
        name = write_key(slot.key, quote=quote if quote in ("'", '"') else "")
        changes.append(Splice(unit.key.start, unit.key.end, name))
    return changes
