"""The row groups of the file, which DuckDB merges at a checkpoint where some are not full: decides when it may.

Each checkpoint ends a row group of each table that has new rows. To merge those again DuckDB writes their rows again,
which can take many times as long as the checkpoint and stops all writes: it pays only for small ones and deleted rows.
"""

#: The rows of a new row group below which merging pays: a quarter of a full one.
SMALL_ROWS = 30_720
#: The checkpoints of a full WAL from one merge to the next.
CHECKPOINTS = 8


class RowGroups:
    """Counts what was written since DuckDB merged row groups. It belongs to the writer thread."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._tables: set[str] = set()
        self._rows = 0
        self._has_deleted = False
        #: The number of checkpoints since then.
        self.checkpoints = 0

    def note(self, table: str, stored: int, deleted: int) -> None:
        """Count rows of a table that were committed."""
        self._tables.add(table)
        self._rows += stored
        self._has_deleted |= deleted > 0

    def note_checkpoint(self, *, merges: bool) -> None:
        """Count a checkpoint, or begin again after one that merged row groups."""
        if merges:
            self._begin()
        else:
            self.checkpoints += 1

    @property
    def should_merge(self) -> bool:
        """True if the next checkpoint should merge them."""
        checkpoints = self.checkpoints + 1
        are_small = self._rows < SMALL_ROWS * checkpoints * len(self._tables)
        return checkpoints >= CHECKPOINTS and (self._has_deleted or are_small)
