"""Parsed PATCH and DELETE requests: the selected rows, and the contents of the response."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_head import RequestHead
from gateway.errors import Code, GatewayError
from gateway.query import dialect
from gateway.query.relation import selection_of
from gateway.query.statement import Statement
from gateway.store.batch import Receipt
from gateway.store.selection import Selection
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class EditRequest:
    """The rows to change or delete, and the contents of the response.

    Attributes:
        head: The filter, what the response contains, and whether anything is stored.
        deletes: Whether the rows are deleted.
        columns: The fields that are taken from the body of a PATCH, None for all.
    """

    head: RequestHead
    deletes: bool
    columns: tuple[Field, ...] | None = None

    @classmethod
    def of(cls, connector: Connector, headers: RequestHeaders) -> "EditRequest":
        """Parse the head of a PATCH or DELETE.

        Raises:
            GatewayError: Names the parameter or header, its value, and what is right.
        """
        deletes = headers.method == "DELETE"
        parse_query = functools.partial(dialect.parse_edit, is_delete=deletes)
        head, columns = RequestHead.of(connector, headers, parse_query)
        return cls(head, deletes, columns)

    @property
    def selection(self) -> Selection:
        """The rows that match the filter."""
        return selection_of(self.head.query, self.head.connector)

    def select_values(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Return the values of a body that `columns` selects, by the current names of fields."""
        names = None if self.columns is None else {field.name for field in self.columns}
        return {name: value for name, value in values.items() if names is None or name in names}

    def check_row_count(self, rows: int) -> None:
        """Check the number of rows that the edit affects.

        Raises:
            GatewayError: It is over `max-affected`, or not 1 although the response must be a single object.
        """
        self.head.require_single(rows)
        max_affected = self.head.prefers.max_affected_rows
        if max_affected is not None and rows > max_affected:
            details = f"The query affects {rows} rows"
            message = "Query result exceeds max-affected preference constraint"
            raise GatewayError(Code.TOO_MANY_AFFECTED, message, details=details)

    def response_rows(self, receipt: Receipt) -> Statement | None:
        """Return the statement for the rows of the response, None without rows.

        It must run before the rows are deleted, or after they are changed.
        """
        if self.head.output is None:
            return None
        if self.deletes:
            return self.head.matching_rows()
        return self.head.stored_rows(receipt)

    def headers(self, receipt: Receipt) -> Mapping[str, str]:
        """Return the headers of the response."""
        rows = receipt.received
        place = f"0-{rows - 1}/{rows}" if rows and not self.deletes else f"*/{rows}"
        headers = {
            "Content-Range": place if self.head.prefers.count else "",
            "Preference-Applied": self.head.prefers.applied(),
            "Vary": "Accept, Prefer",
        }
        return {name: value for name, value in headers.items() if value}
