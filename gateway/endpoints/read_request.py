"""Parsed GET and HEAD requests: their statement, preferences, and response headers."""

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

#: Query templates that are cached for each connector.
_MAX_TEMPLATES = 128
#: The request headers that a response depends on.
_VARY = "Accept, Accept-Encoding, Prefer, Range"


@dataclass(frozen=True)
class ReadRequest:
    """A statement, with the headers and the encoding of its response.

    Attributes:
        statement: The SQL.
        prefers: The preferences, such as how rows are counted.
        coding: The compression of the body, or None.
        query_string: The query string as it was sent, for the link to the next page.
        needs_content_range: Whether the request counts rows or names a range of them. Only then the response has a
            `Content-Range`: other clients would take its numbers for bytes.
    """

    statement: Statement
    prefers: Preferences
    coding: str | None
    query_string: str
    needs_content_range: bool

    @classmethod
    def of(
        cls, connector: Connector, headers: RequestHeaders, read_limit: int | None = None
    ) -> "ReadRequest":
        """Parse a GET or HEAD; `read_limit` bounds the rows of the response.

        Raises:
            GatewayError: Names the parameter or header, its value, and what is right.
        """
        negotiation.require_profile(headers.profile)
        prefers = preferences.parse(headers.prefer, headers.method)
        query = dialect.parse(headers.query_string, connector)
        rows = headers.range if headers.method == "GET" and paging.names_rows(headers.range) else None
        query = paging.within(query, rows)
        output = negotiation.output_of(headers.accept, query.format)
        if not output.is_singular:  # A limit must not turn several rows into a single object.
            query = paging.capped(query, read_limit)
        coding = negotiation.coding_of(headers.accept_encoding, output.media)
        needs_content_range = prefers.count is not None or rows is not None
        return cls(
            Statement(query, connector, output), prefers, coding, headers.query_string, needs_content_range
        )

    @cached_property
    def fingerprint(self) -> bytes:
        """The fingerprint of the query, independent of compression."""
        return etag_cache.fingerprint(
            self.statement,
            self.prefers.applied(),
            self.statement.query.format,
            self.needs_content_range,
        )

    @property
    def plain(self) -> "ReadRequest":
        """The same request without compression."""
        return self if self.coding is None else replace(self, coding=None)

    def etag(self, version: Version | None, *, is_plain: bool = False) -> str | None:
        """Return the ETag of the response over a version of the rows, None if that is unknown.

        Args:
            version: The version of the rows.
            is_plain: Whether the body is uncompressed, regardless of what the client accepts.
        """
        coding = None if is_plain else self.coding
        return None if version is None else etag_cache.etag_of(self.fingerprint, version, coding)

    def plain_etag(self, version: Version, size: int | None) -> str:
        """Return the ETag of an uncompressed body. It is a separate ETag, unless the body is too small for compression.

        Args:
            version: The version of the rows.
            size: The size of the body in bytes, None if it is streamed.
        """
        is_plain = size is None or size >= COMPRESSED_BYTES
        return etag_cache.etag_of(self.fingerprint, version, None if is_plain else self.coding)

    def validators(self, etag: str | None) -> dict[str, str]:
        """Return the headers with which clients cache and revalidate a response."""
        is_public = PUBLIC in self.statement.connector.access.read
        headers = {"Cache-Control": "no-cache" if is_public else "private, no-cache", "Vary": _VARY}
        return {**headers, "ETag": etag} if etag else headers

    def status(self, rendering: Rendering) -> int:
        """Return the status of a response with rows: 206 if the rows were counted and more exist.

        A 206 requires a Content-Range (RFC 9110 section 15.3.7). So without a count it is 200, as in PostgREST.
        """
        return 206 if rendering.total is not None and rendering.total != rendering.row_count else 200

    def headers(self, rendering: Rendering, etag: str | None) -> dict[str, str]:
        """Return the headers of a response with rows."""
        query, output = self.statement.query, self.statement.output
        optional = {
            # Byte ranges refer to the uncompressed body.
            "Accept-Ranges": None if rendering.coding else "bytes",
            "Content-Encoding": rendering.coding,
            "Content-Range": self._content_range(rendering.row_count, rendering.total),
            "Preference-Applied": self.prefers.applied(),
        }
        if query.format:
            name = f"{self.statement.connector.name}.{query.format}"
            optional["Content-Disposition"] = f'inline; filename="{name}"'
        if rendering.cursor:
            next_query = paging.next_page(
                self.query_string, query, rendering.cursor, self.statement.connector
            )
            optional["Link"] = f'<{self.statement.connector.path}?{next_query}>; rel="next"'
        present = {name: value for name, value in optional.items() if value}
        return {"Content-Type": output.content_type, **self.validators(etag), **present}

    def _content_range(self, row_count: int | None, total: int | None) -> str | None:
        """Return the Content-Range of a page if it is requested and known: `0-24/57`, without a count `0-24/*`."""
        query, total_text = self.statement.query, "*" if total is None else str(total)
        if not self.needs_content_range:
            return None
        if row_count is None or query.cursor is not None:
            return None if total is None else f"*/{total_text}"
        return (
            f"{query.offset}-{query.offset + row_count - 1}/{total_text}" if row_count else f"*/{total_text}"
        )


class ReadRequestParser:
    """Parses the reads of one connector. Belongs to the event loop.

    A request that differs from an earlier one only in its filter values reuses the SQL of the earlier one.
    """

    def __init__(self, connector: Connector, read_limit: int | None = None) -> None:
        """Bind the connector; `read_limit` bounds the rows of a response, None does not."""
        self._connector = connector
        self._read_limit = read_limit
        self._templates: OrderedDict[tuple[TemplateKey, RequestHeaders], tuple[ReadRequest, Template]] = (
            OrderedDict()
        )

    def of(self, headers: RequestHeaders) -> ReadRequest:
        """Parse a GET or HEAD, as `ReadRequest.of` does."""
        template_key, values = split_values(headers.query_string)
        if not values:
            return ReadRequest.of(self._connector, headers, self._read_limit)
        key = (template_key, headers._replace(query_string=""))
        cached = self._templates.get(key)
        if cached is None:
            return self._add_template(key, ReadRequest.of(self._connector, headers, self._read_limit))
        self._templates.move_to_end(key)
        read, template = cached
        statement = template.filled(values)
        if statement is None:
            return ReadRequest.of(self._connector, headers, self._read_limit)
        return replace(read, statement=statement, query_string=headers.query_string)

    def _add_template(self, key: tuple[TemplateKey, RequestHeaders], read: ReadRequest) -> ReadRequest:
        template = Template.of(key[0], read.statement)
        if template is not None:
            self._templates[key] = (read, template)
            if len(self._templates) > _MAX_TEMPLATES:
                self._templates.popitem(last=False)
        return read
