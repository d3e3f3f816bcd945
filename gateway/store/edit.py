"""Edit: what becomes of the rows that a filter lets through."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.connectors.connector import Connector
from gateway.store.selection import Selection
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of the rows that a filter lets through.

    Attributes:
        connector: Whose rows.
        rows: Which of them.
        values: What their fields become; None deletes the rows.
        check: Called with how many rows they are, before anything is done; may raise.
        token: Whose token asked for it.
    """

    connector: Connector
    rows: Selection
    values: Mapping[str, Json] | None
    check: Callable[[int], None]
    token: str | None
