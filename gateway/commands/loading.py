"""Loading a file: its pieces posted one after another, each stored once, whatever happens in between."""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click
import httpx

from gateway.commands.operating import Operating, told
from gateway.media import Media
from gateway.rowfile.pieces import Piece, split
from gateway.rowfile.record import DAYS, Place, Record
from gateway.rowfile.source import Source

#: How long in all a piece is sent again while the gateway is away or has no room.
PATIENCE_SECONDS = 300.0
#: What says that nothing was stored, and that the same is worth sending again; so does a 409 that says when.
_AGAIN = (408, 429, 502, 503, 504, 507)
#: How many bad rows of a piece are shown.
_SHOWN = 10


class _Declined(click.ClickException):
    """The gateway has said that it stores nothing of what it was sent."""


class Loading:
    """One run over one file.

    Attributes:
        path: Where the rows go.
        stored: How many rows this run has stored.
        rejected: How many bad ones are kept as rejected rows.
        duplicates: How many were passed over for others with the same primary key.
    """

    def __init__(
        self, gateway: Operating, source: Source, name: str, path: str, size: int, *, again: bool
    ) -> None:
        self.path = path
        self.stored = self.rejected = self.duplicates = 0
        self._gateway = gateway
        self._source = source
        self._load = f"{gateway.url} {name}"
        self._place = Place(self._load, source.path)
        kept = self._place.read()
        goes_on = kept is not None and kept.seed and not (kept.is_whole or kept.is_too_old)
        if again and not goes_on:
            kept = Record(size, os.urandom(8).hex())
        self._done = kept or Record(size)
        if self._done.is_too_old:
            message = f"{source.path} was loaded more than {DAYS} days ago, {self._done.rows:,} rows of it"
            raise click.ClickException(
                f"{message}; whether they are still there is not known any more. Load what is new from a file"
                " of its own, or the whole once more with --again"
            )

    @property
    def rows(self) -> int:
        """How many rows of the file are stored."""
        return self._done.rows

    def run(self) -> Iterator[int]:
        """Post what is not stored yet; gives, after each piece, how much of the file on the disk was read.

        Raises:
            click.ClickException: Where a row is bad, or the gateway refuses or stays away, or what has been
                loaded of the file is not what it was.
            ValueError, OSError: Where the file cannot be read.
        """
        self._keep(self._done)  # So that what is posted next is known by its seed, whatever happens.
        digest = _Digest(f"{self._done.seed} {self._load}")
        number = 0
        for number, piece in enumerate(split(self._source, self._done.size), 1):
            if number == 1 and self._done.pieces:
                self._offer_first(piece, digest)
            if number == self._done.pieces:
                self._go_on(piece, digest)
            elif number > self._done.pieces:
                self._store(number, piece, digest, 0, piece.length)
            digest = digest.with_piece(piece)
            yield piece.raw_place
        if number < self._done.pieces:
            raise self._changed()
        self._keep(replace(self._done, is_whole=True))

    def _offer_first(self, piece: Piece, digest: "_Digest") -> None:
        """Offer the first rows again: a gateway that has them says so; one that was set up anew begins with them."""
        done = self._done
        if digest.of(piece, done.first) != done.first_digest:
            raise self._changed()
        body = piece.until(done.first)
        receipt = self._post(body, digest.key(body, 0))
        if not receipt["is_known"]:
            anew = Record(done.size, done.seed, pieces=1, first=done.first, first_digest=done.first_digest)
            self._keep(replace(anew, until=done.first, digest=done.first_digest, rows=receipt["received"]))

    def _go_on(self, piece: Piece, digest: "_Digest") -> None:
        """Store what has come to the last piece, after what may not have been stored of it."""
        done = self._done
        if digest.of(piece, done.until) != done.digest:
            raise self._changed()
        if not done.is_sure:
            self._store(done.pieces, piece, digest, done.since, done.until)
        if piece.length > done.until:
            self._store(done.pieces, piece, digest, done.until, piece.length)

    def _store(self, number: int, piece: Piece, digest: "_Digest", since: int, until: int) -> None:
        """Post the rows of a piece between two places in it."""
        body = piece.until(until)
        behind = body.behind(since) if since else body
        if behind is None:
            raise self._changed()
        before = self._done
        trying = replace(
            before,
            is_whole=False,
            pieces=number,
            since=since,
            until=until,
            digest=digest.of(piece, until),
            is_sure=False,
            at=time.time(),
        )
        if number == 1 and not since:
            trying = replace(trying, first=until, first_digest=trying.digest)
        self._keep(trying)
        try:
            receipt = self._post(behind, digest.key(behind, since))
        except _Declined:
            self._keep(before)
            raise
        self._keep(replace(trying, is_sure=True, rows=before.rows + receipt["received"], at=time.time()))

    def _keep(self, record: Record) -> None:
        self._done = record
        self._place.write(record)

    def _changed(self) -> click.ClickException:
        message = f"{self._source.path} is not what it was when {self._done.rows:,} rows of it were loaded"
        return click.ClickException(
            f"{message}. Put those back as they were, or load what is new from a file of its own, or the whole"
            f" once more with --again ({self._place.path} remembers what was loaded)"
        )

    def _post(self, piece: Piece, key: str) -> dict[str, Any]:
        """Send a piece until there is an answer to it, and give its receipt."""
        headers = {"Content-Type": piece.media.media_type, "Idempotency-Key": f"load-{key[:40]}"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self._gateway.client.post(self.path, content=piece.data, headers=headers)
            except httpx.TransportError as error:
                trouble, wait = (
                    f"no gateway answers at {self._gateway.url}: {error or type(error).__name__}",
                    1.0,
                )
            else:
                is_running = answer.status_code == 409 and "Retry-After" in answer.headers
                if answer.status_code not in _AGAIN and not is_running:
                    return self._receipt(piece, answer)
                trouble, wait = told(answer), _retry_after(answer)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"{trouble}; {self.how_far()}")
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  # it only spreads the crowd

    def _receipt(self, piece: Piece, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code in (409, 422) and "errors" in answer.json():
            raise _Declined(self._bad_rows(piece, answer.json()))
        if not answer.is_success:
            raise _Declined(f"{told(answer)}; {self.how_far()}")
        receipt: dict[str, Any] = answer.json()
        receipt["is_known"] = answer.headers.get("Idempotent-Replayed") == "true"
        if not receipt["is_known"]:
            self.stored += receipt["stored"]
            self.rejected += receipt["rejected"]
            self.duplicates += receipt["duplicates"]
        return receipt

    def _bad_rows(self, piece: Piece, answer: dict[str, Any]) -> str:
        """Name bad rows by their places in the file."""
        lines = []
        for error in answer["errors"][:_SHOWN]:
            place = f"row {self._done.rows + error['row']:,}"
            if error["line"] is not None and piece.line is not None:
                header = 1 if piece.media is Media.CSV else 0
                place += f", line {piece.line + error['line'] - 1 - header:,}"
            field = f", field '{error['field']}'" if error["field"] else ""
            lines.append(f"  {place}{field}: {error['message']}")
        more = answer["error_count"] - len(lines)
        if more > 0:
            lines.append(f"  and {more:,} more in the same batch")
        return "\n".join([f"{self._source.path} has bad rows; {self.how_far()}", *lines])

    def how_far(self) -> str:
        """Say how much of the file is stored."""
        if not self.rows:
            return "nothing of it is stored"
        return f"the first {self.rows:,} rows are stored, and the same command goes on behind them"


class _Digest:
    """The SHA-256 of a load and its pieces so far, which names what is posted next."""

    def __init__(self, load: str, pieces: Any = None) -> None:
        self._load = load
        self._pieces = pieces or hashlib.sha256(load.encode())

    def with_piece(self, piece: Piece) -> "_Digest":
        """Give the digest with one more piece."""
        pieces = self._pieces.copy()
        pieces.update(len(piece.data).to_bytes(8, "big") + piece.data)
        return _Digest(self._load, pieces)

    def of(self, piece: Piece, until: int) -> str:
        """Give the digest with the first bytes of a piece."""
        pieces = self._pieces.copy()
        pieces.update(piece.data[:until])
        return str(pieces.hexdigest())

    def key(self, body: Piece, since: int) -> str:
        """Name a body that begins somewhere in the next piece: another one there may have the same rows."""
        pieces = self._pieces.copy()
        pieces.update(since.to_bytes(8, "big") + body.data)
        return str(pieces.hexdigest())


def _retry_after(answer: httpx.Response) -> float:
    """Give how many seconds an answer asks to wait for."""
    try:
        return min(max(float(answer.headers["Retry-After"]), 0.1), 30.0)
    except (KeyError, ValueError):
        return 1.0
