"""What the process says: lines that machines read, that know their request, and that give nothing away."""

import asyncio
import io
import json
import logging
import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import duckdb
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import logs
from gateway.auth.tokens import make_token
from gateway.request_context import RequestContext, current, parse_traceparent
from gateway.server.access_log import log_access
from gateway.setting_values import LOG_FORMATS
from gateway.store.tables.small_inserts import SmallInserts
from gateway.threads import ContextThreadPool
from tests.endpoints.test_errors import raw
from tests.support.in_process import body, inside
from tests.support.server import Server, basic, eventually, serving

CONNECTOR = "fields: {n: integer, s: {type: string, nullable: true}}\naccess: {read: [public]}\n"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def lines(server: Server) -> list[dict]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def of(server: Server, request_id: str) -> list[dict]:
    """The lines of a request; the last of them is written after its answer."""

    def found():
        mine = [line for line in lines(server) if line.get("request_id") == request_id]
        return mine if any(line["logger"] == "gateway.access" for line in mine) else None

    return eventually(found)


def test_every_line_of_the_log_is_json(tmp_path):
    """Check all lines of a process, from the start to the stop, with a killed worker and requests of all kinds in between."""
    with serving(tmp_path) as server:
        server.declare("a", CONNECTOR)
        (server.connectors / "bad.yaml").write_text("fields: [")
        server.reload()
        raw(server, b"NOT HTTP\r\n\r\n")
        httpx.get(server.url + "/nothing")
        server.client.post("/a", content=b"{")
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: server.workers() not in ([], [worker]))
        server.wait_ready()
    written = lines(server)

    assert {"gunicorn.error", "gateway.access", "gateway.auth.credentials", "gateway.reload.outcomes"} <= {
        line["logger"] for line in written
    }
    for line in written:
        assert list(line)[:4] == ["time", "level", "logger", "message"]
        assert TIME.fullmatch(line["time"])
        assert line["level"] in ("debug", "info", "warning", "error", "critical")


def test_first_start_without_connectors_logs_no_error(tmp_path):
    server = Server(tmp_path)
    server.connectors.rmdir()
    server.start()
    server.kill()

    told = [line for line in lines(server) if line["logger"] == "gateway.reload.reload"]
    assert {line["level"] for line in lines(server)} <= {"info", "warning"}
    assert [line["message"] for line in told] == [
        f"there are no connectors: {server.connectors}: No such file or directory"
    ]


def test_request_is_logged_in_one_line_with_outcome(own):
    own.declare("a", CONNECTOR)
    rows = b'[{"n":1},{"n":2}]'

    posted = own.client.post("/a", content=rows, headers={"X-Request-Id": "first", "traceparent": TRACE})
    read = own.client.get("/a?n=eq.1", headers={"X-Request-Id": "second"})
    (first,), (second,) = of(own, "first"), of(own, "second")

    assert {name: value for name, value in first.items() if name not in ("time", "duration_ms")} == {
        "level": "info",
        "logger": "gateway.access",
        "message": "POST /a 201",
        "request_id": "first",
        "traceparent": TRACE,
        "method": "POST",
        "path": "/a",
        "status": 201,
        "bytes_in": len(rows),
        "bytes_out": len(posted.content),
        "batch": 1,
        "received": 2,
        "stored": 2,
        "rejected": 0,
        "token": "admin",
        "connector": "a",
        "remote": "127.0.0.1",
    }
    assert first["duration_ms"] > 0
    assert (second["path"], second["status"], second["bytes_out"]) == ("/a", 200, len(read.content))
    assert "traceparent" not in second
    assert own.client.post("/a", json={"n": "x"}, headers={"X-Request-Id": "third"}).status_code == 422
    (third,) = of(own, "third")
    assert third["code"] == "22P02"


@pytest.mark.parametrize(
    ("path", "shown", "connector"),
    [
        ("/-/connectors/{name}", "/-/connectors/{name}", True),
        ("/-/connectors/{name}/schema", "/-/connectors/{name}/schema", True),
        ("/-/connectors/marked", "/-/connectors/{{name}}", False),
        ("/-/marked", None, False),
        ("/marked/marked", None, False),
        ("/{name}/marked", None, False),
        ("/{name}", "/{name}", True),
        ("/{name}/", "/{name}", True),
        ("/-/ready", "/-/ready", False),
    ],
)
def test_unknown_parts_of_a_path_are_not_logged(server, name, path, shown, connector):
    """Check them, because the rest of a path may be a token or a value that was sent to the wrong path."""
    server.declare(name, CONNECTOR)
    request_id = f"{name}-path"

    server.client.get(path.format(name=name), headers={"X-Request-Id": request_id})

    (line,) = of(server, request_id)
    assert line.get("path") == (shown and shown.format(name=name))
    assert line.get("connector") == (name if connector else None)


