"""The reader of rejected rows: a part of `store/interface.py`."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from gateway.connectors.connector import Connector
from gateway.store.rejection import RejectedExcerpt, RejectedRow
from gateway.store.selection import Selection


class RejectedReader(Protocol):
    """The rejected rows."""

    def exists(self, connector: Connector) -> bool:
        """Return whether a connector has a table of rejected rows; `StoreWriter.ensure_rejected` creates it."""

    def counts(self, names: Collection[str], token: str | None = None) -> Mapping[str, int]:
        """Count the kept rejected rows of connectors, or those of one token, by connector name."""

    def all_states(self) -> Mapping[tuple[str, str], int]:
        """Count the rejected rows of all connectors in one query, by connector name and state."""

    def states(self, connector: Connector, token: str | None = None) -> Mapping[str, int]:
        """Count the rejected rows of a connector, or those of one token, by state."""

    def summary(self, connector: Connector, selection: Selection) -> list[Mapping[str, Any]]:
        """Count selected rows by field and code of their errors, most frequent first."""

    def measure(self, connector: Connector, selection: Selection, limit: int | None) -> tuple[int, int]:
        """Return how many rows `find` would return, and their size in bytes."""

    def find(self, connector: Connector, selection: Selection, limit: int | None) -> list[RejectedRow]:
        """Return selected rejected rows, ordered by `_id`."""

    def find_ids(self, connector: Connector, selection: Selection, limit: int | None) -> list[int]:
        """Return the `_id`s of selected rejected rows, in order."""

    def excerpts(
        self, connector: Connector, selection: Selection, *, characters: int, errors: int
    ) -> list[RejectedExcerpt]:
        """Return selected rejected rows, ordered by `_id`, with the beginnings of texts and the first errors."""
