"""The data files of a lake belong to one catalog: a restored copy that is served beside it can delete none of them."""

import os
import time
from pathlib import Path

import pytest

from tests.lake.test_init import refusal
from tests.lake.test_lake_backup import dump, restore
from tests.lake.test_lake_doctor import doctor
from tests.support.lake.gateways import gateway_lake, lake_settings, s3_settings, serving_lake, verb_of_lake
from tests.support.lake.lake_keeper import LakeKeeper
from tests.support.lake.moved_store import ok
from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.seaweedfs import DELETER, KEEPER

FOREIGN = "belong to another catalog"


@pytest.fixture
def kind(request) -> str:
    """Where the data files are: in a `folder`, or on `s3`."""
    return getattr(request, "param", "folder")


@pytest.fixture
def settings(kind, postgres: PostgreSQL, tmp_path: Path, request) -> dict[str, str]:
    """The settings of a lake with one row."""
    url = postgres.database()
    if kind == "s3":
        made = s3_settings(url, request.getfixturevalue("seaweedfs"), tmp_path.name)
    else:
        made = lake_settings(url, tmp_path / "lake")
    made["GATEWAY_LAKE_MAINTENANCE"] = "100000"
    with serving_lake(tmp_path / "g", **made) as server:
        path = server.declare("c", "fields: {id: integer}\n")
        ok(server.client.post(path, json=[{"id": 1}]))
        server.stop()
    return made


@pytest.fixture
def copy(settings, postgres: PostgreSQL, tmp_path: Path) -> dict[str, str]:
    """The settings of a restored copy of its catalog, which names the same data files."""
    url = postgres.database()
    dump(settings["GATEWAY_LAKE_CATALOG"], tmp_path / "dump")
    restore(tmp_path / "dump", url)
    return settings | {"GATEWAY_LAKE_CATALOG": url}


def keeper(kind: str, settings: dict[str, str], request) -> LakeKeeper:
    """An upkeep that deletes at once what it may delete."""
    url, data = settings["GATEWAY_LAKE_CATALOG"], settings["GATEWAY_LAKE_DATA"]
    access = (request.getfixturevalue("seaweedfs").endpoint, KEEPER, DELETER) if kind == "s3" else None
    return LakeKeeper(url, data, ages=(0, 0, 0), s3=access)


def errors(report: dict) -> dict[str, str]:
    return {run["step"]: run["error"] for run in report["runs"] if run["error"]}


def test_copy_is_not_served_with_its_files(settings, copy, tmp_path):
    log = refusal(tmp_path / "copy", copy)
    refused = verb_of_lake("lake", "init", **copy, GATEWAY_DATA=str(tmp_path / "init"))
    code, found = doctor(copy)

    assert FOREIGN in log
    assert "gateway lake init --take-over" in log
    assert refused.returncode == 1
    assert FOREIGN in refused.stderr
    assert (code, found["state"]) == (2, "repairable")
    assert [each["about"] for each in found["findings"]] == ["data files"]
    assert doctor(settings)[0] == 0
    gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path / "init"))


@pytest.mark.parametrize("kind", ["folder", "s3"], indirect=True)
def test_only_the_owner_deletes_files(kind, settings, copy, tmp_path, request):
    """A gateway whose catalog was replaced deletes nothing, and no later row is lost."""
    gateway_lake("init", "--take-over", **copy, GATEWAY_DATA=str(tmp_path / "init"))
    with serving_lake(tmp_path / "copy", **copy) as server:
        server.declare("c", "fields: {id: integer}\n")
        ok(server.client.post("/c", json=[{"id": 2}]))
        if kind == "folder":
            _make_old(Path(settings["GATEWAY_LAKE_DATA"]))

        with keeper(kind, settings, request) as replaced:
            told = errors(replaced.look())
        with keeper(kind, copy, request) as owner:
            kept = errors(owner.look())

        assert {step: FOREIGN in told[step] for step in told} == {"old_files": True, "orphans": True}
        assert kept == {}
        assert [row["id"] for row in ok(server.client.get("/c?order=id"), 200).json()] == [1, 2]
    assert FOREIGN in refusal(tmp_path / "g", settings)


@pytest.mark.parametrize("kind", ["s3"], indirect=True)
def test_place_without_a_marker_is_refused(kind, settings, tmp_path, seaweedfs):
    with seaweedfs.client(DELETER) as client:
        assert client.ask("DELETE", f"{tmp_path.name}/gateway-lake.csv").status_code == 204

    assert "has no gateway-lake.csv" in refusal(tmp_path / "g", settings)

    gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path / "init"))
    assert doctor(settings)[0] == 0


def _make_old(folder: Path) -> None:
    """Let the data files be older than those that may still be of a commit that is under way."""
    long_ago = time.time() - 3 * 86400
    for file in folder.rglob("*.parquet"):
        os.utime(file, (long_ago, long_ago))
