"""Progress files of gateway 0.1, which identified a load by the URL and the connector name that the user typed."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import RowDigest, RowSample
from gateway.rowfile.progress_files import progress_directory
from gateway.rowfile.source import Source


@dataclass(frozen=True, slots=True)
class LegacyProgress:
    """The content of a progress file of gateway 0.1.

    Attributes:
        path: The progress file.
        load: What identifies the load: its seed, URL, and name.
        size: The size of its chunks in bytes.
        pieces: The number of chunks that were sent; the last was sent up to byte `until`.
        digest: The SHA-256 of `load` and these chunks.
        is_sure: Whether the last chunk is known to be stored.
        rows: The number of rows that are stored.
        at: When the last chunk was sent, in seconds since 1970.
    """

    path: Path
    load: str
    size: int
    pieces: int
    until: int
    digest: str
    is_sure: bool
    rows: int
    at: float


def find(file: Path, urls: Iterable[str], names: Iterable[str]) -> LegacyProgress | None:
    """Find the progress file of a file under several spellings of the URL and the name."""
    for url, name in product(urls, names):
        target = f"{url} {name}"
        digest = hashlib.sha256(f"{target}\0{file.resolve()}".encode()).hexdigest()[:32]
        path = progress_directory() / f"{digest}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            read = json.loads(path.read_text())
            known = {key: read[key] for key in ("size", "pieces", "until", "digest", "is_sure", "rows", "at")}
            if read["pieces"]:
                return LegacyProgress(path, f"{read['seed']} {target}", **known)
    return None


def read(old: LegacyProgress, source: Source) -> tuple[dict[int, str], RowSample] | None:
    """Return the marks and the sample of the loaded rows; None if the file does not begin with them."""
    content = hashlib.sha256(old.load.encode())
    digest, sample = None, RowSample()
    marks: dict[int, str] = {}
    for number, chunk in enumerate(split(source, old.size), 1):
        digest = digest or RowDigest(chunk.header)
        rows = chunk.rows()[: old.rows - digest.rows]
        marks |= digest.add(rows, [old.rows])
        sample = sample.with_rows(rows)
        if number == old.pieces:
            content.update(chunk.data[: old.until])
            is_equal = content.hexdigest() == old.digest or not old.is_sure
            return (marks, sample) if is_equal and digest.rows == old.rows else None
        content.update(len(chunk.data).to_bytes(8, "big") + chunk.data)
    return None
