"""Sizes of files for people."""


def size_text(bytes: int) -> str:
    """Return a number of bytes in the largest unit of which it is at least one."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if bytes >= size:
            return f"{bytes / size:,.1f} {unit}"
    return f"{bytes:,} bytes"
