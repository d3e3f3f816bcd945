"""A catalog with several hosts in its URL, as a standby needs it, is found again after an outage."""

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
