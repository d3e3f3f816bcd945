"""All errors of requests, rows, and connector files: codes, and the exception that carries one."""

import itertools
import traceback
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rapidfuzz import fuzz, process

#: The similarity of two words, of 100, from which one is likely a misspelling of the other.
_ALIKE = 60
#: The most known words in a hint.
_NAMED = 50


class Code(Enum):
    """One stable code per error, with its HTTP status and its title.

    The code is that of PostgREST or SQLSTATE if they have one, else `GW`, the digit of the stage, and two more digits.
    A code is never reused for another meaning.
    """

    def __init__(self, code: str, status: int, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title

    # 1: the body and the request that carries it
    BODY_INVALID = ("PGRST102", 400, "The body cannot be read")
    BODY_TRUNCATED = ("GW101", 400, "The body ended before it was complete")
    BODY_TOO_LARGE = ("GW102", 413, "The body is too large")
    BODY_TOO_SLOW = ("GW103", 408, "The body timed out")
    MEDIA_TYPE_UNSUPPORTED = ("GW104", 415, "The Content-Type is not supported")
    ENCODING_UNSUPPORTED = ("GW105", 415, "The Content-Encoding is not supported")
    ENCODING_INVALID = ("GW106", 400, "The compressed body cannot be read")
    REQUEST_MALFORMED = ("GW107", 400, "The request is not valid HTTP")
    URI_TOO_LONG = ("GW108", 414, "The request line is too long")
    HEADERS_TOO_LARGE = ("GW109", 431, "The headers of the request are too large")
    KEY_INVALID = ("GW111", 400, "The Idempotency-Key cannot be read")
    HEADERS_TOO_SLOW = ("GW110", 408, "The headers of the request timed out")
    LIMIT_EXCEEDED = ("GW112", 429, "The rate limit is exceeded")

    ROWS_FILE_INVALID = ("GW114", 422, "The file of rows cannot be read")
    UPLOAD_OFFSET = ("GW115", 409, "The slice does not continue the upload")
    UPLOAD_RUNNING = ("GW116", 409, "The upload is being loaded")
    UPLOADS_FULL = ("GW117", 413, "The uploaded files have no more space")
    UPLOAD_UNKNOWN = ("GW118", 404, "The upload does not exist, or is not visible to you")

    # 2: rows
    KEY_REQUIRED = ("GW113", 400, "The connector requires an Idempotency-Key")
    KEY_CONFLICT = ("23505", 409, "A row with this primary key exists; nothing was stored")
    KEY_UNKNOWN_COLUMNS = ("42P10", 400, "The connector has no primary key of these columns")
    KEY_RUNNING = ("GW203", 409, "A request with this Idempotency-Key is in progress")
    BATCH_AWAITED = ("GW205", 409, "The batch of Idempotency-After is not stored; nor is this one")
    REJECTED_CHANGED = ("GW204", 409, "The rejected rows changed during the request; nothing was done")
    KEY_REUSED = ("GW202", 422, "The Idempotency-Key was used with another body; nothing was stored")
    ROWS_INVALID = ("GW201", 422, "Some rows do not satisfy the connector's schema; nothing was stored")
    VALUE_MISSING = ("23502", 422, "A value is required")
    VALUE_INVALID = ("22P02", 400, "A value does not have the type of its field")
    VALUE_OUT_OF_RANGE = ("22003", 400, "A number is out of the range of its field")
    VALUE_REFUSED = ("23514", 422, "A value does not satisfy its field's constraints")
    FIELD_UNKNOWN = ("PGRST204", 400, "The connector has no such field")
    COLUMN_UNFIT = ("42804", 400, "The type of a column does not fit its field")

    # 3: queries
    QUERY_INVALID = ("PGRST100", 400, "The query cannot be read")
    COLUMN_UNKNOWN = ("42703", 400, "The connector has no such column")
    NOT_IMPLEMENTED = ("PGRST127", 400, "The feature is not supported")
    RANGE_INVALID = ("PGRST103", 416, "The requested range cannot be satisfied")
    OPERATOR_UNDEFINED = ("42883", 400, "The type of the column has no such operator or aggregate")
    TYPE_UNKNOWN = ("42704", 400, "The type of the cast is unknown")
    CAST_IMPOSSIBLE = ("42846", 400, "The type of the column cannot be cast to that type")
    PATTERN_INVALID = ("22025", 400, "The pattern cannot be read")
    REGEX_INVALID = ("2201B", 400, "The regular expression cannot be read")
    PROFILE_UNKNOWN = ("PGRST106", 406, "The schema is unknown")
    NOT_ONE_ROW = ("PGRST116", 406, "A single object was requested, but the result is not one row")
    PREFERENCE_INVALID = ("PGRST122", 400, "A preference is unknown")
    NOT_ACCEPTABLE = ("PGRST107", 406, "None of the accepted media types can be produced")
    METHOD_NOT_ALLOWED = ("PGRST117", 405, "The method is not allowed")
    PRECONDITION_FAILED = ("GW301", 412, "The precondition failed: the rows have changed")
    QUERY_TIMEOUT = ("57014", 504, "The query timed out")

    UNFILTERED = ("21000", 400, "A change needs a filter; nothing was changed")
    TOO_MANY_AFFECTED = (
        "PGRST124",
        400,
        "The request affects more rows than it allows; nothing was changed",
    )

    # 4: the store
    QUEUE_FULL = ("GW401", 503, "The write queue is full; nothing was stored")
    NOT_READY = ("GW402", 503, "The gateway is starting or stopping; nothing was stored")
    READERS_BUSY = ("GW403", 503, "All readers are busy")
    STORE_FAILED = ("GW404", 503, "The store could not commit; nothing was stored")
    OUTCOME_UNKNOWN = ("GW414", 503, "It is unknown if the write was committed")
    READ_FAILED = ("GW405", 503, "The store could not finish the read")
    SPOOL_FULL = ("GW406", 507, "The result is too large to be read in parts")
    FILE_DAMAGED = ("GW410", 500, "A part of the database file is damaged")
    BACKUP_RUNNING = ("GW411", 409, "Another backup is in progress")
    BACKUP_NO_ROOM = ("GW412", 507, "The disk has no space for a backup")
    BACKUP_FAILED = ("GW413", 503, "The backup failed")
    DISK_FULL = ("53100", 507, "The disk is full; nothing was stored")

    # 5: connectors and their files
    ENDPOINT_UNKNOWN = ("PGRST205", 404, "The endpoint does not exist, or is not visible to you")
    FILE_UNREADABLE = ("GW501", 422, "The file cannot be read")
    YAML_INVALID = ("GW502", 422, "The file is not valid YAML")
    KEY_UNKNOWN = ("GW503", 422, "The key is unknown")
    KEY_MISSING = ("GW504", 422, "A key is required")
    DECLARATION_INVALID = ("GW505", 422, "The value of the key is invalid")
    CONNECTOR_CLASH = ("GW507", 422, "Two files declare the same connector or path")
    CHANGE_REFUSED = ("GW508", 422, "The change would lose or break stored rows")
    NAME_RESERVED = ("GW509", 422, "The name must be quoted in queries")
    TOKEN_UNKNOWN = ("GW510", 422, "The tokens file has no such token")
    CONNECTOR_REMOVED = ("GW511", 410, "The connector file was removed; its rows are kept")
    COPY_REFUSED = ("GW513", 409, "The rows cannot be copied into that connector")
    FILE_PASSED_OVER = ("GW514", 422, "The file is ignored because of its name")
    CONNECTOR_MOVED = ("GW515", 410, "The connector has moved to another path")
    CONNECTOR_LIVE = ("GW512", 409, "The connector is live; the request needs a removed connector")
    FILE_CHANGED = ("GW516", 412, "The connector file has changed; nothing was written")
    FILE_DIGEST_REQUIRED = ("GW517", 428, "The request must name the text that it replaces")
    FILES_READ_ONLY = ("GW518", 403, "The gateway may not write connector files")
    SAVE_REFUSED = ("GW519", 422, "The change of connector files is refused; nothing was written")
    FILE_NAME_INVALID = ("GW520", 400, "A connector file cannot have this name")
    FILE_UNKNOWN = ("GW521", 404, "The connector file does not exist")
    FILE_BUSY = ("GW522", 409, "Another program is writing the connector file; nothing was written")
    FILE_SUPERSEDED = ("GW524", 422, "Another gateway has applied a newer version of the connector")
    FILE_NOT_WRITTEN = ("GW523", 503, "The connector file could not be written")

    # 6: access
    TOKEN_INVALID = ("PGRST301", 401, "The token is unknown")
    TOKEN_REQUIRED = ("PGRST302", 401, "The request needs a token")
    TOKEN_EXPIRED = ("PGRST303", 401, "The token has expired")
    ACCESS_DENIED = ("42501", 403, "The token has no permission for this")
    TOO_MANY_FAILURES = ("GW601", 429, "Too many failed authentications from this address")
    HOST_UNKNOWN = ("GW602", 421, "The host is not served")
    CROSS_SITE = ("GW604", 403, "The form was sent by a page of another site")
    TOKEN_NAME_INVALID = ("GW605", 400, "A token cannot have this name")
    TOKEN_EXISTS = ("GW606", 409, "A token of this name exists")
    SIGN_IN_LINK_INVALID = ("GW607", 403, "The link to sign in was used, or has expired")
    TOKEN_EXPIRES = ("GW603", 422, "A token has expired, or expires soon")

    # 9: the gateway itself
    INTERNAL = ("GW901", 500, "The gateway failed; the log has the details")


@dataclass(frozen=True, slots=True)
class RowErrors:
    """The errors of the rows of one request.

    Attributes:
        listed: The first of them, each as the JSON object of a response.
        count: The number of errors.
        bad_rows: The number of rows with at least one error.
        rows: The number of rows that were received; 0 for a PATCH, which has an object instead.
    """

    listed: Sequence[Mapping[str, Any]]
    count: int
    bad_rows: int
    rows: int

    def summary(self) -> str:
        """Return one sentence with the numbers of errors and rows."""
        errors = "1 error was" if self.count == 1 else f"{self.count:,} errors were"
        rows = "row" if self.rows == 1 else "rows"
        where = f"{self.bad_rows:,} of {self.rows:,} {rows}" if self.rows else "the object"
        listed = f"; the first {len(self.listed)} are listed" if len(self.listed) < self.count else ""
        return f"{errors} found in {where}{listed}"

    def body(self) -> dict[str, Any]:
        """Return the members that they add to the JSON object of an error."""
        return {"errors": list(self.listed), "error_count": self.count, "rows": self.rows}


class GatewayError(Exception):
    """A request that is refused, with its code; `server/error_response.py` alone renders it.

    Attributes:
        code: Its code.
        message: The thing, the value, and the problem, for a person.
        details: One more sentence about it, or None.
        hint: The next action, or None.
        headers: HTTP headers of the response, such as `Retry-After`.
        row_errors: The errors of single rows, if it is about rows.
        status: The HTTP status of the response, that of the code; always 422 if rows do not satisfy their schema.
    """

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        details: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        row_errors: RowErrors | None = None,
    ) -> None:
        self.code = code
        self.message = message or code.title
        self.details = details
        self.hint = hint
        self.headers = dict(headers or {})
        self.row_errors = row_errors
        self.status = code.status
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the JSON object that every error has."""
        told = {"code": self.code.code, "message": self.message, "details": self.details, "hint": self.hint}
        return told | (self.row_errors.body() if self.row_errors else {})


def unknown_connector(name: str) -> "GatewayError":
    """Return the error for a connector name that nothing declares and the store does not know."""
    return GatewayError(
        Code.ENDPOINT_UNKNOWN, f"there is no connector {name[:80]!r}", hint="see /-/connectors"
    )


def not_ready() -> GatewayError:
    """Return the error of a gateway that is starting or stopping, with `Retry-After`."""
    return GatewayError(Code.NOT_READY, headers={"Retry-After": "2"})


def not_implemented(what: str, hint: str | None = None) -> GatewayError:
    """Return the error for a feature of PostgREST that is not supported."""
    return GatewayError(Code.NOT_IMPLEMENTED, f"{what} is not supported", hint=hint)


def trace(error: BaseException) -> str:
    """Return the types and places of an error for a log, never its messages, which may hold row values."""
    lines = []
    link: BaseException | None = error
    while link is not None:
        lines.append(type(link).__qualname__)
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        link = link.__cause__ or link.__context__
    return "\n".join(lines)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` most likely misspells, or None."""
    if len(word) > 100:
        return None
    lowered = {name.lower(): name for name in known}
    found = process.extractOne(word.lower(), list(lowered), scorer=fuzz.ratio, score_cutoff=_ALIKE)
    return lowered[found[0]] if found else None


def suggest(word: str, known: Collection[str], otherwise: str) -> str:
    """Return the hint for an unknown word: the nearest known word, else the first of them after `otherwise`."""
    guess = nearest(word, known)
    if guess:
        return f"did you mean '{guess}'?"
    more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
    return f"{otherwise} {', '.join(itertools.islice(known, _NAMED))}{more}"
