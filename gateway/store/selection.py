"""Selection: the rows that a filter matches, as SQL that `query/` builds and the store runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of one connector.

    No byte of a request is in `sql`: names come from the connector, values are parameters.

    Attributes:
        sql: A SELECT of their `_id`.
        parameters: The values of `$1`, `$2`, and so on.
    """

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of_ids(cls, ids: Iterable[int]) -> "Selection":
        """Return the selection of the rows with some `_id`s."""
        return cls("SELECT unnest($1::BIGINT[])", (list(ids),))
