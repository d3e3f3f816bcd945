"""A lake is maintained by one gateway at a time, and no row, no read, and no commit notices."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lake.gateways import gateway_lake, lake_settings, s3_settings
from tests.support.lake.lake_keeper import LakeKeeper
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.seaweedfs import DELETER, KEEPER
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


def counts_of(report: dict, connector: str) -> tuple[int, int]:
    """The data files and the delete files of a connector."""
    (found,) = [each for each in report["connectors"] if each["connector"] == connector]
    return found["files"], found["delete_files"]


def run_of(report: dict, step: str) -> dict:
    (found,) = [each for each in report["runs"] if each["step"] == step]
    return found


def numbers(server: Server, path: str) -> list[int]:
    answer = server.client.get(f"{path}?select=n&order=n")
    assert answer.status_code == 200, answer.text
    return [row["n"] for row in answer.json()]


def test_one_gateway_maintains_until_it_is_killed(database, tmp_path):
    with gateways(database, tmp_path, "a", "b", GATEWAY_LAKE_MAINTENANCE="0.3") as (servers, _):
        by_name = dict(zip("ab", servers, strict=True))
        path = servers[0].declare("kept", FIELDS)
        post_many(servers[0], path, 0, MANY)
        eventually(lambda: "files" in {run["step"] for run in seen(servers[0])["runs"]})
        assert counts_of(seen(servers[0]), path.strip("/"))[0] < MANY

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


class CalmLake:
    """A lake with a gateway that does not look at the upkeep itself."""

    def __init__(self, server: Server, data: Path, postgres: PostgreSQL, url: str) -> None:
        self.server, self.data, self.url, self._postgres = server, data, url, postgres

    def rows(self, query: str) -> list[dict]:
        """Ask the catalog."""
        return self._postgres.rows(self.url, query)

    def declare(self, name: str, batches: int) -> str:
        """A connector with as many files of one row."""
        path = self.server.declare(name, FIELDS)
        post_many(self.server, path, 0, batches)
        return path

    def folder(self, name: str) -> Path:
        """The folder of a connector's data files."""
        (found,) = self.rows(f"SELECT path FROM ducklake_table WHERE table_name = '{name}@1'")
        return self.data / "main" / found["path"]

    def keeper(self, **how) -> LakeKeeper:
        return LakeKeeper(how.pop("url", self.url), self.data, **how)


@pytest.fixture(scope="module")
def calm(postgres, tmp_path_factory) -> Iterator[CalmLake]:
    url = postgres.database()
    directory = tmp_path_factory.mktemp("calm")
    with gateways(url, directory, "a", GATEWAY_LAKE_MAINTENANCE="100000") as ((server,), data):
        yield CalmLake(server, data, postgres, url)


def test_only_old_files_of_no_commit_are_deleted(calm, name):
    path = calm.declare(name, 3)
    folder = calm.folder(name)
    young, old = folder / "gateway-young.parquet", folder / "gateway-old.parquet"
    committed = list(folder.iterdir())
    for file in (young, old):
        file.write_bytes(committed[0].read_bytes())
    long_ago = time.time() - 3 * 86400
    for file in (old, *committed):
        os.utime(file, (long_ago, long_ago))

    with calm.keeper() as keeper:
        report = keeper.look()

    assert run_of(report, "orphans")["did"] == {"found": 1, "deleted": 1}
    assert (young.exists(), old.exists()) == (True, False)
    assert numbers(calm.server, path) == [0, 1, 2]


@pytest.mark.parametrize("place", ["inner/main/t/gateway-1.parquet", "report.parquet"])
def test_foreign_file_stops_deletion_of_orphans(calm, name, place):
    path = calm.declare(name, 1)
    (committed,) = calm.folder(name).iterdir()
    foreign, orphan = calm.data / place, calm.folder(name) / "gateway-orphan.parquet"
    foreign.parent.mkdir(parents=True, exist_ok=True)
    long_ago = time.time() - 3 * 86400
    for file in (foreign, orphan):
        file.write_bytes(committed.read_bytes())
        os.utime(file, (long_ago, long_ago))

    with calm.keeper() as keeper:
        stopped = run_of(keeper.look(), "orphans")
        assert (foreign.exists(), orphan.exists()) == (True, True)
        foreign.unlink()
        gone = run_of(keeper.look(), "orphans")

    assert f"{foreign} is no data file of this lake" in stopped["error"]
    assert (gone["did"], gone["error"]) == ({"found": 1, "deleted": 1}, None)
    assert numbers(calm.server, path) == [0]


