"""The upkeep of a store that several gateways share, as the other folders see it; the store of one machine has none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class DataFileCounts:
    """The data files of a connector, with those of its rejected rows.

    Attributes:
        connector: The connector.
        files: The data files that reads use.
        bytes: Their bytes.
        small_files: Those of them that are small enough to be merged.
        delete_files: The files that list deleted rows of data files.
    """

    connector: str
    files: int
    bytes: int
    small_files: int
    delete_files: int


@dataclass(frozen=True, slots=True)
class StepRun:
    """The last run of a step of the upkeep.

    Attributes:
        step: The name of the step.
        began_at: When it began.
        seconds: How long it took.
        gateway: The gateway that ran it.
        did: Its counts by name.
        error: Why it failed, or None.
        succeeded_at: When it last ended without an error, None if it never has.
    """

    step: str
    began_at: datetime
    seconds: float
    gateway: str
    did: dict[str, Any]
    error: str | None
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class UpkeepReport:
    """The state of a lake's upkeep, the same at each gateway.

    Attributes:
        gateway: The gateway that reports.
        turn: The gateway that has the turn, or None.
        may_delete: Whether the gateway that reports may delete data files.
        connectors: The data files by connector.
        snapshots: The snapshots that are kept.
        inlined_rows: The rows that are in the catalog instead of in data files; there should be none.
        old_files: The files that no snapshot needs, and that wait for their deletion.
        orphans: The files that no commit has, when they were last counted; None before that.
        runs: The last run of each step.
    """

    gateway: str
    turn: str | None
    may_delete: bool
    connectors: Sequence[DataFileCounts]
    snapshots: int
    inlined_rows: int
    old_files: int
    orphans: int | None
    runs: Sequence[StepRun]


class LakeUpkeep(Protocol):
    """The upkeep of a lake by one gateway at a time. The thread of its job calls `work`, any thread the others."""

    @property
    def gateway(self) -> str:
        """The name of this gateway."""

    def work(self, is_stopping: Callable[[], bool]) -> None:
        """Perform the steps that are due, unless another gateway has the turn. Never raises."""

    def report(self) -> UpkeepReport:
        """Return the state of the upkeep.

        Raises:
            GatewayError: The catalog cannot be asked.
        """

    def close(self) -> None:
        """Release the turn. `work` may not run."""
