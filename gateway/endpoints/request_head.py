"""The head of a write: what its query string and headers ask for about the rows of its response."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.endpoints import negotiation
from gateway.endpoints.negotiation import RequestHeaders
from gateway.errors import not_implemented
from gateway.query import preferences
from gateway.query.preferences import Preferences
from gateway.query.query import Column, Filter, Query
from gateway.query.render import not_one_row
from gateway.query.row_formats import Output
from gateway.query.statement import Statement
from gateway.store.batch import Receipt

#: Parses the query string of a write to its query and the fields that are taken from the body.
QueryParser = Callable[[str, Connector], tuple[Query, tuple[Field, ...] | None]]

_ID = Column(SYSTEM_FIELDS[0])


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The common part of POST, PUT, PATCH, and DELETE requests.

    Attributes:
        connector: The connector that the request is for.
        query: The shape of the rows in the response, and for PATCH and DELETE the filter.
        prefers: What the response contains, and whether anything is stored.
        is_rehearsal: Whether the request is executed and rolled back.
        is_single: Whether the response must be a single object.
        output: The format of the rows in the response, None if it has no rows.
        coding: The compression of the response, or None.
    """

    connector: Connector
    query: Query
    prefers: Preferences
    is_rehearsal: bool
    is_single: bool
    output: Output | None
    coding: str | None

    @classmethod
    def of(
        cls, connector: Connector, headers: RequestHeaders, parse_query: QueryParser
    ) -> tuple["RequestHead", tuple[Field, ...] | None]:
        """Parse a request's headers and query string; return also the fields that are taken from the body, None for all.

        Raises:
            GatewayError: Names the parameter or header, its value, and what is right.
        """
        if headers.if_match:
            hint = "leave it out, and filter on the values that were read instead, such as n=eq.3"
            raise not_implemented("If-Match on a write", hint)
        negotiation.require_profile(headers.profile)
        prefers = preferences.parse(headers.prefer, headers.method)
        query, columns = parse_query(headers.query_string, connector)
        output, coding = negotiation.representation_of(headers, prefers, query)
        is_single = negotiation.wants_single(headers.accept)
        return cls(connector, query, prefers, prefers.tx == "rollback", is_single, output, coding), columns

    def require_single(self, rows: int) -> None:
        """Check that a response that must be a single object has one row.

        Raises:
            GatewayError: 406, it has another number of rows.
        """
        if self.is_single and rows != 1:
            raise not_one_row(rows)

    def matching_rows(self) -> Statement:
        """Return the statement that reads the rows of the response by the request's filter."""
        assert self.output is not None
        return Statement(self.query, self.connector, self.output)

    def stored_rows(self, receipt: Receipt) -> Statement:
        """Return the statement that reads the rows of the response by the `_id`s of a receipt."""
        first, last = receipt.first_id or 1, receipt.last_id or 0
        where = (Filter(_ID, "gte", (first,)), Filter(_ID, "lte", (last,)))
        statement = self.matching_rows()
        return replace(statement, query=replace(statement.query, where=where))
