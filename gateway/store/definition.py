"""The applied version of a connector, and the events of its history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The authors of changes that have none.
NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Definition:
    """The last applied version of a connector file, as it was stored with the change."""

    name: str
    file: str
    text: str
    revision: int
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Move:
    """A change of a connector's path.

    Attributes:
        name: The connector.
        at: When it was committed.
        text: The connector file before the change, with the former path.
    """

    name: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """One event in the history of a connector.

    Attributes:
        at: When it was committed.
        action: `created`, `changed`, `removed`, `restored`, or `purged`.
        file: The file it came from.
        revision: The revision of the table after it.
        changes: The changes, as `Change.body` returns them.
        old: The definition before it, or None.
        new: The definition after it, or None.
        by: Who saved the file through the gateway, None if another program changed it.
    """

    at: datetime
    action: str
    file: str
    revision: int
    changes: list[dict[str, Any]]
    old: str | None
    new: str | None
    by: str | None = None


class RowsArrived(Exception):  # noqa: N818  # a state, not a fault
    """Rows arrived in a table that was judged as empty; compare the connector again."""
