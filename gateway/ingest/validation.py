"""Rows to a Batch, or to one error that lists the bad rows. Runs on the event loop or in a parse thread."""

from collections.abc import Callable, Iterable
from functools import cached_property

import pyarrow as pa

from gateway.connectors import schema
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest.columnar.columnar_rows import ColumnarRows
from gateway.ingest.columnar.reader import Columnar
from gateway.ingest.envelope import NO_ENVELOPE, Envelope
from gateway.ingest.error_collector import ErrorCollector
from gateway.ingest.row_errors import values_invalid
from gateway.ingest.rows import Rows
from gateway.ingest.schema_check import SchemaCheck
from gateway.request_context import never_left
from gateway.store.batch import MAX_LISTED, Batch, SmallRows, joined
from gateway.strictjson import Json

#: A batch of at most this size becomes an Arrow table only in the writer, together with other small batches.
SMALL_BATCH_ROWS, SMALL_BATCH_BYTES = 100, 4096


class Validator:
    """A connector's schema, compiled when the first row meets it. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self.columnar = Columnar(connector)
        self.connector = connector
        self._schema_check = SchemaCheck(connector)

    @cached_property
    def published(self) -> dict[str, Json]:
        """The JSON Schema of a row, for clients."""
        return schema.publish(self.connector)

    def check(
        self,
        rows: Iterable[Rows],
        envelope: Envelope = NO_ENVELOPE,
        has_left: Callable[[], bool] = never_left,
    ) -> Batch:
        """Check every row and return one Batch, together with the rejected rows that the envelope allows.

        Args:
            rows: The rows, in chunks.
            envelope: What the batch carries besides them.
            has_left: Whether the client has left. After that a rejected batch is not checked further.

        Raises:
            GatewayError: It lists the bad rows; the good ones are not stored either.
        """
        errors = ErrorCollector(envelope, self._schema_check)
        tables: list[SmallRows | pa.Table] = []
        places: list[pa.Table] = []
        named = envelope.named
        for chunk in rows:
            bad = self._schema_check.find_bad(chunk, lambda: not errors.can_keep and has_left())
            bad_places = errors.add(chunk, bad)
            if bad_places is None:
                if has_left():
                    break
                continue
            good = chunk.without(bad_places)
            if envelope.on_conflict == "merge" and envelope.named is None:
                named = _named_alike(good, named)
            tables.append(self._table_of(good))
            if self.connector.primary_key:
                places.append(_places(good))
        bad_rows, listed = errors.kept()
        return Batch(
            self.connector,
            tables[0] if len(tables) == 1 else joined(tables),
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            bad_rows,
            listed,
            errors.error_count,
            pa.concat_tables(places) if places else None,
            envelope.on_conflict,
            named or frozenset(),
            envelope.replaces_all,
        )

    def _table_of(self, rows: Rows) -> SmallRows | pa.Table:
        """Return rows as a table; a small number of them becomes one only in the writer."""
        small = SmallRows(self.connector, rows.values, sum(map(len, rows.texts)))
        is_small = len(rows.values) <= SMALL_BATCH_ROWS and small.nbytes <= SMALL_BATCH_BYTES
        return small if is_small else small.table

    def batch_of(self, columns: ColumnarRows, envelope: Envelope = NO_ENVELOPE) -> Batch:
        """Return rows that were checked as columns as one Batch; they are not merged."""
        return Batch(
            self.connector,
            columns.table,
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            places=columns.places if self.connector.primary_key else None,
            on_conflict=envelope.on_conflict,
            replaces_all=envelope.replaces_all,
        )

    def check_values(self, value: Json) -> dict[str, Json]:
        """Check new values of some fields of stored rows.

        Raises:
            GatewayError: It lists the bad values.
        """
        rows = Rows()
        rows.add(value, 1, None, b"")
        read = self._schema_check.read_strings(value)
        bad = [name for name in self._schema_check.bad_fields(read) if name is None or name in value]
        if bad:
            errors = [self._schema_check.error_of(rows, 0, name) for name in bad[:MAX_LISTED]]
            raise values_invalid(errors, {self._schema_check.code_of(value, name) for name in bad}, len(bad))
        return dict(read)


def _named_alike(rows: Rows, named: frozenset[str] | None) -> frozenset[str] | None:
    """Return the fields that merged rows name: all must name the same, because other fields keep their values.

    Raises:
        GatewayError: They differ; the message is PostgREST's.
    """
    for value in rows.values:
        names = frozenset(value)
        named = names if named is None else named
        if names != named:
            hint = "name the same fields in every row, or say which with columns=a,b"
            raise GatewayError(Code.BODY_INVALID, "All object keys must match", hint=hint)
    return named


def _places(rows: Rows) -> pa.Table:
    """Return the numbers and the lines of rows."""
    return pa.table({"row": pa.array(rows.numbers, pa.int64()), "line": pa.array(rows.lines, pa.int64())})
