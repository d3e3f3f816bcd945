"""Batch and Receipt: the rows of one request, and what is remembered about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Key:
    """An Idempotency-Key and the SHA-256 of the body that came with it.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Checked rows of one request, stored or refused together. Only `ingest/validation.py` makes one.

    Attributes:
        connector: The name of the connector they are for.
        revision: Which version of its table they were checked for.
        table: Their declared fields, one Arrow column each.
        received_bytes: The size of the body as it came over the wire.
        token: The name of the token that sent them, or None.
        key: What tells a batch that is sent again, or None.
    """

    connector: str
    revision: int
    table: pa.Table
    received_bytes: int = 0
    token: str | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway answers about a committed batch, and remembers.

    `batch`, `first_id` and `last_id` are None for a batch without rows, of which nothing is stored; `is_replayed`
    tells that the batch had been stored before.
    """

    batch: int | None
    received: int
    stored: int
    rejected: int
    duplicates: int
    first_id: int | None
    last_id: int | None
    is_replayed: bool = False

    def body(self) -> dict[str, Any]:
        """Give it as the JSON of a reply."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "is_replayed"}


#: The receipt of a batch without rows.
NO_ROWS = Receipt(None, 0, 0, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One line of the batches table."""

    batch: int
    committed_at: datetime
    rows: int
    bytes: int
    token: str | None
    first_id: int
    last_id: int
