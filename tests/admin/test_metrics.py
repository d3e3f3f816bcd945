"""`/-/metrics`: the formats, who may read it, what it counts, and how many series it has."""

import subprocess
import threading
from http import HTTPMethod
from types import SimpleNamespace

import duckdb
import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics

from gateway.admin.metric_table import METRICS
from gateway.admin.stored_figures import FRESH_SECONDS, StoredFigures
from gateway.errors import Code, GatewayError
from gateway.metrics import Histogram
from tests.support.connections import connect
from tests.support.in_process import body, inside
from tests.support.scrape import Scrape, parsed, scrape
from tests.support.server import eventually, put, serving
from tests.support.tested_store import IS_LAKE, commit_of

FIELDS = "fields: {n: integer}\non_invalid: on_request\naccess: {read: [public], change: [admin]}\n"


@pytest.fixture(scope="session")
def watched(tmp_path_factory):
    """A gateway with one connector, whose numbers only the tests of this module change."""
    with serving(tmp_path_factory.mktemp("metrics")) as server:
        server.declare("counted", FIELDS)
        yield server


# -- formats and access


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/json", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text; version=x",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            # What Prometheus 2.42 sends.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
            ),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.1", "text/plain; version=0.0.4; charset=utf-8"),
        (";;;", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_accept_chooses_the_text_format(watched, accept, content_type):
    answer = watched.client.get("/-/metrics", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    if content_type.startswith("application/"):
        assert answer.text.endswith("# EOF\n")
        assert len(list(openmetrics.text_string_to_metric_families(answer.text))) >= len(
            [each for each in METRICS if not each.is_of_lake]
        )


def test_promtool_finds_no_fault_in_metrics(watched):
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape(watched).text, capture_output=True, text=True
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Bearer wrong", 401)], ids=["nobody", "unknown"]
)
def test_metrics_need_a_token(watched, authorization, status):
    headers = {"Authorization": authorization} if authorization else {}

    assert httpx.get(watched.url + "/-/metrics", headers=headers).status_code == status


def test_open_metrics_need_no_token(tmp_path):
    with serving(tmp_path, GATEWAY_METRICS="open") as server:
        assert httpx.get(server.url + "/-/metrics").status_code == 200
        assert httpx.get(server.url + "/-/status").status_code == 401


# -- what it counts


def test_every_metric_of_the_table_has_samples(watched):
    for method, rows in (("POST", {"n": 1}), ("POST", {"n": "x"}), ("DELETE", None)):
        watched.client.request(method, "/counted" + "?n=eq.1" * (method == "DELETE"), json=rows)
    found = scrape(watched).names

    for metric in METRICS:
        if metric.is_of_lake:
            assert IS_LAKE or metric.name not in scrape(watched).text
            continue
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        assert name in found, name


def test_counters_of_reads_follow_the_requests(watched):
    watched.client.post("/counted", json={"n": 1})
    before = scrape(watched)

    for _ in range(4):
        assert watched.client.get("/counted?n=eq.1&order=_id").status_code == 200

    after = scrape(watched)
    assert difference(before, after, "gateway_cache_misses_total") == 1
    assert difference(before, after, "gateway_cache_hits_total") == 1
    assert difference(before, after, "gateway_repeats_total") == 2
    assert difference(before, after, "gateway_reader_wait_seconds_count") >= 1
    assert after.value("gateway_cache_bytes") > before.value("gateway_cache_bytes")
    assert after.value("gateway_readers") == 0


def test_requests_and_rows_count_what_was_sent(watched):
    path = watched.declare("sums", FIELDS)
    before = scrape(watched)
    requests = [
        (201, "POST", [{"n": 1}, {"n": 2}], {}),
        (207, "POST", [{"n": 3}, {"n": "x"}], {"Prefer": "handling=lenient"}),
        (422, "POST", [{"n": "x"}, {"n": 4}, {"n": 5}], {}),
        (200, "GET", None, {}),
        (200, "GET", None, {}),
        (204, "DELETE", None, {}),
    ]
    received, code = 0, ""
    for status, method, rows, headers in requests:
        query = "?n=eq.1" if method == "DELETE" else ""
        answer = watched.client.request(method, path + query, json=rows, headers=headers)
        assert answer.status_code == status, answer.text
        received += len(answer.request.content)
        code = answer.json()["code"] if status == 422 else code

    after = scrape(watched)

    def grown(name, **labels):
        return after.value(name, connector="sums", **labels) - before.samples.get(
            (name, frozenset({"connector": "sums", **labels}.items())), 0
        )

    assert grown("gateway_rows_received_total") == 7
    assert grown("gateway_rows_stored_total") == 3
    assert grown("gateway_rows_rejected_total") == 1
    assert grown("gateway_rows_refused_total") == 3
    assert grown("gateway_rows_served_total") == 6
    assert grown("gateway_rows_deleted_total", action="delete") == 1
    assert (
        grown("gateway_batches_total", action="post"),
        grown("gateway_batches_total", action="delete"),
    ) == (2, 1)
    assert grown("gateway_batches_refused_total", code=code) == 1
    assert grown("gateway_http_received_bytes_total") == received
    for status, method, count in [
        ("201", "POST", 1),
        ("422", "POST", 1),
        ("200", "GET", 2),
        ("204", "DELETE", 1),
    ]:
        assert grown("gateway_http_requests_total", method=method, code=status) == count
    name = "gateway_http_request_duration_seconds_count"
    durations = [
        difference(before, after, name, operation=each) for each in ("write", "read", "change", "console")
    ]
    assert durations == [3, 2, 1, 0]
    in_flight = after.find("gateway_http_requests_in_flight")
    assert in_flight == {("read",): 0, ("write",): 0, ("change",): 0, ("operate",): 1, ("console",): 0}


def test_counters_of_scrapes_never_fall(watched):
    seen = scrape(watched)
    for number in range(5):
        watched.client.post("/counted", json={"n": number})
        watched.client.get("/counted")
        (watched.connectors / "passing.yaml").unlink(missing_ok=True)
        if number % 2:
            put(watched.connectors / "passing.yaml", FIELDS)
        watched.reload()
        after = scrape(watched)
        counters = {metric.name for metric in METRICS if metric.kind == "counter"}
        fallen = [
            key
            for key, value in seen.samples.items()
            if key[0] in counters and after.samples.get(key, value) < value
        ]
        assert fallen == []
        seen = after
    (watched.connectors / "passing.yaml").unlink(missing_ok=True)
    watched.reload()


def test_commits_count_batches_and_not_refused_ones(watched):
    before = scrape(watched)

    assert watched.client.post("/counted", json=[{"n": 1}, {"n": 2}]).status_code == 201
    assert watched.client.post("/counted", json={"n": "no number"}).status_code == 422

    after = scrape(watched)
    assert difference(before, after, "gateway_commit_batches_sum") == 1
    assert difference(before, after, "gateway_commit_duration_seconds_count") == 1
    assert difference(before, after, "gateway_commits_failed_total") == 0
    assert (after.value("gateway_queue_bytes"), after.value("gateway_queue_oldest_seconds")) == (0, 0)


def test_last_batch_is_one_that_clients_sent(watched):
    """A DELETE is no sign that rows arrive, and a restart keeps the time."""
    watched.declare("sent", FIELDS)
    name = "gateway_connector_last_batch_timestamp_seconds"
    assert scrape(watched).find(name, connector="sent") == {}

    assert watched.client.post("/sent", json={"n": 1}).status_code == 201
    sent = scrape(watched).value(name, connector="sent")
    assert watched.client.delete("/sent?n=eq.1").status_code == 204
    assert scrape(watched).value(name, connector="sent") == sent
    watched.stop()
    watched.start()

    assert scrape(watched).value(name, connector="sent") == sent


def test_rows_are_those_of_the_first_scrape(own):
    own.declare("counted", FIELDS)
    keep = {"Prefer": "handling=lenient"}
    answer = own.client.post("/counted", json=[{"n": 1}, {"n": 2}, {"n": "x"}], headers=keep)
    assert answer.status_code == 207, answer.text

    found = scrape(own)

    assert found.value("gateway_connector_rows", connector="counted") == 2
    rejected = found.find("gateway_connector_rejected_rows", connector="counted")
    assert rejected == {("kept",): 1, ("replayed",): 0, ("discarded",): 0}
    assert (found.value("gateway_duckdb_file_bytes") > 0) is not IS_LAKE
    assert 0 < found.value("gateway_duckdb_memory_bytes") < found.value("gateway_duckdb_memory_limit_bytes")


def test_unknown_tokens_are_counted(watched):
    before = scrape(watched)

    for _ in range(3):
        assert httpx.get(watched.url + "/counted", headers={"Authorization": "Bearer x"}).status_code == 401

    assert difference(before, scrape(watched), "gateway_token_failures_total") == 3


def test_refused_file_is_a_state_and_a_warning(watched):
    before = scrape(watched)
    put(watched.connectors / "broken.yaml", "fields: [")
    watched.reload()
    found = scrape(watched)

    assert found.value("gateway_connector_state", connector="", file="broken.yaml", state="refused") == 1
    assert found.value("gateway_connector_state", connector="", file="broken.yaml", state="live") == 0
    assert found.value("gateway_findings", level="error") >= 1
    assert difference(before, found, "gateway_reloads_total", result="refused") >= 1
    assert found.value("gateway_reload_last_successful") == 1
    assert (
        '"level":"warning","logger":"gateway.reload.outcomes","message":"broken.yaml: refused"'
        in watched.tail()
    )
    (watched.connectors / "broken.yaml").unlink()
    watched.reload()
    assert scrape(watched).find("gateway_connector_state", file="broken.yaml") == {}


def test_findings_are_those_of_the_status(own):
    own.declare("named", FIELDS.replace("[admin]", "[etl, ops]"))
    put(own.connectors / "broken.yaml", "fields: {n: intege, m: strin}")
    put(own.connectors / "named.yaml.bak", "")
    own.reload()

    status, found = own.client.get("/-/status").json(), scrape(own)
    findings = [*status["passed_over"], *status["tokens"]]
    findings += (finding for file in status["files"] for finding in file["findings"])
    for level, least in (("error", 2), ("warning", 3)):
        told = [finding for finding in findings if finding["level"] == level]
        assert found.value("gateway_findings", level=level) == len(told) >= least


def test_unreadable_directory_is_a_failed_reload(own):
    own.declare("counted", FIELDS)
    own.connectors.rename(own.connectors.with_name("elsewhere"))

    eventually(lambda: scrape(own).value("gateway_reload_last_successful") == 0)

    found = scrape(own)
    assert found.value("gateway_reloads_total", result="failed") >= 1
    assert found.value("gateway_connector_state", connector="counted", file="counted.yaml", state="live") == 1


def test_malformed_requests_count_without_a_method(watched):
    before = scrape(watched).samples.get(MALFORMED, 0)

    for text in (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"nonsense\r\n\r\n"):
        with connect(watched) as connection:
            connection.sendall(text)
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    watched.client.request("NONSENSE", "/unknown")

    assert scrape(watched).samples[MALFORMED] - before == 3


MALFORMED = (
    "gateway_http_requests_total",
    frozenset({"connector": "", "method": "", "code": "400"}.items()),
)


# -- faults and queues, inside the test's process


def scrape_inside(gateway) -> Scrape:
    status, _, text = gateway.request("GET", "/-/metrics")
    assert status == 200
    return parsed(text.decode())


def test_waiting_writes_are_counted(tmp_path):
    gate = threading.Event()
    with inside(tmp_path, {"c": FIELDS}) as gateway:
        writer = gateway.gateway.services.storage.writer
        running, waiting = writer.run(lambda store: gate.wait()), writer.run(lambda store: None)
        with writer.reserve(1000, "c"):
            eventually(lambda: scrape_inside(gateway).value("gateway_queue_batches") == 1)
            found = scrape_inside(gateway)
        gate.set()
        running.result(), waiting.result()
        after = scrape_inside(gateway)

    assert (found.value("gateway_queue_bytes"), found.value("gateway_queue_limit_bytes")) == (1000, 2**28)
    assert found.value("gateway_queue_oldest_seconds") > 0
    names = ("gateway_queue_batches", "gateway_queue_bytes", "gateway_queue_oldest_seconds")
    assert [after.value(name) for name in names] == [0, 0, 0]


def test_failed_commit_is_counted_once(tmp_path, monkeypatch):
    def fail(*_):
        raise duckdb.IOException("Could not write")

    with inside(tmp_path, {"c": FIELDS}) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr(*commit_of(gateway.store._database), fail)
            assert gateway.request("POST", "/c", body(b'{"n":1}'), headers=JSON)[0] == 503
        assert gateway.request("POST", "/c", body(b'{"n":1}'), headers=JSON)[0] == 201
        found = scrape_inside(gateway)

    assert found.value("gateway_commits_failed_total") == 1
    assert found.value("gateway_commit_duration_seconds_count") == 1
    assert found.value("gateway_rows_stored_total", connector="c") == 1


def test_query_at_its_timeout_is_counted(tmp_path):
    rows = b"\n".join(b'{"n":%d}' % (n * 7919 % 100_000) for n in range(100_000))
    with inside(tmp_path, {"c": FIELDS}, GATEWAY_QUERY_TIMEOUT="0.001") as gateway:
        headers = {"content-type": "application/x-ndjson"}
        assert gateway.request("POST", "/c", body(rows), headers=headers)[0] == 201
        assert gateway.request("GET", "/c", query="order=n.desc")[0] == 504

        assert scrape_inside(gateway).value("gateway_query_timeouts_total") == 1


JSON = {"content-type": "application/json"}


# -- how many series it has


def test_removed_connector_takes_its_series_along(watched):
    watched.declare("passing", FIELDS)
    watched.client.post("/passing", json={"n": 1})
    assert 'connector="passing"' in scrape(watched).text

    (watched.connectors / "passing.yaml").unlink()
    watched.reload()

    assert "passing" not in scrape(watched).text


def test_strange_requests_add_no_series(watched):
    """Labels come from the live snapshot and from fixed lists, never from a request."""

    def ask_strangely(numbers):
        for number in numbers:
            watched.client.get(f"/unknown/{number}")
            watched.client.get(f"/-/unknown/{number}")
            watched.client.get(f"/-/connectors/unknown{number}")
            watched.client.get("/counted", headers={"Host": f"host{number}.example"})
            watched.client.get("/counted", headers={"Authorization": f"Bearer gw_{number}"})
            for path in ("/counted", "/unknown", "/-/status"):
                watched.client.request(f"GARBAGE{number}", path)
        return set(scrape(watched).samples)

    scrape(watched)
    before = ask_strangely(range(1))

    assert ask_strangely(range(1, 30)) == before
    methods = {dict(labels).get("method") for _, labels in before}
    assert methods - {None} <= {"", *HTTPMethod.__members__}


# -- the parts


def test_histogram_counts_by_upper_bound():
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 7):
        histogram.observe(value)

    assert histogram.read() == ((1, 2), [2, 4, 5], 12)


def test_stored_figures_are_queried_once_in_a_while():
    """A store that cannot be read keeps the figures of the last query."""
    now, answers = [0.0], [{"a": 1}, {"a": 2}, GatewayError(Code.NOT_READY), {"a": 3}]

    def counts(connectors):
        answer = answers.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    reader = SimpleNamespace(counts=counts, usage=lambda: None, rejected=SimpleNamespace(all_states=dict))
    figures = StoredFigures(reader, lambda: now[0])
    seen = []
    for moment in (0, 1, FRESH_SECONDS, 2 * FRESH_SECONDS, 2 * FRESH_SECONDS + 1):
        now[0] = moment
        seen.append(figures.read([]).rows["a"])

    assert seen == [1, 1, 2, 2, 3]


def difference(before: Scrape, after: Scrape, name: str, **labels: str) -> float:
    """Return how much a counter has grown."""
    return after.value(name, **labels) - before.value(name, **labels)
