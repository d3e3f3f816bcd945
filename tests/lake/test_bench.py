"""The bench that the tests of a lake stand on: each part does what its tests take for granted."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support.lake.balancer import balancing
from tests.support.lake.lake_session import PYTHON, LakeSession
from tests.support.lake.postgres import psql
from tests.support.lake.seaweedfs import BUCKET, DELETER, KEEPER, SeaweedFS
from tests.support.server import DEADLINE, ROOT, eventually, free_port, serving

# -- PostgreSQL


def test_committed_rows_outlive_kill_of_postgres(postgres, database):
    postgres.ask(database, "CREATE TABLE kept AS SELECT 7 AS a")

    postgres.kill()
    postgres.start()

    assert postgres.rows(database, "SELECT a FROM kept") == [{"a": 7}]
    assert postgres.rows(database, "SELECT current_setting('fsync') AS fsync") == [{"fsync": "on"}]


def test_postgres_keeps_rows_over_restart(postgres, database):
    postgres.ask(database, "CREATE TABLE kept AS SELECT 7 AS a")

    postgres.stop()
    postgres.start()

    assert postgres.rows(database, "SELECT a FROM kept") == [{"a": 7}]


def test_frozen_postgres_answers_once_thawed(postgres, database):
    postgres.freeze()
    asked = psql(database, "SELECT 8")
    eventually(lambda: {_state_of(pid) for pid in postgres.processes()} - {"Z"} == {"T"})
    postgres.thaw()

    assert asked.communicate(timeout=DEADLINE) == ("8\n", "")


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_frozen_postgres_dies_with_its_tests(number):
    script = (
        "import time\n"
        "from tests.support.lake.postgres import running_postgres\n"
        "with running_postgres() as postgres:\n"
        "    postgres.freeze()\n"
        "    print(postgres.log, *postgres.processes(), flush=True)\n"
        "    time.sleep(60)\n"
    )
    tests = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    log, *pids = tests.stdout.readline().split()
    assert len(pids) > 3

    os.killpg(tests.pid, number)
    tests.communicate()

    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    eventually(lambda: not Path(log).parent.exists())


# -- the S3 server


def test_gateway_credentials_read_write_and_list(seaweedfs: SeaweedFS):
    with seaweedfs.client(KEEPER) as client:
        assert client.ask("PUT", "rights/ä b", b"rows").status_code == 200
        assert client.ask("GET", "rights/ä b").content == b"rows"
        assert client.keys("rights/") == ["rights/ä b"]


def test_gateway_credentials_never_delete(seaweedfs: SeaweedFS):
    with seaweedfs.client(KEEPER) as client:
        client.ask("PUT", "kept/one", b"rows")
        one = client.ask("DELETE", "kept/one")
        many = client.delete_many("kept/one", "kept/two")
        bucket = client.ask("DELETE")

    assert (one.status_code, bucket.status_code) == (403, 403)
    assert many.text.count("AccessDenied") == 2
    assert seaweedfs.objects("kept/") == ["kept/one"]


def test_maintenance_credentials_delete_objects(seaweedfs: SeaweedFS):
    with seaweedfs.client(DELETER) as client:
        for key in ("gone/1", "gone/2", "gone/3"):
            client.ask("PUT", key, b"rows")
        assert client.ask("DELETE", "gone/1").status_code == 204
        assert client.delete_many("gone/2", "gone/3").text.count("<Deleted>") == 2

    assert seaweedfs.objects("gone/") == []


def test_objects_outlive_stop_of_server(seaweedfs: SeaweedFS):
    with seaweedfs.client(KEEPER) as client:
        client.ask("PUT", "stopped/one", b"rows")
        seaweedfs.stop()
        with pytest.raises(httpx.ConnectError):
            client.ask("GET", "stopped/one")
        seaweedfs.start()

        assert client.ask("GET", "stopped/one").content == b"rows"


# -- the lake


def _attach(session: LakeSession, seaweedfs: SeaweedFS, url: str, prefix: str) -> None:
    session.use_s3(seaweedfs.endpoint, KEEPER.key, KEEPER.secret)
    session.attach(url, f"s3://{BUCKET}/{prefix}/")


def _insert(session: LakeSession) -> None:
    session.run("INSERT INTO lake.t SELECT range FROM range(1000)")


def _prepare(session: LakeSession) -> None:
    session.run("SET ducklake_max_retry_count = 0", "CREATE TABLE lake.t (a integer)")
    _insert(session)


def _count(session: LakeSession) -> int:
    """Count the rows by reading them: the catalog alone answers a plain count."""
    return session.run("SELECT count(*) FROM lake.t WHERE hash(a) IS NOT NULL")[0][0]


def test_lake_is_read_by_another_process(seaweedfs, database):
    with LakeSession() as writer, LakeSession() as reader:
        for session in (writer, reader):
            _attach(session, seaweedfs, database, "shared")
        _prepare(writer)

        assert _count(reader) == 1000
    assert len(seaweedfs.objects("shared/main/t/")) == 1


def test_lost_answer_loses_rows_in_folder(proxy, database, tmp_path):
    with LakeSession() as writer, LakeSession() as reader:
        writer.attach(proxy.url(database), str(tmp_path))
        reader.attach(database, str(tmp_path))
        _prepare(writer)
        proxy.lose_answers()
        with pytest.raises(RuntimeError):
            _insert(writer)

        assert proxy.struck == 1
        with pytest.raises(RuntimeError, match="Cannot open file"):
            _count(reader)


def test_lost_answer_keeps_rows_on_s3(seaweedfs, proxy, database):
    with LakeSession() as writer, LakeSession() as reader:
        _attach(writer, seaweedfs, proxy.url(database), "lost")
        _attach(reader, seaweedfs, database, "lost")
        _prepare(writer)
        proxy.lose_answers()
        with pytest.raises(RuntimeError):
            _insert(writer)

        assert proxy.struck == 1
        assert _count(reader) == 2000


def test_dropped_commit_leaves_no_rows(proxy, database, tmp_path):
    with LakeSession() as writer:
        writer.attach(proxy.url(database), str(tmp_path))
        _prepare(writer)
        proxy.drop()
        with pytest.raises(RuntimeError):
            _insert(writer)
        _insert(writer)

        assert proxy.struck == 1
        assert _count(writer) == 2000


@pytest.mark.parametrize("is_forked", [False, True])
def test_gateway_runs_in_environment_of_lake(tmp_path, is_forked):
    with serving(tmp_path, is_forked=is_forked, python=PYTHON) as gateway:
        assert 'duckdb="1.5.5"' in gateway.client.get("/-/metrics").text


# -- the balancer


@pytest.fixture
def named_servers() -> Iterator[list[ThreadingHTTPServer]]:
    """Two servers, each of which answers with its port."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(self.server.server_port).encode())

    servers = [ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) for _ in range(2)]
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    yield servers
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def test_balancer_leaves_out_dead_gateways(named_servers):
    ports = [server.server_port for server in named_servers]
    with balancing(ports) as balancer:

        def answered(count: int) -> list[int]:
            return sorted(int(httpx.get(balancer.url).text) for _ in range(count))

        balancer.use([free_port()])
        with pytest.raises(httpx.TransportError):
            httpx.get(balancer.url)
        balancer.use(ports)
        assert answered(4) == sorted(ports * 2)
        balancer.use([ports[0], free_port()])
        assert answered(4) == [ports[0]] * 4
