"""The codes of errors that an endpoint can answer, by what its reader may do."""

from collections.abc import Collection

from gateway.connectors.connector import Connector
from gateway.errors import Code

_READ = (
    Code.QUERY_INVALID,
    Code.COLUMN_UNKNOWN,
    Code.VALUE_INVALID,
    Code.VALUE_OUT_OF_RANGE,
    Code.OPERATOR_UNDEFINED,
    Code.PATTERN_INVALID,
    Code.REGEX_INVALID,
    Code.TYPE_UNKNOWN,
    Code.CAST_IMPOSSIBLE,
    Code.NOT_IMPLEMENTED,
    Code.PREFERENCE_INVALID,
    Code.NOT_ACCEPTABLE,
    Code.NOT_ONE_ROW,
    Code.PRECONDITION_FAILED,
    Code.RANGE_INVALID,
    Code.READERS_BUSY,
    Code.READ_FAILED,
    Code.QUERY_TIMEOUT,
    Code.SPOOL_FULL,
)
_WRITE = (
    Code.BODY_INVALID,
    Code.BODY_TRUNCATED,
    Code.ENCODING_INVALID,
    Code.FIELD_UNKNOWN,
    Code.KEY_INVALID,
    Code.PREFERENCE_INVALID,
    Code.BODY_TOO_SLOW,
    Code.KEY_RUNNING,
    Code.BATCH_AWAITED,
    Code.BODY_TOO_LARGE,
    Code.MEDIA_TYPE_UNSUPPORTED,
    Code.ENCODING_UNSUPPORTED,
    Code.ROWS_INVALID,
    Code.VALUE_MISSING,
    Code.VALUE_INVALID,
    Code.VALUE_OUT_OF_RANGE,
    Code.VALUE_REFUSED,
    Code.KEY_REUSED,
    Code.QUEUE_FULL,
    Code.STORE_FAILED,
    Code.DISK_FULL,
)
_CHANGE = (
    Code.UNFILTERED,
    Code.TOO_MANY_AFFECTED,
    Code.QUERY_INVALID,
    Code.COLUMN_UNKNOWN,
    Code.OPERATOR_UNDEFINED,
)
_ANY = (
    Code.TOKEN_INVALID,
    Code.TOKEN_EXPIRED,
    Code.TOKEN_REQUIRED,
    Code.ACCESS_DENIED,
    Code.ENDPOINT_UNKNOWN,
    Code.METHOD_NOT_ALLOWED,
    Code.CONNECTOR_REMOVED,
    Code.CONNECTOR_MOVED,
    Code.TOO_MANY_FAILURES,
    Code.LIMIT_EXCEEDED,
    Code.INTERNAL,
    Code.NOT_READY,
)


def codes(connector: Connector, verbs: Collection[str]) -> list[Code]:
    """Return the codes by their HTTP status."""
    found = {*_ANY}
    if "read" in verbs:
        found.update(_READ)
    if "ingest" in verbs:
        found.update(_WRITE)
        found.update(_of_policy(connector))
    if "change" in verbs:
        found.update(_WRITE)
        found.update(_CHANGE)
        found.update(_of_policy(connector))
    return sorted(found, key=lambda code: (code.status, code.code))


def _of_policy(connector: Connector) -> list[Code]:
    """Return the codes of writes that only some connectors have."""
    found = [Code.KEY_CONFLICT] if connector.primary_key else []
    if connector.policy.needs_key:
        found.append(Code.KEY_REQUIRED)
    return found
