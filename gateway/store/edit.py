"""A change or a deletion of the rows that a filter selects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.connectors.connector import Connector
from gateway.store.selection import Selection
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Edit:
    """A change or a deletion of selected rows.

    Attributes:
        connector: The connector of the rows.
        rows: The selected rows.
        values: The new values of fields; None deletes the rows.
        check: Called with the number of rows before any is changed; may raise.
        token: The name of the token that requested it, or None.
    """

    connector: Connector
    rows: Selection
    values: Mapping[str, Json] | None
    check: Callable[[int], None]
    token: str | None
