"""Sampled requests become spans: in process with the SDK's exporter, and sent to a collector by a real gateway."""

import gc
import json

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from gateway.request_context import RequestContext
from gateway.server.spans import Spans
from gateway.server.tracing import Tracing
from gateway.stage_times import StageTimes
from tests.support.in_process import body, inside
from tests.support.otlp_collector import attributes_of, collecting
from tests.support.server import ROOT, eventually, free_port, serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
TRACED = {"traceparent": SAMPLED}
JSON = {"content-type": "application/json"}
ORDERS = """
fields: {n: integer, text: {type: string, nullable: true}}
access: {change: [ops]}
"""
SECRET = "s3cret"


class Traced:
    """A gateway in this process, and the spans of its sampled requests."""

    def __init__(self, gateway, exporter, spans):
        self.gateway, self.exporter, self.spans = gateway, exporter, spans

    def finished(self):
        """Return the spans since the last call."""
        self.spans._provider.force_flush()
        found = self.exporter.get_finished_spans()
        self.exporter.clear()
        return found

    def request(self, *words, **options):
        """Send a request; return its status, its server span, and the spans of its stages."""
        self.finished()
        options["headers"] = TRACED | options.get("headers", {})
        status, _, _ = self.gateway.request(*words, **options)
        found = self.finished()
        (server,) = [span for span in found if span.kind is SpanKind.SERVER]
        stages = [span for span in found if span.parent.span_id == server.context.span_id]
        assert len(stages) + 1 == len(found)
        return status, server, stages


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    exporter = InMemorySpanExporter()
    spans = Spans(exporter)
    with inside(tmp_path_factory.mktemp("traces"), {"orders": ORDERS, "large": ORDERS}, spans) as gateway:
        rows = [{"n": n, "text": "x" * 1000} for n in range(3000)]
        assert gateway.request("POST", "/large", body(json.dumps(rows).encode()), headers=JSON)[0] == 201
        yield Traced(gateway, exporter, spans)


def rows(count):
    return body(json.dumps([{"n": n, "text": SECRET} for n in range(count)]).encode())


READ = ["parse", "cache", "queue", "read", "render"]
REQUESTS = {
    "POST": (("POST", "/orders", rows(1)), {}, "", ["body", "check", "queue", "commit"]),
    "large POST": (("POST", "/orders", rows(500)), {}, "", ["body", "queue", "check", "queue", "commit"]),
    "POST that reads": (
        ("POST", "/orders", rows(1)),
        {"prefer": "return=representation"},
        "",
        ["body", "check", "queue", "commit", "queue", "read", "render"],
    ),
    "rehearsal": (
        ("POST", "/orders", rows(1)),
        {"prefer": "tx=rollback"},
        "",
        ["body", "check", "queue", "commit"],
    ),
    "refused POST": (("POST", "/orders", body(b'[{"n": "x"}]')), {}, "", ["body", "check"]),
    "truncated POST": (("POST", "/orders", {"type": "http.disconnect"}), {}, "", ["body"]),
    "PATCH": (
        ("PATCH", "/orders", body(b'{"text": "y"}')),
        {},
        "n=eq.0",
        ["body", "check", "queue", "commit"],
    ),
    "DELETE": (("DELETE", "/orders"), {}, "n=eq.7", ["queue", "commit"]),
    "GET": (("GET", "/large"), {}, "limit=3", READ),
    "GET of one": (
        ("GET", "/large"),
        {"accept": "application/vnd.pgrst.object+json"},
        "n=eq.5",
        READ,
    ),
    "GET of Parquet": (("GET", "/large"), {"accept": "application/vnd.apache.parquet"}, "n=lt.5", READ),
    "streamed GET": (("GET", "/large"), {}, "", READ),
    "streamed page": (("GET", "/large"), {}, "limit=2900", [*READ, "read", "render"]),
    "refused GET": (("GET", "/large"), {}, "m=eq.1", ["parse"]),
    "document": (("GET", "/-/connectors/large/schema"), {}, "", []),
    "unknown path": (("GET", f"/{SECRET}"), {}, "", []),
}


