"""Read: what a GET asks for, from its query string and its headers."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.connectors.connector import PUBLIC, Connector
from gateway.endpoints import etag_cache, negotiation
from gateway.endpoints.negotiation import RequestHeaders
from gateway.query import dialect, paging, preferences
from gateway.query.preferences import Preferences
from gateway.query.render import COMPRESSED_BYTES, Rendering
from gateway.query.statement import Statement
from gateway.query.template import Template, TemplateKey, split_values
from gateway.store.interface import Version

#: How many shapes of questions are remembered, of each connector.
_SHAPES = 128
#: What a response depends on beside its URL.
_VARY = "Accept, Accept-Encoding, Prefer, Range"


@dataclass(frozen=True)
class ReadRequest:
    """A statement with what the answer to it says and how it is sent.

    Attributes:
        statement: The SQL.
        prefers: What is counted.
        coding: What the body is compressed with, or None.
        query_string: As it came, for the link to the next page.
        asks_for_place: Whether the request asks which rows the answer has: it counts them, or names a range of
            them. Only then does `Content-Range` say so. Whoever did not ask takes its numbers for bytes.
    """

    statement: Statement
    prefers: Preferences
    coding: str | None
    query_string: str
    asks_for_place: bool

    @classmethod
    def of(cls, connector: Connector, words: RequestHeaders, most: int | None = None) -> "ReadRequest":
        """Read a GET or HEAD, of whose rows there may be `most`.

        Raises:
            GatewayError: Naming the parameter or header, its value and what would be right.
        """
        negotiation.require_profile(words.profile)
        prefers = preferences.parse(words.prefer, words.method)
        query = dialect.parse(words.query_string, connector)
        rows = words.range if words.method == "GET" and paging.names_rows(words.range) else None
        query = paging.within(query, rows)
        output = negotiation.output_of(words.accept, query.format)
        if not output.is_singular:  # Of several rows no single object is made, however few may be sent.
            query = paging.capped(query, most)
        coding = negotiation.coding_of(words.accept_encoding, output.media)
        asks_for_place = prefers.count is not None or rows is not None
        return cls(Statement(query, connector, output), prefers, coding, words.query_string, asks_for_place)

    @cached_property
    def question(self) -> bytes:
        """What tells it from all other questions, however the answer is compressed."""
        return etag_cache.fingerprint(
            self.statement,
            self.prefers.applied(),
            self.statement.query.format,
            self.asks_for_place,
        )

    @property
    def plain(self) -> "ReadRequest":
        """The same, not compressed."""
        return self if self.coding is None else replace(self, coding=None)

    def etag(self, version: Version | None, *, is_plain: bool = False) -> str | None:
        """Give the ETag of the answer over a version of the rows; None where that is not known.

        Args:
            version: That of the rows.
            is_plain: Whether it is that of a body that is not compressed, whatever the client accepts.
        """
        coding = None if is_plain else self.coding
        return None if version is None else etag_cache.etag_of(self.question, version, coding)

    def plain_etag(self, version: Version, size: int | None) -> str:
        """Give the ETag of a body that is not compressed: its own, unless it is too small to be compressed at all.

        Args:
            version: That of the rows.
            size: How many bytes it has, None where it is many.
        """
        is_plain = size is None or size >= COMPRESSED_BYTES
        return etag_cache.etag_of(self.question, version, None if is_plain else self.coding)

    def validators(self, etag: str | None) -> dict[str, str]:
        """Give the headers by which an answer is kept and asked for again."""
        is_public = PUBLIC in self.statement.connector.access.read
        headers = {"Cache-Control": "no-cache" if is_public else "private, no-cache", "Vary": _VARY}
        return {**headers, "ETag": etag} if etag else headers

    def status(self, rendering: Rendering) -> int:
        """Give the status of rows: 206 where they were counted and are not all.

        A 206 has to have a Content-Range (RFC 9110 section 15.3.7). So without a count it is 200, as in PostgREST.
        """
        return 206 if rendering.total is not None and rendering.total != rendering.row_count else 200

    def headers(self, rendering: Rendering, etag: str | None) -> dict[str, str]:
        """Give the headers of rows."""
        query, output = self.statement.query, self.statement.output
        optional = {
            # Parts are cut from what is not compressed.
            "Accept-Ranges": None if rendering.coding else "bytes",
            "Content-Encoding": rendering.coding,
            "Content-Range": self._place(rendering.row_count, rendering.total),
            "Preference-Applied": self.prefers.applied(),
        }
        if query.format:
            name = f"{self.statement.connector.name}.{query.format}"
            optional["Content-Disposition"] = f'inline; filename="{name}"'
        if rendering.cursor:
            following = paging.next_page(self.query_string, query, rendering.cursor, self.statement.connector)
            optional["Link"] = f'<{self.statement.connector.path}?{following}>; rel="next"'
        told = {name: value for name, value in optional.items() if value}
        return {"Content-Type": output.content_type, **self.validators(etag), **told}

    def _place(self, row_count: int | None, total: int | None) -> str | None:
        """Give the Content-Range of a page, where it is asked for and known: `0-24/57`, without a count `0-24/*`."""
        query, end = self.statement.query, "*" if total is None else str(total)
        if not self.asks_for_place:
            return None
        if row_count is None or query.cursor is not None:
            return None if total is None else f"*/{end}"
        return f"{query.offset}-{query.offset + row_count - 1}/{end}" if row_count else f"*/{end}"


class ReadRequestParser:
    """What the GETs of a connector ask for. Belongs to the event loop.

    What differs from an earlier one in the values of its filters alone is what that was, with those values.
    """

    def __init__(self, connector: Connector, most: int | None = None) -> None:
        """Take the connector, and how many rows an answer may have."""
        self._connector = connector
        self._most = most
        self._templates: OrderedDict[tuple[TemplateKey, RequestHeaders], tuple[ReadRequest, Template]] = (
            OrderedDict()
        )

    def of(self, words: RequestHeaders) -> ReadRequest:
        """Read a GET or HEAD, as `ReadRequest.of` does."""
        form, texts = split_values(words.query_string)
        if not texts:
            return ReadRequest.of(self._connector, words, self._most)
        key = (form, words._replace(query_string=""))
        known = self._templates.get(key)
        if known is None:
            return self._learn(key, ReadRequest.of(self._connector, words, self._most))
        self._templates.move_to_end(key)
        read, template = known
        statement = template.filled(texts)
        if statement is None:
            return ReadRequest.of(self._connector, words, self._most)
        return replace(read, statement=statement, query_string=words.query_string)

    def _learn(self, key: tuple[TemplateKey, RequestHeaders], read: ReadRequest) -> ReadRequest:
        template = Template.of(key[0], read.statement)
        if template is not None:
            self._templates[key] = (read, template)
            if len(self._templates) > _SHAPES:
                self._templates.popitem(last=False)
        return read
