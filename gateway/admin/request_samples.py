"""Samples of the metrics about requests and rows, from the counts of the edge and of the store."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from gateway.admin.metric_table import Sample
from gateway.server.connection_counts import ConnectionCounts
from gateway.server.operations import OPERATIONS
from gateway.server.traffic import ConnectorTraffic, Traffic
from gateway.store.commit_counts import BatchTotals

_NOTHING: Mapping[int, int] = MappingProxyType({})


def request_samples(
    traffic: Traffic,
    connections: ConnectionCounts,
    batches: Mapping[str, BatchTotals],
    connectors: Iterable[str],
) -> Iterator[Sample]:
    """Yield the samples of the live connectors, and of requests for none under an empty name.

    The counts of a removed connector are left out. They are not added to those of the empty name, whose counters would
    jump; they continue if the connector comes back.
    """
    for operation in OPERATIONS:
        yield Sample("gateway_http_request_duration_seconds", traffic.seconds[operation].read(), (operation,))
        yield Sample("gateway_http_requests_in_flight", traffic.in_flight[operation], (operation,))
    counted, no_traffic, no_batches = traffic.all(), ConnectorTraffic(), BatchTotals()
    yield from _requests("", counted.get("", no_traffic), connections.responses)
    for name in connectors:
        own = counted.get(name, no_traffic)
        yield from _requests(name, own)
        yield from _rows(name, own, batches.get(name, no_batches))


def _requests(
    name: str, traffic: ConnectorTraffic, without_method: Mapping[int, int] = _NOTHING
) -> Iterator[Sample]:
    # The event loop adds keys meanwhile, and `dict` copies in one step.
    responses = dict(traffic.responses)
    for status, count in dict(without_method).items():
        responses["", status] = responses.get(("", status), 0) + count
    for (method, status), count in responses.items():
        yield Sample("gateway_http_requests_total", count, (name, method, str(status)))
    yield Sample("gateway_http_received_bytes_total", traffic.received_bytes, (name,))
    yield Sample("gateway_http_sent_bytes_total", traffic.sent_bytes, (name,))


def _rows(name: str, traffic: ConnectorTraffic, batches: BatchTotals) -> Iterator[Sample]:
    yield Sample("gateway_rows_received_total", batches.received + traffic.refused_rows, (name,))
    yield Sample("gateway_rows_stored_total", batches.stored, (name,))
    yield Sample("gateway_rows_rejected_total", batches.rejected, (name,))
    yield Sample("gateway_rows_refused_total", traffic.refused_rows, (name,))
    yield Sample("gateway_rows_served_total", traffic.served_rows, (name,))
    for action, count in dict(batches.deleted).items():
        yield Sample("gateway_rows_deleted_total", count, (name, action))
    for action, count in dict(batches.batches).items():
        yield Sample("gateway_batches_total", count, (name, action))
    for code, count in dict(traffic.refused_by_code).items():
        yield Sample("gateway_batches_refused_total", count, (name, code))
