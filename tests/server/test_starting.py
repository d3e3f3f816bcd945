"""The start of a gateway: what keeps it from starting, and what it says to a person and to a program."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.settings import CLIENT_ENVIRONMENT, SETTINGS, Settings, unknown_variables
from gateway.store.files import lock
from tests.support.server import ROOT, Server, eventually, free_port, put

GOOD = "fields: {n: integer}\naccess: {read: [public]}\n"


def lines_of(server: Server) -> list[dict]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def refused(server: Server) -> str:
    """Start a gateway that cannot, and return the one line that says why."""
    server.start(wait=False)
    assert eventually(server.process.poll) == 1
    assert "Traceback" not in server.log.read_text()
    (error,) = (line for line in lines_of(server) if line["level"] in ("error", "critical"))
    return error["message"]


def test_address_in_use_is_one_line_error(own, tmp_path):
    port = own.url.rpartition(":")[2]
    second = Server(tmp_path / "second", GATEWAY_BIND=f"127.0.0.1:{port}")

    said = refused(second)

    assert said == (
        f"the gateway cannot start: it cannot listen at 127.0.0.1:{port}: another process listens there;"
        " stop it, or choose another address with --bind HOST:PORT"
    )
    assert not second.data.exists()


@pytest.mark.file_only("a lake has no file to lock")
def test_data_directory_in_use_is_one_line_error(own, tmp_path):
    (worker,) = own.workers()
    second = Server(tmp_path / "second", GATEWAY_DATA=str(own.data))

    said = refused(second)

    assert said == (
        f"the gateway cannot start: the data directory {own.data} is in use by process {worker};"
        " one process owns it: stop that one, or give this one its own --data"
    )
    assert own.client.get("/-/ready").status_code == 200


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1:8000", "it is not an address of this machine"),
        ("nowhere.invalid:8000", "the host 'nowhere.invalid' has no address"),
    ],
)
def test_address_of_another_machine_is_one_line_error(tmp_path, address, said):
    assert f"it cannot listen at {address}: {said}" in refused(Server(tmp_path, GATEWAY_BIND=address))


def test_delivered_directory_cannot_be_written(tmp_path):
    server = Server(tmp_path, GATEWAY_CONSOLE="write")
    (server.connectors / "..data").symlink_to("..2026_11_30")

    assert refused(server) == (
        f"the gateway cannot start: GATEWAY_CONSOLE=write, but {server.connectors} is a volume of Kubernetes:"
        " its next update would undo what is written there."
    )


def test_unreadable_tokens_file_is_one_line_error(tmp_path):
    said = refused(Server(tmp_path, GATEWAY_TOKENS="none.yaml"))

    assert said == (
        "the gateway cannot start: none.yaml: the tokens file cannot be read: No such file or directory; check the file that --tokens FILE or GATEWAY_TOKENS names"
    )


@contextlib.contextmanager
def left_behind(directory: Path) -> Iterator[None]:
    """Hold the lock of a data directory as a worker does whose arbiter was killed."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    directory.mkdir(parents=True)
    with (directory / lock.FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()} {gone.pid}")
        file.flush()
        yield


@pytest.mark.file_only("a lake has no file to lock")
def test_start_waits_for_the_previous_worker(tmp_path):
    server = Server(tmp_path)
    with left_behind(server.data):
        server.start(wait=False)
        eventually(lambda: "waiting for the process that owns" in server.tail())
    server.wait_ready()

    assert server.stop() == 0


@pytest.mark.file_only("a lake has no file to lock")
def test_waiting_start_obeys_sigterm(tmp_path):
    server = Server(tmp_path)
    with left_behind(server.data):
        server.start(wait=False)
        eventually(lambda: "waiting for the process that owns" in server.tail())
        server.stop(signal.SIGTERM)

    assert "it was told to stop while it waited" in server.tail()
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9000"),
        ("localhost", "localhost:8000"),
        (":9000", "0.0.0.0:9000"),
        ("[::1]:9000", "[::1]:9000"),
        ("unix:/run/gateway.sock", "unix:/run/gateway.sock"),
        ("9000", None),
        ("127.0.0.1:99999", None),
        ("127.0.0.1:http", None),
        ("http://127.0.0.1:9000", None),
        ("::1", None),
    ],
)
def test_bind_is_a_host_and_a_port(text, bind):
    if bind:
        assert Settings.read({"GATEWAY_BIND": text}).bind == bind
        return
    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--bind", text], cwd=ROOT, capture_output=True, text=True
    )

    assert ran.returncode == 64
    assert f"Invalid value for --bind: '{text}': " in ran.stderr
    assert "write HOST:PORT" in ran.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GATEWAY_MAXBODY", "did you mean GATEWAY_MAX_BODY?"),
        ("GATEWAY_TOKENS_FILE", "did you mean GATEWAY_TOKENS?"),
        ("GATEWAY_QQQQQQQQQQQQQQQQQQ", "`gateway docs settings` lists them"),
    ],
)
def test_unknown_variable_is_a_warning_with_a_guess(name, said):
    assert list(unknown_variables({name: "1"})) == [
        f"{name} is not a setting of the gateway and has no effect; {said}"
    ]


