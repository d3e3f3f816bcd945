"""A Statement to the body of a response, without the event loop ever waiting for the database."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.query.compression import compressor_of
from gateway.query.encoding import Encoder, TextEncoder, encoder_of
from gateway.query.read_pool import ReadPool
from gateway.query.result_sizes import SMALL_RESULT_ROWS
from gateway.query.sql import Sql
from gateway.query.statement import Statement
from gateway.store.interface import ReadTransaction, Select, Version

#: Results up to this size are sent whole, with their length, and their reader is free before the first byte.
WHOLE_BYTES = 2 * 2**20
#: A piece of a longer result has as many bytes at least, or comes as soon as so many seconds have passed.
PIECE_BYTES, PIECE_SECONDS = 2**18, 0.005
#: Below this, compressing a body saves nobody anything.
COMPRESSED_BYTES = 1024


class Rendering:
    """A result on its way out: complete in `whole`, or to be iterated once and then closed.

    Attributes:
        whole: The whole body, where it is small.
        coding: What the body is compressed with, or None.
        row_count: How many rows it has, where that is known before its end.
        total: How many rows there are beyond the page, where they were counted.
        cursor: What leads on to the next page, where the limit cut this one.
        version: The version of the rows, where it was asked for.
    """

    def __init__(
        self,
        pool: ReadPool,
        reading: ReadTransaction,
        statement: Statement,
        *,
        counted: bool,
        coding: str | None,
        versioned: bool,
    ) -> None:
        self.whole: bytes | None = None
        self.row_count: int | None = None
        self.total: int | None = None
        self.cursor: int | None = None
        self.version: Version | None = None
        self._pool = pool
        self._reading = reading
        self._statement = statement
        self._counted = counted
        self._versioned = versioned
        self.coding = coding
        self._compressor = compressor_of(coding)
        self._encoder: Encoder
        self._begun = b""
        self._closed = False

    @classmethod
    async def open(
        cls,
        pool: ReadPool,
        statement: Statement,
        *,
        counted: bool,
        coding: str | None,
        versioned: bool = False,
    ) -> "Rendering":
        """Run a statement up to its first rows.

        Args:
            pool: The threads that run it.
            statement: What is read.
            counted: Whether all rows are counted, beyond the page.
            coding: What the body is compressed with, or None.
            versioned: Whether the result says which version of the rows it has.

        Raises:
            GatewayError: Where it fails; nothing has been sent then.
        """
        pool.reserve()
        return await cls.open_reserved(pool, statement, counted=counted, coding=coding, versioned=versioned)

    @classmethod
    async def open_reserved(
        cls,
        pool: ReadPool,
        statement: Statement,
        *,
        counted: bool,
        coding: str | None,
        versioned: bool = False,
    ) -> "Rendering":
        """Run a statement as `open` does, in the place that `ReadPool.reserve` took."""
        rendering = cls(
            pool, pool.transaction(), statement, counted=counted, coding=coding, versioned=versioned
        )
        try:
            await rendering.start()
        except BaseException:
            await rendering.close()
            raise
        return rendering

    async def start(self) -> None:
        """Read the first rows, and all of them if they are few."""
        await self._pool.run(self._reading, self._start)
        if self.whole is not None:
            await self.close()

    def _start(self) -> None:
        if self._versioned:
            self.version = self._pool.version_seen(self._reading, self._statement)
        self._read()
        if self.whole is not None:
            self._reading.close()

    def _read(self) -> None:
        statement = self._statement
        anchor = statement.anchor_count()
        if self._counted or anchor or statement.output.singular:
            self._reading.begin()
        if self._counted:
            self.total = int(self._fetch(statement.count())[0][0])
            _refuse_offset_beyond(statement.query.offset, self.total)
        if anchor and not self._fetch(anchor)[0][0]:
            raise _unknown_cursor(statement.query.cursor)
        if statement.output.singular:
            self._read_one()
            return
        first = self._first_rows()
        if first is None:
            return
        if self.total is not None and statement.query.cursor is None:
            left = self.total - statement.query.offset
            self.row_count = left if statement.query.limit is None else min(left, statement.query.limit)
        if statement.query.limit:
            # The header that leads on goes out before the rows: the end of the page is looked up, and in the
            # same transaction the page begun again.
            self._reading.begin()
            places = self._fetch(statement.end())
            self.cursor = places[0][0] if len(places) > 1 else None
            self._begin(statement.rows())
        else:
            self._begun = self._compressor.compress(first)

    def _read_one(self) -> None:
        """Read the only row, which leaves it in `whole`."""
        rows = self._few(self._statement.page)
        if rows is None or len(rows) != 1:
            raise not_one_row(int(self._fetch(self._statement.page_count())[0][0]))
        self.row_count = 1
        self._end([self._text_of(rows)])

    def _first_rows(self) -> bytes | None:
        """Read until the end, which leaves the page in `whole`, or give what has come when it is too much."""
        statement = self._statement
        if not statement.output.is_text or not self._pool.result_sizes.expects_small(statement):
            self._begin(statement.page)
            return self._first_batches()
        rows = self._few(statement.page)
        if rows is None:
            self._pool.result_sizes.learn(statement, is_small=False)
            return self._first_batches()
        limit = statement.query.limit
        taken = rows if limit is None else rows[:limit]
        if len(rows) > len(taken) > 0:
            self.cursor = taken[-1][-1]
        self.row_count = len(taken)
        self._end([self._text_of(taken)])
        return None

    def _few(self, sql: Sql) -> list[tuple[Any, ...]] | None:
        """Read all rows of text where they are few, or begin to."""
        self._encoder = self._text = TextEncoder(self._statement.output, self._statement.query.select)
        return self._reading.few(sql.text, sql.parameters, most_rows=SMALL_RESULT_ROWS, most_size=WHOLE_BYTES)

    def _text_of(self, rows: list[tuple[Any, ...]]) -> bytes:
        """Give the beginning of the body that rows make."""
        return self._text.begun("".join([row[0] for row in rows]).encode()) if rows else b""

    def _first_batches(self) -> bytes | None:
        """Read as `_first_rows` does, in the batches of what has begun."""
        limit = self._statement.query.limit
        pieces: list[bytes] = []
        size = rows = 0
        place: int | None = None
        while (batch := self._reading.next()) is not None:
            taken = batch if limit is None else batch.slice(0, limit - rows)
            rows += batch.num_rows
            if not taken.num_rows:
                continue
            if limit is not None and rows >= limit:
                place = _place(taken)
            pieces.append(self._encoder.encode(taken))
            size += len(pieces[-1])
            if size > WHOLE_BYTES:
                self._pool.result_sizes.learn(self._statement, is_small=False)
                return b"".join(pieces)
        self._pool.result_sizes.learn(self._statement, is_small=rows <= SMALL_RESULT_ROWS)
        self.row_count = rows if limit is None else min(rows, limit)
        if limit is not None and rows > limit:
            self.cursor = place
        self._end(pieces)
        return None

    def _end(self, pieces: list[bytes]) -> None:
        """Make the whole body of its pieces."""
        body = b"".join([*pieces, self._encoder.end()])
        if len(body) < COMPRESSED_BYTES:
            self.coding, self._compressor = None, compressor_of(None)
        self.whole = self._compressor.compress(body) + self._compressor.flush()

    def _begin(self, sql: Sql) -> None:
        statement = self._statement
        self._encoder = encoder_of(statement.output, statement.query.select)
        self._reading.start(sql.text, sql.parameters)

    def _fetch(self, sql: Sql) -> list[tuple[Any, ...]]:
        return self._reading.fetch(sql.text, sql.parameters)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces of the body. An error breaks the connection: a body cut short must not look whole."""
        piece, self._begun = self._begun, b""
        ended = False
        while True:
            if piece:
                self._pool.note_waiting(self)
                yield piece
                self._pool.note_running(self)
            if ended:
                return
            if self._closed:
                raise GatewayError(Code.READERS_BUSY, "others needed the room of a result that nobody read")
            piece, ended = await self._pool.run(self._reading, self._next)

    def _next(self) -> tuple[bytes, bool]:
        """Give the next piece, and whether it is the last."""
        pieces: list[bytes] = []
        size, late = 0, time.monotonic() + PIECE_SECONDS
        while size < PIECE_BYTES and (not pieces or time.monotonic() < late):
            batch = self._reading.next()
            if batch is None:
                pieces.append(self._encoder.end())
                return self._compressor.compress(b"".join(pieces)) + self._compressor.flush(), True
            pieces.append(self._encoder.encode(batch))
            size += len(pieces[-1])
        return self._compressor.compress(b"".join(pieces)), False

    async def close(self) -> None:
        """Give the reader back. Falcon calls it when the response has ended, however it has."""
        self.end()

    def end(self) -> None:
        """Give the reader back, while no step of it runs; who still iterates finds it broken off."""
        self._pool.note_running(self)
        if not self._closed:
            self._closed = True
            self._pool.release()
            self._reading.close()


