"""An endpoint: one version of a connector as requests see it, and everything that is computed from it once."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from gateway.connectors.connector import Connector
from gateway.endpoints.edit_request import EditRequest
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.read_request import ReadRequest, ReadRequestParser
from gateway.endpoints.read_response import Retrieval
from gateway.endpoints.request_cache import RequestCache
from gateway.endpoints.write_request import WriteRequest
from gateway.ingest.validation import Validator

#: Parsed requests cached per endpoint and kind. Clients repeat them, and parsing may take longer than answering. A write
#: is parsed before and after its body is received.
_MAX_PARSED_REQUESTS = 128


@dataclass(frozen=True, eq=False)
class Endpoint:
    """A connector at its path. It never changes: an edited connector is another Endpoint.

    Belongs to the event loop.

    Attributes:
        connector: The contents of its connector file.
        validator: Checks rows.
        request_cache: Its cached responses.
        retrieval: Answers reads.
        read_request: Parses the head of a GET or HEAD.
        write_request: Parses the head of a POST or PUT, without its idempotency key.
        edit_request: Parses the head of a PATCH or DELETE.
    """

    connector: Connector
    validator: Validator
    request_cache: RequestCache
    retrieval: Retrieval
    read_request: Callable[[RequestHeaders], ReadRequest]
    write_request: Callable[[RequestHeaders], WriteRequest]
    edit_request: Callable[[RequestHeaders], EditRequest]

    @classmethod
    def of(
        cls, connector: Connector, request_cache: RequestCache, retrieval: Retrieval, read_limit: int | None
    ) -> "Endpoint":
        """Build the endpoint of a connector; `read_limit` bounds the rows of a response, None does not."""
        cached = functools.lru_cache(_MAX_PARSED_REQUESTS)
        return cls(
            connector,
            Validator(connector),
            request_cache,
            retrieval,
            cached(ReadRequestParser(connector, read_limit).of),
            cached(functools.partial(WriteRequest.of, connector)),
            cached(functools.partial(EditRequest.of, connector)),
        )
