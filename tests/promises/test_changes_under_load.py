"""Changes of a connector while it is written to and read from, and while the process is killed."""

import concurrent.futures
import itertools
import json
import random
import threading
import time

import duckdb
import httpx
import pytest

from tests.support.clients import Load
from tests.support.server import Server, eventually, put
from tests.support.tested_store import renewed

NUMBER = "integer"
#: One after another and then from the start, each a change of the table; a row `{"n": 1}` fits them all.
STEPS = [
    {"n": NUMBER},
    {"n": NUMBER, "x": {"type": "string", "default": "old"}},
    {"n": {"type": NUMBER, "minimum": 0}, "x": {"type": "string", "nullable": True}},
    {"n": NUMBER, "y": {"type": "string", "nullable": True, "renamed_from": "x"}},
    {"n": NUMBER, "y": {"type": "integer", "default": 0, "using": "len(y)", "backfill": 7}},
    {"n": NUMBER, "y": {"type": "number", "default": 0}, "l": {"type": "string[]", "default": ["l"]}},
    {
        "n": {"type": NUMBER, "maximum": 1_000_000_000},
        "y": {"type": "string", "default": "", "using": "y || ''"},
    },
    {"n": NUMBER, "x": {"type": "string", "default": "old", "renamed_from": "y"}},
]


def text(fields, **more):
    return json.dumps({"fields": fields, "access": {"read": ["public"]}, **more})


def test_repeated_connector_changes_fail_no_request(own, tell):
    path = own.declare("a", text(STEPS[0]))
    own.client.post(path, json=[{"n": -1}] * 50_000)
    applied = 0
    with Load(own, path) as load:
        load.acknowledged += [-1] * 50_000
        for fields in itertools.islice(itertools.cycle(STEPS[1:]), 1, 30):
            put(own.connectors / "a.yaml", renewed(text({**fields, "n": NUMBER})))
            state = own.reload()["a.yaml"]
            assert (state["state"], state["findings"]) == ("live", []), (fields, state)
            applied += 1

    changed = [each for each in own.client.get("/-/connectors/a/history").json() if each["changes"]]
    tell(f"changes under load: {len(changed)}, requests: {load.requests}, failed: {len(load.failures)}")
    load.check(own)


@pytest.mark.parametrize(
    "after",
    [
        {"n": "integer", "l": "number[]", "d": {"type": "string", "default": "d"}},
        {
            "m": {"type": "string", "using": "CAST(n AS VARCHAR)", "renamed_from": "n"},
            "l": {"type": "string[]", "using": "CAST(l AS VARCHAR[])"},
        },
        {"n": "number", "l": "integer[]", "x": {"type": "date", "nullable": True}},
    ],
    ids=["default", "converted", "widened"],
)
def test_stream_is_unaffected_by_changes_of_its_table(own, after):
    path = own.declare("a", text({"n": NUMBER, "l": "integer[]", "w": "string"}))
    other = own.declare("b", text({"s": "string"}))
    wide = "w" * 150  # What the sockets between hold is the less of it.
    for start in range(0, 60_000, 20_000):
        own.client.post(path, json=[{"n": n, "l": [n], "w": wide} for n in range(start, start + 20_000)])
    with httpx.stream(
        "GET", own.url + path, headers={"Accept": "application/x-ndjson"}, timeout=60
    ) as answer:
        lines = answer.iter_lines()
        begun = [next(lines) for _ in range(1000)]

        put(own.connectors / "a.yaml", text({**after, "w": "string"}))
        assert own.reload()["a.yaml"]["findings"] == []
        for _ in range(10):  # What the change has freed is written over, if it may be.
            own.client.post(other, json=[{"s": "x" * 100}] * 5000)

        read = [*begun, *lines]
    assert [json.loads(line) for line in read] == [{"n": n, "l": [n], "w": wide} for n in range(60_000)]
    assert own.client.get(path, headers={"Prefer": "count=exact"}).headers["content-range"].endswith("/60000")


@pytest.mark.file_only("a lake has no WAL of its own")
def test_change_is_followed_by_a_checkpoint(own):
    path = own.declare("a", text(STEPS[0]))
    own.client.post(path, json=[{"n": n} for n in range(1000)])
    put(own.connectors / "a.yaml", text(STEPS[1]))
    own.reload()

    wal = own.data / "store.duckdb.wal"
    eventually(lambda: not wal.exists() or wal.stat().st_size == 0, "the WAL is still there")
    assert len(own.client.get(path).json()) == 1000


