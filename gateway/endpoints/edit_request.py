"""Filtered: what a PATCH or DELETE asks for: which rows, and what is answered about them."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.endpoints import negotiation
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.write_request import WriteRequest
from gateway.errors import Code, GatewayError
from gateway.query import dialect, preferences
from gateway.query.output import PLAIN, Output
from gateway.query.preferences import Preferences
from gateway.query.query import Query
from gateway.query.render import not_one_row
from gateway.query.statement import Statement
from gateway.store.batch import Receipt
from gateway.store.selection import Selection
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Which rows are changed or deleted, and what is answered.

    Attributes:
        connector: Whose rows.
        query: The filter, and the shape of the rows in the answer.
        prefers: What is answered, and whether anything is done.
        single: Whether the answer must be a single object.
        output: The format of its rows, None where it has none.
        deletes: Whether the rows go.
        columns: The fields that are taken from the body of a PATCH, None for all.
    """

    connector: Connector
    query: Query
    prefers: Preferences
    single: bool
    output: Output | None
    deletes: bool
    columns: tuple[Field, ...] | None = None

    @classmethod
    def of(cls, connector: Connector, words: RequestHeaders) -> "EditRequest":
        """Read a PATCH or DELETE, but for its body.

        Raises:
            GatewayError: Naming the parameter or header, its value and what would be right.
        """
        negotiation.require_profile(words.profile)
        prefers = preferences.parse(words.prefer, words.method)
        deletes = words.method == "DELETE"
        query, columns = dialect.parse_edit(words.query_string, connector, deletes=deletes)
        output, _ = negotiation.representation_of(words, prefers, query)
        single = negotiation.wants_single(words.accept)
        return cls(connector, query, prefers, single, output, deletes, columns)

    @property
    def is_rehearsal(self) -> bool:
        """Whether nothing is to be done."""
        return self.prefers.tx == "rollback"

    @property
    def selection(self) -> Selection:
        """The rows that the filter lets through."""
        return Statement(self.query, self.connector, PLAIN).matching()

    def taken(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """Return what is taken of a body, by the present names of fields."""
        names = None if self.columns is None else {field.name for field in self.columns}
        return {name: value for name, value in values.items() if names is None or name in names}

    def check(self, rows: int) -> None:
        """Let an edit of so many rows through, or raise."""
        if self.single and rows != 1:
            raise not_one_row(rows)
        most = self.prefers.most_affected
        if most is not None and rows > most:
            details = f"The query affects {rows} rows"
            message = "Query result exceeds max-affected preference constraint"
            raise GatewayError(Code.TOO_MANY_AFFECTED, message, details=details)

    def shown(self, receipt: Receipt) -> Statement | None:
        """Give the statement that reads the rows of the answer: before they are deleted, or after they are changed."""
        if self.output is None:
            return None
        if self.deletes:
            return Statement(self.query, self.connector, self.output)
        return WriteRequest.rows_of(receipt, Statement(self.query, self.connector, self.output))

    def headers(self, receipt: Receipt) -> Mapping[str, str]:
        """Give the headers of the answer."""
        rows = receipt.received
        place = f"0-{rows - 1}/{rows}" if rows and not self.deletes else f"*/{rows}"
        headers = {
            "Content-Range": place if self.prefers.count else "",
            "Preference-Applied": self.prefers.applied(),
            "Vary": "Accept, Prefer",
        }
        return {name: value for name, value in headers.items() if value}
