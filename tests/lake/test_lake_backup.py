"""A backup of a lake: pg_dump of the catalog, then a copy of the data files, both while gateways write."""

import shutil
import subprocess
import threading
from pathlib import Path

from tests.lake.test_lake_doctor import doctor
from tests.support.lake.gateways import gateway_lake, lake_settings, serving_lake
from tests.support.lake.moved_store import ok
from tests.support.lake.postgres import PROGRAMS, PostgreSQL
from tests.support.server import DEADLINE, Server, eventually


def dump(url: str, file: Path) -> None:
    _run("pg_dump", "--format=custom", "--no-owner", f"--file={file}", url)


def restore(file: Path, url: str) -> None:
    _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(file))


def _run(*words: str) -> None:
    done = subprocess.run(
        [PROGRAMS / words[0], *words[1:]], capture_output=True, check=False, timeout=DEADLINE
    )
    assert done.returncode == 0, done.stderr


class _Writer:
    """Posts and edits batches until it is stopped, and counts them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stopping = threading.Event()
        self.batches = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopping.is_set():
            rows = [{"id": self.batches * 3 + each, "batch": self.batches} for each in range(3)]
            ok(self._server.client.post("/orders", json=rows))
            if self.batches % 5 == 4:
                change = f"/orders?batch=eq.{self.batches}"
                ok(self._server.client.patch(change, json={"note": "changed"}), 204)
            self.batches += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()


def test_backup_made_under_load_is_sound_and_serves(postgres: PostgreSQL, database: str, tmp_path: Path):
    data, copied = tmp_path / "lake", tmp_path / "copied"
    settings = lake_settings(database, data)
    with serving_lake(tmp_path / "one", **settings) as server:
        server.declare(
            "orders",
            "access: {change: [admin]}\nprimary_key: [id]\n"
            "fields: {id: integer, batch: integer, note: {type: string, nullable: true}}\n",
        )
        with _Writer(server) as writer:
            eventually(lambda: writer.batches > 10)
            dump(database, tmp_path / "dump")
            during = writer.batches
            eventually(lambda: writer.batches > during + 3)
            shutil.copytree(data, copied)
        server.stop()
    restored = postgres.database()
    restore(tmp_path / "dump", restored)
    settings = lake_settings(restored, copied)
    code, found = doctor(settings)
    assert (code, found["state"]) == (3, "not examined")
    assert "gateway docs lake" in found["message"]
    postgres.ask(restored, f"UPDATE ducklake_metadata SET value = '{copied}/' WHERE key = 'data_path'")
    shutil.rmtree(data)
    assert doctor(settings)[0] == 2
    gateway_lake("init", "--take-over", **settings, GATEWAY_DATA=str(tmp_path / "init"))
    code, found = doctor(settings)
    assert (code, found["state"], found["every_row_read"]) == (0, "sound", True)
    with serving_lake(tmp_path / "two", **settings) as server:
        shutil.copytree(tmp_path / "one" / "connectors.d", server.connectors, dirs_exist_ok=True)
        server.reload()
        rows = ok(server.client.get("/orders?select=id,batch&order=id"), 200).json()
        kept = len(rows) // 3
        assert 10 < kept <= during + 2
        assert rows == [
            {"id": batch * 3 + each, "batch": batch} for batch in range(kept) for each in range(3)
        ]
        ok(server.client.post("/orders", json=[{"id": 10**6, "batch": 0}]))
        assert doctor(settings)[0] == 0
