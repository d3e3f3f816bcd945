"""What is wrong with a lake is said where it is met, shows no secret, and stops no other gateway."""

import contextlib
import socket
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from gateway.store.lake.commit_lock import LOCK
from tests.lake.test_init import refusal
from tests.support.lake.gateways import gateway_lake, lake_settings, s3_settings, serving_lake, verb_of_lake
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import PASSWORD, psql
from tests.support.lake.seaweedfs import KEEPER
from tests.support.scrape import scrape
from tests.support.server import DEADLINE, Server, eventually, serving

CONNECTOR = "fields: {id: integer}\naccess: {read: [public]}\n"


@contextlib.contextmanager
def silent_port():
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]


@pytest.fixture
def on_s3(postgres, seaweedfs, request) -> dict[str, str]:
    """The settings of a new lake on S3."""
    return s3_settings(postgres.database(), seaweedfs, request.node.name.replace("[", "-").replace("]", ""))


def test_state_shows_no_secret(on_s3, tmp_path):
    with serving_lake(tmp_path, **on_s3) as server:
        texts = [server.client.get(path).text for path in ("/-/status", "/-/console/status", "/-/lake")]

        settings = server.client.get("/-/status").json()["settings"]
        log = server.log.read_text()

    assert settings["GATEWAY_LAKE_CATALOG"] == settings["GATEWAY_LAKE_S3_SECRET"] == "(set)"
    assert settings["GATEWAY_LAKE_DELETE_SECRET"] is None
    for text in (*texts, log):
        assert PASSWORD not in text
        assert KEEPER.secret not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"GATEWAY_LAKE_DATA": "s3://nobucket/rows"},
            "s3://nobucket/rows/ cannot be written and read: HTTP Error",
        ),
        ({"GATEWAY_LAKE_S3_SECRET": "wrong"}, "cannot be written and read: HTTP Error"),
        ({"GATEWAY_LAKE_S3_ENDPOINT": "http://127.0.0.1:9"}, "cannot be written and read: IO Error"),
        ({"GATEWAY_LAKE_DATA": "/proc/nowhere"}, "GATEWAY_LAKE_DATA: /proc/nowhere/ cannot be written"),
        (
            {"GATEWAY_LAKE_DATA": "s3:/lake/rows"},
            "GATEWAY_LAKE_DATA='s3:/lake/rows': write s3://BUCKET/PREFIX",
        ),
        ({"GATEWAY_LAKE_CATALOG": f"postgresql://u:p@{PASSWORD}@127.0.0.1:1/d"}, "with %40 for @"),
        ({"GATEWAY_LAKE_CATALOG": f"postgresql://u:p#{PASSWORD}@127.0.0.1:1/d"}, "%23 for #"),
    ],
)
def test_init_refuses_place_it_cannot_use(on_s3, tmp_path, changes, message):
    done = verb_of_lake("lake", "init", **(on_s3 | {"GATEWAY_DATA": str(tmp_path)} | changes))

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stderr
    assert KEEPER.secret not in done.stderr
    again = verb_of_lake("lake", "init", **(on_s3 | {"GATEWAY_DATA": str(tmp_path)}))
    assert again.returncode == 0, again.stderr


def test_other_place_of_data_is_named(on_s3, tmp_path):
    gateway_lake("init", **on_s3, GATEWAY_DATA=str(tmp_path))

    other = on_s3 | {"GATEWAY_LAKE_DATA": str(tmp_path / "lake"), "GATEWAY_DATA": str(tmp_path)}
    done = verb_of_lake("lake", "init", **other)

    assert f"has its data files in {on_s3['GATEWAY_LAKE_DATA']}/, and GATEWAY_LAKE_DATA is" in done.stderr


def test_doctor_examines_nothing_without_data_files(on_s3, tmp_path):
    gateway_lake("init", **on_s3, GATEWAY_DATA=str(tmp_path))

    for changes in ({"GATEWAY_LAKE_S3_ENDPOINT": "http://127.0.0.1:9"}, {"GATEWAY_LAKE_S3_SECRET": "wrong"}):
        done = verb_of_lake("lake", "doctor", **(on_s3 | {"GATEWAY_DATA": str(tmp_path)} | changes))

        assert done.returncode == 3, done.stdout
        assert "cannot be read" in done.stdout + done.stderr


