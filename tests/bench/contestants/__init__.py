"""The contestants: what each is, how it is filled and started, and what can be measured of it."""

from pathlib import Path
from typing import Protocol

from tests.bench.files import Files
from tests.bench.tables import Table


class Contestant(Protocol):
    """One of those that are compared, with one table of so many rows.

    Beside these it has methods that make a Measure, once it is started, for the workloads it takes part in.
    """

    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None: ...

    @staticmethod
    def about() -> str:
        """Say what it is, with versions and settings."""

    def prepare(self) -> None:
        """Make the table and its rows, and leave nothing running."""

    def start(self) -> None:
        """Start what serves it. It may be stopped and started again."""

    def stop(self) -> None:
        """Stop everything that was started."""

    def roots(self) -> list[int]:
        """Give the processes whose memory counts, with that of their children."""

    def count(self) -> int:
        """Count the rows that are in the table."""
