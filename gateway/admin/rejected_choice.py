"""Choices of rejected rows: a query in the dialect, and what an asker may choose by."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway import percent
from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.errors import Code, GatewayError, not_implemented
from gateway.plurals import counted
from gateway.query import dialect, paging
from gateway.query.columns import ColumnNames
from gateway.query.parameters import READ_PARAMETERS, parameters_of, whole_number
from gateway.query.query import Column, Condition, Filter, Query
from gateway.store.rejection import FIELDS

_FIELDS = {field.name: field for field in (*SYSTEM_FIELDS, *FIELDS)}
_STATE, _TOKEN = Column(_FIELDS["state"]), Column(_FIELDS["token"])
ID = Column(_FIELDS["_id"])
#: The columns with texts of a row, or of the person who discarded it.
_TEXTS = frozenset(("raw", "errors", "reason", "reading"))
#: The parameter of a replay or discard that is no filter: how many rows it is about.
EXPECTED = "expected"
#: The columns of a rejected row without `select`.
SELECT = ",".join(name for name in _FIELDS if name != "reading")


def parse(query_string: str, rejected: Connector, token: str | None, *, kept_only: bool) -> Query:
    """Parse the choice of rejected rows: those of a token, None for all.

    Only kept ones are chosen, unless a filter names the state.

    Args:
        query_string: The query string, without `expected`.
        rejected: The connector of the rejected rows.
        token: The token that sent them.
        kept_only: Whether rows are chosen to be settled, so that no other state and no page makes sense.

    Raises:
        GatewayError: It names the parameter, the value, and the fix.
    """
    query = dialect.parse(query_string, rejected)
    if kept_only and (query.offset or query.cursor is not None or query.order):
        hint = "choose them by filters and limit"
        raise not_implemented("order, offset or cursor where rejected rows are chosen", hint)
    if kept_only or not any(_names_state(each) for each in query.where):
        query = replace(query, where=(*query.where, Filter(_STATE, "eq", ("kept",))))
    if token is not None:
        query = replace(query, where=(*query.where, Filter(_TOKEN, "eq", (token,))))
    return query


def filters_of(query_string: str, rejected: Connector) -> str:
    """Return the filters of a query string, without its page and its order."""
    columns = ColumnNames(rejected)
    parts = [part for part in query_string.split("&") if "=" in part]
    pairs = [(part, *parameters_of(part)[0]) for part in parts]
    return "&".join(
        part
        for part, key, value in pairs
        if key not in READ_PARAMETERS or paging.is_filter(key, value, columns)
    )


def split_expected(query_string: str) -> tuple[str, int | None]:
    """Return a query string without `expected`, and its value; None where it is missing.

    Raises:
        GatewayError: It is not a whole number.
    """
    parts = query_string.split("&")
    is_expected = [_name_of(part) == EXPECTED for part in parts]
    rest = "&".join(part for part, found in zip(parts, is_expected, strict=True) if not found)
    given = next((part for part, found in zip(parts, is_expected, strict=True) if found), None)
    if given is None:
        return rest, None
    return rest, whole_number(given, EXPECTED, maximum=999_999_999, default=0)


def require_expected(rows: int, expected: int | None) -> None:
    """Check that a choice has the number of rows that its sender saw.

    Raises:
        GatewayError: 409, it has another number.
    """
    if expected is not None and rows != expected:
        message = f"the filter matches {counted(rows, 'kept row')} now, not {expected}; nothing was done"
        hint = "list the rejected rows, and choose again"
        raise GatewayError(Code.REJECTED_CHANGED, message, hint=hint)


def require_no_texts(query: Query, connector: Connector) -> None:
    """Check that a query compares no texts of rows: the counts of enough filters would reveal a text.

    Raises:
        GatewayError: 403, it does.
    """
    for column in _columns_of(query.where):
        if column.field.name in _TEXTS:
            message = f"a filter on '{column}' compares texts of rejected rows of '{connector.name}', which need access.read"
            hint = f"filter by {', '.join(name for name in _FIELDS if name not in _TEXTS)}"
            raise GatewayError(Code.ACCESS_DENIED, message, hint=hint)


def _name_of(part: str) -> str:
    key, equals, _ = part.partition("=")
    return percent.decode(key, "the name of a parameter") if equals else ""


def _names_state(condition: Condition) -> bool:
    return any(column == _STATE for column in _columns_of([condition]))


def _columns_of(conditions: Iterable[Condition]) -> Iterator[Column]:
    for each in conditions:
        if isinstance(each, Filter):
            yield each.column
        else:
            yield from _columns_of(each.terms)
