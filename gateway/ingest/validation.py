"""Rows to a Batch, or to one error that names every bad row."""

from collections.abc import Callable, Iterable
from functools import cached_property

import pyarrow as pa

from gateway.connectors import schema
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest.columnar import Columnar, ColumnarRows
from gateway.ingest.envelope import BARE, Envelope
from gateway.ingest.error_collector import ErrorCollector
from gateway.ingest.row_check import RowCheck
from gateway.ingest.row_errors import values_invalid
from gateway.ingest.rows import Rows
from gateway.request_context import never_left
from gateway.store.batch import MAX_LISTED, Batch, Few, joined
from gateway.strictjson import Json

#: So many rows, of so much text, become a table only where they are stored, together with those of others.
SMALL_BATCH_ROWS, SMALL_BATCH_BYTES = 100, 4096


class Validator:
    """A connector's schema, compiled when the first row meets it. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self.columnar = Columnar(connector)
        self.connector = connector
        self._row_check = RowCheck(connector)

    @cached_property
    def published(self) -> dict[str, Json]:
        """The schema of a row, for others."""
        return schema.publish(self.connector)

    def check(
        self, rows: Iterable[Rows], envelope: Envelope = BARE, has_left: Callable[[], bool] = never_left
    ) -> Batch:
        """Check every row and give them as one Batch, with the bad ones beside it where they may be kept.

        `has_left` tells whether the client has left. Then rows that are refused are not looked at any further, for
        nobody reads what is wrong with them.

        Raises:
            GatewayError: Listing the bad rows; none of the others is stored either.
        """
        errors = ErrorCollector(envelope, self._row_check)
        tables: list[Few | pa.Table] = []
        places: list[pa.Table] = []
        named = envelope.named
        for some in rows:
            bad_places = errors.add(
                some, self._row_check.find_bad(some, lambda: not errors.keeps and has_left())
            )
            if errors.is_refused and has_left():
                break
            if errors.keeps or not errors.error_count:
                good = some.without(bad_places)
                if envelope.on_conflict == "merge" and envelope.named is None:
                    named = _named_alike(good, named)
                few = Few(self.connector, good.values, sum(map(len, good.texts)))
                are_few = few.num_rows <= SMALL_BATCH_ROWS and few.nbytes <= SMALL_BATCH_BYTES
                tables.append(few if are_few else few.table)
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

    def take(self, columns: ColumnarRows, envelope: Envelope = BARE) -> Batch:
        """Give rows that were checked as columns as one Batch; they are not merged."""
        return Batch(
            self.connector,
            columns.table,
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            places=_numbered(columns) if self.connector.primary_key else None,
            on_conflict=envelope.on_conflict,
            replaces_all=envelope.replaces_all,
        )

    def check_values(self, value: Json) -> dict[str, Json]:
        """Check new values of some fields, by which stored rows are to be changed.

        Raises:
            GatewayError: Listing what is wrong with them.
        """
        rows = Rows()
        rows.add(value, 1, None, b"")
        read = self._row_check.read_strings(value)
        bad = [name for name in self._row_check.bad_fields(read) if name is None or name in value]
        if bad:
            errors = [self._row_check.error_of(rows, 0, name) for name in bad[:MAX_LISTED]]
            raise values_invalid(errors, {self._row_check.code_of(value, name) for name in bad}, len(bad))
        return dict(read)


def _named_alike(rows: Rows, named: frozenset[str] | None) -> frozenset[str] | None:
    """Require rows that all name the same fields: what others hold is kept where they are merged.

    Raises:
        GatewayError: As upstream has it, where they do not.
    """
    for value in rows.values:
        own = frozenset(value)
        named = own if named is None else named
        if own != named:
            hint = "name the same fields in every row, or say which with columns=a,b"
            raise GatewayError(Code.BODY_INVALID, "All object keys must match", hint=hint)
    return named


def _places(rows: Rows) -> pa.Table:
    """Give the numbers and the lines of rows."""
    return pa.table({"row": pa.array(rows.numbers, pa.int64()), "line": pa.array(rows.lines, pa.int64())})


def _numbered(columns: ColumnarRows) -> pa.Table:
    """Give the places of the rows of a whole body."""
    numbers = pa.arange(1, columns.table.num_rows + 1)
    lines = numbers if columns.has_lines else pa.nulls(len(numbers), pa.int64())
    return pa.table({"row": numbers, "line": lines})
