"""A move of a store is refused where it would lose something, and goes on after what it can meet."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.lake.test_lake_doctor import doctor
from tests.lake.test_moves import contents, lake_verb, not_served, refused
from tests.support.lake.gateways import gateway_lake, lake_settings, s3_settings
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.moved_store import answers, copy_connectors, fill, ok
from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.seaweedfs import DELETER, SeaweedFS
from tests.support.server import DEADLINE, Server, serving

ORDERS = "fields: {id: integer, text: {type: string, nullable: true}}\n"


@pytest.fixture
def source(tmp_path: Path) -> Server:
    """A stopped gateway with one connector of two batches."""
    server = Server(tmp_path / "source", is_forked=True).start()
    server.declare("orders", ORDERS)
    for batch in range(2):
        ok(server.client.post("/orders", json=[{"id": batch * 10 + n, "text": "it's"} for n in range(10)]))
    assert server.stop() == 0
    return server


@pytest.fixture
def settings(database: str, tmp_path: Path) -> dict[str, str]:
    made = lake_settings(database, tmp_path / "lake") | {"GATEWAY_DATA": str(tmp_path / "maker")}
    gateway_lake("init", **made)
    return made


@contextlib.contextmanager
def on_lake(directory: Path, settings: dict[str, str]) -> Iterator[Server]:
    own = {name: text for name, text in settings.items() if name != "GATEWAY_DATA"}
    with serving(directory, python=PYTHON, **own, GATEWAY_NAME=directory.name) as server:
        yield server


def test_running_gateways_refuse_a_move(source, settings, tmp_path):
    data = str(source.data)
    with on_lake(tmp_path / "g1", settings):
        assert "these gateways are connected to the lake: g1; stop them" in refused(
            "import", "--from", data, **settings
        )
    source.start()
    assert "is in use by process" in refused("import", "--from", data, **settings)
    assert "is in use by process" in refused("export", "--to", data, **settings)
    assert source.stop() == 0
    assert "imported and compared: 1 connector with 20 rows" in gateway_lake(
        "import", "--from", data, **settings
    )


def test_lake_with_connectors_refuses_an_import(source, settings, tmp_path):
    with on_lake(tmp_path / "g1", settings) as gateway:
        gateway.declare("mine", ORDERS)
        gateway.stop()
    told = refused("import", "--from", str(source.data), **settings)
    assert "the lake has connectors already: mine; import into a new lake" in told


def test_directory_without_a_store_is_refused(settings, tmp_path):
    assert "has no store.duckdb" in refused("import", "--from", str(tmp_path), **settings)


def test_lake_that_is_not_made_refuses_an_import(source, postgres, tmp_path):
    settings = lake_settings(postgres.database(), tmp_path / "lake")
    assert "gateway lake init makes it" in refused("import", "--from", str(source.data), **settings)


def test_damaged_file_is_not_imported(source, settings):
    file = source.data / "store.duckdb"
    file.write_bytes(file.read_bytes()[:-4096])
    told = refused("import", "--from", str(source.data), **settings)
    assert f"{file} is damaged: " in told
    assert "gateway doctor says what can be done" in told


def test_killed_gateways_store_is_imported_with_its_log(source, settings, tmp_path):
    """The rows of the last batches are in the WAL of DuckDB 2.0 alone, which DuckDB 1.5 replays in memory."""
    source.start()
    ok(source.client.post("/orders", json=[{"id": 99, "text": "last"}]))
    said = ok(source.client.get("/orders?select=*,_id,_ingested_at,_batch"), 200).content
    source.kill()
    source.client.close()
    assert (source.data / "store.duckdb.wal").stat().st_size > 0
    before = (source.data / "store.duckdb").read_bytes()
    gateway_lake("import", "--from", str(source.data), **settings)
    assert (source.data / "store.duckdb").read_bytes() == before
    copy_connectors(source, tmp_path / "g1")
    with on_lake(tmp_path / "g1", settings) as gateway:
        assert gateway.client.get("/orders?select=*,_id,_ingested_at,_batch").content == said


def test_store_changed_between_runs_is_copied_again(source, settings, tmp_path):
    data = str(source.data)
    process = lake_verb("import", "--from", data, **settings)
    assert process.stdout is not None
    assert process.stdout.readline() == "checking the file\n"
    assert process.stdout.readline() == "orders: 20 rows copied\n"
    process.kill()
    process.communicate(timeout=DEADLINE)
    source.start()
    source.declare(
        "orders", "fields: {id: integer, more: {type: string, nullable: true, renamed_from: null}}\n"
    )
    source.declare("new", ORDERS)
    ok(source.client.post("/new", json=[{"id": 1}]))
    said = ok(source.client.get("/orders?select=*,_id,_ingested_at,_batch"), 200).content
    assert source.stop() == 0
    assert "these differ from the file, which may have changed meanwhile: orders" in refused(
        "import", "--from", data, **settings
    )
    assert "imported and compared: 2 connectors with 21 rows" in gateway_lake(
        "import", "--from", data, **settings
    )
    copy_connectors(source, tmp_path / "g1")
    with on_lake(tmp_path / "g1", settings) as gateway:
        assert gateway.client.get("/orders?select=*,_id,_ingested_at,_batch").content == said
    assert doctor(settings)[0] == 0


@pytest.mark.parametrize("fault", ["lose_answers", "drop"])
def test_import_survives_lost_answers_to_commits(source, settings, proxy, database, fault):
    """Each commit of DuckLake may have lost its answer; what is imported is whole, at once or by the next run."""
    getattr(proxy, fault)(1)
    through = settings | {"GATEWAY_LAKE_CATALOG": proxy.url(database)}
    process = lake_verb("import", "--from", str(source.data), **through)
    _, error = process.communicate(timeout=DEADLINE)
    assert proxy.struck == 1
    if fault == "lose_answers":
        assert process.returncode == 0, error
    else:
        assert process.returncode == 1
        assert "run gateway lake import again" in error
        gateway_lake("import", "--from", str(source.data), **through)
    code, found = doctor(settings)
    assert (code, [each["rows"] for each in found["connectors"]]) == (0, [20])


def test_unfinished_import_is_continued_by_its_store_alone(source, settings, tmp_path):
    process = lake_verb("import", "--from", str(source.data), **settings)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)][1] == "orders: 20 rows copied\n"
    process.kill()
    process.communicate(timeout=DEADLINE)
    assert "is not finished; run gateway lake import again" in not_served(tmp_path / "early", settings)
    gateway_lake("init", **settings)
    other = Server(tmp_path / "other", is_forked=True).start()
    assert other.stop() == 0
    told = refused("import", "--from", str(other.data), **settings)
    assert "into this lake is not finished" in told
    assert "is not finished" in refused("export", "--to", str(tmp_path / "back"), **settings)
    gateway_lake("import", "--from", str(source.data), **settings)
    assert doctor(settings)[0] == 0


def test_store_moves_to_s3_and_back(postgres: PostgreSQL, seaweedfs: SeaweedFS, tmp_path: Path):
    server = Server(tmp_path / "source", is_forked=True).start()
    fill(server)
    said = answers(server)
    assert server.stop() == 0
    settings = s3_settings(postgres.database(), seaweedfs, "moved") | {
        "GATEWAY_DATA": str(tmp_path / "maker")
    }
    gateway_lake("init", **settings)
    gateway_lake("import", "--from", str(server.data), **settings)
    gateway_lake("export", "--to", str(tmp_path / "back"), **settings)
    assert contents(tmp_path / "back") == contents(server.data)
    assert doctor(settings)[0] == 0
    copy_connectors(server, tmp_path / "g1")
    with on_lake(tmp_path / "g1", settings) as gateway:
        assert answers(gateway) == said
        gateway.stop()
    key = next(each for each in seaweedfs.objects("moved/main/") if "gateway" not in each)
    with seaweedfs.client(DELETER) as deleter:
        deleter.delete_many(key)
    code, found = doctor(settings)
    assert code == 1
    assert [each for each in found["findings"] if "of its data files are not there" in each["message"]]


def test_gateway_commits_nothing_beside_an_import(settings, postgres, database, tmp_path):
    """A gateway that an import did not see, because another role has started it, is refused by the gate."""
    with on_lake(tmp_path / "g1", settings) as gateway:
        path = gateway.declare("orders", ORDERS)
        postgres.ask(database, "INSERT INTO gw.imports VALUES ('other', now())")
        answer = ok(gateway.client.post(path, json=[{"id": 1}]), 503)
        assert answer.headers["Retry-After"]
        assert gateway.client.get(f"{path}?select=count()").json() == [{"count": 0}]
        postgres.ask(database, "DELETE FROM gw.imports")
        ok(gateway.client.post(path, json=[{"id": 1}]))


def test_file_of_an_earlier_gateway_names_the_way(source, settings):
    with duckdb.connect(str(source.data / "store.duckdb")) as store:
        store.execute("ALTER TABLE gateway.keys DROP COLUMN receipt")
    told = refused("import", "--from", str(source.data), **settings)
    assert "lacks a table or a column: start this version of the gateway on it once" in told
    source.start()
    assert source.stop() == 0
    gateway_lake("import", "--from", str(source.data), **settings)
