"""The store of one machine is moved into a lake and back, and answers as before."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support.forked import ROOT
from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.moved_store import KEY, KEYED, LAST_BATCH, LAST_ID, answers, copy_connectors, fill, ok
from tests.support.server import DEADLINE, Server, serving


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict]]:
    """A stopped gateway with a store of everything, and what it answered."""
    directory = tmp_path_factory.mktemp("source")
    server = Server(directory, is_forked=True).start()
    fill(server)
    said = answers(server)
    assert server.stop() == 0
    return server, said


@pytest.fixture
def settings(database: str, tmp_path: Path) -> dict[str, str]:
    """The settings of an empty lake of this test."""
    made = lake_settings(database, tmp_path / "lake") | {"GATEWAY_DATA": str(tmp_path / "maker")}
    gateway_lake("init", **made)
    return made


def lake_verb(*words: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PYTHON, "-m", "gateway", "lake", *words],
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(*words: str, **settings: str) -> str:
    """Run `gateway lake`, and give why it did not do it."""
    process = lake_verb(*words, **settings)
    output, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1, output
    return error


@contextlib.contextmanager
def on_lake(directory: Path, source: Server, settings: dict[str, str]) -> Iterator[Server]:
    """A gateway on the lake with the connector files of the source."""
    copy_connectors(source, directory)
    own = {name: text for name, text in settings.items() if name != "GATEWAY_DATA"}
    with serving(directory, python=PYTHON, **own, GATEWAY_NAME=directory.name) as server:
        yield server


def test_imported_store_answers_as_before(source, settings, tmp_path):
    server, said = source
    told = gateway_lake("import", "--from", str(server.data), **settings)
    assert "imported and compared: 4 connectors with" in told
    with on_lake(tmp_path / "a", server, settings) as one, on_lake(tmp_path / "b", server, settings) as two:
        assert answers(one) == said
        assert answers(two) == said
        tags = {gateway.client.get("/orders").headers["ETag"] for gateway in (one, two)}
        assert len(tags) == 1
        for gateway in (one, two):
            replayed = ok(gateway.client.post("/orders", json=KEYED, headers=KEY))
            assert replayed.headers["Idempotent-Replayed"] == "true"
        first = ok(one.client.post("/orders", json=[{"id": 900, "price": "1"}])).json()
        second = ok(two.client.post("/orders", json=[{"id": 901, "price": "1"}])).json()
        assert (first["batch"], second["batch"]) == (LAST_BATCH + 1, LAST_BATCH + 2)
        assert (first["first_id"], second["first_id"]) == (LAST_ID + 1, LAST_ID + 2)
        told = gateway_lake("export", "--to", str(tmp_path / "back"), **settings)
        assert "43 rows copied" in told
        on_lakes = answers(one)
    back = Server(tmp_path / "served", is_forked=True, GATEWAY_DATA=str(tmp_path / "back"))
    copy_connectors(server, tmp_path / "served")
    back.data = tmp_path / "back"
    back.start()
    assert answers(back) == on_lakes
    after = ok(back.client.post("/orders", json=[{"id": 902, "price": "1"}])).json()
    assert (after["batch"], after["first_id"]) == (LAST_BATCH + 3, LAST_ID + 3)
    assert back.stop() == 0
    assert doctor(back.data)["state"] == "sound"


def test_exported_store_equals_its_source(source, settings, tmp_path):
    server, _ = source
    gateway_lake("import", "--from", str(server.data), **settings)
    process = lake_verb("export", "--to", str(tmp_path / "back"), **settings)
    assert process.stdout is not None
    assert process.stdout.readline() == "empty: 0 rows copied\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE)
    assert not (tmp_path / "back" / "store.duckdb").exists()
    gateway_lake("export", "--to", str(tmp_path / "back"), **settings)
    assert not (tmp_path / "back" / "export.part").exists()
    assert contents(tmp_path / "back") == contents(server.data)
    assert doctor(tmp_path / "back")["state"] == "sound"
    told = refused("export", "--to", str(tmp_path / "back"), **settings)
    assert f"{tmp_path / 'back'} has a store already: store.duckdb" in told


def doctor(data: Path) -> dict:
    """What `gateway doctor` of the default environment says."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "doctor", "--format", "json", "--data", data],
        capture_output=True,
        check=False,
        timeout=DEADLINE,
    )
    return json.loads(done.stdout)


def contents(data: Path) -> dict[str, list]:
    """All rows of all tables of a closed store, in the order in which they lie there."""
    with duckdb.connect(str(data / "store.duckdb"), read_only=True) as store:
        tables = store.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('rows', 'gateway') ORDER BY ALL"
        ).fetchall()
        found = {}
        for schema, table in tables:
            columns = [name for name, *_ in store.execute(f'DESCRIBE {schema}."{table}"').fetchall()]
            order = "" if schema == "rows" else " ORDER BY ALL"
            found[f"{schema}.{table}"] = store.execute(
                f"SELECT {', '.join(f'{each}::VARCHAR AS {each}' for each in map(_quoted, sorted(columns)))}"
                f' FROM {schema}."{table}"{order}'
            ).fetchall()
        return found


def _quoted(name: str) -> str:
    return f'"{name}"'


@pytest.mark.parametrize("lines", [1, 5])
def test_killed_import_goes_on(source, settings, tmp_path, lines):
    """SIGKILL after so many steps that the import reports, and again after the first step of the next run."""
    server, said = source
    for count in (lines, 1):
        process = lake_verb("import", "--from", str(server.data), **settings)
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(count + 1)][1:]
        assert all(told), process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=DEADLINE)
    assert told == [f"going on: the rows of {min(lines, 4)} connectors are in the lake already\n"]
    assert "is not finished; run gateway lake import again" in not_served(tmp_path / "early", settings)
    told = gateway_lake("import", "--from", str(server.data), **settings)
    assert "imported and compared: 4 connectors" in told
    with on_lake(tmp_path / "a", server, settings) as gateway:
        assert answers(gateway) == said
    told = refused("import", "--from", str(server.data), **settings)
    assert "was imported into this lake at" in told


def not_served(directory: Path, settings: dict[str, str]) -> str:
    """Start a gateway, and give its log once it has ended."""
    gateway = Server(directory, python=PYTHON, **settings).start(wait=False)
    assert gateway.process is not None
    gateway.process.wait(DEADLINE)
    return gateway.tail()
