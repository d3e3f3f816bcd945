"""What the store knows of a connector: its last version, and what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Definition:
    """The last version of a connector file that was applied, as it was stored with the change."""

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
        text: The connector file before it, which has the former path.
    """

    name: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a connector: one line of its history.

    Attributes:
        at: When it was committed.
        action: `created`, `changed`, `removed`, `restored` or `purged`.
        file: The file it came from.
        revision: Which version of the table it led to.
        changes: The changes, as `Change.body` gives them.
        old: The definition before it, or None.
        new: The definition after it, or None.
    """

    at: datetime
    action: str
    file: str
    revision: int
    changes: list[dict[str, Any]]
    old: str | None
    new: str | None


class RowsArrived(Exception):  # noqa: N818  # it only asks for another try
    """Rows came in since a change was judged by there being none."""
