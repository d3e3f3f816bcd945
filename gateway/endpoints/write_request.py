"""Write: what a POST or PUT asks for beside its body."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints import negotiation
from gateway.endpoints.negotiation import RequestHeaders
from gateway.errors import Code, GatewayError, RowErrors
from gateway.ingest import csv_rows, decoding
from gateway.media_types import Media
from gateway.query import dialect, preferences
from gateway.query.output import Output
from gateway.query.preferences import Preferences
from gateway.query.query import Column, Filter, Query
from gateway.query.render import not_one_row
from gateway.query.statement import Statement
from gateway.store.batch import Batch, OnConflict, Receipt

_ID = Column(SYSTEM_FIELDS[0])
MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """How the rows of a body are taken, and what is answered about them.

    Attributes:
        connector: Where they go.
        columns: The fields that are taken from them, None for all.
        prefers: What is answered, and whether anything is stored.
        single: Whether the answer must be a single object.
        query: The shape of the rows in the answer.
        output: Their format, None where the answer has no rows.
        coding: What the answer is compressed with, or None.
        key: The Idempotency-Key, or None.
        replaces_all: Whether the rows take the place of all there are.
    """

    connector: Connector
    columns: tuple[Field, ...] | None
    prefers: Preferences
    single: bool
    query: Query
    output: Output | None
    coding: str | None
    key: str | None = None
    replaces_all: bool = False

    @classmethod
    def of(cls, connector: Connector, words: RequestHeaders) -> "WriteRequest":
        """Read a POST or PUT, but for its body and its key.

        Raises:
            GatewayError: Naming the parameter or header, its value and what would be right.
        """
        negotiation.require_profile(words.profile)
        prefers = preferences.parse(words.prefer, words.method)
        query, columns = dialect.parse_write(words.query_string, connector)
        output, coding = negotiation.representation_of(words, prefers, query)
        single = negotiation.wants_single(words.accept)
        replaces_all = words.method == "PUT"
        return cls(connector, columns, prefers, single, query, output, coding, replaces_all=replaces_all)

    def under(self, key: str | None) -> "WriteRequest":
        """Give it with what its header `Idempotency-Key` says, as far as the connector's terms allow both.

        Raises:
            GatewayError: Where they do not, or that is no key.
        """
        write = self if key is None else replace(self, key=_key_of(key))
        write.require_terms()
        return write

    def require_terms(self) -> None:
        """Let through what the connector's terms allow.

        Raises:
            GatewayError: Where it is not.
        """
        terms = self.connector.terms
        if terms.key_required and self.key is None and not (self.replaces_all or self.is_rehearsal):
            hint = "send a header Idempotency-Key: a UUID of its own for every batch, the same when it is sent again"
            message = f"'{self.connector.name}' takes rows under an Idempotency-Key only"
            raise GatewayError(Code.KEY_REQUIRED, message, hint=hint)
        if self.prefers.resolution and not self.connector.primary_key:
            message = f"'{self.connector.name}' has no primary key, by which rows could be told apart"
            hint = "write primary_key: [FIELD] in the connector's file, or leave resolution out"
            raise GatewayError(Code.KEY_UNKNOWN_COLUMNS, message, hint=hint)

    @property
    def on_conflict(self) -> OnConflict:
        """What becomes of a row whose primary key is there already."""
        if self.prefers.resolution:
            return "merge" if self.prefers.resolution == "merge-duplicates" else "ignore"
        return self.connector.terms.on_conflict

    @property
    def allowance(self) -> BadRowLimit | None:
        """How many bad rows are kept, None where one refuses the batch."""
        terms, handling = self.connector.terms, self.prefers.handling
        keeps = terms.on_invalid == "keep" and handling != "strict"
        keeps = keeps or (terms.on_invalid == "on_request" and handling == "lenient")
        return terms.keep_at_most if keeps else None

    @property
    def is_rehearsal(self) -> bool:
        """Whether nothing is to be stored."""
        return self.prefers.tx == "rollback"

    @property
    def changes_rows(self) -> bool:
        """Whether it may change rows that are stored, which the connector's own terms do not."""
        return self.on_conflict == "merge" and self.connector.terms.on_conflict != "replace"

    @property
    def takes_whole_rows(self) -> bool:
        """Whether rows are taken as they are, whichever fields each of them names."""
        return self.columns is None and self.on_conflict != "merge"

    @property
    def absent_is_null(self) -> bool:
        """Whether a field of `columns` that a row leaves out is null; else it takes its default."""
        return self.columns is not None and self.prefers.missing != "default"

    def decoding_of(self, data: bytes, media: Media) -> str:
        """Say how the rows of a body are read, where bad ones may be kept to be read again."""
        if self.allowance is None:
            return "{}"
        return decoding.encode(
            data,
            media,
            self.columns,
            absent_is_null=self.absent_is_null,
            resolution=self.prefers.resolution,
        )

    def named(self, data: bytes, media: Media) -> frozenset[str] | None:
        """Give the fields that all rows of a body name, where they are merged; None where each says so itself."""
        if self.on_conflict != "merge":
            return None
        if self.columns is not None:
            return frozenset(field.name for field in self.columns)
        return csv_rows.header_fields(data, self.connector) if media is Media.CSV else None

    def require_rows(self, batch: Batch) -> None:
        """Let a batch of so many good rows through, or raise.

        A single object answers one row alone. A PUT without any is an export that failed more often than meant.
        """
        rows = batch.rows.num_rows
        if self.replaces_all and not rows:
            message = "there is no row to take the place of all others; nothing was changed"
            hint = "send the rows; to be rid of all of them, DELETE with the filter _id=gte.0"
            errors = RowErrors(batch.errors, batch.error_count, len(batch.bad), batch.received)
            if errors.count:
                raise GatewayError(
                    Code.UNFILTERED, message, details=errors.summary(), hint=hint, row_errors=errors
                )
            raise GatewayError(Code.UNFILTERED, message, hint=hint)
        if self.single and rows != 1:
            raise not_one_row(rows)

    def stored_rows(self, receipt: Receipt) -> Statement:
        """Give the statement that reads the rows of a receipt."""
        assert self.output is not None
        return self.rows_of(receipt, Statement(self.query, self.connector, self.output))

    @staticmethod
    def rows_of(receipt: Receipt, statement: Statement) -> Statement:
        """Give a statement of the same shape over the rows of a receipt."""
        first, last = receipt.first_id or 1, receipt.last_id or 0
        where = (Filter(_ID, "gte", (first,)), Filter(_ID, "lte", (last,)))
        return replace(statement, query=replace(statement.query, where=where))

    def headers(self, receipt: Receipt, *, has_rows: bool = False) -> Mapping[str, str]:
        """Give the headers of the answer to a receipt; `has_rows` where it has the stored rows for a body."""
        unmet = ["return"] if self.output is not None and not has_rows else []
        if self.columns is None and self.prefers.missing == "null":
            unmet.append("missing")  # Without `columns` an absent field takes its default.
        headers = {"Preference-Applied": self.prefers.applied(*unmet), "Vary": "Accept, Prefer"}
        if self.prefers.count:
            headers["Content-Range"] = f"*/{receipt.received}"
        if self.prefers.return_ == "headers-only" and receipt.stored == 1:
            headers["Location"] = f"{self.connector.path}?_id=eq.{receipt.first_id}"
        if receipt.is_replayed:
            headers["Idempotent-Replayed"] = "true"
        return {name: value for name, value in headers.items() if value}


def _key_of(header: str) -> str:
    """Read the Idempotency-Key: a string in quotes, as the draft has it, or one without.

    Raises:
        GatewayError: Where it is empty, too long or not plain ASCII.
    """
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        hint = f"write 1 to {MAX_KEY} printable ASCII characters, such as a UUID"
        what = f"has {len(key)} characters" if key.isascii() and key.isprintable() else "is not plain ASCII"
        raise GatewayError(Code.KEY_INVALID, f"the Idempotency-Key {what}", hint=hint)
    return key
