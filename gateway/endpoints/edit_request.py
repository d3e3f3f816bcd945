"""Filtered: what a PATCH or DELETE asks for: which rows, and what is answered about them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_head import RequestHead
from gateway.errors import Code, GatewayError
from gateway.query import dialect
from gateway.query.output import PLAIN
from gateway.query.statement import Statement
from gateway.store.batch import Receipt
from gateway.store.selection import Selection
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Which rows are changed or deleted, and what the response contains.

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
        """The rows that the filter lets through."""
        return Statement(self.head.query, self.head.connector, PLAIN).matching()

    def taken(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Return what is taken of a body, by the present names of fields."""
        names = None if self.columns is None else {field.name for field in self.columns}
        return {name: value for name, value in values.items() if names is None or name in names}

    def check(self, rows: int) -> None:
        """Let an edit of so many rows through, or raise."""
        self.head.require_single(rows)
        most = self.head.prefers.max_affected_rows
        if most is not None and rows > most:
            details = f"The query affects {rows} rows"
            message = "Query result exceeds max-affected preference constraint"
            raise GatewayError(Code.TOO_MANY_AFFECTED, message, details=details)

    def shown(self, receipt: Receipt) -> Statement | None:
        """Give the statement that reads the rows of the answer: before they are deleted, or after they are changed."""
        if self.head.output is None:
            return None
        if self.deletes:
            return self.head.matching_rows()
        return self.head.stored_rows(receipt)

    def headers(self, receipt: Receipt) -> Mapping[str, str]:
        """Give the headers of the answer."""
        rows = receipt.received
        place = f"0-{rows - 1}/{rows}" if rows and not self.deletes else f"*/{rows}"
        headers = {
            "Content-Range": place if self.head.prefers.count else "",
            "Preference-Applied": self.head.prefers.applied(),
            "Vary": "Accept, Prefer",
        }
        return {name: value for name, value in headers.items() if value}
