"""Parsed POST and PUT requests, without their bodies."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.auth.permissions import Verb
from gateway.connectors.connector import Connector, Field
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_head import RequestHead
from gateway.errors import Code, GatewayError, RowErrors
from gateway.ingest import csv_rows, decoding
from gateway.ingest.body import Body
from gateway.ingest.columnar.taken_fields import TakenFields
from gateway.ingest.envelope import Envelope
from gateway.media_types import Media
from gateway.query import dialect
from gateway.store.batch import MAX_KEY_CHARACTERS, Batch, IdempotencyKey, OnConflict, Receipt


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """The storage of the rows in a body, and the contents of the response.

    Attributes:
        head: What the response contains, and whether anything is stored.
        columns: The fields that are taken from the rows, None for all.
        needs: What the token must be allowed to do besides the method's own verb.
        replaces_all: Whether the rows replace all rows of the connector.
        key: The idempotency key, or None.
        after: The idempotency key of the batch that must be stored first, or None.
    """

    head: RequestHead
    columns: tuple[Field, ...] | None
    needs: tuple[Verb, ...]
    replaces_all: bool = False
    key: str | None = None
    after: str | None = None

    @classmethod
    def of(cls, connector: Connector, headers: RequestHeaders) -> "WriteRequest":
        """Parse the head of a POST or PUT, without its idempotency keys.

        Raises:
            GatewayError: Names the parameter or header, its value, and what is right.
        """
        head, columns = RequestHead.of(connector, headers, dialect.parse_write)
        merges = _on_conflict(head) == "merge" and connector.policy.on_conflict != "replace"
        needs: tuple[Verb, ...] = ("change",) if merges else ()
        if head.output is not None:
            needs = (*needs, "read")
        return cls(head, columns, needs, replaces_all=headers.method == "PUT")

    @property
    def connector(self) -> Connector:
        """The connector that the rows are for."""
        return self.head.connector

    def under(self, key: str | None, after: str | None = None) -> "WriteRequest":
        """Return the request with its `Idempotency-Key` and `Idempotency-After`, and check the connector's policy.

        Raises:
            GatewayError: The policy does not allow the request, or a key is invalid.
        """
        write = self if key is None else replace(self, key=_key_of(key, "Idempotency-Key"))
        if after is not None:
            write = replace(write, after=_key_of(after, "Idempotency-After"))
            if write.after == write.key:
                hint = "write the key of the batch before it there, or leave it out"
                raise GatewayError(
                    Code.KEY_INVALID, "Idempotency-After has the key of the batch itself", hint=hint
                )
        write.require_policy()
        return write

    def require_policy(self) -> None:
        """Check that the connector's policy allows the request.

        Raises:
            GatewayError: The policy requires an idempotency key, or the connector has no primary key to merge by.
        """
        policy = self.connector.policy
        if policy.needs_key and self.key is None and not (self.replaces_all or self.head.is_rehearsal):
            hint = "send a header Idempotency-Key: a UUID of its own for every batch, the same when it is sent again"
            message = f"'{self.connector.name}' requires an Idempotency-Key"
            raise GatewayError(Code.KEY_REQUIRED, message, hint=hint)
        if self.head.prefers.resolution and not self.connector.primary_key:
            message = f"'{self.connector.name}' has no primary key, by which rows could be told apart"
            hint = "write primary_key: [FIELD] in the connector's file, or leave resolution out"
            raise GatewayError(Code.KEY_UNKNOWN_COLUMNS, message, hint=hint)

    @property
    def on_conflict(self) -> OnConflict:
        """The treatment of a row whose primary key is stored already."""
        return _on_conflict(self.head)

    @property
    def allowance(self) -> BadRowLimit | None:
        """The limit of bad rows that are kept; with None one bad row rejects the batch."""
        policy, handling = self.connector.policy, self.head.prefers.handling
        keeps = policy.on_invalid == "keep" and handling != "strict"
        keeps = keeps or (policy.on_invalid == "on_request" and handling == "lenient")
        return policy.keep_at_most if keeps else None

    @property
    def taken(self) -> TakenFields | None:
        """The fields that `columns` takes from each row; None for all."""
        return None if self.columns is None else TakenFields(self.columns, self.absent_is_null)

    @property
    def absent_is_null(self) -> bool:
        """True if a field of `columns` that a row omits is null; otherwise it takes its default."""
        return self.columns is not None and self.head.prefers.missing != "default"

    def envelope(self, body: Body, media: Media, token: str | None, key: IdempotencyKey | None) -> Envelope:
        """Return the envelope of a batch: everything that is stored or checked besides its rows."""
        return Envelope(
            body.received_bytes,
            token,
            key,
            self.allowance,
            functools.partial(self._decoding_of, body.data, media),
            self.on_conflict,
            self._named(body.data, media),
            self.replaces_all,
        )

    def _decoding_of(self, data: bytes, media: Media) -> str:
        """Return how the rows of a body are decoded, so that kept bad rows can be replayed."""
        return decoding.encode(
            data,
            media,
            self.columns,
            absent_is_null=self.absent_is_null,
            resolution=self.head.prefers.resolution,
        )

    def _named(self, data: bytes, media: Media) -> frozenset[str] | None:
        """Return the fields that all rows of a merged body name; None if each row names its own."""
        if self.on_conflict != "merge":
            return None
        if self.columns is not None:
            return frozenset(field.name for field in self.columns)
        return csv_rows.header_fields(data, self.connector) if media is Media.CSV else None

    def require_rows(self, batch: Batch) -> None:
        """Check the number of good rows in a batch.

        A response that must be a single object requires one row. A PUT without rows is more often a failed export than
        intended.

        Raises:
            GatewayError: The number of rows is not allowed.
        """
        rows = batch.rows.num_rows
        if self.replaces_all and not rows:
            message = "the body has no valid row, and PUT would delete all stored rows; nothing was changed"
            hint = "send the rows; to delete all rows, send DELETE with the filter _id=gte.0"
            errors = RowErrors(batch.errors, batch.error_count, len(batch.bad), batch.received)
            if errors.count:
                raise GatewayError(
                    Code.UNFILTERED, message, details=errors.summary(), hint=hint, row_errors=errors
                )
            raise GatewayError(Code.UNFILTERED, message, hint=hint)
        self.head.require_single(rows)

    def headers(self, receipt: Receipt, *, has_rows: bool = False) -> Mapping[str, str]:
        """Return the headers of the response to a receipt; `has_rows` if its body is the stored rows."""
        not_applied = ["return"] if self.head.output is not None and not has_rows else []
        if self.columns is None and self.head.prefers.missing == "null":
            not_applied.append("missing")  # Without `columns`, an absent field takes its default.
        headers = {"Preference-Applied": self.head.prefers.applied(*not_applied), "Vary": "Accept, Prefer"}
        if self.head.prefers.count:
            headers["Content-Range"] = f"*/{receipt.received}"
        if self.head.prefers.return_ == "headers-only" and receipt.stored == 1:
            headers["Location"] = f"{self.connector.path}?_id=eq.{receipt.first_id}"
        if receipt.is_replayed:
            headers["Idempotent-Replayed"] = "true"
        return {name: value for name, value in headers.items() if value}


def _on_conflict(head: RequestHead) -> OnConflict:
    """Return the treatment of a row whose primary key is stored already."""
    if head.prefers.resolution:
        return "merge" if head.prefers.resolution == "merge-duplicates" else "ignore"
    return head.connector.policy.on_conflict


def _key_of(header: str, name: str) -> str:
    """Parse the header of an idempotency key: a string in quotes, as in the IETF draft, or without quotes.

    Raises:
        GatewayError: The key is empty, too long, or not printable ASCII.
    """
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 0 < len(key) <= MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        hint = f"write 1 to {MAX_KEY_CHARACTERS} printable ASCII characters, such as a UUID"
        what = f"has {len(key)} characters" if key.isascii() and key.isprintable() else "is not plain ASCII"
        raise GatewayError(Code.KEY_INVALID, f"the {name} {what}", hint=hint)
    return key
