"""The errors of rows, in the form of a response and of a rejected row."""

from gateway.errors import Code, GatewayError, RowErrors
from gateway.ingest.excerpts import shown
from gateway.ingest.rows import RowError
from gateway.strictjson import Json


def listed_form(error: RowError) -> dict[str, Json]:
    """Return an error as a response lists it."""
    return {
        "row": error.row,
        "line": error.line,
        "field": error.field,
        "code": error.code.code,
        "message": f"item {error.item}: {error.message}" if error.item else error.message,
        "value": shown(error.value),
    }


def stored_form(error: RowError) -> dict[str, Json]:
    """Return an error as it is stored beside a rejected row."""
    if error.is_explained:
        return listed_form(error)
    return {"field": error.field, "code": error.code.code, "message": error.message}


def rows_invalid(
    errors: list[RowError], codes: set[Code], error_count: int, bad_rows: int, row_count: int
) -> GatewayError:
    """Return the error of bad rows, with their code if all have the same."""
    first = errors[0]
    place = f"row {first.row}" + (f", line {first.line}" if first.line else "")
    row_errors = RowErrors([listed_form(error) for error in errors], error_count, bad_rows, row_count)
    hint = "nothing was stored; fix the rows, and send them all again"
    return _invalid(place, first, codes, row_errors, hint)


def values_invalid(errors: list[RowError], codes: set[Code], error_count: int) -> GatewayError:
    """Return the error of the object of a PATCH, which has no row number."""
    listed = [{**listed_form(error), "row": None} for error in errors]
    hint = "nothing was changed; fix the object, and send it again"
    return _invalid("", errors[0], codes, RowErrors(listed, error_count, bad_rows=0, rows=0), hint)


def _invalid(place: str, first: RowError, codes: set[Code], row_errors: RowErrors, hint: str) -> GatewayError:
    field = f"field '{first.field}'" if first.field else ""
    where = ", ".join(filter(None, [place, field]))
    more = f" (and {row_errors.count - 1} more)" if row_errors.count > 1 else ""
    rejection = GatewayError(
        next(iter(codes)) if len(codes) == 1 else Code.ROWS_INVALID,
        f"{where}{', ' if first.item else ': '}{listed_form(first)['message']}{more}",
        details=row_errors.summary(),
        hint=hint,
        row_errors=row_errors,
    )
    rejection.status = Code.ROWS_INVALID.status
    return rejection
