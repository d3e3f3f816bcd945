"""Editing a connector that has rows: what is applied and how, what is refused and why."""

import json

import pytest

from gateway.connectors.change import Rule
from tests.rig import put

ROWS = [{"a": 1, "s": "x"}, {"a": 2, "s": None}, {"a": 3, "s": "long"}]
BEFORE = {"a": "integer", "s": {"type": "string", "nullable": True}}
S = BEFORE["s"]


def text(fields, **more):
    return json.dumps({"fields": fields, "access": {"read": ["public"]}, **more})


class Edited:
    """A connector with rows, and what an edit made of it."""

    def __init__(self, server, name):
        self.server, self.name, self.path = server, name, f"/{name}"

    def declare(self, fields, rows=(), **more):
        self.server.declare(self.name, text(fields, **more))
        if rows:
            answer = self.server.client.post(self.path, json=rows)
            assert answer.status_code == 201, answer.text
        return self

    def edit(self, fields, **more):
        put(self.server.connectors / f"{self.name}.yaml", text(fields, **more))
        return self.server.reload()[f"{self.name}.yaml"]

    def rows(self, query=""):
        answer = self.server.client.get(f"{self.path}?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def history(self):
        return self.server.client.get(f"/-/connectors/{self.name}/history").json()


@pytest.fixture
def edited(server, name):
    return Edited(server, name)


def field(base, **more):
    return {**({"type": base} if isinstance(base, str) else base), **more}


#: Rule, the fields before, the rows, the fields after, and what the rows read then.
APPLIED = [
    (Rule.FIELD_ADDED, BEFORE, ROWS, {**BEFORE, "n": field("date", nullable=True)}, {"n": [None] * 3}),
    (Rule.FIELD_ADDED, BEFORE, ROWS, {**BEFORE, "n": field("integer", default=7)}, {"n": [7] * 3}),
    (
        Rule.FIELD_ADDED,
        BEFORE,
        ROWS,
        {**BEFORE, "n": field("string[]", nullable=True, default=["d"])},
        {"n": [["d"]] * 3},
    ),
    (Rule.REQUIRED_ADDED, BEFORE, ROWS, {**BEFORE, "n": field("string", backfill="old")}, {"n": ["old"] * 3}),
    (
        Rule.REQUIRED_ADDED,
        BEFORE,
        ROWS,
        {**BEFORE, "n": field("json", backfill={"k": [1]})},
        {"n": [{"k": [1]}] * 3},
    ),
    (Rule.FIELD_RENAMED, BEFORE, ROWS, {"b": field("integer", renamed_from="a"), "s": S}, {"b": [1, 2, 3]}),
    (Rule.FIELD_REMOVED, BEFORE, ROWS, {"a": "integer"}, {"a": [1, 2, 3]}),
    (Rule.MADE_NULLABLE, BEFORE, ROWS, {"a": field("integer", nullable=True), "s": S}, {"a": [1, 2, 3]}),
    (Rule.MADE_REQUIRED, BEFORE, [{"a": 1, "s": "x"}], {"a": "integer", "s": "string"}, {"s": ["x"]}),
    (
        Rule.MADE_REQUIRED,
        BEFORE,
        ROWS,
        {"a": "integer", "s": field("string", backfill="none")},
        {"s": ["x", "none", "long"]},
    ),
    (
        Rule.LOOSENED,
        {"a": field("integer", maximum=5)},
        [{"a": 5}],
        {"a": field("integer", maximum=9)},
        {"a": [5]},
    ),
    (Rule.LOOSENED, {"a": field("integer", maximum=5)}, [{"a": 5}], {"a": "integer"}, {"a": [5]}),
    (
        Rule.LOOSENED,
        {"a": field("string", enum=["x"])},
        [{"a": "x"}],
        {"a": field("string", enum=["y", "x"])},
        {"a": ["x"]},
    ),
    (Rule.LOOSENED, {"a": field("string", pattern="^x")}, [{"a": "x"}], {"a": "string"}, {"a": ["x"]}),
    (Rule.TIGHTENED, BEFORE, ROWS, {"a": field("integer", minimum=1), "s": S}, {"a": [1, 2, 3]}),
    (
        Rule.TIGHTENED,
        BEFORE,
        ROWS,
        {"a": "integer", "s": {**S, "enum": ["x", "long"]}},
        {"s": ["x", None, "long"]},
    ),
    (
        Rule.TIGHTENED,
        BEFORE,
        ROWS,
        {"a": "integer", "s": {**S, "max_length": 2, "using": "left(s, 2)"}},
        {"s": ["x", None, "lo"]},
    ),
    (Rule.TYPE_WIDENED, {"a": "integer"}, [{"a": 2**53}], {"a": "number"}, {"a": [2.0**53]}),
    (Rule.TYPE_WIDENED, {"a": "integer"}, [{"a": -(2**63)}], {"a": "decimal(38, 2)"}, {"a": [-(2.0**63)]}),
    (Rule.TYPE_WIDENED, {"a": "integer"}, [{"a": 99}], {"a": "decimal(4, 2)"}, {"a": [99.0]}),
    (Rule.TYPE_WIDENED, {"a": "decimal(4, 2)"}, [{"a": 12.34}], {"a": "decimal(6, 3)"}, {"a": [12.34]}),
    (
        Rule.TYPE_WIDENED,
        {"a": "date"},
        [{"a": "2026-01-02"}],
        {"a": "datetime"},
        {"a": ["2026-01-02T00:00:00"]},
    ),
    (
        Rule.TYPE_WIDENED,
        {"a": "integer[]"},
        [{"a": [1, 2]}, {"a": []}],
        {"a": "number[]"},
        {"a": [[1.0, 2.0], []]},
    ),
    (
        Rule.TYPE_CHANGED,
        {"a": "string"},
        [{"a": "12"}],
        {"a": field("integer", using="CAST(a AS BIGINT)")},
        {"a": [12]},
    ),
    (
        Rule.TYPE_CHANGED,
        {"a": "integer"},
        [{"a": 12}],
        {"a": field("string", using="a::VARCHAR || ' km'")},
        {"a": ["12 km"]},
    ),
    (
        Rule.TYPE_CHANGED,
        {"a": "string"},
        [{"a": "1,2"}],
        {"a": field("integer[]", using="CAST(string_split(a, ',') AS BIGINT[])")},
        {"a": [[1, 2]]},
    ),
    (
        Rule.TYPE_CHANGED,
        BEFORE,
        ROWS,
        {"a": field("boolean", using="a > 1"), "s": S},
        {"a": [False, True, True]},
    ),
    (Rule.DEFAULT_CHANGED, BEFORE, ROWS, {"a": field("integer", default=9), "s": S}, {"a": [1, 2, 3]}),
    (Rule.DEFAULT_CHANGED, {"a": field("integer", default=9)}, [{}], {"a": "integer"}, {"a": [9]}),
    (Rule.FIELD_DESCRIBED, BEFORE, ROWS, {"a": field("integer", description="d"), "s": S}, {"a": [1, 2, 3]}),
    (Rule.FIELDS_ORDERED, BEFORE, ROWS, {"s": S, "a": "integer"}, {"a": [1, 2, 3]}),
]


@pytest.mark.parametrize(
    ("rule", "before", "rows", "after", "expected"), APPLIED, ids=lambda each: getattr(each, "name", "")
)
def test_a_change_that_keeps_the_rows_is_applied_to_them(edited, rule, before, rows, after, expected):
    edited.declare(before, rows)

    state = edited.edit(after)

    assert (state["state"], state["findings"]) == ("live", [])
    read = edited.rows()
    assert list(read[0]) == list(after)
    assert {name: [row[name] for row in read] for name in expected} == expected
    event = edited.history()[0]
    assert event["action"] == "changed"
    assert (event["old"], event["new"]) == (text(before), text(after))
    assert rule.kind in [change["rule"] for change in event["changes"]]
    assert {change["verdict"] for change in event["changes"]} == {"applied"}


#: Rule, the fields before, the rows, the fields after, what is said, and the rows that are named.
REFUSED = [
    (Rule.REQUIRED_ADDED, BEFORE, ROWS, {**BEFORE, "n": "date"}, "rows stored before have no value for it", []),
    (Rule.FIELD_RENAMED, BEFORE, ROWS, {"b": "integer", "s": S}, "it looks like a rename", []),
    (Rule.FIELD_RENAMED, BEFORE, ROWS, {"a": "integer", "t": S}, "write renamed_from: s", []),
    (Rule.MADE_REQUIRED, BEFORE, ROWS, {"a": "integer", "s": "string"}, "1 of 3 stored rows have no value for it (_id 2)", [(2, None)]),
    (Rule.TIGHTENED, BEFORE, ROWS, {"a": field("integer", minimum=2, maximum=2), "s": S}, "2 of 3 stored rows do not satisfy it (_id 1, 3)", [(1, "1"), (3, "3")]),
    (Rule.TIGHTENED, BEFORE, ROWS, {"a": "integer", "s": {**S, "max_length": 3}}, "1 of 3 stored rows do not satisfy it (_id 3)", [(3, '"long"')]),
    (Rule.TIGHTENED, BEFORE, ROWS, {"a": "integer", "s": {**S, "pattern": "^[a-k]"}}, "2 of 3 stored rows", [(1, '"x"'), (3, '"long"')]),
    (Rule.TIGHTENED, {"a": field("integer", enum=[1, 2])}, [{"a": 1}, {"a": 2}], {"a": field("integer", enum=[1])}, "1 of 2 stored rows", [(2, "2")]),
    (Rule.TIGHTENED, BEFORE, [{"a": n, "s": None} for n in range(9)], {"a": field("integer", minimum=5), "s": S}, "5 of 9 stored rows do not satisfy it (_id 1, 2, 3)", [(1, "0"), (2, "1"), (3, "2")]),
    (Rule.TYPE_WIDENED, {"a": "integer"}, [{"a": 1}, {"a": 2**53 + 1}], {"a": "number"}, "1 of 2 stored rows do not survive it (_id 2)", [(2, "9007199254740993")]),
    (Rule.TYPE_WIDENED, {"a": "integer"}, [{"a": 1}, {"a": 100}], {"a": "decimal(4, 2)"}, "1 of 2 stored rows do not survive it (_id 2)", [(2, "100")]),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 1}], {"a": "string"}, "using: CAST(a AS VARCHAR)", []),
    (Rule.TYPE_CHANGED, {"a": "decimal(6, 2)"}, [{"a": 1}], {"a": "decimal(6, 3)"}, "using: CAST(a AS DECIMAL(6, 3))", []),
    (Rule.TYPE_CHANGED, {"a": "number"}, [{"a": 1}], {"a": "integer"}, "would have to be converted", []),
    (Rule.TYPE_CHANGED, {"a": "string"}, [{"a": "1"}, {"a": "x"}], {"a": field("integer", using="CAST(a AS BIGINT)")}, "1 of 2 stored rows do not survive it (_id 2)", [(2, '"x"')]),
    (Rule.TYPE_CHANGED, {"a": "string"}, [{"a": "1"}, {"a": "x"}], {"a": field("integer", using="TRY_CAST(a AS BIGINT)")}, "1 of 2 stored rows have no value for it (_id 2)", [(2, '"x"')]),
    (Rule.TIGHTENED, {"a": "string"}, [{"a": "1"}], {"a": field("integer", minimum=5, using="CAST(a AS BIGINT)")}, "1 of 1 stored rows do not satisfy it (_id 1)", [(1, '"1"')]),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 1}], {"a": field("string", using="lower(a)")}, "using cannot be run", []),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 0}], {"a": field("number", using="1 / a")}, "1 of 1 stored rows", [(1, "0")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "before", "rows", "after", "words", "named"), REFUSED, ids=lambda each: getattr(each, "name", "")
)
def test_a_change_that_would_lose_or_break_rows_is_refused_and_the_last_good_serves(
    edited, rule, before, rows, after, words, named
):
    edited.declare(before, rows)
    read = edited.rows()

    state = edited.edit(after)

    assert state["state"] == "last good"
    (finding,) = state["findings"]
    assert finding["code"] == "GW508"
    assert finding["line"] == 1
    assert words in f"{finding['message']} {finding['hint']}"
    assert finding["hint"]
    assert [(row["_id"], row["value"]) for row in finding.get("rows", [])] == named
    assert edited.rows() == read
    assert edited.server.client.post(edited.path, json=rows).status_code == 201
    assert len(edited.history()) == 1
    planned = edited.server.client.post(
        "/-/plan", json={"files": {f"{edited.name}.yaml": text(after)}}
    ).json()
    (entry,) = [each for each in planned["connectors"] if each["connector"] == edited.name]
    assert (planned["verdict"], entry["action"]) == ("refused", "refuse")
    assert rule.kind in [change["rule"] for change in entry["changes"] if change["verdict"] == "refused"]


def test_every_rule_that_can_be_refused_or_applied_to_rows_is_tried():
    tried = {case[0] for case in (*APPLIED, *REFUSED)}

    elsewhere = {
        Rule.FIELD_RESTORED,
        Rule.ALIAS_REMOVED,
        Rule.DESCRIBED,
        Rule.ACCESS_CHANGED,
        Rule.PATH_CHANGED,
        Rule.FILE_RENAMED,
    }
    assert tried | elsewhere == set(Rule)
