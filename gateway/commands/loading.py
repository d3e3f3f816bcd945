"""Loading a file: its pieces posted one after another, each stored once, whatever happens in between."""

import hashlib
import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
import httpx

from gateway.commands.operating import Operating, told
from gateway.media import Media
from gateway.rowfile.pieces import Piece, split
from gateway.rowfile.source import Source

#: How long in all a piece is sent again while the gateway is away or has no room.
PATIENCE_SECONDS = 300.0
#: How long after it was interrupted a load may go on: a gateway forgets after seven days what was stored under
#: a key, and would store it again.
RESUMABLE_SECONDS = 6 * 24 * 3600
#: What says that nothing was stored, and that the same is worth sending again.
_AGAIN = (408, 409, 429, 502, 503, 504, 507)
#: How many bad rows of a piece are shown.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a file has been loaded: kept beside it, so that a later run goes on from there.

    Attributes:
        target: The URL it is loaded into.
        size: How large its pieces are; where they end depends on it.
        seed: What tells this load from an earlier one of the same file.
        pieces: How many have been stored.
        digest: The SHA-256 of those, one after another.
        rows: How many rows they had.
        at: When that was, in seconds since 1970.
    """

    target: str
    size: int
    seed: str
    pieces: int = 0
    digest: str = ""
    rows: int = 0
    at: float = 0.0


class Loading:
    """One run over one file.

    Attributes:
        path: Where the rows go.
        stored: How many rows this run has stored.
        known: How many of those it sent had been stored before.
    """

    def __init__(self, gateway: Operating, source: Source, path: str, size: int, *, again: bool) -> None:
        self.path = path
        self.stored = self.known = 0
        self._gateway = gateway
        self._source = source
        self._beside = source.path.with_name(f"{source.path.name}.loading")
        self._done = Progressed(f"{gateway.url}{path}", size, os.urandom(8).hex() if again else "")
        kept = self._kept()
        if kept and kept.pieces and (kept.target, kept.size) == (self._done.target, size):
            self._done = kept

    @property
    def rows(self) -> int:
        """How many rows of the file are stored."""
        return self._done.rows

    def run(self) -> Iterator[int]:
        """Post what is not stored yet; gives, after each piece, how much of the file on the disk was read.

        Raises:
            click.ClickException: Where a row is bad, or the gateway refuses or stays away.
            ValueError, OSError: Where the file cannot be read.
        """
        if self._done.pieces and not self._is_still_there():
            self._done = replace(self._done, pieces=0, digest="", rows=0)
        for number, digest, piece in self._pieces():
            if number > self._done.pieces:
                receipt = self._post(piece, digest)
                rows = self._done.rows + receipt["received"]
                self._done = replace(self._done, pieces=number, digest=digest, rows=rows, at=time.time())
                self._keep()
            yield piece.raw_place
        self._beside.unlink(missing_ok=True)

    def _pieces(self) -> Iterator[tuple[int, str, Piece]]:
        """Give the pieces with their numbers, and the digest of the file up to the end of each."""
        digest = hashlib.sha256(f"{self._done.seed} {self.path}".encode())
        for number, piece in enumerate(split(self._source, self._done.size), 1):
            digest.update(len(piece.data).to_bytes(8, "big") + piece.data)
            yield number, digest.hexdigest(), piece

    def _is_still_there(self) -> bool:
        """Offer the last piece again: a gateway that has it says so; one that was set up anew has none of them."""
        for number, digest, piece in self._pieces():
            if number == self._done.pieces and digest == self._done.digest:
                before = self.stored, self.known
                was_known = self._post(piece, digest)["is_known"]
                if was_known:
                    self.stored, self.known = before
                return bool(was_known)
        message = f"{self._source.path} is not what it was up to the place where its loading ended"
        raise click.ClickException(
            f"{message}: {self._done.rows:,} rows of it are stored. Put those back as they were; or remove"
            f" {self._beside.name}, and what has changed is stored as well"
        )

    def _post(self, piece: Piece, digest: str) -> dict[str, Any]:
        """Send a piece until there is an answer to it, and give its receipt."""
        headers = {"Content-Type": piece.media.media_type, "Idempotency-Key": f"load-{digest[:40]}"}
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
                if answer.status_code not in _AGAIN:
                    return self._receipt(piece, answer)
                trouble, wait = told(answer), _retry_after(answer)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"{trouble}; {self._how_far()}")
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  # it only spreads the crowd

    def _receipt(self, piece: Piece, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code == 422 and answer.json()["code"] == "GW201":
            raise click.ClickException(self._bad_rows(piece, answer.json()["details"]))
        if not answer.is_success:
            raise click.ClickException(f"{told(answer)}; {self._how_far()}")
        receipt: dict[str, Any] = answer.json()
        receipt["is_known"] = answer.headers.get("Idempotent-Replayed") == "true"
        if receipt["is_known"]:
            self.known += receipt["received"]
        else:
            self.stored += receipt["stored"]
        return receipt

    def _bad_rows(self, piece: Piece, details: dict[str, Any]) -> str:
        """Name bad rows by their places in the file."""
        lines = []
        for error in details["errors"][:_SHOWN]:
            place = f"row {self._done.rows + error['row']:,}"
            if error["line"] is not None and piece.line is not None:
                header = 1 if piece.media is Media.CSV else 0
                place += f", line {piece.line + error['line'] - 1 - header:,}"
            field = f", field '{error['field']}'" if error["field"] else ""
            lines.append(f"  {place}{field}: {error['message']}")
        more = details["error_count"] - len(lines)
        if more > 0:
            lines.append(f"  and {more:,} more in the same batch")
        return "\n".join([f"{self._source.path} has bad rows; {self._how_far()}", *lines])

    def _how_far(self) -> str:
        return f"the first {self._done.rows:,} rows are stored, and the same command goes on behind them"

    # -- what is kept beside the file

    def _kept(self) -> Progressed | None:
        with suppress(OSError, ValueError, TypeError):
            kept = Progressed(**json.loads(self._beside.read_text()))
            if time.time() - kept.at > RESUMABLE_SECONDS:
                message = f"{self._beside} is from a load that ended more than six days ago with {kept.rows:,} rows stored"
                raise click.ClickException(
                    f"{message}; whether more were is not known any more: look, then remove it to load the whole file"
                )
            return kept
        return None

    def _keep(self) -> None:
        aside = self._beside.with_name(f".{self._beside.name}")
        try:
            aside.write_text(json.dumps(asdict(self._done)))
            aside.replace(self._beside)
        except OSError:
            aside.unlink(
                missing_ok=True
            )  # Without it a later run offers everything again, and stores nothing twice.


def _retry_after(answer: httpx.Response) -> float:
    """Give how many seconds an answer asks to wait for."""
    try:
        return min(max(float(answer.headers["Retry-After"]), 0.1), 30.0)
    except (KeyError, ValueError):
        return 1.0
