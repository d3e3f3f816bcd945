"""Errors of DuckDB on a lake as errors of a request.

The text of a failed COMMIT has the whole SQL of the commit, values of rows included. So no such text is logged, and only its
end, which is PostgreSQL's own message, is looked at.
"""

import re

import duckdb

from gateway.errors import Code, GatewayError
from gateway.resources import disk_full
from gateway.store.engine.duckdb_errors import store_error
from gateway.store.errors import CAST_FAILED, CATALOG_AWAY, CommitRefused, StoreAway

#: The messages of PostgreSQL for a commit before which another one came.
_REFUSALS = (
    "gateway: fenced",
    "could not serialize access",
    "duplicate key value violates unique constraint",
    "deadlock detected",
)
#: What comes before the message of PostgreSQL.
_MESSAGE = "ERROR:  "
#: How the error of a stream begins whose connection to PostgreSQL was lost.
_CUT_STREAM = "Invalid Input Error: Attempting to fetch from an unsuccessful query result"
#: How the error of a statement begins whose tables DuckLake could not look up in PostgreSQL, while it was bound.
_CUT_LOOKUP = re.compile(r"Binder Error: Failed to [\w ]+ (from|for) DuckLake: ")
#: How the error of a data file begins that is damaged or missing.
_DAMAGED = re.compile(
    r"(Invalid Input|IO) Error: (Failed to read file \"|No magic bytes found at |File '.*' too small "
    r"|Cannot open file \".*\.parquet\": No such file )"
)
#: What the errors of PostgreSQL have in them.
_OF_CATALOG = re.compile(
    r"Postgres|DuckLake|Failed to (execute|commit|prepare)|server closed|unsuccessful query result"
)
#: How the errors of the server of the data files begin.
_DATA_FILES = (
    "HTTP Error: ",
    "IO Error: Could not connect to server",
    "IO Error: HTTP",
    "IO Error: Connection error",
)
_CAST_ERROR = f"Invalid Input Error: {CAST_FAILED}"
#: Errors whose text has values of rows, or that mean the same for every engine.
_COMMON = (
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.FatalException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
    duckdb.OutOfRangeException,
)


def lake_error(error: duckdb.Error) -> GatewayError:
    """Convert a DuckDB error of a lake into the error of a request."""
    text = str(error)
    if isinstance(error, _COMMON) or text.startswith(_CAST_ERROR):
        return store_error(error)
    if is_refused(text):
        return CommitRefused()
    if _is_disk_full(error):
        return disk_full()
    if _DAMAGED.match(text):
        message = "a data file of the lake is damaged or missing"
        hint = "ask for other rows or columns; the log has the name of the file"
        return GatewayError(Code.FILE_DAMAGED, message, hint=hint)
    # DuckLake wraps failures of PostgreSQL in the base class.
    if (
        isinstance(error, duckdb.IOException | duckdb.TransactionException)
        or type(error) is duckdb.Error
        or text.startswith(_CUT_STREAM)
        or _CUT_LOOKUP.match(text)
    ):
        return StoreAway(Code.STORE_FAILED, _why_away(text))
    return store_error(error)


def _why_away(text: str) -> str:
    """Return which server does not answer, or refuses; the text has no part in it but the status of an HTTP response."""
    if not text.startswith(_DATA_FILES):
        return CATALOG_AWAY if _OF_CATALOG.search(text) else "a data file cannot be written or read"
    status = re.search(r"\(HTTP (\d{3})\)|HTTP code (\d{3})|HTTP (\d{3})\b", text)
    if status:
        return f"the server of the data files refuses with HTTP {next(filter(None, status.groups()))}"
    return "the server of the data files does not answer"


def _is_disk_full(error: duckdb.Error) -> bool:
    """Return whether the disk of the data files or that of PostgreSQL is full."""
    _, found, message = str(error).rpartition(_MESSAGE)
    if not found and not isinstance(error, duckdb.IOException):
        return False
    return "No space left on device" in message


def is_refused(text: str) -> bool:
    """Return whether the text of an error says that another commit came first."""
    _, found, message = text.rpartition(_MESSAGE)
    return bool(found) and message.startswith(_REFUSALS)


def shown(error: duckdb.Error) -> str:
    """Return what a log may say of an error: its class, and the message of PostgreSQL without details."""
    _, found, message = str(error).rpartition(_MESSAGE)
    name = type(error).__name__
    return f"{name}: {message.splitlines()[0][:200]}" if found and message.startswith(_REFUSALS) else name
