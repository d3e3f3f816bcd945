"""The texts of JSON values, as msgspec splits them: from a list, joined to a list, and in chunks."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

#: Splits a JSON list into the texts of its items; raises msgspec.DecodeError if it is no JSON, or RecursionError.
split: Callable[[bytes | memoryview], list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw]).decode


def joined(texts: Sequence[msgspec.Raw]) -> bytes:
    """Return texts as one JSON list."""
    return b"[" + b",".join(texts) + b"]"


def chunks(texts: Iterable[msgspec.Raw], size: int) -> Iterator[list[msgspec.Raw]]:
    """Yield texts in chunks, each of which ends once it has `size` bytes."""
    chunk: list[msgspec.Raw] = []
    held = 0
    for text in texts:
        chunk.append(text)
        held += len(text)
        if held >= size:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
