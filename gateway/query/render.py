"""A Statement to the body of a response; the event loop never waits for the database."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.query.compression import compressor_of
from gateway.query.encoders import Encoder, TextEncoder, encoder_of
from gateway.query.read_pool import ReadPool
from gateway.query.result_sizes import SMALL_RESULT_ROWS
from gateway.query.sql import Sql
from gateway.query.statement import Statement
from gateway.request_context import begin_stage, current, end_stage
from gateway.store.interface import ReadTransaction, Select, Version

#: Results up to this size are sent whole, with their length. Their thread is free before the first byte.
WHOLE_BYTES = 2 * 2**20
#: A longer result is sent in chunks: each is complete at this size, or after this time.
CHUNK_BYTES, CHUNK_SECONDS = 2**18, 0.005
#: A smaller body is not compressed, because it would gain nothing.
COMPRESSED_BYTES = 1024


class Rendering:
    """A result that is sent: complete in `whole`, or to be iterated once and then closed. Belongs to the event loop.

    Attributes:
        whole: The whole body, if it is small.
        encoded_rows: The number of rows in the body so far.
        coding: The content coding of the body, or None.
        row_count: The number of rows, if it is known before the end.
        total: The number of all rows, also outside the page, if they were counted.
        cursor: The cursor of the next page, if the limit ended this one.
        version: The version of the rows, if it was asked for.
    """

    def __init__(
        self,
        pool: ReadPool,
        transaction: ReadTransaction,
        statement: Statement,
        *,
        needs_count: bool,
        coding: str | None,
        needs_version: bool,
    ) -> None:
        self.whole: bytes | None = None
        self.encoded_rows = 0
        self.row_count: int | None = None
        self.total: int | None = None
        self.cursor: int | None = None
        self.version: Version | None = None
        self._pool = pool
        self._transaction = transaction
        self._statement = statement
        self._needs_count = needs_count
        self._needs_version = needs_version
        self.coding = coding
        self._compressor = compressor_of(coding)
        self._encoder: Encoder
        self._first_chunk = b""
        self._is_closed = False

    @classmethod
    async def open(
        cls,
        pool: ReadPool,
        statement: Statement,
        *,
        needs_count: bool,
        coding: str | None,
        needs_version: bool = False,
        is_reserved: bool = False,
    ) -> "Rendering":
        """Run a statement up to its first rows.

        Args:
            pool: The threads that run it.
            statement: The query.
            needs_count: Whether all rows are counted, also outside the page.
            coding: The content coding of the body, or None.
            needs_version: Whether the result has the version of its rows.
            is_reserved: Whether the caller has reserved its place with `ReadPool.reserve`.

        Raises:
            GatewayError: The statement fails; nothing has been sent then.
        """
        if not is_reserved:
            pool.reserve()
        rendering = cls(
            pool,
            pool.transaction(),
            statement,
            needs_count=needs_count,
            coding=coding,
            needs_version=needs_version,
        )
        try:
            await rendering.start()
        except BaseException:
            await rendering.close()
            raise
        return rendering

    async def start(self) -> None:
        """Read the first rows, or all rows of a small result."""
        begin_stage("queue")
        await self._pool.run(self._transaction, self._start)
        if self.whole is not None:
            await self.close()

    def _start(self) -> None:
        begin_stage("read")
        if self._needs_version:
            self.version = self._pool.version_seen(self._transaction, self._statement)
        self._read()
        if self.whole is not None:
            end_stage()
            self._transaction.close()

    def _read(self) -> None:
        statement = self._statement
        anchor = statement.anchor_count()
        if self._needs_count or anchor or statement.output.is_singular:
            self._transaction.begin()
        if self._needs_count:
            self.total = int(self._fetch(statement.count())[0][0])
            _require_offset_within(statement.query.offset, self.total)
        if anchor and not self._fetch(anchor)[0][0]:
            raise unknown_cursor(statement.query.cursor)
        if statement.output.is_singular:
            self._read_one()
            return
        first = self._first_rows()
        if first is None:
            return
        if self.total is not None and statement.query.cursor is None:
            left = self.total - statement.query.offset
            self.row_count = left if statement.query.limit is None else min(left, statement.query.limit)
        if statement.query.limit:
            # The header with the cursor is sent before the rows. So the end of the page is looked up first, and then
            # the page begins again in the same transaction.
            begin_stage("read")
            self._transaction.begin()
            places = self._fetch(statement.end())
            self.cursor = places[0][0] if len(places) > 1 else None
            self._begin(statement.rows())
            begin_stage("render")
        else:
            self._first_chunk = self._compressor.compress(first)

    def _read_one(self) -> None:
        """Read the only row into `whole`."""
        rows = self._few(self._statement.page)
        if rows is None or len(rows) != 1:
            raise not_one_row(int(self._fetch(self._statement.page_count())[0][0]))
        self.row_count = 1
        self._end([self._text_of(rows)])

    def _first_rows(self) -> bytes | None:
        """Read the whole page into `whole`; if it is too large, return the bytes so far."""
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
        """Read all rows of text if they are few; else return None with the result begun."""
        self._encoder = self._text = TextEncoder(self._statement.output, self._statement.query.select)
        return self._transaction.few(
            sql.text, sql.parameters, most_rows=SMALL_RESULT_ROWS, most_size=WHOLE_BYTES
        )

    def _text_of(self, rows: list[tuple[Any, ...]]) -> bytes:
        """Return the beginning of the body from rows of text."""
        begin_stage("render")
        self.encoded_rows = len(rows)
        return self._text.encode_text("".join([row[0] for row in rows]).encode()) if rows else b""

    def _first_batches(self) -> bytes | None:
        """Read as `_first_rows` does, in batches of the result that has begun."""
        limit = self._statement.query.limit
        pieces: list[bytes] = []
        size = rows = 0
        place: int | None = None
        while (batch := self._transaction.next()) is not None:
            if not rows:
                begin_stage("render")
            taken = batch if limit is None else batch.slice(0, limit - rows)
            rows += batch.num_rows
            if not taken.num_rows:
                continue
            if limit is not None and rows >= limit:
                place = _place(taken)
            pieces.append(self._encode(taken))
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
        """Join the pieces to the whole body."""
        body = b"".join([*pieces, self._encoder.end()])
        if len(body) < COMPRESSED_BYTES:
            self.coding, self._compressor = None, compressor_of(None)
        self.whole = self._compressor.compress(body) + self._compressor.flush()

    def _begin(self, sql: Sql) -> None:
        statement = self._statement
        self._encoder = encoder_of(statement.output, statement.query.select)
        self.encoded_rows = 0
        self._transaction.start(sql.text, sql.parameters)

    def _encode(self, batch: pa.RecordBatch) -> bytes:
        self.encoded_rows += batch.num_rows
        return self._encoder.encode(batch)

    def _fetch(self, sql: Sql) -> list[tuple[Any, ...]]:
        return self._transaction.fetch(sql.text, sql.parameters)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks of the body. An error breaks the connection, so that no truncated body looks complete."""
        chunk, self._first_chunk = self._first_chunk, b""
        is_over, context = False, current.get(None)
        while True:
            if chunk:
                self._pool.note_waiting(self)
                yield chunk
                self._pool.note_running(self)
                if context:
                    context.served_rows = self.encoded_rows
            if is_over:
                return
            if self._is_closed:
                raise GatewayError(
                    Code.READERS_BUSY,
                    "other requests needed the place of this result, which the client did not read",
                )
            chunk, is_over = await self._pool.run(self._transaction, self._next)

    def _next(self) -> tuple[bytes, bool]:
        """Return the next chunk, and whether it is the last."""
        pieces: list[bytes] = []
        size, deadline = 0, time.monotonic() + CHUNK_SECONDS
        while size < CHUNK_BYTES and (not pieces or time.monotonic() < deadline):
            batch = self._transaction.next()
            if batch is None:
                pieces.append(self._encoder.end())
                return self._compressor.compress(b"".join(pieces)) + self._compressor.flush(), True
            pieces.append(self._encode(batch))
            size += len(pieces[-1])
        return self._compressor.compress(b"".join(pieces)), False

    async def close(self) -> None:
        """Release the place in the pool. Falcon calls it at the end of every response, also after an error."""
        self.end()

    def end(self) -> None:
        """Release the place in the pool, while no step runs. A client that still reads gets an error."""
        self._pool.note_running(self)
        if not self._is_closed:
            self._is_closed = True
            self._pool.release()
            self._transaction.close()


