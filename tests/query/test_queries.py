"""Random queries, answered by the gateway and by `tests/support/dialect_model.py`."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import dialect_model
from tests.support.query_strategies import ROWS, declare_rows, filters, orders, quoted, spell, trees
from tests.support.sizes import examples


@pytest.fixture(scope="session")
def path(server):
    return declare_rows(server, "queries")


@examples(400)
@given(
    some=st.lists(filters(), max_size=2),
    forest=st.lists(trees(), max_size=2),
    order=orders(),
    limit=st.none() | st.integers(0, 30),
    offset=st.integers(0, 40),
)
def test_queries_agree_with_plain_python(server, path, some, forest, order, limit, offset):
    parameters = [("select", "_id")] + [(spell(column), top) for top, _, column, _ in some]
    for text, (operator, negated, _) in forest:
        parameters.append((("not." if negated else "") + operator, text[text.index("(") :]))
    parameters += [("order", order[0])] if order[0] else []
    parameters += [("limit", str(limit))] if limit is not None else []
    parameters += [("offset", str(offset))] if offset else []
    conditions = [condition for *_, condition in some] + [condition for _, condition in forest]
    matching = [row for row in ROWS if all(dialect_model.holds(row, each) for each in conditions)]
    expected = [row["_id"] for row in dialect_model.ordered(matching, order[1])]
    page = expected[offset:] if limit is None else expected[offset : offset + limit]

    answer = server.client.get(f"{path}?{quoted(parameters)}", headers={"Prefer": "count=exact"})

    if offset > len(expected):
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"*/{len(expected)}")
        return
    assert answer.status_code in (200, 206), answer.text
    assert [row["_id"] for row in answer.json()] == page
    span = f"{offset}-{offset + len(page) - 1}" if page else "*"
    assert answer.headers["Content-Range"] == f"{span}/{len(expected)}"
    assert (answer.status_code == 206) == (len(page) < len(expected))
    assert ("next" in answer.links) == (bool(limit) and offset + len(page) < len(expected))


@examples(30)
@given(some=st.lists(filters(), max_size=1), order=orders(), limit=st.integers(1, 40))
def test_links_lead_through_every_row_once(server, path, some, order, limit):
    parameters = [("select", "_id")] + [(spell(column), top) for top, _, column, _ in some]
    parameters += [("order", order[0])] if order[0] else []
    matching = [row for row in ROWS if all(dialect_model.holds(row, condition) for *_, condition in some)]
    expected = [row["_id"] for row in dialect_model.ordered(matching, order[1])]

    found, url = [], f"{path}?{quoted(parameters)}&limit={limit}"
    while url:
        answer = server.client.get(url)
        assert answer.status_code == 200, answer.text
        found += [row["_id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url")

    assert found == expected


GROUPS = {"i": "i", "b": "b", "s": "s", "t": "t", "d": "d", "kind": "kind:j->>a"}


@examples(60)
@given(
    groups=st.lists(st.sampled_from(["i", "b", "s", "d"]), unique=True, max_size=2),
    some=st.lists(filters(), max_size=1),
    limit=st.none() | st.integers(1, 5),
)
def test_aggregates_agree_with_plain_python(server, path, groups, some, limit):
    aggregates = "n:count(),i.count(),total:d.sum(),low:s.min(),high:t.max(),mean:d.avg(),whole:i.sum()"
    parameters = [("select", ",".join([*groups, aggregates.replace("i.count()", "c:i.count()")]))]
    parameters += [(spell(column), top) for top, _, column, _ in some]
    matching = [row for row in ROWS if all(dialect_model.holds(row, condition) for *_, condition in some)]
    expected = {}
    for row in matching:
        expected.setdefault(tuple(row[name] for name in groups), []).append(row)
    if not groups:
        expected = {(): matching}

    found, url = [], f"{path}?{quoted(parameters)}" + (f"&limit={limit}" if limit else "")
    while url:
        answer = server.client.get(url)
        assert answer.status_code == 200, answer.text
        found += json.loads(answer.text, parse_float=Decimal)
        url = answer.links.get("next", {}).get("url")

    def exact(key):
        return tuple(
            Decimal(str(each)) if name == "d" and each is not None else each
            for name, each in zip(groups, key, strict=True)
        )

    assert len(found) == len(expected)
    by_group = {tuple(row[name] for name in groups): row for row in found}
    for key, rows in expected.items():
        answer = by_group[exact(key)]
        decimals = [Decimal(row["d"]) for row in rows if row["d"] is not None]
        assert answer["n"] == len(rows)
        assert answer["c"] == sum(row["i"] is not None for row in rows)
        assert answer["total"] == (sum(decimals) if decimals else None)
        assert answer["low"] == min((row["s"] for row in rows if row["s"] is not None), default=None)
        assert answer["whole"] == (
            sum(row["i"] for row in rows if row["i"] is not None) if answer["c"] else None
        )
        assert answer["mean"] is None or abs(answer["mean"] - sum(decimals) / len(decimals)) < Decimal("1e-9")
        high = max((dialect_model.comparable(row["t"], "t") for row in rows if row["t"]), default=None)
        assert (answer["high"] and dialect_model.comparable(answer["high"], "t")) == high


@examples(40)
@given(
    groups=st.lists(st.sampled_from(["i", "b", "s", "d", "l", "j->>a"]), unique=True, max_size=2),
    order=st.sampled_from(["n.desc", "n", "total.desc.nullslast", "low.nullsfirst,n.desc", "mean,top.desc"]),
    limit=st.integers(1, 9),
)
def test_groups_ordered_by_aggregates_are_paged_once_each(server, path, groups, order, limit):
    select = ",".join([*groups, "n:count(),total:i.sum(),low:s.min(),top:t.max(),mean:d.avg()"])
    parameters = [("select", select), ("order", order)]
    whole = server.client.get(f"{path}?{quoted(parameters)}").json()

    found, url = [], f"{path}?{quoted([*parameters, ('limit', str(limit))])}"
    while url:
        answer = server.client.get(url)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        url = answer.links.get("next", {}).get("url")

    assert found == whole
    term, *flags = order.split(",")[0].split(".")
    values = [row[term] for row in whole]
    given = [value for value in values if value is not None]
    assert given == sorted(given, reverse="desc" in flags)
    nulls_first = "nullsfirst" in flags or ("desc" in flags and "nullslast" not in flags)
    count = len(values) - len(given)
    assert (values[:count] if nulls_first else values[len(given) :]) == [None] * count


def test_cursor_of_no_group_is_an_error(server, path):
    query = "select=b,count()&order=count.desc&limit=1&cursor=79"

    answer = server.client.get(f"{path}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")
    assert "there is no row 79" in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select=b,count()&order=i", "the columns are b, count"),
        ("select=b,n:count()&order=count", "there is no column 'count'"),
        ("select=count()&order=s.desc", "the columns are count"),
        ("order=count.desc", "there is no column 'count'"),
    ],
)
def test_order_names_a_column_of_the_groups(server, path, query, said):
    answer = server.client.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert said in answer.text
