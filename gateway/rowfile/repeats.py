"""The repeats of a batch that the gateway has no capacity for."""

#: For how long a batch is sent again while the gateway is overloaded or unreachable.
RETRY_SECONDS_MAX = 300.0


def retry_seconds(retry_after: str | None) -> float:
    """Return the seconds to wait that a `Retry-After` header asks for, between 0.1 and 30; one second without it."""
    try:
        return min(max(float(retry_after or ""), 0.1), 30.0)
    except ValueError:
        return 1.0
