"""The activity of the last day is read again after 10 seconds, and at once for other connectors."""

import asyncio
import time

from gateway.admin.activity_report import ActivityReports
from gateway.admin.recent_activity import FRESH_SECONDS, RecentActivities
from tests.support.in_process import body, inside

ORDERS = "fields: {id: integer}\naccess: {read: [public]}\n"


def test_recent_activity_is_kept_for_ten_seconds(tmp_path):
    with inside(tmp_path, {"orders": ORDERS, "others": ORDERS}) as gateway:
        services, now = gateway.gateway.services, [time.time()]
        reports = ActivityReports(services.storage.reader, services.observed.figures)
        activities = RecentActivities(services.storage, reports, lambda: now[0])

        def read(*names: str) -> list[tuple[int, int, int]]:
            found = asyncio.run(activities.read(names))
            return [
                (each.counts.stored, sum(each.stored), each.figures.reads)
                for each in map(found.get, names)
                if each
            ]

        assert read("orders") == [(0, 0, 0)]
        headers = {"content-type": "application/json"}
        assert gateway.request("POST", "/orders", body(b'[{"id": 1}, {"id": 2}]'), headers=headers)[0] == 201
        assert gateway.request("GET", "/orders")[0] == 200

        assert read("orders") == [(0, 0, 0)]
        assert read("orders", "others") == [(2, 2, 1), (0, 0, 0)]
        assert gateway.request("POST", "/orders", body(b'{"id": 3}'), headers=headers)[0] == 201
        now[0] += FRESH_SECONDS + 1
        assert read("orders", "others") == [(3, 3, 1), (0, 0, 0)]
        now[0] -= 3600  # A clock that is set back keeps nothing for an hour.
        assert len(read("orders", "others")) == 2
        (orders,) = [asyncio.run(activities.read(("orders",)))["orders"]]
        assert orders.usual_gap is None
        assert orders.last_sent is not None
        assert not orders.is_late(time.time() + 1e6)
