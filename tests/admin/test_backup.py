"""A backup is the store at one moment, made while it is written; restored, it goes on where it was."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import duckdb
import httpx
import pytest

from gateway.store.engine.open_file import BACKUPS, FILE
from gateway.store.files import restore, saved_files
from tests.promises.test_repair import doctor
from tests.support import verbs
from tests.support.in_process import body, inside
from tests.support.server import Server, eventually, serving

pytestmark = pytest.mark.file_only("a lake has no file to download, examine, or restore")

ROWS = "fields: {batch: integer, row: integer}\naccess: {read: [public]}\n"
BATCH = 20


def typed(*words: object, **environment: str) -> subprocess.CompletedProcess:
    ran = verbs.run([*map(str, words)], {**os.environ, **environment})
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


def backed_up(server: Server, *words: object) -> subprocess.CompletedProcess:
    return typed("backup", *words, "--url", server.url, "--token-file", server.data / "admin-token")


@contextlib.contextmanager
def writing(server: Server, clients: int = 4):
    """Clients that store numbered batches until the block ends, and what each was answered."""
    numbers, done = itertools.count(1), threading.Event()
    stored: dict[int, int] = {}

    def write():
        with httpx.Client(base_url=server.url, headers=server.admin, timeout=60) as client:
            while not done.is_set():
                number = next(numbers)
                answer = client.post("/a", json=[{"batch": number, "row": row} for row in range(BATCH)])
                assert answer.status_code == 201, answer.text
                stored[number] = answer.json()["last_id"]

    threads = [threading.Thread(target=write) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield stored
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_backup_under_load_has_a_prefix_of_batches(own, tmp_path, tell):
    """Check that it has only whole batches, all those committed before it began, and that a store restored from it continues its row ids."""
    own.declare("a", ROWS)
    own.declare("b", "fields: {n: integer}\naccess: {read: [public]}\n")
    own.client.post("/b", json=[{"n": 1}])
    file = tmp_path / "backup.duckdb"
    with writing(own) as stored:
        eventually(lambda: len(stored) > 100)
        before = dict(stored)
        ran = backed_up(own, file)
        after = len(stored)
        eventually(lambda: len(stored) > after)
    assert ran.returncode == 0, ran.stderr
    assert "Sound: 2 connectors" in ran.stdout
    assert not list((own.data / BACKUPS).iterdir())

    restored = Server(tmp_path / "restored", is_forked=True)
    shutil.copy(own.connectors / "a.yaml", restored.connectors)
    (restored.connectors / "b.yaml").write_text("fields: [")
    ran = typed("restore", file, "--data", restored.data)
    assert ran.returncode == 0, ran.stderr
    with serving(tmp_path / "restored") as restored:
        rows = restored.client.get("/a?select=_id,batch,row").json()
        next_id = restored.client.post("/a", json=[{"batch": 0, "row": 0}]).json()["first_id"]
        states = {each["name"]: each["state"] for each in restored.client.get("/-/connectors").json()}
        assert states == {"a": "live", "b": "last good"}
        assert restored.client.get("/b").json() == [{"n": 1}]

    tell(
        f"{len(before)} batches before a backup, {after - len(before)} while it was made; {len(rows) // BATCH} in it"
    )
    assert [row["_id"] for row in rows] == list(range(1, len(rows) + 1))
    assert next_id == len(rows) + 1
    assert max(before.values()) <= len(rows)
    whole = [[row["row"] for row in group] for _, group in itertools.groupby(rows, lambda row: row["batch"])]
    assert whole == [list(range(BATCH))] * (len(rows) // BATCH)


def test_backup_keeps_row_order_after_deletions(tmp_path):
    with inside(tmp_path, {"c": "fields: {n: integer}\n"}) as gateway:
        for first in range(0, 300_000, 50_000):
            rows = b",".join(b'{"n":%d}' % n for n in range(first, first + 50_000))
            assert gateway.request("POST", "/c", body(b"[" + rows + b"]"))[0] == 201
        writer = gateway.store._database.writer
        writer.execute('DELETE FROM rows."c@1" WHERE hash(_id) % 3 = 0')
        writer.execute("CHECKPOINT")
        writer.execute('DELETE FROM rows."c@1" WHERE hash(_id) % 5 = 0')
        kept = writer.execute('SELECT _id FROM rows."c@1"').fetchall()
        with gateway.store.backup() as copy:
            file = tmp_path / "copy.duckdb"
            file.write_bytes(copy.read())
        assert not [each for each in Path("/proc/self/fd").iterdir() if f"/{BACKUPS}/" in str(_target(each))]
    with duckdb.connect(str(file), read_only=True) as connection:
        (tags,) = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'copy'"
        ).fetchall()[0]
        found = connection.execute('SELECT _id FROM rows."c@1"').fetchall()

    assert found == kept == sorted(kept)
    assert tags["storage_version"].startswith("v1.5")


def _target(descriptor: Path) -> Path | None:
    with contextlib.suppress(FileNotFoundError):
        return descriptor.readlink()
    return None


def test_backup_requires_the_admin_token(server):
    for token, status in (("", 401), ("Bearer gw_wrong", 401)):
        headers = {"Authorization": token} if token else {}
        assert httpx.get(f"{server.url}/-/backup", headers=headers).status_code == status


def test_killed_backup_is_removed_at_next_start(tmp_path):
    left = tmp_path / "data" / BACKUPS
    left.mkdir(parents=True)
    (left / "copy.duckdb").write_bytes(b"half")
    (left / "copy.duckdb.wal").write_bytes(b"half")
    with inside(tmp_path, {}):
        assert not list(left.iterdir())


def test_stop_does_not_wait_for_a_backup(tmp_path):
    with inside(tmp_path, {"c": "fields: {n: integer}\n"}) as gateway:
        gateway.store._database.writer.execute(
            'INSERT INTO rows."c@1" SELECT i, now(), 1, i FROM range(3000000) r(i)'
        )
        answers = []
        asking = threading.Thread(target=lambda: answers.append(gateway.request("GET", "/-/backup")))
        asking.start()
        eventually(lambda: gateway.store._database._backup._cursor is not None)
    asking.join()

    status, _, text = answers[0]
    assert (status, json.loads(text)["code"]) == (503, "GW413")
    assert not list((tmp_path / "data" / BACKUPS).iterdir())


def test_backup_replaces_a_file_only_with_force(own, tmp_path):
    """Check also that a backup that fails leaves the file of the earlier one whole and no partial file."""
    own.declare("a", ROWS)
    own.client.post("/a", json=[{"batch": 1, "row": 1}] * 1000)
    file = tmp_path / "backup.duckdb"
    file.write_text("precious")
    assert "--force replaces it" in backed_up(own, file).stderr
    assert file.read_text() == "precious"
    assert "Permission denied" not in backed_up(own, file, "--force").stderr
    assert doctor_of_copy(tmp_path, file) == 0
    assert file.stat().st_mode & 0o777 == 0o600

    whole = file.read_bytes()
    own.client.close()
    own.kill()
    ran = backed_up(own, file, "--force")
    assert ran.returncode == 1
    assert "no gateway answers at" in ran.stderr
    assert file.read_bytes() == whole
    assert backed_up(own, tmp_path / "no" / "such").returncode == 1
    assert not list(tmp_path.glob("*.part"))


def doctor_of_copy(directory, file):
    data = directory / "looked-at"
    data.mkdir()
    shutil.copy(file, data / FILE)
    return doctor(data)[0]


def test_restore_replaces_a_store_only_with_move_aside(own, tmp_path):
    """Check also that it refuses a store that is in use and a file that is no whole backup."""
    own.declare("a", ROWS)
    own.client.post("/a", json=[{"batch": 1, "row": 1}] * 10)
    file = tmp_path / "backup.duckdb"
    assert backed_up(own, file).returncode == 0
    own.client.post("/a", json=[{"batch": 2, "row": 1}] * 10)
    ran = typed("restore", file, "--data", own.data, "--move-aside")
    assert (ran.returncode, "is in use by process" in ran.stderr) == (1, True)
    own.stop()

    ran = typed("restore", file, "--data", own.data)
    assert (ran.returncode, "has a store already" in ran.stderr) == (1, True)
    (tmp_path / "bad.duckdb").write_bytes(file.read_bytes()[:300_000])
    ran = typed("restore", tmp_path / "bad.duckdb", "--data", own.data, "--move-aside")
    assert ran.returncode == 1, ran.stdout
    assert not saved_files.folders(own.data, restore.WORD)

    ran = typed("restore", file, "--data", own.data, "--move-aside")
    assert ran.returncode == 0, ran.stderr
    (folder,) = saved_files.folders(own.data, restore.WORD)
    assert (folder / FILE).exists()
    own.start()
    assert own.client.get("/a?select=batch.max()").json() == [{"max": 1}]


def test_killed_restore_is_not_served_until_repeated(own, tmp_path, monkeypatch):
    own.declare("a", ROWS)
    own.client.post("/a", json=[{"batch": 1, "row": 1}] * 10)
    file = tmp_path / "backup.duckdb"
    assert backed_up(own, file).returncode == 0
    own.stop()

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    for place in ("copy", "moved"):
        monkeypatch.setattr(saved_files, place, killed)
        with pytest.raises(Killed):
            restore.put(file, own.data / FILE, move_aside=True)
        monkeypatch.undo()
        half_served = Server(tmp_path, is_forked=True).start(wait=False)
        if place == "copy":
            half_served.wait_ready()  # Nothing has changed its place yet.
            half_served.stop()
    assert half_served.process.wait(30) != 0
    assert "a restore into" in half_served.tail()
    assert "was interrupted" in half_served.tail()
    assert doctor(own.data)[0] == 1

    assert typed("restore", file, "--data", own.data, "--move-aside").returncode == 0
    own.start()
    assert own.client.get("/a?select=count()").json() == [{"count": 10}]


def test_restore_refuses_file_that_is_no_database(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n" * 1000)

    ran = verbs.run(["restore", "rows.csv", "--data", "data"], os.environ, tmp_path)

    assert ran.returncode != 0
    assert "rows.csv cannot be opened: it is not a DuckDB file" in ran.stdout + ran.stderr