def test_known_and_kubernetes_variables_cause_no_warning():
    known = [*(setting.environment for setting in SETTINGS), *CLIENT_ENVIRONMENT]
    kubernetes = [
        "GATEWAY_SERVICE_HOST",
        "GATEWAY_SERVICE_PORT",
        "GATEWAY_SERVICE_PORT_HTTP",
        "GATEWAY_PORT",
        "GATEWAY_PORT_8000_TCP_ADDR",
    ]

    assert list(unknown_variables(dict.fromkeys([*known, *kubernetes, "HOME"], "1"))) == []


def test_unknown_variable_is_logged_at_start(tmp_path):
    server = Server(tmp_path, GATEWAY_MAXBODY="1").start()
    server.kill()

    warnings = [line["message"] for line in lines_of(server) if line["level"] == "warning"]
    assert [each for each in warnings if each.startswith("GATEWAY_")] == [
        "GATEWAY_MAXBODY is not a setting of the gateway and has no effect; did you mean GATEWAY_MAX_BODY?"
    ]


@contextlib.contextmanager
def terminal(directory: Path, *words: str) -> Iterator[tuple[subprocess.Popen, Callable[[], str]]]:
    """Run a gateway at a terminal, with what returns all that it has shown so far."""
    master, slave = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    os.set_blocking(master, False)
    shown = [""]

    def read() -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            shown[0] += os.read(master, 65536).decode().replace("\r\n", "\n")
        return shown[0]

    try:
        yield process, read
    finally:
        process.terminate()
        eventually(lambda: (read(), process.poll() is not None)[1])
        os.close(master)


@pytest.mark.parametrize("has_connector", [True, False])
def test_terminal_shows_a_working_first_request(tmp_path, has_connector):
    (tmp_path / "connectors.d").mkdir()
    if has_connector:
        put(tmp_path / "connectors.d/orders.yaml", GOOD)
    port = free_port()
    with terminal(tmp_path, "serve", "--bind", f"127.0.0.1:{port}") as (_, read):
        shown = eventually(lambda: "Try:" in read() and read().endswith("\n\n") and read())
        curl = re.search(r"Try:  (curl .*)", shown)[1]
        ran = subprocess.run(["bash", "-c", curl], cwd=tmp_path, capture_output=True, text=True)

    assert f"The gateway serves connectors.d at http://127.0.0.1:{port}\n" in shown
    assert "The admin token is in data/admin-token.\n" in shown
    assert f"The console is at http://127.0.0.1:{port}/-/console/\n" in shown
    assert ("There is no connector yet" in shown) != has_connector
    assert shown.rstrip().endswith(curl)
    assert not re.search(r'^{"time"', shown, re.MULTILINE), "a terminal has no use for JSON"
    assert isinstance(json.loads(ran.stdout), list if has_connector else dict), ran.stderr


@pytest.mark.parametrize(
    ("host", "way"),
    [
        ("0.0.0.0", "or gateway init makes one"),  # which may write no file
        ("127.0.0.1", "or the first connector that you make in the console creates it"),
    ],
)
def test_terminal_reports_a_missing_connectors_directory(tmp_path, host, way):
    with terminal(tmp_path, "serve", "--bind", f"{host}:{free_port()}") as (_, read):
        shown = eventually(lambda: "Try:" in read() and read())

    assert f"There is no directory connectors.d: say --connectors DIR, {way}." in shown


def test_terminal_without_browser_shows_the_link(tmp_path, monkeypatch):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "connectors.d").mkdir()
    with terminal(tmp_path, "serve", "--open", "--bind", f"127.0.0.1:{free_port()}") as (_, read):
        link = eventually(lambda: re.search(r"  (http://\S+code=\S+)\n", read()))[1]
        answer = httpx.get(link)

    assert "No browser could be opened, so open this link" in read()
    assert (answer.status_code, answer.headers["Location"]) == (303, "../-/console/")


def test_start_without_a_terminal_prints_only_json(own):
    assert "Try:" not in own.log.read_text()
    assert all(line.startswith("{") for line in own.log.read_text().splitlines())


def test_greeting_names_the_admin_of_tokens_file(tmp_path):
    (tmp_path / "connectors.d").mkdir()
    put(tmp_path / "tokens.yaml", f"admin: [sha256:{'0' * 64}]\n")
    with terminal(tmp_path, "serve", "--bind", f"127.0.0.1:{free_port()}", "--tokens", "tokens.yaml") as (
        _,
        read,
    ):
        shown = eventually(lambda: "Try:" in read() and read())

    assert "The admin token is the one of tokens.yaml." in shown
    assert "Bearer $GATEWAY_TOKEN" in shown


def test_piped_table_has_untruncated_values(own):
    path = "/" + "a-long-path-" * 16
    put(own.connectors / "orders.yaml", f"{GOOD}path: {path}\n")
    own.reload()
    environment = {**os.environ, "GATEWAY_URL": own.url, "GATEWAY_DATA": str(own.data), "COLUMNS": "80"}

    ran = subprocess.run(
        [sys.executable, "-m", "gateway", "ls"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    head, row = ran.stdout.splitlines()
    assert head.split()[:2] == ["NAME", "PATH"]
    assert row.split()[:2] == ["orders", path]
    assert row.split()[-1] == "live"
