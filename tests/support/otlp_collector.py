"""An OTLP/HTTP collector on loopback, which decodes the spans that it is sent."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What was sent.

    Attributes:
        url: The endpoint, without the path of a signal.
        paths: The path of each request.
        resource: The attributes of the service that sent last.
        spans: The spans, in the order of their arrival.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.resource: dict[str, str] = {}
        self.spans: list[Span] = []
        self.is_answering = threading.Event()
        self.is_answering.set()

    def take(self, path: str, body: bytes) -> None:
        self.paths.append(path)
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resource = attributes_of(resource_spans.resource)
            for scope_spans in resource_spans.scope_spans:
                self.spans += scope_spans.spans

    def of_trace(self, trace_id: str) -> tuple[Span, list[Span]]:
        """Return the server's span of a trace, and its stages in the order of their begin."""
        found = [span for span in self.spans if span.trace_id.hex() == trace_id]
        (server,) = [span for span in found if span.kind == Span.SPAN_KIND_SERVER]
        stages = [span for span in found if span.parent_span_id == server.span_id]
        assert len(stages) + 1 == len(found)
        return server, sorted(stages, key=lambda span: span.start_time_unix_nano)


def attributes_of(thing) -> dict[str, str | int]:
    """Return the attributes of a span or a resource."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in thing.attributes}


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.is_answering.wait()
            collector.take(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            with contextlib.suppress(ConnectionError):  # A gateway that stops does not wait for the answer.
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            collector.is_answering.set()
            server.shutdown()
            thread.join()
