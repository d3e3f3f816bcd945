"""Counts of commits and of their durations, for the metrics."""

from collections.abc import Callable, Mapping

from gateway.errors import GatewayError
from gateway.metrics import BATCHES, SECONDS, Histogram
from gateway.store.batch import Receipt

#: The actions of batches that a client has sent, in the ledger; and of those that add rows.
SENT = frozenset(("post", "put"))
_ADDED = SENT | {"replay", "copy"}


class BatchTotals:
    """The committed batches of one connector since the start of the process.

    The writer thread alone changes them; any thread may read them.

    Attributes:
        batches: The number of entries of the ledger by action.
        deleted: The rows that were deleted, replaced, or expired, by action.
        received: The rows of batches that clients have sent.
        rejected: Those of them that were kept as rejected rows.
        duplicates: Those of them that were passed over, because their primary keys were stored.
        stored: The rows that clients have sent, replayed, or copied, and that were stored.
    """

    __slots__ = ("batches", "deleted", "duplicates", "received", "rejected", "stored")

    def __init__(self) -> None:
        self.batches: dict[str, int] = {}
        self.deleted: dict[str, int] = {}
        self.received = self.stored = self.rejected = self.duplicates = 0

    def count(self, action: str, receipt: Receipt) -> None:
        """Count a committed entry of the ledger."""
        self.batches[action] = self.batches.get(action, 0) + 1
        if action in SENT:
            self.received += receipt.received
            self.rejected += receipt.rejected
            self.duplicates += receipt.duplicates
        if action in _ADDED:
            self.stored += receipt.stored
        if receipt.deleted:
            self.deleted[action] = self.deleted.get(action, 0) + receipt.deleted


class CommitCounts:
    """The commits of this process. The writer thread counts, and any thread may read.

    Attributes:
        seconds: The durations of transactions that were committed, from BEGIN to the end of COMMIT.
        batches: The number of batches in each.
        failed: How many transactions the database could not commit. One that refuses a request is none of them.
        by_connector: The batches of each connector.
    """

    def __init__(self, last_sent: Callable[[], Mapping[str, int]]) -> None:
        """Begin with no commit; `last_sent` returns what the property of that name does."""
        self.seconds = Histogram(SECONDS)
        self.batches = Histogram(BATCHES)
        self.failed = 0
        self.by_connector: dict[str, BatchTotals] = {}
        self._last_sent = last_sent

    @property
    def last_sent(self) -> Mapping[str, int]:
        """The time when the last batch that a client has sent was committed, in microseconds since 1970, by connector.

        It includes batches from before the start of this process, and those that other gateways have committed.
        """
        return self._last_sent()

    def count(self, seconds: float, batches: int) -> None:
        """Count a commit."""
        self.seconds.observe(seconds)
        self.batches.observe(batches)

    def count_batch(self, connector: str, action: str, receipt: Receipt) -> None:
        """Count a committed entry of the ledger."""
        self.by_connector.setdefault(connector, BatchTotals()).count(action, receipt)

    def forget(self, connector: str) -> None:
        """Forget a connector that was purged."""
        self.by_connector.pop(connector, None)

    def count_failure(self, error: BaseException) -> None:
        """Count a transaction that was rolled back, unless its error is a fault of the request."""
        if not isinstance(error, GatewayError) or error.status >= 500:
            self.failed += 1
