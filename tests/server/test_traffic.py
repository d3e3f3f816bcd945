"""Requests are counted by connector: reads with their rows, refused batches, and every response."""

import json

import pytest

from tests.support.in_process import inside

ORDERS = """
fields: {n: integer, text: {type: string, nullable: true}}
access: {change: [ops]}
"""
ROWS = 3


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with inside(tmp_path_factory.mktemp("traffic"), {"orders": ORDERS, "large": ORDERS}) as found:
        post(found, "orders", [{"n": n} for n in range(ROWS)])
        post(found, "large", [{"n": n, "text": "x" * 1000} for n in range(3000)])
        yield found


def post(gateway, name, rows, **headers):
    body = {"type": "http.request", "body": json.dumps(rows).encode(), "more_body": False}
    return gateway.request("POST", f"/{name}", body, headers={"content-type": "application/json"} | headers)


def counted(gateway, name, act):
    """Return what an act adds to the counts of a connector."""
    traffic = gateway.traffic.of(name)
    names = [each for each in traffic.__slots__ if isinstance(getattr(traffic, each), int)]
    before = {each: getattr(traffic, each) for each in names}
    responses = dict(traffic.responses)
    answer = act()
    added = {each: getattr(traffic, each) - before[each] for each in names}
    changed = {key: count for key, count in traffic.responses.items() if count != responses.get(key, 0)}
    return answer, {name: count for name, count in added.items() if count}, list(changed)


@pytest.mark.parametrize(
    ("query", "headers", "rows"),
    [
        ("", {}, ROWS),
        ("n=gt.0", {}, ROWS - 1),
        ("limit=1", {"prefer": "count=exact"}, 1),
        ("n=gt.9", {}, 0),
        ("select=count()", {}, 1),
        ("n=eq.1", {"accept": "application/vnd.pgrst.object+json"}, 1),
        ("", {"accept": "text/csv"}, ROWS),
        ("", {"accept": "application/vnd.apache.parquet"}, ROWS),
        ("", {"accept-encoding": "gzip"}, ROWS),
    ],
)
def test_read_counts_its_rows_and_bytes(gateway, query, headers, rows):
    for _ in range(2):  # The second response comes from the cache.
        (status, _, body), added, responses = counted(
            gateway, "orders", lambda: gateway.request("GET", "/orders", query=query, headers=headers)
        )

        size = len(body)
        assert added.pop("served_rows", 0) == rows
        assert added == {"reads": 1, "served_bytes": size, "sent_bytes": size}
        assert responses == [("GET", status)]


def test_stream_counts_all_its_rows(gateway):
    for query, rows in (("", 3000), ("limit=2500", 2500)):
        (_, _, body), added, _ = counted(
            gateway, "large", lambda query=query: gateway.request("GET", "/large", query=query)
        )

        assert added == {"reads": 1, "served_rows": rows, "served_bytes": len(body), "sent_bytes": len(body)}


def test_byte_ranges_count_rows_once(gateway):
    def read_all():
        third = int(gateway.request("HEAD", "/large")[1]["content-length"]) // 3
        for part in (f"bytes=0-{third}", f"bytes={third + 1}-{2 * third}", f"bytes={2 * third + 1}-"):
            assert gateway.request("GET", "/large", headers={"range": part})[0] == 206

    _, added, _ = counted(gateway, "large", read_all)

    assert (added["reads"], added["served_rows"]) == (3, 3000)


@pytest.mark.parametrize("part", ["bytes=-10", "bytes=0-9"])
def test_small_byte_range_counts_few_rows(gateway, part):
    """A reader of Parquet asks for the last bytes first, and a client may ask for nothing else."""
    (status, _, body), added, _ = counted(
        gateway, "large", lambda: gateway.request("GET", "/large", headers={"range": part})
    )

    assert (status, len(body)) == (206, 10)
    assert added.get("served_rows", 0) <= 10


def test_unchanged_rows_count_as_a_read_without_rows(gateway):
    _, headers, _ = gateway.request("GET", "/orders")
    (status, *_), added, _ = counted(
        gateway,
        "orders",
        lambda: gateway.request("GET", "/orders", headers={"if-none-match": headers["etag"]}),
    )

    assert (status, added) == (304, {"reads": 1})


def test_refused_batch_counts_its_rows_and_its_code(gateway):
    rows = [{"n": 1}, {"n": "x"}, {"n": None}]
    (status, _, body), added, responses = counted(gateway, "orders", lambda: post(gateway, "orders", rows))
    traffic = gateway.traffic.of("orders")

    assert status == 422
    assert (added["refused_batches"], added["refused_rows"]) == (1, 3)
    assert "reads" not in added
    assert responses == [("POST", 422)]
    code = json.loads(body)["code"]
    assert traffic.refused_by_code[code] >= 1
    last = traffic.refusals[0]
    assert (last.code, last.error_count, last.token, last.rows) == (code, 2, "admin", 3)
    assert (last.first_error.row, last.first_error.field, last.first_error.code) == (2, "n", "22P02")
    assert "x" not in str(last)


def test_equal_refusals_are_one_entry(gateway):
    for _ in range(3):
        post(gateway, "orders", [{"n": "y"}])
    traffic = gateway.traffic.of("orders")
    last, *others = traffic.refusals

    assert last.times >= 3
    assert not any(
        (each.method, each.code, each.token, each.first_error)
        == (last.method, last.code, last.token, last.first_error)
        for each in others
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "counts_refusal"),
    [
        ("POST", "/orders", {"content-type": "application/x-nothing"}, True),
        ("DELETE", "/orders", {}, True),
        ("POST", "/orders", {"authorization": "Bearer gw_wrong"}, True),
        ("GET", "/orders", {"accept": "text/nothing"}, False),
        ("TRACE", "/orders", {}, False),
        ("POST", "/-/connectors/orders/rejected/replay", {}, False),
    ],
)
def test_refusals_are_writes_to_the_endpoint(gateway, method, path, headers, counts_refusal):
    _, added, _ = counted(gateway, "orders", lambda: gateway.request(method, path, headers=headers))

    assert ("refused_batches" in added) == counts_refusal
    assert "reads" not in added


def test_stored_batches_are_counted_where_they_commit(gateway):
    """Check the totals of the store: a receipt that is sent again counts nothing."""
    before = gateway.store.commit_counts.by_connector["orders"].stored
    post(gateway, "orders", [{"n": 100}], **{"idempotency-key": "one"})
    post(gateway, "orders", [{"n": 100}], **{"idempotency-key": "one"})
    totals = gateway.store.commit_counts.by_connector["orders"]

    assert totals.stored == before + 1
    assert set(totals.batches) == {"post"}
    assert gateway.store.commit_counts.by_connector["orders"].received >= totals.stored
