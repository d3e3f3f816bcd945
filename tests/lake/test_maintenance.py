"""A lake is maintained by one gateway at a time, and no row, no read, and no commit notices."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_keeper import LakeKeeper
from tests.support.lake.lake_session import PYTHON
from tests.support.scrape import scrape
from tests.support.server import Server, eventually, serving

FIELDS = (
    "fields: {n: integer, v: {type: integer, nullable: true}, filename: {type: string, nullable: true}}\n"
    "access: {read: [public], change: [admin]}\n"
)
#: More than the number of small files from which a table is merged.
MANY = 110


@contextlib.contextmanager
def gateways(
    database: str, directory: Path, *names: str, **settings: str
) -> Iterator[tuple[list[Server], Path]]:
    """Start gateways on a new lake, and give its folder, too."""
    data = directory / "lake"
    lake = lake_settings(database, data)
    gateway_lake("init", **lake, GATEWAY_DATA=str(directory / "init"))
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                serving(directory / name, python=PYTHON, **lake, GATEWAY_NAME=name, **settings)
            )
            for name in names
        ]
        yield servers, data


def post_many(server: Server, path: str, first: int, number: int) -> None:
    """Post as many batches of one row; each is a file."""
    for n in range(first, first + number):
        assert server.client.post(path, json=[{"n": n, "v": 0}]).status_code == 201


def seen(server: Server) -> dict:
    answer = server.client.get("/-/lake")
    assert answer.status_code == 200, answer.text
    return answer.json()


def files_of(server: Server, connector: str) -> dict:
    (found,) = [each for each in seen(server)["connectors"] if each["connector"] == connector]
    return found


def run_of(report: dict, step: str) -> dict:
    (found,) = [each for each in report["runs"] if each["step"] == step]
    return found


def numbers(server: Server, path: str) -> list[int]:
    return [row["n"] for row in server.client.get(f"{path}?select=n&order=n").json()]


def test_one_gateway_maintains_until_it_is_killed(database, tmp_path):
    with gateways(database, tmp_path, "a", "b", GATEWAY_LAKE_MAINTENANCE="0.3") as (servers, _):
        by_name = dict(zip("ab", servers, strict=True))
        path = servers[0].declare("kept", FIELDS)
        name = path.strip("/")
        post_many(servers[0], path, 0, MANY)
        eventually(lambda: "files" in {run["step"] for run in seen(servers[0])["runs"]})
        assert files_of(servers[0], name)["files"] < MANY

        reports = [seen(server) for server in servers]
        first = reports[0]["turn"]
        assert {each["turn"] for each in reports} == {first}
        assert {run["gateway"] for run in reports[1]["runs"]} == {first}
        assert [each["gateway"] for each in reports] == ["a", "b"]
        assert reports[0]["inlined_rows"] == 0
        assert run_of(reports[0], "files")["error"] is None
        assert run_of(reports[0], "files")["did"]["longest_lock_seconds"] > 0
        turns = {each: scrape(by_name[each]).value("gateway_lake_upkeep_turn") for each in "ab"}
        assert {each: scrape(by_name[each]).value("gateway_lake_info", gateway=each) for each in "ab"}
        assert turns[first] == 1
        assert sum(turns.values()) == 1

        by_name[first].client.close()
        by_name[first].kill()
        other = "ab".replace(first, "")
        eventually(lambda: seen(by_name[other])["turn"] == other)
        assert run_of(seen(by_name[other]), "look")["gateway"] == other
        assert numbers(by_name[other], path) == list(range(MANY))


@pytest.fixture
def calm(database, tmp_path) -> Iterator[tuple[Server, Path]]:
    """A gateway that does not look at the upkeep itself, and the folder of its lake."""
    with gateways(database, tmp_path, "a", GATEWAY_LAKE_MAINTENANCE="100000") as ((server,), data):
        yield server, data


def test_only_old_files_of_no_commit_are_deleted(calm, database):
    server, data = calm
    path = server.declare("kept", FIELDS)
    post_many(server, path, 0, 3)
    (folder,) = {each.parent for each in data.rglob("*.parquet")}
    young, old = folder / "gateway-young.parquet", folder / "gateway-old.parquet"
    (copied,) = list(folder.glob("*.parquet"))[:1]
    for file in (young, old):
        file.write_bytes(copied.read_bytes())
    long_ago = time.time() - 3 * 86400
    for file in [each for each in folder.iterdir() if each != young]:
        os.utime(file, (long_ago, long_ago))

    with LakeKeeper(database, data) as keeper:
        report = keeper.look()

    assert run_of(report, "orphans")["did"] == {"found": 1, "deleted": 1}
    assert (young.exists(), old.exists()) == (True, False)
    assert numbers(server, path) == [0, 1, 2]


def test_files_no_snapshot_needs_are_deleted(calm, database):
    server, data = calm
    path = server.declare("kept", FIELDS)
    post_many(server, path, 0, 30)
    assert server.client.patch(f"{path}?n=lt.10", json={"v": 1}).status_code == 204
    assert server.client.delete(f"{path}?n=gte.25").status_code == 204
    tag = server.client.get(path).headers["ETag"]

    with LakeKeeper(database, data, ages=(0, 0, 86400), small_files_max=5) as keeper:
        keeper.look()
        report = keeper.look()

    (files,) = report["connectors"]
    assert (files["files"], files["delete_files"]) == (1, 0)
    assert (report["snapshots"], report["old_files"]) == (1, 0)
    assert len(list(data.rglob("*.parquet"))) == 1
    assert server.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    rows = server.client.get(f"{path}?select=n,v&order=n&v=not.is.null").json()
    assert rows == [{"n": n, "v": int(n < 10)} for n in range(25)]


def test_links_of_killed_gateway_bring_files_back(calm, database, postgres):
    server, data = calm
    path = server.declare("kept", FIELDS)
    post_many(server, path, 0, 2)
    (nonce,) = [
        row["nonce"]
        for row in postgres.rows(database, "SELECT nonce FROM gw.commits ORDER BY number DESC LIMIT 1")
    ]
    file = max(data.rglob("*.parquet"), key=lambda each: each.stat().st_mtime)
    for name in (nonce, "of-no-commit"):
        link = data / ".gateway" / name / file.relative_to(data)
        link.parent.mkdir(parents=True)
        link.hardlink_to(file)
    file.unlink()

    with LakeKeeper(database, data) as keeper:
        report = keeper.look()

    assert run_of(report, "links")["did"] == {"transactions": 1}
    assert [each.name for each in (data / ".gateway").iterdir()] == ["of-no-commit"]
    assert numbers(server, path) == [0, 1]
