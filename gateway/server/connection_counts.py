"""Counts of the connections of this process, which the server counts and the metrics read."""

from collections import Counter


class ConnectionCounts:
    """Counts of open and of refused connections. The event loop alone counts.

    Attributes:
        opened: The open connections.
        refused: The connections beyond the limit, since the start.
        responses: The responses to requests that did not reach the application, such as malformed ones, by status.
    """

    def __init__(self) -> None:
        self.opened = self.refused = 0
        self.responses: Counter[int] = Counter()


#: The connections of this process: one worker has one event loop, and the server and the application share no object.
CONNECTIONS = ConnectionCounts()
