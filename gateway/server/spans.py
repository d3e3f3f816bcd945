"""Spans of finished requests, by the conventions of OpenTelemetry for HTTP: the only module that imports its SDK.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

import logging
import threading
import time
from collections.abc import Iterator

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway import __version__
from gateway.request_context import HeaderFields, RequestContext
from gateway.server.observed_request import METHODS, ObservedRequest
from gateway.server.scope import Event
from gateway.setting_values import HOST

_log = logging.getLogger(__name__)

#: How often the log repeats one message of the SDK, in seconds.
LOG_SECONDS = 60.0
#: The SDK's loggers whose messages are about the export, not about a header of a client.
_EXPORT_LOGGERS = ("opentelemetry.exporter", "opentelemetry.sdk")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: The attributes that hold the numbers of a receipt.
_RECEIPT = {
    "batch": "gateway.batch",
    "received": "gateway.rows.received",
    "stored": "gateway.rows.stored",
    "rejected": "gateway.rows.rejected",
}

_Attributes = dict[str, str | int]


class Spans:
    """Makes the spans of finished requests, and sends them from a thread of their own.

    The queue of spans is bounded, so a collector that does not answer costs spans, but no request waits for it.
    `record` belongs to the event loop.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        """Start the thread that hands spans to an exporter."""
        self._exporter = exporter
        _rewrite_log()
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("gateway", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def to_collector(cls) -> "Spans":
        """Return spans that go to the collector that the environment configures.

        Raises:
            ValueError: A variable is not valid.
        """
        return cls(OTLPSpanExporter())

    def record(self, request: ObservedRequest, scope: Event, fields: HeaderFields) -> None:
        """Record the spans of a finished request, which has stage times: one for the request, and one a stage."""
        context, end = request.context, time.monotonic_ns()
        assert context.stages is not None
        to_epoch = time.time_ns() - time.monotonic_ns()
        route = _route(context)
        method = request.method if request.method in METHODS else "HTTP"
        span = self._tracer.start_span(
            f"{method} {route}" if route else method,
            self._propagator.extract(dict(_carrier(context, fields))),
            SpanKind.SERVER,
            _of_request(request, scope, fields) | _of_response(request) | _of_gateway(context),
            start_time=context.stages.began + to_epoch,
        )
        if _has_failed(request):
            span.set_status(StatusCode.ERROR)
        inside = set_span_in_context(span)
        for stage in context.stages.until(end):
            child = self._tracer.start_span(stage.name, inside, start_time=stage.began + to_epoch)
            child.end(stage.ended + to_epoch)
        span.end(end + to_epoch)

    def stop(self, seconds: float) -> None:
        """Send the recorded spans within `seconds`, and drop the rest. No thread outlives the process."""
        sending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        sending.start()
        sending.join(seconds)
        if sending.is_alive():
            _log.warning("the collector did not take the last traces within %g seconds", seconds)
            self._exporter.shutdown()  # This ends its pauses between two attempts.


def _resource() -> Resource:
    """Return the attributes of this service; those of the environment win."""
    own = Resource.create({SERVICE_NAME: "gateway", SERVICE_VERSION: __version__})
    return own.merge(OTELResourceDetector().detect())


def _carrier(context: RequestContext, fields: HeaderFields) -> Iterator[tuple[str, str]]:
    assert context.traceparent is not None
    yield "traceparent", context.traceparent
    if state := fields.get(b"tracestate"):
        yield "tracestate", state.decode("latin-1")


def _route(context: RequestContext) -> str | None:
    """Return the path of an endpoint, or the template of a path under `/-/`; None for an unknown path."""
    path, name = context.path, context.connector
    if path is None or name is None or not path.startswith("/-/"):
        return path
    return path.replace(f"/connectors/{name}", "/connectors/{name}", 1)


def _of_request(request: ObservedRequest, scope: Event, fields: HeaderFields) -> _Attributes:
    """Return the attributes of a request. Its query, and a path that is not known, may hold values and secrets."""
    path, route = request.context.path, _route(request.context)
    attributes: _Attributes = {
        "http.request.method": request.method if request.method in METHODS else "_OTHER",
        "http.request.body.size": request.received_bytes,
        "url.scheme": scope["scheme"],
        "network.protocol.version": scope["http_version"],
    }
    if path is not None and route is not None:
        attributes |= {"url.path": path, "http.route": route}
    host = HOST.fullmatch(fields.get(b"host", b"").decode("latin-1").strip())
    if host is not None:
        attributes["server.address"] = host["name"].strip("[]")
        attributes["server.port"] = int(host["port"] or _DEFAULT_PORTS.get(scope["scheme"], 80))
    return attributes


def _of_response(request: ObservedRequest) -> _Attributes:
    """Return the attributes of a response, which may have broken off, or not begun."""
    attributes: _Attributes = {"http.response.body.size": request.sent_bytes}
    if request.status is not None:
        attributes["http.response.status_code"] = request.status
    if not request.is_complete:
        has_left = request.context.has_left()
        attributes["error.type"] = "client_disconnected" if has_left else "response_incomplete"
    elif _has_failed(request):
        attributes["error.type"] = str(request.status)
    return attributes


def _has_failed(request: ObservedRequest) -> bool:
    """Return whether the server failed. A status of 4xx is the client's fault, and no error of a server's span."""
    return not request.is_complete or request.status is None or request.status >= 500


def _of_gateway(context: RequestContext) -> _Attributes:
    """Return what the access log also says about the rows, without the token's name and the client's address."""
    attributes: _Attributes = {}
    if context.connector is not None:
        attributes["gateway.connector"] = context.connector
    if context.rows:
        attributes["gateway.rows.received"] = context.rows
    if context.served_rows:
        attributes["gateway.rows.served"] = context.served_rows
    for note, name in _RECEIPT.items():
        if (number := context.notes.get(note)) is not None:
            attributes[name] = number
    if (code := context.notes.get("code")) is not None:
        attributes["gateway.error.code"] = code
    return attributes


class _Rewritten(logging.Handler):
    """Logs the SDK's messages about the export as warnings of the gateway, each of them once a minute at most.

    The SDK logs an error for every batch, and an error in the log means a fault of the gateway.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logged: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, unless it is a repetition."""
        now, template = time.monotonic(), str(record.msg)
        if record.name.startswith(_EXPORT_LOGGERS) and now >= self._logged.get(template, now):
            self._logged[template] = now + LOG_SECONDS
            _log.warning("the collector of traces: %s", record.getMessage())


def _rewrite_log() -> None:
    logger = logging.getLogger("opentelemetry")
    logger.handlers, logger.propagate = [_Rewritten()], False