def test_files_no_snapshot_needs_are_deleted(calm, name):
    client, path = calm.server.client, calm.declare(name, 12)
    assert client.patch(f"{path}?n=lt.5", json={"v": 1}).status_code == 204
    assert client.delete(f"{path}?n=gte.10").status_code == 204
    tag = client.get(path).headers["ETag"]

    with calm.keeper(ages=(0, 0, 86400), small_files_max=5) as keeper:
        keeper.look()
        report = keeper.look()

    assert counts_of(report, name) == (1, 0)
    assert (report["snapshots"], report["old_files"]) == (1, 0)
    assert len(list(calm.folder(name).iterdir())) == 1
    assert calm.rows("SELECT data_file_id FROM ducklake_delete_file") == []
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    rows = client.get(f"{path}?select=n,v&order=n").json()
    assert rows == [{"n": n, "v": int(n < 5)} for n in range(10)]


def test_links_of_killed_gateway_bring_files_back(calm, name):
    path = calm.declare(name, 2)
    (last,) = calm.rows("SELECT nonce FROM gw.commits ORDER BY number DESC LIMIT 1")
    file = max(calm.folder(name).iterdir(), key=lambda each: each.stat().st_mtime)
    for nonce in (last["nonce"], "of-no-commit"):
        link = calm.data / ".gateway" / nonce / file.relative_to(calm.data)
        link.parent.mkdir(parents=True)
        link.hardlink_to(file)
    file.unlink()

    with calm.keeper() as keeper:
        report = keeper.look()

    assert run_of(report, "links")["did"] == {"transactions": 1}
    assert [each.name for each in (calm.data / ".gateway").iterdir()] == ["of-no-commit"]
    assert numbers(calm.server, path) == [0, 1]


@pytest.mark.parametrize("strike", ["lose_answers", pytest.param("drop", marks=pytest.mark.torture)])
def test_lost_answer_of_maintenance_loses_no_row(calm, name, proxy, strike):
    path = calm.declare(name, 12)

    with calm.keeper(url=proxy.url(calm.url), small_files_max=5) as keeper:
        getattr(proxy, strike)()
        keeper.look()
        struck = proxy.struck
        report = keeper.look()

    assert struck == 1
    assert counts_of(report, name) == (1, 0)
    assert numbers(calm.server, path) == list(range(12))


def test_table_that_fails_holds_up_no_other(calm, name):
    """A file of it is lost; once it is there again, nothing is due, and the error is over."""
    broken, kept = f"{name}_a", f"{name}_b"
    calm.declare(broken, 12)
    path = calm.declare(kept, 12)
    lost = next(calm.folder(broken).iterdir())
    content = lost.read_bytes()
    lost.unlink()

    with calm.keeper(small_files_max=5) as keeper:
        report = keeper.look()

    assert (counts_of(report, broken), counts_of(report, kept)) == ((12, 0), (1, 0))
    assert run_of(report, "files")["error"]
    assert scrape(calm.server).value("gateway_lake_upkeep_failed", step="files") == 1
    assert numbers(calm.server, path) == list(range(12))

    lost.write_bytes(content)
    with calm.keeper() as keeper:
        assert run_of(keeper.look(), "files")["error"] is None


def test_only_credentials_that_may_delete_keep_the_turn(database, tmp_path, seaweedfs):
    lake = s3_settings(database, seaweedfs, "kept") | {"GATEWAY_LAKE_MAINTENANCE": "100000"}
    gateway_lake("init", **lake, GATEWAY_DATA=str(tmp_path / "init"))
    access = seaweedfs.endpoint, KEEPER
    how = {"ages": (0, 0, 86400), "small_files_max": 5}
    with (
        serving(tmp_path / "a", python=PYTHON, **lake) as server,
        LakeKeeper(database, lake["GATEWAY_LAKE_DATA"], name="writes", s3=(*access, None), **how) as writes,
        LakeKeeper(
            database, lake["GATEWAY_LAKE_DATA"], name="deletes", s3=(*access, DELETER), **how
        ) as deletes,
    ):
        path = server.declare("kept", FIELDS)
        post_many(server, path, 0, 12)

        first = writes.look()
        assert (first["turn"], first["old_files"]) == (None, 12)
        assert first["connectors"][0]["files"] == 1
        assert len(seaweedfs.objects("kept/main/")) == 13

        second = deletes.look()
        assert (second["turn"], second["old_files"]) == ("deletes", 0)
        assert writes.look()["turn"] == "deletes"
        assert len(seaweedfs.objects("kept/main/")) == 1
        assert numbers(server, path) == list(range(12))
