"""Memory and disk that a database uses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """The bytes that a database uses.

    Attributes:
        memory: In memory.
        cached: The part of it that caches blocks of files. The database frees it when it needs memory.
        temporary: In temporary files.
        file: In its file.
        wal: In the write-ahead log of its file.
    """

    memory: int
    cached: int
    temporary: int
    file: int
    wal: int
