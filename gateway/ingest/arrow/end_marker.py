"""The marker at the end of an Arrow stream, without which the last batches may be missing.

https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format also allows a stream to end without it. Writers
leave it out only if they are interrupted.
"""

_END = bytes.fromhex("ffffffff00000000")
#: The marker of Arrow before 0.15.
_LEGACY_END = bytes(4)
#: The most bytes of a marker.
END_BYTES_MAX = len(_END)


def is_end(after: bytes) -> bool:
    """Return whether the bytes after the last batch begin with an end marker."""
    return after.startswith((_END, _LEGACY_END))
