"""A row that was posted to one gateway is read from every other one, also where a cache has the answer of before."""

from tests.lake.test_definitions import FIRST, fields, gateways
from tests.support.server import eventually, halted

#: The backend of PostgreSQL that notifies the second gateway.
LISTENER = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'gateway g1'"
    " AND query LIKE 'SELECT number, definitions%'"
)


def test_late_notification_hides_no_answered_row(postgres, tmp_path):
    with gateways(postgres, tmp_path, 2) as (a, b):
        path = a.declare("orders", FIRST)
        eventually(lambda: fields(b, path) == ["id"], "the connector was not taken over")
        catalog = a.environment["GATEWAY_LAKE_CATALOG"]
        ((listener,),) = [each.values() for each in eventually(lambda: postgres.rows(catalog, LISTENER))]
        for number in range(3):
            tag = [b.client.get(path).headers["ETag"] for _ in range(4)][-1]
            with halted(listener):
                a.client.post(path, json=[{"id": number}]).raise_for_status()

                answer = eventually(lambda: (got := b.client.get(path)).status_code == 200 and got)
                asked = {"If-None-Match": tag}
                again = eventually(
                    lambda: (got := b.client.get(path, headers=asked)).status_code != 503 and got
                )

            assert [each["id"] for each in answer.json()] == list(range(number + 1))
            assert again.status_code == 200
