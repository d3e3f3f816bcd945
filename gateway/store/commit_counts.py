"""Counts of commits and of their durations, for the metrics."""

from gateway.errors import GatewayError
from gateway.metrics import BATCHES, SECONDS, Histogram

#: The actions of batches that a client has sent, in the ledger.
SENT = frozenset(("post", "put"))


class CommitCounts:
    """The commits of this process. The writer thread counts, and any thread may read.

    Attributes:
        seconds: The durations of transactions that were committed, from BEGIN to the end of COMMIT.
        batches: The number of batches in each.
        failed: How many transactions the database could not commit. One that refuses a request is none of them.
        last_sent: When the last batch that a client has sent was committed, in microseconds since 1970, by connector.
            It includes batches from before the start of this process.
    """

    def __init__(self, last_sent: dict[str, int]) -> None:
        self.seconds = Histogram(SECONDS)
        self.batches = Histogram(BATCHES)
        self.failed = 0
        self.last_sent = last_sent

    def count(self, seconds: float, batches: int) -> None:
        """Count a commit."""
        self.seconds.observe(seconds)
        self.batches.observe(batches)

    def count_failure(self, error: BaseException) -> None:
        """Count a transaction that was rolled back, unless its error is a fault of the request."""
        if not isinstance(error, GatewayError) or error.status >= 500:
            self.failed += 1
