"""`gateway status`: what a probe or a CI job learns from its exit code and its output."""

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from gateway.auth.tokens import make_token
from tests.commands.test_verbs import ORDERS, gateway
from tests.support.server import Server, eventually, put, serving


def summary(server: Server) -> tuple[int, str]:
    ran = gateway(server, "status")
    assert ran.stderr == ""
    return ran.returncode, ran.stdout.splitlines()[-1]


def test_status_of_valid_files_is_well(cleared):
    cleared.declare("orders", ORDERS)

    ran = gateway(cleared, "status")

    assert (ran.returncode, ran.stderr) == (0, "")
    head, *files, disk, verdict = ran.stdout.splitlines()
    assert [line.split() for line in (head, *files)] == [
        ["FILE", "STATE", "PATH"],
        ["kept.yaml", "live", "/kept"],
        ["orders.yaml", "live", "/orders"],
    ]
    assert disk.startswith("disk: ")
    assert verdict == "all is well"


def test_refused_file_and_older_version_fail(cleared):
    cleared.declare("orders", ORDERS)
    put(cleared.connectors / "orders.yaml", "fields: [")
    put(cleared.connectors / "bad.yaml", "fields: {n: intege}")
    cleared.reload()

    ran = gateway(cleared, "status")

    assert ran.returncode == 1
    assert ran.stdout.endswith("not all is well: 1 file refused; 1 file served as an older version\n")
    assert f"error GW505 {cleared.connectors}/bad.yaml:1:13: " in ran.stdout
    told = json.loads(gateway(cleared, "status", "--json").stdout)
    assert told["ok"] is False
    assert told["problems"] == ["1 file refused", "1 file served as an older version"]
    assert {file["file"]: file["state"] for file in told["files"]} == {
        "bad.yaml": "refused",
        "kept.yaml": "live",
        "orders.yaml": "last good",
    }
    again = json.loads(gateway(cleared, "status", "--format", "json").stdout)
    # The free bytes of the disk change from one moment to the next.
    assert again | {"disk": None} == told | {"disk": None}


def test_removed_connectors_and_warnings_are_well(cleared):
    cleared.declare("orders", ORDERS)
    (cleared.connectors / "orders.yaml").unlink()
    put(cleared.connectors / "kept.yaml.bak", "")
    cleared.reload()

    ran = gateway(cleared, "status")

    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "all is well")
    assert "orders.yaml  removed  /orders" in ran.stdout
    assert f" {cleared.connectors}/kept.yaml.bak: the file 'kept.yaml.bak' is not read" in ran.stdout


@pytest.fixture
def with_tokens(tmp_path):
    secret, line = make_token("auditor", datetime.now(UTC) + timedelta(days=3), views=True)
    put(tmp_path / "tokens.yaml", line)
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.declare("orders", ORDERS)
        yield server, tmp_path / "tokens.yaml", secret


def test_problems_outside_of_connector_files_fail(with_tokens):
    """Check that a token that expires is a warning, and an invalid tokens file and a missing directory are not."""
    server, tokens, secret = with_tokens

    ran = gateway(server, "status", environment={"GATEWAY_TOKEN": secret})
    assert (ran.returncode, "the token 'auditor' expires on" in ran.stdout) == (0, True)

    put(tokens, "auditor: [nonsense]")
    server.reload()
    assert summary(server) == (
        1,
        "not all is well: the tokens file has an error, so the tokens stay as they were",
    )

    server.connectors.rename(server.connectors.with_name("elsewhere"))
    eventually(lambda: server.client.get("/-/status").json()["source"]["problem"])
    assert summary(server)[1].startswith("not all is well: the directory cannot be read: ")


def test_full_disk_fails_the_status(tmp_path):
    with serving(tmp_path, GATEWAY_DISK_RESERVE="1000000G") as server:
        server.wait_ready()
        assert summary(server) == (1, "not all is well: the disk is full, so writes are refused")


def test_gateway_that_is_not_there_fails(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    ran = gateway(Server(tmp_path), "status", "--url", f"http://127.0.0.1:{port}")

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no gateway answers at" in ran.stderr