# -- ids


@pytest.mark.parametrize(
    ("given_id", "is_kept"),
    [
        ("a", True),
        ("0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('a"b', False),
        ("a\tb", False),
        ("é", False),
    ],
)
def test_request_id_is_kept_if_valid_or_replaced(server, given_id, is_kept):
    answer = httpx.get(server.url + "/-/healthy", headers={b"X-Request-Id": given_id.encode()})

    assert (answer.headers["X-Request-Id"] == given_id) == is_kept
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"]) or is_kept


def test_every_answer_has_a_request_id(server, name):
    """Check also the answers to requests that are refused before they reach the application."""
    path = server.declare(name, CONNECTOR)
    known = b"X-Request-Id: below\r\n"
    refused = [
        raw(server, b"NOT HTTP AT ALL\r\n\r\n"),
        raw(server, b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"),
        raw(server, b"GET / HTTP/1.1\r\nConnection: close\r\n" + known + b"\r\n"),
        raw(server, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n" + known + b"\r\n"),
    ]
    answers = [
        httpx.request(method, server.url + where)
        for method in ("GET", "HEAD", "POST", "OPTIONS", "TRACE")
        for where in (path, "/nothing", "/-/status", "/-/healthy")
    ]

    assert [status for status, _, _ in refused] == [400, 414, 431, 400, 400]
    for status, sent, _ in refused:
        headers = httpx.Headers(sent)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert of(server, headers["X-Request-Id"])[-1]["status"] == status
    assert httpx.Headers(refused[3][1])["X-Request-Id"] == "below"
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)


TRACES = [
    (TRACE, TRACE),
    (f"cc{TRACE[2:]}", f"cc{TRACE[2:]}"),
    (f"cc{TRACE[2:]}-what-comes", f"cc{TRACE[2:]}"),
    (f"cc{TRACE[2:]}-what-comes,cc{TRACE[2:]}", None),
    (f"{TRACE}-what-comes", None),
    (f"ff{TRACE[2:]}", None),
    (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
    (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", None),
    (TRACE.upper(), None),
    (TRACE[:-1], None),
    (f"{TRACE}\n", None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("header", "understood"), TRACES)
def test_traceparent_is_parsed_only_if_valid(header, understood):
    assert parse_traceparent(header) == understood


def test_answer_repeats_a_valid_traceparent(server):
    good = httpx.get(server.url + "/nothing", headers={"traceparent": TRACE})
    bad = httpx.get(server.url + "/nothing", headers={"traceparent": f"{TRACE}x"})
    twice = [(name, value) for name, value in (("traceparent", TRACE), ("X-Request-Id", "a")) for _ in "12"]
    two = httpx.get(server.url + "/nothing", headers=twice)

    assert good.headers["traceparent"] == TRACE
    assert "traceparent" not in bad.headers
    assert "traceparent" not in two.headers
    assert re.fullmatch(r"[0-9a-f]{32}", two.headers["X-Request-Id"])


def test_cors_exposes_request_id_and_traceparent(tmp_path):
    with serving(tmp_path, GATEWAY_CORS="*") as server:
        answer = httpx.get(server.url + "/-/healthy", headers={"Origin": "https://app.example"})

    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Request-Id", "traceparent"} <= set(exposed)


def test_unexpected_error_is_logged_under_its_request_id(tmp_path, monkeypatch, caplog):
    """Check that it is logged once, without the message of the exception, which may have values."""

    def fail(*_):
        raise duckdb.ConstraintException("a row value: marked")

    with inside(tmp_path, {"c": CONNECTOR}) as gateway:
        monkeypatch.setattr(SmallInserts, "insert", fail)
        with caplog.at_level("INFO"):
            status, headers, text = gateway.request(
                "POST", "/c", body(b'{"n":1}'), headers={"traceparent": TRACE}
            )

    assert status == 500
    assert json.loads(text)["details"] == f"The id of the request is {headers['x-request-id']}"
    told = [
        record.getMessage() for record in caplog.records if record.name == "gateway.server.error_response"
    ]
    assert len(told) == 1, "logged once"
    assert headers["x-request-id"] in told[0]
    assert "ConstraintException" in told[0]
    assert "marked" not in caplog.text


def test_pool_thread_knows_the_request_it_serves():
    with ContextThreadPool(1) as threads, ThreadPoolExecutor(1) as others:
        with RequestContext("mine"):
            inside_, outside = threads.submit(current.get), others.submit(current.get, None)
        after = threads.submit(current.get, None)

        assert (inside_.result().request_id, outside.result(), after.result()) == ("mine", None, None)


# -- nothing secret


def put_marks_among_rows_that_are_kept_and_changed(ask):
    for method in ("PUT", "PATCH", "DELETE"):
        for query in ("", "?s=eq.marked", "?k=eq.marked", "?marked=eq.1"):
            ask(method, f"/kept{query}", json=[{"k": "marked", "s": "marked"}])
    for content in (
        [{"k": "marked"}, {"k": "marked"}],
        [{"k": "k", "n": "marked"}],
        {"k": "k", "s": "marked"},
        {"k": "k", "n": 1},
    ):
        ask("POST", "/kept", json=content)
    for verb in ("summary", "replay", "discard"):
        for query in ("", "?field=eq.marked", "?marked=eq.marked"):
            ask("GET", f"/-/connectors/kept/rejected/{verb}{query}")
            ask(
                "POST",
                f"/-/connectors/kept/rejected/{verb}{query}",
                json={"reason": "marked", "rows": [{"n": "marked"}]},
            )


def test_log_has_no_secret_and_no_row_value(tmp_path):
    """Check a marked value in every place where a client can put one, except the ids that are there to be logged."""
    secret, line = make_token("etl")
    expired = "gw_expiredmarked"
    (tmp_path / "tokens.yaml").write_text(line)
    mark = "marked"
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.declare("a", CONNECTOR)
        server.declare("d", "fields: {m: date}\n")
        server.declare(
            "kept",
            "fields: {k: string, n: {type: integer, nullable: true}}\nprimary_key: [k]\non_invalid: keep\n"
            "access: {change: [etl]}\n",
        )
        ask = server.client.request
        headers = {
            "Idempotency-Key": mark,
            "Cookie": mark,
            "User-Agent": mark,
            "Referer": f"http://x/{mark}",
            "Prefer": mark,
            "X-Marked": mark,
            "X-Forwarded-For": mark,
            "X-Request-Id": f"{mark} no id",
            "traceparent": mark,
            "Accept": mark,
            "Content-Type": mark,
            "Content-Encoding": mark,
        }
        for name, value in headers.items():
            ask("POST", "/a", content=b'{"n":1}', headers={name: value})
            ask("GET", "/a", headers={name: value})
        for content in (
            b'{"n":"marked"}',
            b'{"n":1,"s":"marked"}',
            b'{"n":1,"marked":1}',
            b'{"n":"marked"',
            b"n,s\n1,marked\nmarked,1\n",
            b'{"n":1}\n{"marked"\n',
            b"marked",
        ):
            for kind in ("application/json", "application/x-ndjson", "text/csv"):
                ask("POST", "/a", content=content, headers={"Content-Type": kind})
        ask("POST", "/d", json=[{"m": "2026-01-01"}, {"m": mark}])
        for query in (
            "s=eq.marked",
            "marked=eq.1",
            "n=marked",
            "select=marked",
            "s=match.(marked",
            "cursor=marked",
        ):
            ask("GET", f"/a?{query}")
            ask("POST", f"/a?{query}", content=b'{"n":1}')
            ask("GET", f"/-/connectors/a/batches?limit=marked&{query}")
        for method in ("GET", "POST", "DELETE", "MARKED"):
            for path in ("/marked", "/a/marked", "/-/marked", "/-/connectors/marked/purge", "/a?marked"):
                ask(method, path)
        put_marks_among_rows_that_are_kept_and_changed(ask)
        ask("POST", "/-/plan", json={"files": {"x.yaml": "fields: {n: marked}"}})
        ask("POST", "/-/connectors/a/copy", json={"to": mark})
        for token in (secret, f"{secret}{mark}", mark, expired):
            for value in (f"Bearer {token}", token, f"Basic {token}", basic(f"a:{token}"), basic(token)):
                httpx.get(server.url + "/a", headers={"Authorization": value})
        raw(server, b"marked marked marked\r\n\r\n")
        raw(server, b"GET /marked HTTP/1.1\r\nHost: marked/\r\nConnection: close\r\n\r\n")
        raw(server, b"GET http://marked:marked@x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nmarked marked\r\n\r\n")
        admin = server.admin["Authorization"].removeprefix("Bearer ")
    log = server.log.read_text()

    hidden = [secret, admin, basic(f"a:{secret}").split()[1][:20], basic(secret).split()[1][:20]]
    found = [
        line for line in log.splitlines() if mark in line.lower() or any(each in line for each in hidden)
    ]
    assert found == []
    assert len(log.splitlines()) > 100


# -- lines stay lines


@given(
    text=st.text(st.characters(exclude_categories=())),
    value=st.text(st.characters(exclude_categories=())),
    form=st.sampled_from(LOG_FORMATS),
)
def test_logged_text_never_breaks_its_line(text, value, form):
    record = logging.LogRecord("gateway.x", logging.INFO, __file__, 1, "%s", (text,), None)
    record.fields = {"path": value}

    line = logs.formatter(form).format(record)

    line.encode()
    if form == "json":
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["message"] == text
        assert json.loads(line).get("path") == value
    else:
        first, *others = line.split("\n")
        assert TIME.match(first)
        assert all(each.startswith("    ") for each in others)
        assert all(each.isprintable() for each in line.split("\n"))


def test_log_keeps_order_of_buffered_lines():
    """Check that lines of requests are written once for each turn of the event loop, and other lines, such as the reason of an exit, at once."""
    written = []
    handler = logs.BufferedHandler()
    handler.stream = type(
        "Stream", (), {"write": lambda _, text: written.append(text), "flush": lambda _: None}
    )()
    names = ["gateway.access", "gateway.access", "gateway.store", "gateway.access", "gateway.access"]

    async def log():
        for number, name in enumerate(names):
            handler.handle(logging.LogRecord(name, logging.INFO, __file__, 1, "%d", (number,), None))
        in_turn = "".join(written)
        await asyncio.sleep(0)
        return in_turn

    assert asyncio.run(log()) == "0\n1\n2\n"
    assert "".join(written) == "0\n1\n2\n3\n4\n"
    assert written[-1] == "3\n4\n"
    handler.handle(logging.LogRecord("gateway.access", logging.INFO, __file__, 1, "outside", (), None))
    assert written[-1] == "outside\n"


def test_any_handler_can_write_the_access_log():
    """Check that records have the attributes that a format of another handler may use."""
    form = "%(levelname)s %(name)s %(filename)s %(lineno)d %(threadName)s %(process)s %(asctime)s %(message)s"
    logger, stream = logging.getLogger(logs.ACCESS), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(form))
    level = logger.level
    logger.addHandler(handler)
    try:
        for level_now in (logging.WARNING, logging.INFO):
            logger.setLevel(level_now)
            log_access(RequestContext("id", path=f"/100%{level_now}"), "GET", 200, {})
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)

    (line,) = stream.getvalue().splitlines()
    assert line.startswith("INFO gateway.access ")
    assert line.endswith(" GET /100%20 200")


def test_logged_exception_shows_its_place_without_message():
    try:
        int("marked")
    except ValueError as error:
        record = logging.LogRecord(
            "asyncio", logging.ERROR, __file__, 1, "it failed", (), (ValueError, error, error.__traceback__)
        )

    for form in LOG_FORMATS:
        line = logs.formatter(form).format(record)
        assert "ValueError" in line
        assert "test_logs.py" in line
        assert "marked" not in line


def test_text_format_logs_no_json(tmp_path):
    with serving(tmp_path, GATEWAY_LOG="text") as server:
        server.client.get("/-/healthy", headers={"X-Request-Id": "mine"})
        eventually(lambda: "request_id=mine" in server.log.read_text())
    text = server.log.read_text()

    assert re.search(
        rf"^{TIME.pattern} info gateway\.access: GET /-/healthy 200 .*request_id=mine", text, re.MULTILINE
    )
    assert re.search(rf"^{TIME.pattern} info gunicorn\.error: ", text, re.MULTILINE)
    assert all(TIME.match(line) or line.startswith("    ") for line in text.splitlines())


def test_answer_cut_by_its_client_is_logged_incomplete(own):
    own.declare("a", CONNECTOR)
    rows = b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 90) for n in range(100_000))
    own.client.post("/a", content=rows, headers={"Content-Type": "application/x-ndjson"})
    host, port = own.url.removeprefix("http://").split(":")

    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\n\r\n")
        connection.recv(1000)

    (line,) = [each for each in of(own, "left") if each["logger"] == "gateway.access"]
    assert (line["status"], line["complete"]) == (200, False)
    assert line["bytes_out"] < len(rows)
