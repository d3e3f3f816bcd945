"""Envelope: what a batch carries besides its rows."""

from dataclasses import dataclass

from gateway.connectors.policy import BadRowLimit
from gateway.store.batch import Key, OnConflict


@dataclass(frozen=True, slots=True)
class Envelope:
    """What comes with the rows of a batch.

    Attributes:
        received_bytes: The size of the body as it came over the wire.
        token: The name of the token that sent them, or None.
        key: The Idempotency-Key, or None.
        allowance: How many bad rows are kept; None refuses the batch for one.
        reading: How the body is read, as JSON, for bad rows to be read again.
        on_conflict: What becomes of a row whose primary key is there already.
        named: The fields that rows name, where they are merged; None: those of the first, and of all others.
        replaces_all: Whether the rows take the place of all there are.
    """

    received_bytes: int = 0
    token: str | None = None
    key: Key | None = None
    allowance: BadRowLimit | None = None
    reading: str = "{}"
    on_conflict: OnConflict = "reject"
    named: frozenset[str] | None = None
    replaces_all: bool = False


#: The envelope of rows that come with nothing.
BARE = Envelope()
