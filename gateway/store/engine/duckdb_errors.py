"""DuckDB errors as errors of a request."""

import json
import re

import duckdb

from gateway.errors import Code, GatewayError
from gateway.resources import disk_full
from gateway.store.errors import CAST_FAILED, ConnectorChanged, FatalError

_CAST_ERROR = f"Invalid Input Error: {CAST_FAILED}"
#: The most characters of such a value that are shown.
MAX_SHOWN = 100


def store_error(error: duckdb.Error) -> GatewayError:
    """Convert a DuckDB error into the error of a request."""
    text = str(error)
    if text.startswith(_CAST_ERROR):  # First, because it contains a value, which may be any text.
        return _cast_error(text.removeprefix(_CAST_ERROR))
    return _engine_error(error, text)


def _engine_error(error: duckdb.Error, text: str) -> GatewayError:
    full = "No space left" in text
    if isinstance(error, duckdb.CatalogException) and "Table with name" in text:
        return ConnectorChanged()
    if isinstance(error, duckdb.FatalException) or "database has been invalidated" in text:
        hint = "the gateway restarts by itself; send again"
        return FatalError(
            Code.DISK_FULL if full else Code.STORE_FAILED, hint=hint, headers={"Retry-After": "2"}
        )
    if full or "Corrupt database file" in text:
        return _disk_error(full)
    if isinstance(error, duckdb.InterruptException):
        return GatewayError(Code.QUERY_TIMEOUT, hint="ask for less, or filter more")
    if isinstance(error, duckdb.IOException | duckdb.TransactionException | duckdb.OutOfMemoryException):
        return GatewayError(Code.STORE_FAILED, hint="send again", headers={"Retry-After": "1"})
    return _value_error(error, text)


def _cast_error(text: str) -> GatewayError:
    """Build the error that names the value and the column of a failed cast, from the text that `query.casts` raises."""
    label, _, value = text.partition("\x1f")
    what, type, is_number = json.loads(bytes.fromhex(label))
    shown = value if len(value) <= MAX_SHOWN else f"{value[: MAX_SHOWN - 1]}…"
    if type in ("integer", "smallint") and (is_number or re.fullmatch(r"\s*[+-]?[0-9]+\s*", value)):
        message = f"'{shown}' in '{what}' is beyond what the cast to {type} can hold"
        wider = "bigint" if type == "smallint" else "numeric or text"
        hint = f"cast {what} to {wider}, or filter such values out"
        return GatewayError(Code.VALUE_OUT_OF_RANGE, message, hint=hint)
    message = f"'{shown}' in '{what}' cannot be cast to {type}"
    return GatewayError(Code.VALUE_INVALID, message, hint=f"cast {what} to text, or filter such values out")


def _disk_error(full: bool) -> GatewayError:
    if full:
        return disk_full()
    return GatewayError(Code.FILE_DAMAGED, hint="ask for other rows or columns; the log has the details")


def _value_error(error: duckdb.Error, text: str) -> GatewayError:
    if isinstance(error, duckdb.ConversionException) and "the value is out of range" not in text:
        message = "a cast in select meets a value that is none of its type"
        return GatewayError(Code.VALUE_INVALID, message, hint="select the column as it is to see its values")
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        message = "a cast or a sum in select is beyond what its type can hold"
        return GatewayError(Code.VALUE_OUT_OF_RANGE, message, hint="cast to float8, or leave the cast out")
    return GatewayError(Code.INTERNAL)
