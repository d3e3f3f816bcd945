"""The envelope of a batch: everything it carries besides its rows."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.connectors.policy import BadRowLimit
from gateway.store.batch import IdempotencyKey, OnConflict


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything that a batch carries besides its rows.

    Attributes:
        received_bytes: The size of the body as it came over the wire.
        token: The name of the token that sent the rows, or None.
        key: The Idempotency-Key, or None.
        allowance: How many bad rows are kept; with None one bad row rejects the batch.
        decoding_of_body: Returns as JSON how the body is decoded, so that rejected rows can be decoded again. It is
            called only if a row is rejected.
        on_conflict: What happens to a row whose primary key is already stored.
        named: The fields that merged rows change; None means the fields of the first row, which all rows must have.
        replaces_all: Whether the rows replace all stored rows.
    """

    received_bytes: int = 0
    token: str | None = None
    key: IdempotencyKey | None = None
    allowance: BadRowLimit | None = None
    decoding_of_body: Callable[[], str] = lambda: "{}"
    on_conflict: OnConflict = "reject"
    named: frozenset[str] | None = None
    replaces_all: bool = False


#: The envelope of rows that carry nothing else.
NO_ENVELOPE = Envelope()
