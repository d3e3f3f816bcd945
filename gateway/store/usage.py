"""Memory and disk that a database uses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """The bytes that a database uses: in memory, in temporary files, in its file, and in its WAL."""

    memory: int
    temporary: int
    file: int
    wal: int
