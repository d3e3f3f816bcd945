"""A catalog is found again after a failover: to another host of its URL, and to an older copy."""

import shutil

from tests.support.lake.gateways import lake_settings, serving_lake
from tests.support.lake.postgres import running_postgres
from tests.support.server import eventually


def test_gateway_outlives_failover_between_hosts(tmp_path):
    with running_postgres() as postgres:
        url = postgres.database()
        host = f"127.0.0.1:{postgres.port}"
        several = url.replace(host, f"{host},{host}") + "?target_session_attrs=read-write"
        with serving_lake(tmp_path / "g", **lake_settings(several, tmp_path / "lake")) as server:
            path = server.declare("c", "fields: {id: integer}\n")
            server.client.post(path, json=[{"id": 1}]).raise_for_status()

            postgres.stop()
            eventually(lambda: server.client.get(path).status_code == 503, "the outage was not noticed")
            postgres.start()

            eventually(lambda: server.client.get(path).status_code == 200, "the catalog was not found again")
            server.client.post(path, json=[{"id": 2}]).raise_for_status()
            assert [each["id"] for each in server.client.get(path).json()] == [1, 2]
            assert "older copy" not in server.log.read_text()


def test_older_copy_of_catalog_answers_no_wrong_value(tmp_path):
    with running_postgres() as postgres:
        settings = lake_settings(postgres.database(), tmp_path / "lake")
        with serving_lake(tmp_path / "g", **settings) as server:
            path = server.declare("c", "fields: {id: integer}\n")
            server.client.post(path, json=[{"id": 1}]).raise_for_status()
            postgres.stop()
            shutil.copytree(postgres.data, tmp_path / "older")
            postgres.start()
            eventually(lambda: server.client.post(path, json=[{"id": 100}]).status_code == 201)

            postgres.kill()
            shutil.copytree(tmp_path / "older", postgres.data, dirs_exist_ok=True)
            (postgres.data / "postmaster.pid").unlink()
            postgres.start()

            eventually(lambda: server.client.post(path, json=[{"id": 1000}, {"id": -5}]).status_code == 201)
            eventually(lambda: server.client.get(path).status_code == 200)
            assert [each["id"] for each in server.client.get(path).json()] == [1, 1000, -5]
            assert [each["id"] for each in server.client.get(f"{path}?id=gte.500").json()] == [1000]
            assert "older copy" in server.log.read_text()
