"""Records of gateway 0.1, which named a load by the URL and the name that were typed."""

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
    """What such a record says.

    Attributes:
        path: The file it stands in.
        load: What it was named by, with its seed.
        size: How large its pieces were.
        pieces: How many were stored, the last up to byte `until`.
        digest: The SHA-256 of `load` and those.
        is_sure: Whether the last of them is known to be stored.
        rows: How many rows are.
        at: When that was.
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
    """Find the record of a file under some spellings of the URL and the name."""
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
    """Return the marks and the sample of the rows that were loaded; None where the file does not begin with them."""
    pieces = hashlib.sha256(old.load.encode())
    chain, sample = None, RowSample()
    marks: dict[int, str] = {}
    for number, piece in enumerate(split(source, old.size), 1):
        chain = chain or RowDigest(piece.header)
        rows = piece.rows()[: old.rows - chain.rows]
        marks |= chain.add(rows, [old.rows])
        sample = sample.with_rows(rows)
        if number == old.pieces:
            pieces.update(piece.data[: old.until])
            is_it = pieces.hexdigest() == old.digest or not old.is_sure
            return (marks, sample) if is_it and chain.rows == old.rows else None
        pieces.update(len(piece.data).to_bytes(8, "big") + piece.data)
    return None
