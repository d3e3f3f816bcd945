"""Errors of the store that other rooms handle."""

from gateway.errors import Code, GatewayError

#: What the error of a query begins with that fails for a value that cannot be cast; the label and the value follow.
CAST_FAILED = "a cast failed: "


class FatalError(GatewayError):
    """DuckDB has invalidated the whole instance: nothing works any more until the process starts anew."""


class ConnectorChanged(GatewayError):  # noqa: N818  # a state, not a fault
    """A connector was changed since a statement or a batch was made for it: it is to be made anew."""

    def __init__(self) -> None:
        message = "the connector is being changed; nothing was stored"
        super().__init__(Code.NOT_READY, message, hint="send again", headers={"Retry-After": "1"})
