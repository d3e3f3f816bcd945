"""Errors of the store that other folders handle."""

from gateway.errors import Code, GatewayError

#: Begins the error of a query that fails because a value cannot be cast; the label and the value follow.
CAST_FAILED = "a cast failed: "


class FatalError(GatewayError):
    """DuckDB has invalidated the database instance; it stays unusable until the process restarts."""


class ConnectorChanged(GatewayError):  # noqa: N818  # a state, not a fault
    """A statement or a batch was built for an earlier version of its connector; build it again."""

    def __init__(self) -> None:
        message = "the connector is being changed; nothing was stored"
        super().__init__(Code.NOT_READY, message, hint="send again", headers={"Retry-After": "1"})


class CommitsStalled(GatewayError):  # noqa: N818  # a state, not a fault
    """The store commits nothing at present, or does not know if it did; a part of the group fares no better."""


class StoreAway(CommitsStalled):
    """A server that the store needs does not answer; nothing was stored."""

    def __init__(self, code: Code) -> None:
        message = "a server that the lake needs does not answer"
        super().__init__(code, message, hint="send again", headers={"Retry-After": "2"})


class CommitRefused(GatewayError):  # noqa: N818  # a state, not a fault
    """Another process has committed first, and nothing was stored; run the same call again."""

    def __init__(self) -> None:
        hint = "send again; another gateway has committed first"
        super().__init__(Code.STORE_FAILED, hint=hint, headers={"Retry-After": "1"})