@pytest.mark.parametrize(("words", "headers", "query", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_stages_follow_each_other_inside_the_request(traced, words, headers, query, expected):
    _, server, stages = traced.request(*words, headers=JSON | headers, query=query)

    assert [stage.name for stage in stages] == expected
    times = [server.start_time, *(at for stage in stages for at in (stage.start_time, stage.end_time))]
    assert [*times, server.end_time] == sorted([*times, server.end_time])
    assert {stage.kind for stage in stages} <= {SpanKind.INTERNAL}


def test_cached_response_has_a_stage_of_its_own(traced):
    found = [traced.request("GET", "/large", query="n=lt.9")[2] for _ in range(3)]
    revalidated = traced.request("GET", "/large", query="n=lt.9", headers={"if-none-match": "*"})

    assert [[stage.name for stage in stages] for stages in found] == [READ, ["parse", "cache"], ["cache"]]
    assert [stage.name for stage in revalidated[2]] == ["parse", "cache"]


def test_span_continues_the_trace_of_its_caller(traced):
    _, server, stages = traced.request("GET", "/large", headers={"tracestate": "shop=1,other=2"})

    assert {format_trace_id(span.context.trace_id) for span in (server, *stages)} == {TRACE}
    assert format_span_id(server.parent.span_id) == PARENT
    assert server.parent.is_remote
    assert server.context.trace_state.to_header() == "shop=1,other=2"


def test_response_repeats_the_traceparent_of_its_caller(traced):
    _, headers, _ = traced.gateway.request("GET", "/large", query="limit=1", headers=TRACED)

    assert headers["traceparent"] == SAMPLED


@pytest.mark.parametrize(
    "header",
    [None, UNSAMPLED, f"00-{TRACE}-{PARENT}-fe", f"00-{TRACE}-{PARENT}", f"00-{TRACE}-{'0' * 16}-01"],
)
def test_unsampled_request_has_no_spans(traced, header):
    traced.finished()

    assert (
        traced.gateway.request("GET", "/large", headers={"traceparent": header} if header else {})[0] == 200
    )
    assert traced.finished() == ()


ALWAYS = {
    "url.scheme": "http",
    "network.protocol.version": "1.1",
    "server.address": "test",
    "server.port": 80,
}
ATTRIBUTES = {
    "POST": (
        ("POST", "/orders", rows(2)),
        {
            "name": "POST /orders",
            "http.request.method": "POST",
            "http.route": "/orders",
            "url.path": "/orders",
            "http.response.status_code": 201,
            "gateway.connector": "orders",
            "gateway.rows.received": 2,
            "gateway.rows.stored": 2,
            "gateway.rows.rejected": 0,
        },
    ),
    "refused POST": (
        ("POST", "/orders", body(b'[{"n": 1}, {"n": "x"}]')),
        {
            "name": "POST /orders",
            "http.request.method": "POST",
            "http.route": "/orders",
            "url.path": "/orders",
            "http.response.status_code": 422,
            "gateway.connector": "orders",
            "gateway.rows.received": 2,
            "gateway.error.code": "22P02",
        },
    ),
    "GET": (
        ("GET", "/large"),
        {
            "name": "GET /large",
            "http.request.method": "GET",
            "http.route": "/large",
            "url.path": "/large",
            "http.response.status_code": 200,
            "gateway.connector": "large",
            "gateway.rows.served": 3000,
        },
    ),
    "document": (
        ("GET", "/-/connectors/large/schema"),
        {
            "name": "GET /-/connectors/{name}/schema",
            "http.request.method": "GET",
            "http.route": "/-/connectors/{name}/schema",
            "url.path": "/-/connectors/large/schema",
            "http.response.status_code": 200,
            "gateway.connector": "large",
        },
    ),
    "unknown path": (
        ("GET", f"/{SECRET}"),
        {
            "name": "GET",
            "http.request.method": "GET",
            "http.response.status_code": 404,
            "gateway.error.code": "PGRST205",
        },
    ),
    "unknown method": (
        ("BREW", f"/{SECRET}"),
        {
            "name": "HTTP",
            "http.request.method": "_OTHER",
            "http.response.status_code": 400,
            "gateway.error.code": "GW107",
        },
    ),
}


@pytest.mark.parametrize(("words", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes_follow_the_http_conventions(traced, words, expected):
    status, server, _ = traced.request(*words, headers=JSON)
    found = {"name": server.name, **server.attributes}
    for name in ("http.request.body.size", "http.response.body.size", "gateway.batch"):
        found.pop(name, None)

    assert found == ALWAYS | expected
    assert server.status.status_code is StatusCode.UNSET


def test_sizes_of_bodies_are_attributes(traced):
    _, server, _ = traced.request("POST", "/orders", body(b'{"n":1}'), headers=JSON)

    assert server.attributes["http.request.body.size"] == 7
    assert server.attributes["http.response.body.size"] > 7


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [("api.example.com", "api.example.com", 80), ("[::1]:8000", "::1", 8000), ("not a host", None, None)],
)
def test_server_address_is_the_host_of_the_request(tmp_path, host, address, port):
    exporter = InMemorySpanExporter()
    with inside(tmp_path, {}, Spans(exporter)) as gateway:
        gateway.host = host
        gateway.request("GET", "/-/healthy", headers=TRACED)
    (server,) = exporter.get_finished_spans()

    assert (server.attributes.get("server.address"), server.attributes.get("server.port")) == (address, port)


def test_spans_hold_no_values_and_no_secrets(traced):
    found = [
        traced.request(
            method, path, *events, query=f"text=eq.{SECRET}", headers=JSON | {"user-agent": SECRET}
        )
        for method, path, *events in (
            ("POST", "/orders", rows(3)),
            ("POST", "/orders", body(b'[{"n": "%b"}]' % SECRET.encode())),
            ("GET", "/orders"),
            ("GET", f"/{SECRET}"),
            ("GET", f"/-/{SECRET}"),
            ("GET", f"/-/connectors/{SECRET}"),
            (SECRET, "/orders"),
        )
    ]
    token = (traced.gateway.gateway.services.intake.settings.data / "admin-token").read_text().strip()

    for _, server, stages in found:
        text = "".join(span.to_json() for span in (server, *stages))
        assert SECRET not in text
        assert token not in text


def test_failed_request_has_an_error_status(traced, monkeypatch):
    def fail(*_):
        raise OSError

    monkeypatch.setattr("gateway.store.tables.store.Store.append", fail)
    status, server, stages = traced.request("POST", "/orders", rows(1), headers=JSON)

    assert (status, server.status.status_code, server.attributes["error.type"]) == (
        500,
        StatusCode.ERROR,
        "500",
    )
    assert server.attributes["gateway.error.code"] == "GW901"
    assert [stage.name for stage in stages] == ["body", "check", "queue", "commit"]


def test_response_that_breaks_off_has_an_error_status(traced):
    _, server, _ = traced.request("GET", "/large", query="n=gte.0", has_left=True)

    assert server.status.status_code is StatusCode.ERROR
    assert server.attributes["error.type"] == "client_disconnected"


def test_stages_after_the_end_are_left_out():
    """Check the thread of a client that has left, which works on and records the stages that it still reaches."""
    stages = StageTimes()
    stages.begin("read")
    ended = stages.began + 10**9
    first, _ = stages._marks[0]
    stages._marks.append((ended + 1, "render"))

    assert stages.until(ended) == [("read", first, ended)]


def test_fault_of_the_sdk_breaks_no_response(tmp_path, caplog):
    class Faulty:
        def record(self, *_):
            raise ValueError(SECRET)

        def stop(self, seconds):
            pass

    with inside(tmp_path, {}, Faulty()) as gateway:
        status, _, _ = gateway.request("GET", "/-/healthy", headers=TRACED)

    assert status == 200
    (record,) = [record for record in caplog.records if "could not be recorded" in record.getMessage()]
    assert SECRET not in record.getMessage()


def contexts():
    return [each for each in gc.get_objects() if type(each) is RequestContext]


def test_traced_request_is_freed_without_garbage_collector(tmp_path):
    with inside(tmp_path, {"orders": ORDERS}, Spans(InMemorySpanExporter())) as gateway:
        gc.collect()
        before = contexts()  # Another gateway's thread holds its last request.
        gc.disable()
        try:
            for number in range(3):
                assert gateway.request("POST", "/orders", rows(1), headers=JSON | TRACED)[0] == 201
                query = f"n=eq.{number}"
                assert gateway.request("GET", "/orders", query=query, headers=TRACED)[0] == 200
                assert gateway.request("POST", "/orders", body(b"{"), headers=TRACED)[0] == 400
            left = [each for each in contexts() if not any(each is other for other in before)]
        finally:
            gc.enable()

    assert left == []


# -- configuration


URL = "http://user:s3cret@127.0.0.1:4318"
OFF = {
    "nothing": ({}, None),
    "empty": ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
    "disabled": ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_SDK_DISABLED": "TRUE"}, None),
    "no exporter": ({"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_TRACES_EXPORTER": "none"}, None),
    "other exporter": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_TRACES_EXPORTER": "zipkin"},
        "OTEL_TRACES_EXPORTER has no otlp",
    ),
    "gRPC": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        "set it to http/protobuf",
    ),
}


@pytest.mark.parametrize(("environment", "warning"), OFF.values(), ids=OFF)
def test_traces_are_off_unless_the_environment_asks(environment, warning, caplog):
    tracing = Tracing()

    tracing.start(environment)

    assert tracing.stages_of(SAMPLED) is None
    assert [warning in record.getMessage() for record in caplog.records] == ([True] if warning else [])


@pytest.mark.parametrize(
    ("environment", "warning"),
    [
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size must be a positive integer"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "127.0.0.1:4318"}, "is not a URL such as http://"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "user:s3cret@host:4318"}, "is not a URL such as http://"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1:4318"}, "Invalid IPv6 URL"),
    ],
)
def test_invalid_variable_is_one_warning(environment, warning, monkeypatch, caplog):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    tracing = Tracing()

    tracing.start({"OTEL_EXPORTER_OTLP_ENDPOINT": URL} | environment)

    assert tracing.stages_of(SAMPLED) is None
    (record,) = caplog.records
    assert warning in record.getMessage()
    assert SECRET not in record.getMessage()


def test_missing_extra_is_one_warning(tmp_path):
    """Check a gateway without OpenTelemetry: a package of its name, which cannot be imported, hides the real one."""
    hidden = tmp_path / "hidden" / "opentelemetry"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError")
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": URL,
        "PYTHONPATH": f"{hidden.parent}:{ROOT}",
        "GATEWAY_LOG": "json",
    }
    with serving(tmp_path, is_forked=False, **environment) as server:
        assert server.client.get("/-/status", headers=TRACED).status_code == 200
        log = logged(server)

    assert ["pip install '.[otel]'" in each["message"] for each in log if each["level"] == "warning"] == [
        True
    ]


