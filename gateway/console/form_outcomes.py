"""FormOutcomes of forms that a page shows after a redirect, kept in memory for the token that asked."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

#: The most outcomes that are kept; the oldest goes first.
_OUTCOMES_MAX = 200
#: The most errors of one.
ERRORS_MAX = 20
#: The parameter that names an outcome. No column has such a name.
OUTCOME = "_outcome"


@dataclass(frozen=True, slots=True)
class FormOutcome:
    """The outcome of a form about rejected rows.

    Attributes:
        kind: What it asked for.
        rows: How many rows it was about.
        done: How many of them were stored or discarded, or are valid.
        bad: How many are still bad.
        duplicates: How many were stored before.
        batch: The batch that was stored, or None.
        reason: Why rows were discarded.
        errors: The first errors of rows that are still bad, each with the `_id` of its row.
        is_part: Whether a check stopped before the last row of its filter.
    """

    kind: Literal["replay", "check", "discard"]
    rows: int
    done: int
    bad: int = 0
    duplicates: int = 0
    batch: int | None = None
    reason: str = ""
    errors: Sequence[Mapping[str, Any]] = ()
    is_part: bool = False


class FormOutcomes:
    """The last outcomes. Belongs to the event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str | None], FormOutcome] = OrderedDict()

    def keep(self, outcome: FormOutcome, connector: str, token: str | None) -> str:
        """Keep an outcome for a token, and return the parameter that names it."""
        name = secrets.token_urlsafe(9)
        self._kept[name, connector, token] = outcome
        if len(self._kept) > _OUTCOMES_MAX:
            self._kept.popitem(last=False)
        return f"{OUTCOME}={name}"

    def find(self, name: str | None, connector: str, token: str | None) -> FormOutcome | None:
        """Return an outcome of a token; None if it is not kept."""
        return None if name is None else self._kept.get((name, connector, token))
