"""`/-/connectors/NAME/activity`: batches, refusals, and reads by period."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support import visibility
from tests.support.server import eventually, serving

ORDERS = """
fields: {n: integer, note: {type: string, nullable: true}}
on_invalid: on_request
access: {read: [public]}
"""


def activity(server, name, **query):
    answer = server.client.get(f"/-/connectors/{name}/activity", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def use(server, name):
    """Store 3 rows, keep a rejected one, refuse 2 rows, and read 3 rows twice."""
    assert server.client.post(f"/{name}", json=[{"n": 1}, {"n": 2}]).status_code == 201
    kept = [{"n": 3}, {"n": "x"}]
    assert (
        server.client.post(f"/{name}", json=kept, headers={"Prefer": "handling=lenient"}).status_code == 207
    )
    assert server.client.post(f"/{name}", json=[{"n": 4}, {"n": "secret"}]).status_code == 422
    for _ in range(2):
        assert len(server.client.get(f"/{name}").json()) == 3


EXPECTED = {
    "batches": 2,
    "received": 4,
    "stored": 3,
    "rejected": 1,
    "duplicates": 0,
    "deleted": 0,
    "refused_batches": 1,
    "refused_rows": 2,
    "reads": 2,
    "served_rows": 6,
}


def without_bytes(counts):
    return {name: count for name, count in counts.items() if not name.endswith(("bytes", "start"))}


@pytest.mark.parametrize("step", ["1m", "5m", "1h", "6h", "1d", None])
def test_periods_sum_up_to_what_happened(server, name, step):
    server.declare(name, ORDERS)
    use(server, name)
    shown = activity(server, name, **({"step": step} if step else {}))

    assert without_bytes(shown["total"]) == EXPECTED
    assert min(shown["total"][f"{each}_bytes"] for each in ("received", "refused", "served")) > 0
    assert sum(each["stored"] for each in shown["periods"]) == 3
    assert sum(each["served_rows"] or 0 for each in shown["periods"]) == 6
    starts = [datetime.fromisoformat(each["start"]) for each in shown["periods"]]
    assert starts == sorted(starts)
    assert starts[-1] <= datetime.now(UTC)


def test_refusals_name_a_row_without_its_value(server, name):
    server.declare(name, ORDERS)
    use(server, name)
    shown = activity(server, name)
    (refusal,) = shown["refusals"]

    assert (refusal["status"], refusal["code"], refusal["method"], refusal["token"]) == (
        422,
        "22P02",
        "POST",
        "admin",
    )
    assert refusal["first_error"] == {"row": 2, "line": None, "field": "n", "code": "22P02"}
    assert (refusal["rows"], refusal["error_count"], refusal["times"]) == (2, 1, 1)
    assert "secret" not in str(shown)


def test_hours_outlast_a_restart(tmp_path):
    with serving(tmp_path) as server:
        server.declare("orders", ORDERS)
        use(server, "orders")
        server.stop()
        server.start()
        assert len(server.client.get("/orders").json()) == 3

        hours = activity(server, "orders", since="2h", step="1h")["total"]
        assert without_bytes(hours) == EXPECTED | {"reads": 3, "served_rows": 9}
        # Minutes from before the start are unknown, not 0.
        shown = activity(server, "orders", since="1h", step="1m")
        periods = shown["periods"]
        assert periods[0]["reads"] is None
        known = [each["start"] for each in periods if each["reads"] is not None]
        assert known[0] <= shown["figures_since"] <= known[-1]
        assert periods[-1]["reads"] is not None
        listed = server.client.get("/-/connectors").json()[0]["last_day"]
        assert without_bytes(listed) == EXPECTED | {"reads": 3, "served_rows": 9}


def test_purge_deletes_figures_too(tmp_path):
    with serving(tmp_path) as server:
        server.declare("orders", ORDERS)
        use(server, "orders")
        server.stop()
        server.start()
        assert server.client.post("/orders", json=[{"n": "x"}]).status_code == 422
        server.declare("flights", ORDERS)  # That a directory is empty is not believed at once.
        (server.connectors / "orders.yaml").unlink()
        eventually(lambda: server.client.get("/orders").status_code == 410)
        assert server.client.post("/-/connectors/orders/purge").status_code == 200
        server.declare("orders", ORDERS)

        for step in ("1m", "1h"):
            shown = activity(server, "orders", step=step)
            assert set(shown["total"].values()) <= {0, None}
            assert shown["refusals"] == []
        counts = [line for line in server.client.get("/-/metrics").text.splitlines() if '="orders"' in line]
        assert [line for line in counts if "rows" in line and not line.endswith(" 0.0")] == []


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ({"since": "yesterday"}, "write 90m"),
        ({"since": "0h"}, "write 90m"),
        ({"since": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "write 90m"),
        ({"step": "7m"}, "write 1m"),
        ({"step": "90m"}, "write 1m"),
        ({"step": "h"}, "write 1m"),
        ({"since": "30d", "step": "1m"}, "choose a longer step"),
    ],
)
def test_impossible_periods_are_refused(server, name, query, hint):
    server.declare(name, ORDERS)
    answer = server.client.get(f"/-/connectors/{name}/activity", params=query)

    assert answer.status_code == 400
    assert hint in answer.json()["hint"]


@pytest.mark.parametrize("since", ["90m", "2000-01-01", "2020-01-31T12:00:00+01:00"])
def test_since_is_a_duration_or_an_instant(server, name, since):
    server.declare(name, ORDERS)
    use(server, name)

    assert activity(server, name, since=since, step="30m" if since == "90m" else "7d")["total"]["stored"] == 3


def test_longest_duration_reaches_back_to_1970(server, name):
    server.declare(name, ORDERS)
    use(server, name)
    shown = activity(server, name, since="999999d", step="999999d")

    assert shown["since"] == "1970-01-01T00:00:00Z"
    assert shown["total"]["stored"] == 3


def test_token_sees_its_own_activity_alone(tmp_path):
    with visibility.place(tmp_path) as place:
        path = "/-/connectors/orders/activity"
        place.ask("loader", "POST", "/orders", [{"order_id": 1, "note": 2}, {"nothing": 1}] * 200)
        own = place.ask("etl", "GET", path).json()
        all_ = place.ask("auditor", "GET", path).json()

        assert (own["total"]["batches"], own["total"]["stored"], own["total"]["reads"]) == (1, 1, None)
        assert all_["total"]["batches"] > 1
        assert all_["total"]["reads"] == 0
        assert {each["token"] for each in own["refusals"]} <= {"etl"}
        chosen = place.ask("auditor", "GET", f"{path}?token=etl").json()
        assert chosen["total"] == own["total"]
        assert place.ask("etl", "GET", f"{path}?token=loader").json()["total"]["batches"] == 0


@pytest.mark.parametrize(
    ("body", "field"), [("4111111111111111,7\n8,9\n", None), ("order_id,note\nx,7\n", "order_id")]
)
def test_viewer_sees_no_cell_as_a_field(tmp_path, body, field):
    """A CSV file without a header has values of its first row in the place of names."""
    with visibility.place(tmp_path) as place:
        place.server.declare("strict", visibility.ORDERS.replace("keep", "reject"))
        headers = {"Authorization": f"Bearer {place.secrets['etl']}", "Content-Type": "text/csv"}
        httpx.post(f"{place.server.url}/strict", content=body, headers=headers)
        path = "/-/connectors/strict/activity"
        own, viewed = (
            place.ask(asker, "GET", path).json()["refusals"][0]["first_error"]["field"]
            for asker in ("etl", "auditor")
        )

        assert own == field or (field is None and "4111" in own)
        assert viewed == field
