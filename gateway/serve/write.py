"""Write: what a POST asks for beside its body."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from falcon.asgi import Request

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.errors import Code, GatewayError
from gateway.query import dialect, preferences
from gateway.query.output import Output
from gateway.query.preferences import Preferences
from gateway.query.query import Column, Filter, Query
from gateway.query.render import not_one_row
from gateway.query.statement import Statement
from gateway.serve import negotiate
from gateway.store.batch import Receipt

_ID = Column(SYSTEM_FIELDS[0])
MAX_KEY = 255


@dataclass(frozen=True, slots=True)
class Write:
    """How the rows of a body are taken, and what is answered about them.

    Attributes:
        connector: Where they go.
        columns: The fields that are taken from them, None for all.
        prefers: What is answered, and whether anything is stored.
        single: Whether the answer must be a single object.
        query: The shape of the rows in the answer.
        output: Their format, None where the answer has no rows.
        coding: What the answer is compressed with, or None.
        key: The Idempotency-Key, or None.
    """

    connector: Connector
    columns: tuple[Field, ...] | None
    prefers: Preferences
    single: bool
    query: Query
    output: Output | None
    coding: str | None
    key: str | None = None

    @classmethod
    def of(cls, req: Request, connector: Connector) -> "Write":
        """Read a POST, but for its body.

        Raises:
            GatewayError: Naming the parameter or header, its value and what would be right.
        """
        negotiate.require_profile(req, "Content-Profile")
        prefers = preferences.parse(req.get_header("Prefer"), reads=False)
        query, columns = dialect.parse_write(req.query_string, connector)
        output = coding = None
        if prefers.return_ == "representation":
            output = negotiate.output_of(req.accept, query.format)
            coding = negotiate.coding_of(req.get_header("Accept-Encoding"), output.media)
        single = negotiate.wants_single(req.accept)
        return cls(connector, columns, prefers, single, query, output, coding, _key_of(req))

    @property
    def is_rehearsal(self) -> bool:
        """Whether nothing is to be stored."""
        return self.prefers.tx == "rollback"

    @property
    def absent_is_null(self) -> bool:
        """Whether a field of `columns` that a row leaves out is null; else it takes its default."""
        return self.columns is not None and self.prefers.missing != "default"

    def require_one(self, rows: int) -> None:
        """Let a batch through that a single object can answer, or raise."""
        if self.single and rows != 1:
            raise not_one_row(rows)

    def stored_rows(self, receipt: Receipt) -> Statement:
        """Give the statement that reads the rows of a receipt."""
        assert self.output is not None
        first, last = receipt.first_id or 1, receipt.last_id or 0
        where = (Filter(_ID, "gte", (first,)), Filter(_ID, "lte", (last,)))
        return Statement(replace(self.query, where=where), self.connector, self.output)

    def headers(self, receipt: Receipt, *, has_rows: bool = False) -> Mapping[str, str]:
        """Give the headers of the answer to a receipt; `has_rows` where it has the stored rows for a body."""
        unmet = "return" if self.output is not None and not has_rows else ""
        headers = {"Preference-Applied": self.prefers.applied(unmet), "Vary": "Accept, Prefer"}
        if self.prefers.count:
            headers["Content-Range"] = f"*/{receipt.received}"
        if self.prefers.return_ == "headers-only" and receipt.stored == 1:
            headers["Location"] = f"{self.connector.path}?_id=eq.{receipt.first_id}"
        if receipt.is_replayed:
            headers["Idempotent-Replayed"] = "true"
        return {name: value for name, value in headers.items() if value}


def _key_of(req: Request) -> str | None:
    """Read the Idempotency-Key: a string in quotes, as the draft has it, or one without.

    Raises:
        GatewayError: Where it is empty, too long or not plain ASCII.
    """
    header: str | None = req.get_header("Idempotency-Key")
    if header is None:
        return None
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        hint = f"write 1 to {MAX_KEY} printable ASCII characters, such as a UUID"
        raise GatewayError(Code.KEY_INVALID, f"the Idempotency-Key has {len(key)} characters", hint=hint)
    return key
