"""The contestants: what each is, how it is started and filled, and what can be measured of it."""

from pathlib import Path
from typing import Protocol

from tests.bench.tables import Files, Table


class Contestant(Protocol):
    """One of those that are compared.

    Beside these it has methods that make a Measure, for the workloads it takes part in.
    """

    def __init__(self, directory: Path, files: Files) -> None: ...

    def start(self, table: Table, fill: int) -> None:
        """Start, with one table that holds its first `fill` rows."""

    def stop(self) -> None:
        """Stop everything that was started."""

    def roots(self) -> list[int]:
        """The processes whose memory counts, with their children."""

    def count(self) -> int:
        """How many rows are in the table."""

    @staticmethod
    def about() -> str:
        """What it is, with versions and settings."""
