"""Traffic: what was asked of each connector and what it answered, counted in plain integers.

The counts are since the start of the process. The event loop alone changes them; any thread may read them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gateway.metrics import SECONDS, Histogram
from gateway.server.observed_request import METHODS, ObservedRequest
from gateway.server.operations import OPERATIONS, Operation

#: The methods that a refused batch came with, and the statuses that say nothing about the connector to its owner: an
#: asker that may not know it, and a method that it does not have.
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NOT_REFUSALS = frozenset({404, 405})
#: How many kinds of refusals are remembered for each connector.
REFUSALS_MAX = 100


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The first bad row of a refused batch, without its value: its number, line, field, and code."""

    row: int | None
    line: int | None
    field: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused batch, and how often the same was refused.

    Attributes:
        last_at: The time of the last one, in seconds since 1970.
        status: The status of the response.
        code: The code of the response, None if the connection broke.
        method: The method of the request.
        token: The name of the token, None without one.
        rows: The rows of the last one that were read before it was refused.
        error_count: The errors of rows in the last one.
        first_error: The first of them, None without any.
        times: How often it was refused like this.
    """

    last_at: float
    status: int
    code: str | None
    method: str
    token: str | None
    rows: int
    error_count: int
    first_error: RowPlace | None
    times: int = 1


class ConnectorTraffic:
    """The counts of one connector.

    Attributes:
        responses: The number of responses by method and status; the method is "" if it is none of HTTP.
        received_bytes: The bytes of request bodies.
        sent_bytes: The bytes of response bodies.
        reads: The GETs that were answered with rows, or with 304.
        served_rows: Their rows.
        served_bytes: The bytes of their bodies.
        refused_batches: The POSTs, PUTs, PATCHes, and DELETEs that were refused.
        refused_rows: Their rows that were read before.
        refused_bytes: The bytes of their bodies that were received.
        refused_by_code: How many were refused, by the code of the response.
    """

    __slots__ = (
        "_refusals",
        "reads",
        "received_bytes",
        "refused_batches",
        "refused_by_code",
        "refused_bytes",
        "refused_rows",
        "responses",
        "sent_bytes",
        "served_bytes",
        "served_rows",
    )

    def __init__(self) -> None:
        self.responses: dict[tuple[str, int], int] = {}
        self.received_bytes = self.sent_bytes = 0
        self.reads = self.served_rows = self.served_bytes = 0
        self.refused_batches = self.refused_rows = self.refused_bytes = 0
        self.refused_by_code: dict[str, int] = {}
        self._refusals: OrderedDict[tuple[object, ...], Refusal] = OrderedDict()

    @property
    def refusals(self) -> list[Refusal]:
        """The last refusals, latest first; equal ones are one entry. Belongs to the event loop."""
        return list(reversed(self._refusals.values()))

    def count_read(self, request: ObservedRequest) -> None:
        """Count a GET that was answered with rows."""
        self.reads += 1
        self.served_rows += request.context.served_rows
        self.served_bytes += request.sent_bytes

    def count_refusal(self, request: ObservedRequest, status: int, now: float) -> None:
        """Count a refused batch, and remember it."""
        refusal = _refusal_of(request, status, now)
        self.refused_batches += 1
        self.refused_rows += refusal.rows
        self.refused_bytes += request.received_bytes
        code = refusal.code or ""
        self.refused_by_code[code] = self.refused_by_code.get(code, 0) + 1
        place = refusal.first_error
        kind = (refusal.method, status, code, refusal.token, place and (place.field, place.code))
        if before := self._refusals.pop(kind, None):
            refusal = replace(refusal, times=before.times + 1)
        self._refusals[kind] = refusal
        if len(self._refusals) > REFUSALS_MAX:
            self._refusals.popitem(last=False)


class Traffic:
    """The counts of all connectors, and of requests for none under the name "".

    Attributes:
        in_flight: How many requests are being served, by operation.
        seconds: The durations of finished requests, by operation.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Begin with nothing; the clock returns seconds since 1970."""
        self._clock = clock
        self.in_flight: dict[Operation, int] = dict.fromkeys(OPERATIONS, 0)
        self.seconds = {operation: Histogram(SECONDS) for operation in OPERATIONS}
        self._by_connector: dict[str, ConnectorTraffic] = {}

    def of(self, connector: str) -> ConnectorTraffic:
        """Return the counts of a connector; all are 0 before its first request. Belongs to the event loop."""
        found = self._by_connector.get(connector)
        if found is None:
            found = self._by_connector[connector] = ConnectorTraffic()
        return found

    def all(self) -> Mapping[str, ConnectorTraffic]:
        """Return the counts of each connector that was asked for. Any thread may call it."""
        return dict(self._by_connector)

    def forget(self, connector: str) -> None:
        """Forget the counts and refusals of a connector that was purged. Belongs to the event loop."""
        self._by_connector.pop(connector, None)

    def observe_start(self, request: ObservedRequest) -> None:
        """Count a request that begins."""
        self.in_flight[request.operation] += 1

    def observe(self, request: ObservedRequest) -> None:
        """Count a finished request. PERF: a cached response costs 40 microseconds, so this is plain integers."""
        self.in_flight[request.operation] -= 1
        self.seconds[request.operation].observe(request.seconds)
        context, status, method = request.context, request.status, request.method
        name = context.connector or ""
        traffic = self._by_connector.get(name) or self.of(name)
        traffic.received_bytes += request.received_bytes
        traffic.sent_bytes += request.sent_bytes
        if status is None:
            return
        # An unknown method may be anything, and each would stay in memory.
        responses, key = traffic.responses, (method if method in METHODS else "", status)
        responses[key] = responses.get(key, 0) + 1
        if context.connector is None or context.path is None:
            return
        if context.path.startswith("/-/") and not context.is_download:
            return
        if method == "GET" and status < 400:
            traffic.count_read(request)
        elif status >= 400 and method in _WRITES and status not in _NOT_REFUSALS:
            traffic.count_refusal(request, status, self._clock())


def _refusal_of(request: ObservedRequest, status: int, now: float) -> Refusal:
    context, errors = request.context, request.context.row_errors
    first = None
    if errors and errors.listed:
        error = errors.listed[0]
        first = RowPlace(error.get("row"), error.get("line"), error.get("field"), str(error.get("code")))
    code = context.notes.get("code")
    return Refusal(
        last_at=now,
        status=status,
        code=None if code is None else str(code),
        method=request.method,
        token=context.token,
        rows=context.rows,
        error_count=errors.count if errors else 0,
        first_error=first,
    )
