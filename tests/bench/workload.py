"""What a workload is: lanes that take turns, and targets."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.bench.contestants import Contestant
from tests.bench.measure import Measure
from tests.bench.tables import Table


@dataclass(frozen=True, slots=True)
class Lane:
    """One of the measurements that take turns: of whom, and how.

    Attributes:
        table: The table, where it is another than the workload's.
        rows: The rows in it, where there are others than the workload's.
    """

    label: str
    contestant: type[Contestant]
    measure: Callable[[Any], Measure]
    table: Table | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What the gateway's figure is to be, against the figure of another lane or one that is not measured.

    Attributes:
        against: The label of the lane, or what the figure is.
        ratio: At least so many times the other figure; or at most, where less is better. None only shows the other.
        figure: The figure that is not measured.
    """

    against: str
    ratio: float | None = None
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryTarget:
    """The most memory that the gateway's lane is to take at any time, in MiB."""

    mib: int


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload on a table of so many rows; the first of its lanes is the gateway's."""

    name: str
    what: str
    unit: str
    table: Table
    lanes: tuple[Lane, ...]
    targets: tuple[Target | MemoryTarget, ...]
    rows: int = 0
    less_is_better: bool = False

    def begins_with(self, words: Iterable[str]) -> bool:
        """Return whether its name begins with any of these, as whole words: W1 is no beginning of W11."""
        return any(re.match(rf"{re.escape(each)}\b", self.name) for each in words)