# -- a real gateway, and a collector


def logged(server):
    complete, _, _ = server.log.read_text().rpartition("\n")
    return [json.loads(line) for line in complete.splitlines() if line.startswith("{")]


def post_and_get(server):
    """Send sampled and unsampled requests, and return the ids of the sampled traces."""
    traces = {}
    for number, (method, path, options) in enumerate(
        [("POST", "/orders", {"json": [{"n": 1}, {"n": 2}]}), ("GET", "/orders", {"params": {"n": "gt.1"}})]
    ):
        traces[method] = f"{number + 1:032x}"
        for flags, trace in (("01", traces[method]), ("00", f"{number + 100:032x}")):
            answer = server.client.request(
                method, path, headers={"traceparent": f"00-{trace}-{PARENT}-{flags}"}, **options
            )
            assert answer.is_success, answer.text
    return traces


def test_collector_receives_traces_at_the_latest_at_shutdown(tmp_path):
    environment = {
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "GATEWAY_LOG": "json",
    }
    with (
        collecting() as collector,
        serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **environment) as server,
    ):
        server.declare("orders", ORDERS)
        traces = post_and_get(server)
        before = list(collector.spans)
        assert server.stop() == 0
        posted, stages = collector.of_trace(traces["POST"])
        read, reading = collector.of_trace(traces["GET"])

    assert before == []
    assert {span.trace_id.hex() for span in collector.spans} == set(traces.values())
    assert set(collector.paths) == {"/v1/traces"}
    assert (collector.resource["service.name"], collector.resource["deployment.environment.name"]) == (
        "gateway",
        "test",
    )
    assert (posted.name, posted.parent_span_id.hex()) == ("POST /orders", PARENT)
    assert attributes_of(posted)["gateway.rows.stored"] == 2
    assert [stage.name for stage in stages] == ["body", "check", "queue", "commit"]
    assert (read.name, attributes_of(read)["gateway.rows.served"]) == ("GET /orders", 2)
    assert [stage.name for stage in reading] == ["parse", "cache", "queue", "read", "render"]
    for server_span, children in ((posted, stages), (read, reading)):
        assert server_span.start_time_unix_nano <= children[0].start_time_unix_nano
        assert children[-1].end_time_unix_nano <= server_span.end_time_unix_nano
    said = [each["message"] for each in logged(server) if each["logger"] == "gateway.server.tracing"]
    assert said == [f"traces of sampled requests are sent to {collector.url}"]


