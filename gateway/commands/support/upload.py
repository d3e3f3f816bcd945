"""Loading a file: its rows posted in batches, each row once, whatever was loaded before and whatever fails meanwhile."""

import functools
import hashlib
import os
import random
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import httpx

from gateway.commands.support import earlier_load
from gateway.commands.support.client import told
from gateway.commands.support.earlier_load import Earlier, Overlap, Start
from gateway.commands.support.load_target import Present, Target
from gateway.errors import suggest
from gateway.media_types import Media
from gateway.rowfile import legacy_progress, progress_files
from gateway.rowfile.chunk import Piece, joined
from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import Agreement, Chain, Sample, compare
from gateway.rowfile.progress import Load, Pending, StoredPart
from gateway.rowfile.progress_files import LATEST, Records
from gateway.rowfile.source import Source

#: How long in all a piece is sent again while the gateway is away or has no room.
PATIENCE_SECONDS = 300.0
#: What says that nothing was stored, and that the same is worth sending again; so does a 409 that says when.
_AGAIN = (408, 429, 502, 503, 504, 507)
#: How many bad rows of a piece are shown.
_SHOWN = 10
#: The share of a file's rows that make it a changed version of a loaded file, or worth telling of.
_SIMILAR = 0.5


@dataclass(frozen=True, slots=True)
class Batches:
    """How rows are sent.

    Attributes:
        size: How many bytes a batch has.
        without: The columns that are left out, by their names or numbers.
        options: The options that say how to read the file, as they are typed.
    """

    size: int
    without: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def columns(self, piece: Piece) -> dict[str, str]:
        """Return the parameter that leaves columns out, or nothing.

        Raises:
            ValueError: Where CSV has no such column.
        """
        if not self.without:
            return {}
        names = piece.names()
        by_number = {each for each in self.without if each not in names and each.isdecimal()}
        for each in self.without if piece.media is Media.CSV else ():
            if each not in names and not (each in by_number and 0 < int(each) <= len(names)):
                hint = suggest(each, [name for name in names if name], "its columns are")
                raise ValueError(f"the file has no column {each!r} to leave out; {hint}")
        left = [
            name
            for place, name in enumerate(names, 1)
            if name.strip() and name not in self.without and str(place) not in by_number
        ]
        return {"columns": ",".join(map(_quoted, left))}


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Declined(click.ClickException):
    """The gateway has said that it stores nothing of what it was sent."""


