"""`gateway lake doctor` finds each fault that a lake can have, while its gateways serve it."""

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lake.gateways import gateway_lake, lake_settings, serving_lake, verb_of_lake
from tests.support.lake.lake_copies import give_owner
from tests.support.lake.moved_store import fill, ok
from tests.support.lake.postgres import PostgreSQL

_numbers = itertools.count()
#: Faults that do not hide each other, by the state that the doctor tells: statements, and what is wrong where.
_FIRST_FILE = "(SELECT min(data_file_id) FROM ducklake_data_file JOIN ducklake_table USING (table_id) WHERE table_name = 'types@1')"
FAULTS = {
    "gate": {
        "DROP TRIGGER gw_committed ON ducklake_snapshot_changes": (
            "gate",
            "the trigger gw_committed is missing",
        ),
        "UPDATE ducklake_metadata SET value = 100 WHERE key = 'data_inlining_row_limit'": (
            "options",
            "data_inlining_row_limit is 100 instead of 0",
        ),
    },
    "import": {
        "UPDATE gw.gate SET snapshot = snapshot - 1": ("gate", "another program has written"),
        "INSERT INTO gw.imports VALUES ('other', now())": (
            "import",
            "that of the store other is not finished",
        ),
    },
    "journal": {
        "UPDATE gw.batches SET rows = rows + 1 WHERE connector = 'types' AND batch = 1": (
            "types",
            "it has 4 rows, and its batches have 5",
        ),
        "UPDATE gw.sequences SET last_id = 3, last_rejected_id = 1 WHERE connector = 'types'": (
            "types, rejected rows",
            "it has a row with _id 2, and its next _id is 2",
        ),
        "SELECT 1": ("types", "it has a row with _id 4, and its next _id is 4"),
        "UPDATE gw.heads SET batch = 1 WHERE connector = 'orders'": (
            "orders",
            "its head is batch 1, and its ledger ends at batch 9",
        ),
        "UPDATE gw.keys SET batch = 999": (
            "orders",
            "1 of its idempotency keys are of batches that are not there",
        ),
        "UPDATE gw.connectors SET revision = 9 WHERE name = 'empty'": (
            "empty",
            "its table rows.empty@9 is not there",
        ),
    },
    "rows": {
        "UPDATE gw.batches SET batch = 999 WHERE connector = 'types' AND batch = 1": (
            "types",
            "6 of its rows are of batches that its ledger does not have",
        ),
        "INSERT INTO ducklake_data_file SELECT (jsonb_populate_record(f, '{\"data_file_id\": 9999}')).*"
        f" FROM ducklake_data_file AS f WHERE data_file_id = {_FIRST_FILE}": (
            "types",
            "3 of its rows have the _id of another one",
        ),
    },
    "files": {
        f"UPDATE ducklake_data_file SET path = 'gone.parquet' WHERE data_file_id = {_FIRST_FILE}": (
            "rows.types@1",
            "1 of its data files are not there",
        ),
        "SELECT 1": ("types", "some of its rows cannot be read"),
    },
}


@pytest.fixture(scope="module")
def made(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The name of a database with a lake of everything, and its settings."""
    url = postgres.database()
    directory = tmp_path_factory.mktemp("doctor")
    settings = lake_settings(url, directory / "lake")
    with serving_lake(directory, **settings) as server:
        fill(server)
        code, found = doctor(settings)
        assert (code, found["state"]) == (0, "sound")
        ok(server.client.get("/orders"), 200)
        server.stop()
    return url.rpartition("/")[2], settings


@pytest.fixture
def lake(made, postgres: PostgreSQL) -> Iterator[dict[str, str]]:
    """The settings of a copy of that lake, with a database of its own and the same data files."""
    source, settings = made
    name = f"copy{next(_numbers)}"
    postgres.ask(postgres.url("postgres"), f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    folder = Path(settings["GATEWAY_LAKE_DATA"])
    give_owner(folder, postgres.url(name))
    yield settings | {"GATEWAY_LAKE_CATALOG": postgres.url(name)}
    give_owner(folder, settings["GATEWAY_LAKE_CATALOG"])


def doctor(
    settings: dict[str, str], *words: str, verb: tuple[str, ...] = ("lake", "doctor")
) -> tuple[int, dict]:
    """The exit code, and the report."""
    done = verb_of_lake(*verb, "--format", "json", *words, **settings)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_sound_lake_is_told_as_a_file_is(lake):
    code, found = doctor(lake)
    assert (code, found["state"], found["findings"], found["every_row_read"]) == (0, "sound", [], True)
    rows = {each["name"]: (each["rows"], each["removed"]) for each in found["connectors"]}
    assert rows == {"empty": (0, False), "gone": (2, True), "orders": (41, False), "types": (4, False)}
    assert doctor(lake, verb=("doctor",)) == (code, found)
    quick = doctor(lake, "--quick")[1]
    assert quick == found | {"every_row_read": False}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_are_found_with_their_places(lake, postgres, kind):
    url = lake["GATEWAY_LAKE_CATALOG"]
    for statement in FAULTS[kind]:
        postgres.ask(url, statement)
    code, found = doctor(lake)
    is_repairable = kind in ("gate", "import")
    assert (code, found["state"]) == ((2, "repairable") if is_repairable else (1, "damaged"))
    told = [(each["about"], each["message"]) for each in found["findings"]]
    for about, message in FAULTS[kind].values():
        assert [each for each in told if each[0] == about and message in each[1]], (about, message, told)
    assert all(each["hint"] for each in found["findings"])
    if kind == "gate":
        gateway_lake("init", **lake)
        assert doctor(lake)[0] == 0


def test_files_of_no_commit_are_counted(lake):
    known = next(Path(lake["GATEWAY_LAKE_DATA"]).rglob("*.parquet"))
    stray = known.with_name("gateway-stray.parquet")
    stray.write_bytes(known.read_bytes())
    os.utime(stray, (0, 0))
    try:
        code, found = doctor(lake)
    finally:
        stray.unlink()
    assert code == 0
    assert [each["message"][:33] for each in found["findings"]] == ["1 files belong to no commit; a ga"]
    assert [each["level"] for each in found["findings"]] == ["warning"]


def test_missing_lake_is_not_examined(postgres, tmp_path):
    code, found = doctor(lake_settings(postgres.database(), tmp_path / "lake"))
    assert (code, found["state"]) == (3, "not examined")
    assert "gateway lake init makes it" in found["message"]
    code, found = doctor(lake_settings("postgresql://u:secret@127.0.0.1:1/x", tmp_path / "lake"))
    assert (code, found["state"]) == (3, "not examined")
    assert "secret" not in str(found)


def test_backup_and_restore_name_the_way(made, tmp_path, postgres):
    """A lake has no file, which both commands say, with the page that has the way."""
    _, settings = made
    with serving_lake(tmp_path, **settings) as server:
        env = settings | {"GATEWAY_URL": server.url}
        env["GATEWAY_TOKEN"] = server.admin["Authorization"].partition(" ")[2]
        told = _error_of("backup", str(tmp_path / "copy"), **env)
        assert "a lake has no file to download" in told
        assert "gateway docs lake" in told
    (tmp_path / "copy").touch()
    told = _error_of("restore", str(tmp_path / "copy"), **env)
    assert "a lake has no file to restore" in told
    assert "gateway docs lake" in told


def _error_of(*words: str, **settings: str) -> str:
    done = verb_of_lake(*words, **settings)
    assert done.returncode == 1
    return done.stderr
