"""A snippet and its tab as values, and the use of an endpoint that snippets are written for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from gateway.connectors.connector import PUBLIC, Connector
from gateway.console.snippets import quoting
from gateway.query.query import Query
from gateway.strictjson import Json

#: The environment variable that snippets read the token from.
TOKEN = "GATEWAY_TOKEN"  # noqa: S105  # the name of a variable
#: The statuses after which the same body may be sent again.
SEND_AGAIN = (408, 429, 503, 507)
#: The note of every snippet that writes: what a refusal means for its sender.
CORRECT_ROWS = "A 4xx stored nothing: correct the rows that `errors` names, and send them under the same key."


@dataclass(frozen=True, slots=True)
class Snippet:
    """A complete program, or a formula.

    Attributes:
        id: Its name on the page, such as `curl-read`.
        title: What it does.
        language: The language of its text, such as `python`.
        text: The program.
        note: A sentence for the reader, above all about errors.
    """

    id: str
    title: str
    language: str
    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Tab:
    """The snippets of one tool.

    Attributes:
        id: Its name on the page.
        title: The name of the tool.
        snippets: The snippets.
        note: The packages that it needs, or a limit of the tool.
    """

    id: str
    title: str
    snippets: tuple[Snippet, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointUse:
    """The use of an endpoint by one reader of its page.

    Attributes:
        connector: The connector.
        base: The URL of the gateway, without a slash at its end.
        parameters: The decoded parameters of the query, without `format`.
        query: The same, parsed.
        can_read: Whether the reader of the page may GET rows.
        can_ingest: Whether the reader of the page may POST rows.
        is_public: Whether anyone may GET rows, so that no token is needed.
        row: A row for a POST.
    """

    connector: Connector
    base: str
    parameters: tuple[tuple[str, str], ...]
    query: Query
    can_read: bool
    can_ingest: bool
    is_public: bool
    row: Mapping[str, Json]

    @classmethod
    def to_read(
        cls, connector: Connector, base: str, parameters: Iterable[tuple[str, str]], query: Query
    ) -> Self:
        """Return the use by one who may read the rows of a query, and who posts none."""
        is_public = PUBLIC in connector.access.read
        given = tuple(parameters)
        return cls(
            connector, base, given, query, can_read=True, can_ingest=False, is_public=is_public, row={}
        )

    @property
    def url(self) -> str:
        """The URL of the endpoint."""
        return self.base + self.connector.path

    def url_of_rows(self, format: str | None = None) -> str:
        """Return the URL of the rows of the query, in a format."""
        parameters = [*self.parameters, *([("format", format)] if format else [])]
        return f"{self.url}?{quoting.query_string(parameters)}" if parameters else self.url

    def key(self, tool: str) -> str:
        """Return an example of an Idempotency-Key; bodies of two tools may differ, and so do their keys."""
        return f"{self.connector.name}-{tool}-1"