class Loading:
    """One run over one file.

    Attributes:
        target: Where the rows go.
        rows: How many rows of the file are stored.
        before: How many of them an earlier load had stored.
        stored: How many rows this run has stored.
        rejected: How many bad ones are kept as rejected rows.
        duplicates: How many were passed over for others with the same primary key.
        notes: What the user is told beside the numbers.
    """

    def __init__(
        self, target: Target, wanted: str, source: Source, batches: "Batches", *, again: bool, rest: bool
    ) -> None:
        """Prepare it; `wanted` is what the user called the target."""
        self.target = target
        self._wanted = wanted
        self.rows = self.before = self.stored = self.rejected = self.duplicates = 0
        self.notes: list[str] = []
        self._source = source
        self._batches = batches
        self._size = batches.size
        self._again = again
        self._rest = rest
        self._records = Records(target.store, target.connector)
        self._load: Load | None = None
        self._seed = os.urandom(8).hex() if again else ""
        self._total: int | None = None

    def run(self) -> Iterator[int]:
        """Post what is not stored yet; yields, after each piece, how much of the file on the disk was read.

        Raises:
            click.ClickException: Where a row is bad, the gateway refuses or stays away, or the user has to decide.
            ValueError, OSError: Where the file cannot be read.
        """
        first = next(split(self._source, self._size), None)
        if first is None:
            is_header = self._source.media is Media.CSV and not self._source.header
            why = " behind its header; if its one line is a row, say --header a,b,c" if is_header else ""
            raise ValueError(f"{self._source.path} has no rows{why}; nothing was stored")
        mark = Chain(first.header).add(first.rows()[:1]).get(1, "")
        with self._records.held(mark) as is_held:
            if not is_held:
                message = (
                    f"{self._source.path} is being loaded into '{self.target.connector}' by another process"
                )
                raise click.ClickException(f"{message}; wait for its end, and type this again then")
            start = self._start(mark)
            self._begin(start)
            if start.pending or start.rows != self._total:
                yield from self._post_from(start)
            if self._load and not self._load.is_whole:
                self._load = progress_files.keep(self._load, {"whole": True})
        if self.stored:
            self._tell_of_similar()

    # -- where it begins

    def _start(self, first: str) -> Start:
        """Compare the file with what was loaded, and decide where to begin."""
        path = str(self._source.path.resolve())
        loads = [each for each in self._records.all() if each.file == path or each.marks.get(1) == first]
        if not (self._again or any(each.file == path for each in loads)) and (old := self._adopt()):
            loads.append(old)
        if not loads:
            return Start()
        agreements = [Agreement(_marks_of(each)) for each in loads]
        self._total, sample = compare(split(self._source, self._size), agreements, to_the_end=True)
        found = zip(loads, agreements, strict=True)
        ranked = sorted(found, key=lambda each: _rank(each[0], each[1], path), reverse=True)
        for load, agreement in ranked:
            earlier = self._earlier(load, agreement, is_same_path=load.file == path)
            if earlier and (not self._again or _is_resumable(earlier)):
                overlapping = Overlap(
                    self._source.path, self._total, earlier, self._batches.options, self._rest
                )
                return overlapping.start()
        if not (self._again or self._rest):
            self._require_new(sample, [load for load, _ in ranked if load.file == path])
        return Start()

    def _earlier(self, load: Load, agreement: Agreement, *, is_same_path: bool) -> Earlier | None:
        """Ask the gateway what it has of a load; None where that has no row of this file."""
        if not agreement.rows and not (is_same_path and load.pending and not load.parts):
            return None
        present = self.target.present(load)
        lost = load.rows - present.rows
        if lost and not present.rows:
            self.notes.append(
                f"What was loaded of {load.file} before is not in this store any more (it was restored, or the"
                " connector purged)."
            )
            return None
        kept = load.until(present.rows) if lost else load
        return Earlier(kept, present, agreement, lost, is_same_path)

    def _adopt(self) -> Load | None:
        """Take over the record that gateway 0.1 kept of this file, where there is one."""
        target, path = self.target, self._source.path
        here = target.gateway.url
        other = here.replace("//localhost", "//127.0.0.1") if "//localhost" in here else ""
        urls = (here, other or here.replace("//127.0.0.1", "//localhost"))
        old = legacy_progress.find(path, urls, (self._wanted, target.connector, target.path))
        if old is None:
            return None
        found = legacy_progress.read(old, self._source)
        if found is None or not (old.is_sure or self._rest):
            raise earlier_load.unreadable(path, old, is_same=found is not None)
        self.notes.append(earlier_load.adopted(path, old))
        load = self._records.begin(path, "", options=self._batches.options)
        return progress_files.stored(load, StoredPart(old.rows), *found, old.at) if old.rows else None

    def _require_new(self, sample: Sample, loads: list[Load]) -> None:
        """Stop where the file is another version of what was loaded from its path, or is read with other options."""
        for load in loads:
            share = sample.share_in(load.sample)
            is_read_otherwise = load.options not in (None, self._batches.options)
            is_same = is_read_otherwise and self._source.path.stat().st_mtime < load.last
            if (is_same or share >= _SIMILAR) and self.target.present(load).rows:
                raise earlier_load.replaced(self._source.path, load, share, self._batches.options)

    def _begin(self, start: Start) -> None:
        self.notes += start.notes
        self.rows = self.before = start.rows
        if start.load is not None:
            self._seed = start.load.seed
            self._load = (
                self._records.begin(self._source.path, self._seed, start.load, self._batches.options)
                if start.is_new
                else start.load
            )

    def _tell_of_similar(self) -> None:
        """Tell of files that had many of the same rows elsewhere than at their beginning."""
        assert self._load is not None
        others = [each for each in self._records.all()[:LATEST] if each.file != self._load.file]
        shares = [(each, self._load.sample.share_in(each.sample)) for each in others]
        if found := [(each, share) for each, share in shares if share >= _SIMILAR]:
            self.notes.append(earlier_load.similar(self._source.path, found[:3]))

    def left(self) -> Present:
        """Ask what is left of what was stored."""
        return self.target.present(self._load) if self._load else Present()

    # -- posting

    def _post_from(self, start: Start) -> Iterator[int]:
        posting = _Posting(self, start)
        for piece in split(self._source, self._size):
            posting.add(piece)
            yield piece.raw_place
        posting.end()

    def store(self, body: Piece, until: int, key: str | None, before: str, chain: "_Cumulative") -> None:
        """Post rows and keep the record of it."""
        if self._load is None:
            self._load = self._records.begin(self._source.path, self._seed, options=self._batches.options)
        key = key or _key(self._seed, before, body)
        mark = chain.mark
        self._load = progress_files.pending(self._load, Pending(until, mark, key, time.time()))
        try:
            receipt = self._post(body, key)
        except _Declined:
            self._load = progress_files.keep(self._load, {"declined": True})
            raise
        part = StoredPart(until, receipt["batch"], self._committed_at(receipt["batch"]))
        self._load = progress_files.stored(self._load, part, chain.take_marks(until), chain.sample)
        if receipt["is_known"]:
            self.before += until - self.rows
        self.rows = until

    def _committed_at(self, batch: int | None) -> str | None:
        if batch is None:
            return None
        answer = self._send(lambda: self.target.request([batch]))
        found = answer.json()["batches"] if answer.is_success else []
        return str(found[0]["committed_at"]) if found else None

    def _post(self, piece: Piece, key: str) -> dict[str, Any]:
        """Send a piece until there is an answer to it, and return its receipt."""
        client, path = self.target.gateway.client, self.target.path
        columns = self._batches.columns(piece)
        headers = {"Content-Type": piece.media.media_type, "Idempotency-Key": key}
        if columns:
            headers["Prefer"] = "missing=default"
        send = functools.partial(client.post, path, content=piece.data, headers=headers, params=columns)
        return self._receipt(piece, self._send(send))

    def _send(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Send a request until the gateway is there and has room."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = send()
            except httpx.TransportError as error:
                trouble = self.target.gateway.away(error)
                wait = 1.0
            else:
                is_running = answer.status_code == 409 and "Retry-After" in answer.headers
                if answer.status_code not in _AGAIN and not is_running:
                    return answer
                trouble, wait = told(answer), _retry_after(answer)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"{trouble}; {self.how_far()}")
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  # it only spreads the crowd

    def _receipt(self, piece: Piece, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code in (409, 422) and "errors" in answer.json():
            raise _Declined(self._bad_rows(piece, answer.json()))
        if not answer.is_success:
            raise _Declined(f"{told(answer)}; {self.how_far()}{_leaving_out(piece, answer)}")
        receipt: dict[str, Any] = answer.json()
        receipt["is_known"] = answer.headers.get("Idempotent-Replayed") == "true"
        if not receipt["is_known"]:
            self.stored += receipt["stored"]
            self.rejected += receipt["rejected"]
            self.duplicates += receipt["duplicates"]
        return receipt

    def _bad_rows(self, piece: Piece, answer: dict[str, Any]) -> str:
        """Name bad rows by their places in the file."""
        lines, header_lines = [], piece.header.count(b"\n")
        for error in answer["errors"][:_SHOWN]:
            place = f"row {self.rows + error['row']:,}"
            if error["line"] is not None and piece.line is not None:
                place += f", line {piece.line + error['line'] - 1 - header_lines:,}"
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


class _Cumulative:
    """The chain of a file while it is posted, and the marks that are not in the record yet."""

    def __init__(self, header: bytes, sample: Sample) -> None:
        self._chain = Chain(header)
        self._marks: dict[int, str] = {}
        self.sample = sample

    @property
    def rows(self) -> int:
        return self._chain.rows

    @property
    def digest(self) -> str:
        return self._chain.digest

    @property
    def mark(self) -> str:
        return self._marks[self.rows]

    def add(self, rows: list[bytes], *, is_stored: bool) -> None:
        marks = self._chain.add(rows, [self._chain.rows + len(rows)])
        if not is_stored:
            self._marks |= marks
            self.sample = self.sample.with_rows(rows)

    def take_marks(self, until: int) -> dict[int, str]:
        taken = {rows: mark for rows, mark in self._marks.items() if rows <= until}
        self._marks = {rows: mark for rows, mark in self._marks.items() if rows > until}
        return taken


class _Posting:
    """Cuts pieces where loading begins and where an unanswered batch ended, and posts what lies behind."""

    def __init__(self, loading: Loading, start: Start) -> None:
        self._loading = loading
        self._start = start
        self._sample = start.load.sample if start.load else Sample()
        self._chain: _Cumulative | None = None
        self._waiting: list[Piece] = []
        self._before = ""

    def add(self, piece: Piece) -> None:
        """Post the rows of a piece that are to be posted."""
        chain = self._chain = self._chain or _Cumulative(piece.header, self._sample)
        rows, begin = piece.rows(), chain.rows
        end = begin + len(rows)
        pending = self._start.pending
        cuts = {self._start.rows, pending.until if pending else end, end}
        while chain.rows < end:
            here = chain.rows
            stop = min(cut for cut in cuts if here < cut <= end)
            is_stored = stop <= self._start.rows
            before = chain.digest
            chain.add(rows[here - begin : stop - begin], is_stored=is_stored)
            if not is_stored:
                is_all = (here, stop) == (begin, end)
                body = piece.closed() if is_all else piece.part(here - begin, stop - begin)
                self._post(body, stop, before)

    def _post(self, body: Piece, until: int, before: str) -> None:
        assert self._chain is not None
        self._before = self._before or before
        self._waiting.append(body)
        pending = self._start.pending
        if pending is None or until >= pending.until:
            key = pending.key if pending and until == pending.until else None
            waiting, self._waiting, since, self._before = self._waiting, [], self._before, ""
            self._loading.store(joined(waiting), until, key, since, self._chain)

    def end(self) -> None:
        """Note that the file has ended.

        Raises:
            ValueError: Where it has fewer rows than a moment ago.
        """
        if self._waiting or (self._chain and self._chain.rows < self._start.rows):
            raise ValueError("the file has become shorter while it was being loaded; type this again")


def _marks_of(load: Load) -> dict[int, str]:
    """Return the marks of a load, with that of rows that were sent without an answer."""
    unanswered = {load.pending.until: load.pending.mark} if load.pending else {}
    return {**load.marks, **unanswered}


def _rank(load: Load, agreement: Agreement, path: str) -> tuple[bool, int, bool, float]:
    is_same = load.file == path
    return (
        is_same and not load.is_whole and agreement.rows >= load.rows,
        agreement.rows,
        is_same,
        load.started,
    )


def _is_resumable(earlier: Earlier) -> bool:
    """Tell whether a load was one of --again, which was interrupted."""
    load = earlier.load
    goes_on = bool(load.seed) and not load.is_whole and earlier.agreement.rows >= load.rows
    return earlier.is_same_path and goes_on


def _key(seed: str, before: str, body: Piece) -> str:
    """Name a batch by what it holds and what is stored before it."""
    digest = hashlib.sha256(f"{seed} {before} ".encode() + body.data)
    return f"load-{digest.hexdigest()[:40]}"


def _leaving_out(piece: Piece, answer: httpx.Response) -> str:
    """Name the options that leave out the columns that are no fields; nothing where those are not what is wrong."""
    if '"PGRST204"' not in answer.text:
        return ""
    names = piece.names()
    listed = [str(each["field"]) for each in answer.json().get("errors", ()) if each["code"] == "PGRST204"]
    nameless = [str(place) for place, name in enumerate(names, 1) if not name.strip()]
    left = [each for each in listed if each in names] or nameless
    if len(left) == len(names):
        return ". If its first line is a row, --header names the columns, as in --header a,b,c"
    if not left or len(left) > _SHOWN:
        return ". --without NAME leaves a column out"
    options = shlex.join([word for each in left for word in ("--without", each)])
    return f". Without {'this column' if len(left) == 1 else 'these columns'}: {options}"


def _retry_after(answer: httpx.Response) -> float:
    """Return how many seconds an answer asks to wait for."""
    try:
        return min(max(float(answer.headers["Retry-After"]), 0.1), 30.0)
    except (KeyError, ValueError):
        return 1.0