def test_running_gateway_sends_traces_under_its_name(tmp_path):
    with (
        collecting() as collector,
        serving(
            tmp_path,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.url}/own/traces",
            OTEL_SERVICE_NAME="shop",
            OTEL_BSP_SCHEDULE_DELAY="20",
        ) as server,
    ):
        server.client.get("/-/healthy", headers=TRACED)
        eventually(lambda: collector.spans, "no span arrived")

    assert collector.resource["service.name"] == "shop"
    assert collector.paths == ["/own/traces"]


def test_hanging_collector_holds_no_request_and_no_shutdown(tmp_path):
    environment = {
        "OTEL_BSP_SCHEDULE_DELAY": "1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "8",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
        "GATEWAY_GRACEFUL_TIMEOUT": "5",
        "GATEWAY_LOG": "json",
    }
    with (
        collecting() as collector,
        serving(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **environment) as server,
    ):
        collector.is_answering.clear()
        statuses = {server.client.get("/-/ready", headers=TRACED).status_code for _ in range(50)}
        code = server.stop()

    assert (statuses, code) == ({200}, 0)
    warnings = [each["message"] for each in logged(server) if each["logger"] == "gateway.server.spans"]
    assert warnings == [
        "the collector of traces: Queue full, dropping Span.",
        "the collector did not take the last traces within 0.5 seconds",
    ]


def test_refused_connection_is_one_warning_a_minute(tmp_path):
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.05",
        "OTEL_BSP_SCHEDULE_DELAY": "1",
        "GATEWAY_LOG": "json",
    }

    def attempts():
        return [each for each in logged(server) if each["logger"] == "gateway.server.spans"]

    with serving(tmp_path, **environment) as server:
        for _ in range(20):
            assert server.client.get("/-/ready", headers=TRACED).status_code == 200
            eventually(attempts)
        assert server.stop() == 0
        found = attempts()

    assert {each["level"] for each in found} == {"warning"}
    assert len({each["message"] for each in found}) == len(found)
