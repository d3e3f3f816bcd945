"""Errors of the store that other folders handle."""

from gateway.errors import Code, GatewayError

#: The reason for which most often a lake cannot be used.
CATALOG_AWAY = "PostgreSQL, which has the catalog of the lake, does not answer"
#: Begins the error of a query that fails because a value cannot be cast; the label and the value follow.
CAST_FAILED = "a cast failed: "


class StoreFailure(GatewayError):  # noqa: N818  # its subclasses are states
    """The store, not a batch, is at fault: to try the batches of a group one by one is of no use, or would do harm."""


class FatalError(StoreFailure):
    """DuckDB has invalidated the database instance; it stays unusable until the process restarts."""


class ConnectorChanged(GatewayError):  # noqa: N818  # a state, not a fault
    """A statement or a batch was built for an earlier version of its connector; build it again."""

    def __init__(self) -> None:
        message = "the connector is being changed; nothing was stored"
        super().__init__(Code.NOT_READY, message, hint="send again", headers={"Retry-After": "1"})


class StoreAway(StoreFailure):  # a state, not a fault
    """A server that the store needs does not answer; nothing was stored."""

    def __init__(self, code: Code, reason: str = CATALOG_AWAY) -> None:
        super().__init__(code, reason, hint="send again", headers={"Retry-After": "2"})
        self.reason = reason


class CommitRefused(StoreFailure):  # a state, not a fault
    """Another process has committed first, and nothing was stored; run the same call again."""

    def __init__(self) -> None:
        hint = "send again; another gateway has committed first"
        super().__init__(Code.STORE_FAILED, hint=hint, headers={"Retry-After": "1"})


class OutcomeUnknown(StoreFailure):  # a state, not a fault
    """A commit may stand or not, and the server that knows does not answer; to run the call again may store it twice."""

    def __init__(self) -> None:
        hint = "send again with the same Idempotency-Key, which stores it once"
        super().__init__(Code.OUTCOME_UNKNOWN, CATALOG_AWAY, hint=hint, headers={"Retry-After": "5"})
