"""A whole text as one Arrow value, which Arrow's engine examines in one pass and without the GIL."""

import pyarrow as pa


def as_value(text: bytes, size: int | None = None) -> pa.Array:
    """Return a text, or its beginning of some size, as an array with one item, without a copy."""
    ends = pa.array([0, len(text) if size is None else size], pa.int32())
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends.buffers()[1], pa.py_buffer(text)])


def require_utf8(text: bytes) -> None:
    """Check that a text is UTF-8.

    Raises:
        pa.ArrowInvalid: It is not.
    """
    if not text.isascii():
        as_value(text).cast(pa.string())


def has_short_lines(text: bytes, most: int) -> bool:
    """Return whether each line has at most `most` bytes besides its line end, by a look at few of them."""
    start = 0
    while len(text) - start > most:
        start = text.rfind(b"\n", start, start + max(most, 0) + 1) + 1
        if not start:
            return False
    return True