def render(statement: Statement, select: Select, most: int | None = None) -> bytes:
    """Give the whole body of a statement whose rows `select` reads, of at most so many bytes.

    Raises:
        GatewayError: Where it is more.
    """
    sql = statement.rows()
    encoder = encoder_of(statement.output, statement.query.select)
    pieces: list[bytes] = []
    size = 0
    for batch in select(sql.text, sql.parameters):
        pieces.append(encoder.encode(batch))
        size += len(pieces[-1])
        if most is not None and size > most:
            message = f"the rows of the answer are more than {most} bytes; nothing was changed"
            raise GatewayError(
                Code.TOO_MANY_AFFECTED, message, hint="ask for it without return=representation"
            )
    return b"".join([*pieces, encoder.end()])


def not_one_row(rows: int) -> GatewayError:
    """Say that a single object cannot be made of so many rows."""
    return GatewayError(
        Code.NOT_ONE_ROW,
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {rows} rows",
        hint="filter by something that tells one row from all others, or accept application/json",
    )


def _refuse_offset_beyond(offset: int, total: int) -> None:
    if offset > total:
        raise GatewayError(
            Code.RANGE_INVALID,
            "Requested range not satisfiable",
            details=f"An offset of {offset} was requested, but there are only {total} rows.",
            headers={"Content-Range": f"*/{total}"},
        )


def _place(batch: pa.RecordBatch) -> int | None:
    """Give the place of a batch's last row, which `Statement.page` has put behind its columns.

    The one group of no rows has none; nothing comes after it, either.
    """
    place: int | None = batch.column(batch.num_columns - 1)[batch.num_rows - 1].as_py()
    return place


def _unknown_cursor(cursor: int | None) -> GatewayError:
    hint = "follow the Link of the page before, or leave cursor out to begin anew"
    return GatewayError(
        Code.QUERY_INVALID, f"there is no row {cursor} that a page could come after", hint=hint
    )