def test_swap_of_two_paths_is_atomic(own):
    """Check two connectors whose changes of their tables take a while."""
    fields = {"s": "string", "which": "string"}
    for name in "ab":
        own.declare(name, text(fields))
        own.client.post(f"/{name}", json=[{"s": str(n), "which": name} for n in range(50_000)])
    after = fields | {"l": {"type": "string[]", "backfill": ["z" * 50] * 20}}
    seen = {"/a": [], "/b": []}
    done = threading.Event()

    def read(path):
        with httpx.Client(base_url=own.url) as client:
            while not done.is_set():
                answer = client.get(f"{path}?limit=1&select=which")
                seen[path].append(answer.json()[0]["which"] if answer.status_code == 200 else answer.text)

    readers = [threading.Thread(target=read, args=[path]) for path in seen]
    for reader in readers:
        reader.start()
    for name, path in (("a", "/b"), ("b", "/a")):
        put(own.connectors / f"{name}.yaml", text(after, path=path))
    eventually(lambda: seen["/a"][-1:] == ["b"] and seen["/b"][-1:] == ["a"], "the paths are as they were")
    done.set()
    for reader in readers:
        reader.join()

    assert [each for each, _ in itertools.groupby(seen["/a"])] == ["a", "b"]
    assert [each for each, _ in itertools.groupby(seen["/b"])] == ["b", "a"]


def test_swap_of_paths_is_refused_for_late_rows(own):
    """Check that both connectors keep their last good version and path when rows that conflict with one change arrive during the reload."""
    fields = {"s": "string", "which": "string"}
    for name in "ab":
        own.declare(name, text(fields))
        own.client.post(f"/{name}", json=[{"s": "ok", "which": name}])
    for start in range(0, 1_000_000, 100_000):
        own.client.post("/b", json=[{"s": str(n), "which": "b"} for n in range(start, start + 100_000)])
    put(own.connectors / "a.yaml", text(fields | {"n": {"type": "integer", "default": 0}}, path="/b"))
    put(own.connectors / "b.yaml", text(fields | {"s": {"type": "string", "max_length": 20}}, path="/a"))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reload = pool.submit(own.reload)
        began = time.monotonic()
        while not reload.done():  # The first of the long ones comes in while the others are being asked.
            is_late = time.monotonic() - began > 0.25
            own.client.post("/b", json={"s": "x" * 30 if is_late else "x", "which": "b"})
    states = own.reload()

    assert {states[f"{name}.yaml"]["state"] for name in "ab"} == {"last good"}
    assert own.client.get("/a?limit=1").json() == [{"s": "ok", "which": "a"}]
    assert own.client.get("/b?limit=1").json() == [{"s": "ok", "which": "b"}]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.torture) for seed in (2, 3, 4))])
def test_killed_change_leaves_old_or_new_state(tmp_path, seed, tell):
    """Check kills at random moments around a change of a table with rows, under writers; the state that is found is whole."""
    server = Server(tmp_path, is_forked=True).start()
    chance = random.Random(seed)
    path = server.declare("a", text(STEPS[0]))
    for _ in range(2):
        server.client.post(path, json=[{"n": 0}] * 100_000)
    acknowledged, unknown = set(), set()
    numbers = itertools.count(1)
    outcomes = {"old": 0, "new": 0}
    try:
        for fields in itertools.islice(itertools.cycle(STEPS[1:]), 8):
            before = server.client.get("/-/connectors/a").json()["fields"]
            put(server.connectors / "a.yaml", renewed(text(fields)))
            _post_until_killed(server, path, chance.uniform(0.02, 0.3), numbers, acknowledged, unknown)
            aside = (server.connectors / "a.yaml").read_text()
            (server.connectors / "a.yaml").unlink()
            put(server.connectors / "b.yaml", "fields: [")  # So that nothing is applied before we look.
            server.connectors.rename(tmp_path / "aside")
            server.start()
            now = server.client.get("/-/connectors/a").json()
            names = [each["name"] for each in now["fields"]]
            outcomes["old" if now["fields"] == before else "new"] += 1
            assert names in ([each["name"] for each in before], list(fields))
            stored = server.client.get(f"{path}?select=*&n=gt.0").json()
            assert all(list(row) == names for row in stored)
            found = [row["n"] for row in stored]
            assert len(found) == len(set(found))
            assert acknowledged <= set(found) <= acknowledged | unknown
            assert len(server.client.get(f"{path}?n=eq.0&select=n").json()) == 200_000
            (tmp_path / "aside").rename(server.connectors)
            (server.connectors / "b.yaml").unlink()
            put(server.connectors / "a.yaml", aside)
            state = eventually(lambda: server.reload().get("a.yaml"))
            assert (state["state"], state["findings"]) == ("live", [])
        tell(f"kills around a change: 8, found old: {outcomes['old']}, new: {outcomes['new']}, half: 0")
    finally:
        server.stop()