def test_folder_that_cannot_be_written_is_named(postgres, tmp_path):
    settings = lake_settings(postgres.database(), tmp_path / "lake")
    with serving_lake(tmp_path / "g", **settings) as server:
        path = server.declare("c", CONNECTOR)
        server.client.post(path, json=[{"id": 1}]).raise_for_status()
        (folder,) = {each.parent for each in Path(settings["GATEWAY_LAKE_DATA"]).rglob("gateway-*.parquet")}
        folder.rename(tmp_path / "aside")
        folder.write_text("no folder")

        answer = server.client.post(path, json=[{"id": 2}])
        folder.unlink()
        (tmp_path / "aside").rename(folder)

        assert answer.status_code == 503
        assert "the folder of the data files cannot be used" in answer.text
        assert [each["id"] for each in server.client.get(path).json()] == [1]


def test_gateway_with_hanging_files_stops_no_other(on_s3, tmp_path):
    """The turn to commit is given up, and the gate refuses the commit that comes late."""
    with silent_port() as port, serving_lake(tmp_path / "a", **on_s3) as good:
        path = good.declare("c", CONNECTOR)
        hanging = on_s3 | {"GATEWAY_LAKE_S3_ENDPOINT": f"http://127.0.0.1:{port}"}
        with serving(tmp_path / "b", python=PYTHON, **hanging) as bad:
            eventually(lambda: bad.client.get(f"/-/connectors{path}").status_code == 200)

            def post() -> None:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.post(f"{bad.url}{path}", json=[{"id": 1}], headers=bad.admin, timeout=DEADLINE)

            stuck = threading.Thread(target=post, daemon=True)
            stuck.start()
            eventually(lambda: good.client.get("/-/lake").status_code == 200)

            answers = [good.client.post(path, json=[{"id": number}]).status_code for number in (2, 3)]
            bad.client.close()
            bad.kill()
            stuck.join()

        assert answers == [201, 201]
        assert [each["id"] for each in good.client.get(path).json()] == [2, 3]


def test_gateway_without_catalog_is_not_ready(postgres, proxy, database, tmp_path):
    settings = lake_settings(proxy.url(database), tmp_path / "lake")
    with serving_lake(tmp_path / "g", **settings) as server:
        assert server.client.get("/-/ready").status_code == 200
        proxy.hang()
        eventually(lambda: server.client.get("/-/ready").status_code == 503, "it stayed ready")

        answer = server.client.get("/-/ready")
        away = scrape(server).value("gateway_lake_catalog_up")
        told = status_of(server)
        proxy.resume()
        eventually(lambda: server.client.get("/-/ready").status_code == 200, "it did not become ready again")

        assert scrape(server).value("gateway_lake_catalog_up") == 1
        assert status_of(server).returncode == 0

    assert answer.headers["retry-after"]
    assert "PostgreSQL" in answer.text
    assert away == 0
    assert told.returncode == 1
    assert "not all is well: PostgreSQL does not answer" in told.stdout


def status_of(server: Server) -> subprocess.CompletedProcess[str]:
    """What `gateway status` says of a gateway."""
    secret = server.admin["Authorization"].partition(" ")[2]
    return verb_of_lake("status", GATEWAY_URL=server.url, GATEWAY_TOKEN=secret)


@pytest.mark.long
def test_frozen_gateway_loses_its_turn(postgres, database, tmp_path):
    """A session that holds the commit lock, and whose gateway asks PostgreSQL nothing, is ended."""
    with serving_lake(tmp_path, **lake_settings(database, tmp_path / "lake")) as server:
        path = server.declare("c", CONNECTOR)
        name = "SET application_name = 'gateway frozen'"
        holder = psql(database, name, f"SELECT pg_advisory_lock({LOCK})", "SELECT pg_sleep(600)")
        eventually(
            lambda: postgres.rows(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted")
        )

        answer = server.client.post(path, json=[{"id": 1}])

        assert answer.status_code == 201, answer.text
        assert holder.wait(DEADLINE) != 0
        assert "gateway frozen had the turn to commit" in server.log.read_text()
        holder.communicate()


def test_unmounted_folder_takes_no_rows(postgres, database, tmp_path):
    settings = lake_settings(database, tmp_path / "lake")
    with serving_lake(tmp_path / "g", **settings) as server:
        path = server.declare("c", CONNECTOR)
        mounted, hidden = tmp_path / "lake", tmp_path / "hidden"
        mounted.rename(hidden)
        mounted.mkdir()

        answer = server.client.post(path, json=[{"id": 1}])
        log = refusal(tmp_path / "other", settings)
        assert list(mounted.rglob("*.parquet")) == []
        mounted.rmdir()
        hidden.rename(mounted)

        assert answer.status_code == 503
        assert "is its file system mounted?" in answer.text
        assert "is its file system mounted?" in log
        assert server.client.post(path, json=[{"id": 2}]).status_code == 201
