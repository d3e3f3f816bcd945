"""Record: how far a file has been loaded, kept for the next time that it is."""

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

#: How long after a load something may be stored behind it: a gateway forgets after seven days what came in
#: under a key, and would store that again.
DAYS = 6


@dataclass(frozen=True, slots=True)
class Record:
    """How far a file has been loaded.

    Attributes:
        size: How large its pieces are; where they end depends on it.
        seed: What tells this load from an earlier one of the same file.
        is_whole: Whether the end of the file was reached.
        pieces: How many pieces have been stored, the last perhaps in part.
        first: How many bytes of the first piece the first body had.
        first_digest: The SHA-256 of the load and those.
        since: Where in the last piece the last body began.
        until: Where in the last piece it ended.
        digest: The SHA-256 of the load, the pieces before the last, and the last up to there.
        is_sure: Whether the last body is known to be stored.
        rows: How many rows are.
        at: When that was, in seconds since 1970.
    """

    size: int
    seed: str = ""
    is_whole: bool = False
    pieces: int = 0
    first: int = 0
    first_digest: str = ""
    since: int = 0
    until: int = 0
    digest: str = ""
    is_sure: bool = True
    rows: int = 0
    at: float = 0.0

    @property
    def is_too_old(self) -> bool:
        """Whether a gateway may have forgotten what it was sent."""
        return self.pieces > 0 and time.time() - self.at > DAYS * 24 * 3600


class Place:
    """Where the record of one file's loading into one connector is kept; one process at a time uses it."""

    def __init__(self, target: str, file: Path) -> None:
        states = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        name = hashlib.sha256(f"{target}\0{file.resolve()}".encode()).hexdigest()[:32]
        self.path = Path(states) / "gateway" / "loads" / f"{name}.json"

    def read(self) -> Record | None:
        """Give the record, or None where there is none that can be read."""
        with suppress(OSError, ValueError, TypeError):
            return Record(**json.loads(self.path.read_text()))
        return None

    def write(self, record: Record) -> None:
        """Keep a record. Where that fails, a later load offers everything again, under the same keys."""
        aside = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(asdict(record)))
            aside.replace(self.path)
        except OSError:
            with suppress(OSError):
                aside.unlink(missing_ok=True)