def render(statement: Statement, select: Select, max_bytes: int | None = None) -> bytes:
    """Return the whole body of a statement. Runs on the writer thread.

    Args:
        statement: The query.
        select: Reads its rows, in the transaction of a write.
        max_bytes: The most bytes that the body may have.

    Raises:
        GatewayError: The body has more.
    """
    sql = statement.rows()
    encoder = encoder_of(statement.output, statement.query.select)
    pieces: list[bytes] = []
    size = 0
    for batch in select(sql.text, sql.parameters):
        pieces.append(encoder.encode(batch))
        size += len(pieces[-1])
        if max_bytes is not None and size > max_bytes:
            message = f"the rows of the answer are more than {max_bytes} bytes; nothing was changed"
            raise GatewayError(
                Code.TOO_MANY_AFFECTED, message, hint="ask for it without return=representation"
            )
    return b"".join([*pieces, encoder.end()])


def not_one_row(rows: int) -> GatewayError:
    """Return the error of a single object that would need a number of rows other than one."""
    return GatewayError(
        Code.NOT_ONE_ROW,
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {rows} rows",
        hint="filter for one row, or accept application/json",
    )


def _require_offset_within(offset: int, total: int) -> None:
    if offset > total:
        raise GatewayError(
            Code.RANGE_INVALID,
            "Requested range not satisfiable",
            details=f"An offset of {offset} was requested, but there are only {total} rows.",
            headers={"Content-Range": f"*/{total}"},
        )


def _place(batch: pa.RecordBatch) -> int | None:
    """Return the place of a batch's last row, which is the last column of `Statement.page`.

    The only group of an empty result has none, and nothing follows it.
    """
    place: int | None = batch.column(batch.num_columns - 1)[batch.num_rows - 1].as_py()
    return place


def unknown_cursor(cursor: int | None) -> GatewayError:
    """Return the error of a cursor that is not a row."""
    hint = "follow the Link of the page before, or leave cursor out to begin again"
    return GatewayError(
        Code.QUERY_INVALID, f"there is no row {cursor} that a page could come after", hint=hint
    )
