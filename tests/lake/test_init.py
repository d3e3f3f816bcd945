"""`gateway lake init` makes a lake, and a start refuses one whose gate does not hold."""

import os
import subprocess

import pytest

from tests.support.forked import ROOT
from tests.support.lake.gateways import gateway_lake, lake_settings, serving_lake, verb_of_lake
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import PASSWORD
from tests.support.server import DEADLINE, Server

#: What breaks the gate, and what the message of a start says about it.
BROKEN = {
    "no trigger": (
        "DROP TRIGGER gw_committed ON ducklake_snapshot_changes",
        "trigger gw_committed is missing",
    ),
    "disabled trigger": (
        "ALTER TABLE ducklake_snapshot_changes DISABLE TRIGGER gw_committed",
        "trigger gw_committed is missing or disabled",
    ),
    "other function": (
        "CREATE OR REPLACE FUNCTION gw.record(x jsonb, new_snapshot bigint) RETURNS void LANGUAGE sql AS ''",
        "functions of the trigger are not those of this gateway",
    ),
    "gate behind": ("UPDATE gw.gate SET snapshot = snapshot - 1", "the gate is at snapshot"),
    "other format": ("UPDATE gw.store SET format = 99", "have the format 99"),
}


@pytest.fixture
def settings(postgres, tmp_path):
    """The settings of a lake that is not made."""
    return lake_settings(postgres.database(), tmp_path / "lake")


def refusal(directory, settings) -> str:
    """The log of a gateway that cannot start."""
    server = Server(directory, python=PYTHON, **settings)
    server.start(wait=False)
    assert server.process.wait(DEADLINE) != 0
    return server.log.read_text()


def test_init_says_what_it_did(settings, tmp_path):
    first = gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path))
    again = gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path))

    assert "side tables, trigger, and indexes in the schema gw\n" in first
    assert "the gate was tried by a commit" in first
    assert "made again" in again
    assert PASSWORD not in first + again


@pytest.mark.parametrize("statement", BROKEN)
def test_start_refuses_broken_gate(postgres, settings, tmp_path, statement):
    sql, message = BROKEN[statement]
    gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path / "init"))
    postgres.ask(settings["GATEWAY_LAKE_CATALOG"], sql)

    log = refusal(tmp_path / "g", settings)

    assert message in log
    assert ("gateway lake init" in log) == (statement != "other format")
    assert PASSWORD not in log


def test_init_mends_broken_gate(postgres, settings, tmp_path):
    with serving_lake(tmp_path / "g", **settings) as server:
        path = server.declare("c", "fields: {id: integer}\n")
        server.client.post(path, json=[{"id": 1}]).raise_for_status()
        server.stop()
        for broken in ("no trigger", "other function", "gate behind"):
            postgres.ask(settings["GATEWAY_LAKE_CATALOG"], BROKEN[broken][0])
        gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path / "init"))
        server.start()

        server.client.post(path, json=[{"id": 2}]).raise_for_status()
        assert [each["id"] for each in server.client.get(path).json()] == [1, 2]


def test_start_needs_a_made_lake(settings, tmp_path):
    log = refusal(tmp_path, settings)

    assert "there is no lake in postgresql://127.0.0.1:" in log
    assert "gateway lake init makes it" in log
    assert PASSWORD not in log


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"GATEWAY_LAKE_CATALOG": ""}, "a lake needs GATEWAY_LAKE_CATALOG"),
        ({"GATEWAY_LAKE_DATA": ""}, "a lake needs GATEWAY_LAKE_DATA"),
        ({"GATEWAY_LAKE_DATA": "s3://lake/x"}, "need GATEWAY_LAKE_S3_KEY_ID and GATEWAY_LAKE_S3_SECRET"),
        (
            {"GATEWAY_LAKE_CATALOG": "mysql://u:catalog-password@h/d"},
            "GATEWAY_LAKE_CATALOG=…: write postgresql://",
        ),
        (
            {"GATEWAY_LAKE_CATALOG": "postgresql://u:catalog-password@127.0.0.1:1/d"},
            "postgresql://127.0.0.1:1/d cannot be used",
        ),
        ({"GATEWAY_LAKE_DATA": "/tmp/lakes[1]"}, "may not have '[' in its path"),
        ({"GATEWAY_LAKE_CATALOG_FILE": "/nowhere"}, "GATEWAY_LAKE_CATALOG_FILE='/nowhere' cannot be read"),
    ],
)
def test_bad_settings_are_named(settings, tmp_path, changes, message):
    done = verb_of_lake("lake", "init", **(settings | {"GATEWAY_DATA": str(tmp_path)} | changes))

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stderr


def test_secret_is_read_from_file(settings, tmp_path):
    url = settings.pop("GATEWAY_LAKE_CATALOG")
    (tmp_path / "catalog").write_text(f"{url}\n")

    gateway_lake(
        "init", **settings, GATEWAY_LAKE_CATALOG_FILE=str(tmp_path / "catalog"), GATEWAY_DATA=str(tmp_path)
    )


def test_strange_writer_is_refused(settings, tmp_path, postgres):
    """A program that knows nothing of the gate commits nothing."""
    gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path))
    program = (
        "import sys, duckdb, pathlib\n"
        "from gateway.store.lake.attach import open_lake\n"
        "from gateway.store.lake.lake_address import LakeAddress\n"
        "address = LakeAddress.of(sys.argv[1], sys.argv[2], None, 'stranger')\n"
        "lake = open_lake(address, memory=2**28, spill_folder=pathlib.Path(sys.argv[2]))\n"
        "lake.execute('CREATE TABLE rows.strange (a INTEGER)')\n"
    )
    words = [settings["GATEWAY_LAKE_CATALOG"], settings["GATEWAY_LAKE_DATA"]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([PYTHON, "-c", program, *words], env=environment, capture_output=True, text=True)

    assert "gateway: no parent" in done.stderr
    assert postgres.rows(words[0], "SELECT 1 FROM ducklake_table WHERE table_name = 'strange'") == []