def _post_until_killed(server, path, seconds, numbers, acknowledged, unknown):
    """Write from three clients, kill the gateway after a while, and note what became of each row."""
    url, admin = server.url, server.admin

    def write():
        with httpx.Client(base_url=url, headers=admin, timeout=30) as client:
            while True:
                number = next(numbers)
                unknown.add(number)
                try:
                    answer = client.post(path, json={"n": number})
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    acknowledged.add(number)
                    unknown.discard(number)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    threading.Event().wait(seconds)
    server.client.close()
    server.kill()
    for thread in threads:
        thread.join()


@pytest.mark.file_only("the file was written by version 0.1.0")
def test_tables_of_version_0_1_0_are_kept(tmp_path):
    """Check tables without a revision, called like their connectors, with defaults that DuckDB 1.5 cannot replay."""
    server = Server(tmp_path, is_forked=True)
    server.data.mkdir()
    files = {
        "a": text({"n": "integer", "l": {"type": "string[]", "default": ["d"]}}),
        "b": text({"n": "integer"}),
    }
    with duckdb.connect(str(server.data / "store.duckdb")) as old:
        old.execute("CREATE SCHEMA gateway; CREATE SCHEMA rows")
        old.execute(
            "CREATE TABLE gateway.connectors (name VARCHAR, file VARCHAR, text VARCHAR, applied_at TIMESTAMPTZ,"
            " removed_at TIMESTAMPTZ)"
        )
        old.execute(
            "CREATE TABLE gateway.batches (batch BIGINT, connector VARCHAR, committed_at TIMESTAMPTZ, rows BIGINT,"
            " bytes BIGINT, token VARCHAR, first_id BIGINT, last_id BIGINT)"
        )
        for number, (name, file) in enumerate(files.items(), 1):
            put(server.connectors / f"{name}.yaml", file)
            old.execute(
                "INSERT INTO gateway.connectors VALUES (?, ?, ?, now(), NULL)", [name, f"{name}.yaml", file]
            )
            old.execute(
                f"CREATE TABLE rows.{name} (_id BIGINT, _ingested_at TIMESTAMPTZ, _batch BIGINT, n BIGINT)"
            )
            old.execute(f"INSERT INTO rows.{name} VALUES (1, now(), {number}, 5)")
            old.execute(f"INSERT INTO gateway.batches VALUES ({number}, '{name}', now(), 1, 1, 'etl', 1, 1)")
        old.execute("ALTER TABLE rows.a ADD COLUMN l VARCHAR[]")
        old.execute("ALTER TABLE rows.a ALTER COLUMN l SET DEFAULT CAST(['d'] AS VARCHAR[])")
        old.execute("UPDATE rows.a SET l = ['d']")

    for _ in range(2):
        server.start()
        assert server.client.get("/a?select=_id,n,l").json()[0] == {"_id": 1, "n": 5, "l": ["d"]}
        assert server.client.get("/b").json()[0] == {"n": 5}
        assert {each["state"] for each in server.status().values()} == {"live"}
        assert server.client.post("/b", json={"n": 6}).status_code == 201
        server.kill()
    server.start()
    put(server.connectors / "a.yaml", text({"n": "number", "l": {"type": "string[]", "nullable": True}}))
    assert server.reload()["a.yaml"]["state"] == "live"
    assert server.client.get("/a").json() == [{"n": 5.0, "l": ["d"]}]
    server.stop()
