"""Editing a connector that has rows: what is applied and how, what is refused and why."""

import json

import httpx
import pytest

from gateway.connectors.change import Rule
from tests.support.server import put
from tests.support.tested_store import renewed

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

    def go_back(self, fields):
        put(self.server.connectors / f"{self.name}.yaml", renewed(text(fields)))
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
    (
        Rule.DEFAULT_CHANGED,
        {"a": "integer", "j": field("json", default=1)},
        [{"a": 1}],
        {"a": "integer", "j": field("json", default=True)},
        {"j": [1]},
    ),
    (Rule.FIELD_DESCRIBED, BEFORE, ROWS, {"a": field("integer", description="d"), "s": S}, {"a": [1, 2, 3]}),
    (Rule.FIELDS_ORDERED, BEFORE, ROWS, {"s": S, "a": "integer"}, {"a": [1, 2, 3]}),
]


@pytest.mark.parametrize(
    ("rule", "before", "rows", "after", "expected"), APPLIED, ids=lambda each: getattr(each, "name", "")
)
def test_change_that_keeps_values_is_applied_to_rows(edited, rule, before, rows, after, expected):
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
    (Rule.TYPE_CHANGED, {"a": "decimal(6, 2)"}, [{"a": 1}], {"a": "decimal(6, 3)"}, 'using: "CAST(a AS DECIMAL(6, 3))"', []),
    (Rule.TYPE_CHANGED, {"a": "number"}, [{"a": 1}], {"a": "integer"}, "would have to be converted", []),
    (Rule.TYPE_CHANGED, {"a": "string"}, [{"a": "1"}, {"a": "x"}], {"a": field("integer", using="CAST(a AS BIGINT)")}, "1 of 2 stored rows do not survive it (_id 2)", [(2, '"x"')]),
    (Rule.TYPE_CHANGED, {"a": "string"}, [{"a": "1"}, {"a": "x"}], {"a": field("integer", using="TRY_CAST(a AS BIGINT)")}, "1 of 2 stored rows have no value for it (_id 2)", [(2, '"x"')]),
    (Rule.TIGHTENED, {"a": "string"}, [{"a": "1"}], {"a": field("integer", minimum=5, using="CAST(a AS BIGINT)")}, "1 of 1 stored rows do not satisfy it (_id 1)", [(1, '"1"')]),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 1}], {"a": field("string", using="lower(a)")}, "using cannot be run", []),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 0}], {"a": field("number", using="1 / a")}, "1 of 1 stored rows", [(1, "0")]),
    (Rule.TYPE_CHANGED, {"a": "integer"}, [{"a": 1}], {"a": "decimal(5, 2)[]"}, 'using: "CAST(a AS DECIMAL(5, 2)[])"', []),
    (Rule.TYPE_CHANGED, {"a": "string"}, [{"a": "x"}], {"a": field("boolean", using="regexp_matches(a, 'year', 'ünï')")}, "using cannot be run", []),
    (Rule.FIELD_RENAMED, BEFORE, ROWS, {"a": "integer", "t": field("boolean", nullable=True, renamed_from="S2")}, "there is no field 'S2'", []),
    (Rule.FIELD_RENAMED, BEFORE, ROWS, {"a": "integer", "text": field("boolean", nullable=True, renamed_from="ss")}, "write renamed_from: s", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "before", "rows", "after", "words", "named"), REFUSED, ids=lambda each: getattr(each, "name", "")
)
def test_refused_change_keeps_last_good_version(edited, rule, before, rows, after, words, named):
    """Check every change that would lose values or that stored rows do not satisfy; its finding names the rows and a fix."""
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


def test_cases_cover_every_rule_of_changes():
    tried = {case[0] for case in (*APPLIED, *REFUSED)}

    elsewhere = {
        Rule.FIELD_RESTORED,
        Rule.ALIAS_REMOVED,
        Rule.DESCRIBED,
        Rule.ACCESS_CHANGED,
        Rule.PATH_CHANGED,
        Rule.FILE_RENAMED,
        Rule.KEY_DECLARED,
        Rule.KEY_REMOVED,
        Rule.POLICY_CHANGED,
        Rule.RETENTION_CHANGED,
    }
    assert tried | elsewhere == set(Rule)


# -- fields that go and come back


def test_removed_field_is_hidden_and_restored_with_values(edited):
    edited.declare(BEFORE, ROWS)
    edited.edit({"a": "integer"})
    assert edited.rows("select=*") == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert edited.server.client.get(f"{edited.path}?s=eq.x").status_code == 400
    edited.server.client.post(edited.path, json={"a": 4})
    assert edited.server.client.post(edited.path, json={"a": 5, "s": "y"}).status_code == 422

    state = edited.go_back(BEFORE)

    assert state["findings"] == []
    assert [row["s"] for row in edited.rows()] == ["x", None, "long", None]
    assert [change["rule"] for change in edited.history()[0]["changes"]] == [Rule.FIELD_RESTORED.kind]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (field("string", default="none"), ["x", "none", "long", "none"]),
        (field("string", backfill="then"), ["x", "then", "long", "then"]),
        (field("integer", nullable=True, using="len(s)"), [1, None, 4, None]),
        ("string", "2 of 4 stored rows have no value for it (_id 2, 4)"),
        (field("string", nullable=True, max_length=1), "1 of 4 stored rows do not satisfy it (_id 3)"),
        (field("integer", nullable=True), "changes 's' from string to integer"),
    ],
    ids=str,
)
def test_restored_field_is_checked_against_its_values(edited, again, expected):
    """Check fields that are restored with another type or other rules: the values that they had decide whether the change is applied."""
    edited.declare(BEFORE, ROWS)
    edited.edit({"a": "integer"})
    edited.server.client.post(edited.path, json={"a": 4})

    state = edited.edit({"a": "integer", "s": again})

    if isinstance(expected, list):
        assert [row["s"] for row in edited.rows()] == expected
    else:
        assert state["state"] == "last good"
        assert any(expected in finding["message"] for finding in state["findings"])
        assert all(finding["hint"] for finding in state["findings"])


def test_values_before_conversion_are_kept_under_another_name(edited):
    edited.declare({"a": "string"}, [{"a": "1.0"}, {"a": "02"}])
    edited.edit({"a": field("integer", using="CAST(CAST(a AS DOUBLE) AS BIGINT)")})
    assert edited.rows() == [{"a": 1}, {"a": 2}]

    edited.edit({"a": "integer", "a_was_string": field("string", nullable=True)})

    assert edited.rows() == [{"a": 1, "a_was_string": "1.0"}, {"a": 2, "a_was_string": "02"}]


def test_repeated_conversions_keep_each_earlier_form(edited):
    edited.declare({"a": "string"}, [{"a": "7"}])
    for kind in ("integer", "string", "integer"):
        assert (
            edited.go_back(
                {
                    "a": field(
                        kind, using="CAST(a AS BIGINT) + 1" if kind == "integer" else "CAST(a AS VARCHAR)"
                    )
                }
            )["findings"]
            == []
        )
    more = {
        name: field(kind, nullable=True)
        for name, kind in (
            ("a_was_string", "string"),
            ("a_was_integer", "integer"),
            ("a_was_string_2", "string"),
        )
    }

    edited.edit({"a": "integer", **more})

    assert edited.rows() == [{"a": 9, "a_was_string": "7", "a_was_integer": 8, "a_was_string_2": "8"}]


def test_field_can_be_renamed_to_a_removed_name(edited):
    """Check that after `s` is removed and `a` renamed to `s`, the values of the old `s` stay under a name of their own."""
    edited.declare(BEFORE, ROWS)
    edited.edit({"a": "integer"})

    edited.edit({"s": field("integer", renamed_from="a")})
    assert edited.rows() == [{"s": 1}, {"s": 2}, {"s": 3}]

    edited.edit({"s": "integer", "s_2": S})
    assert [row["s_2"] for row in edited.rows()] == ["x", None, "long"]


def test_names_different_only_in_case_are_one_column(edited):
    edited.declare(BEFORE, ROWS)
    assert "write renamed_from: a" in edited.edit({"A": "integer", "s": S})["findings"][0]["hint"]

    edited.edit({"A": field("integer", renamed_from="a"), "s": S})
    assert [row["A"] for row in edited.rows()] == [1, 2, 3]

    edited.edit({"s": S})
    edited.go_back({"a": "integer", "s": S})
    assert [row["a"] for row in edited.rows()] == [1, 2, 3]


def test_many_changes_in_one_edit_make_one_revision(edited):
    before = {
        "a": "integer",
        "b": "string",
        "c": "date",
        "d": field("string", nullable=True),
        "e": "integer[]",
    }
    edited.declare(before, [{"a": 1, "b": "2", "c": "2026-01-02", "d": None, "e": [1]}])
    after = {
        "e": "number[]",
        "n": field("string[]", default=["n"]),
        "bb": field("integer", renamed_from="b", using="CAST(b AS BIGINT)"),
        "a": field("number", minimum=0),
        "d": field("string", backfill="d", max_length=1),
        "x": field("json", nullable=True),
    }

    assert edited.edit(after)["findings"] == []

    assert edited.rows() == [{"e": [1.0], "n": ["n"], "bb": 2, "a": 1.0, "d": "d", "x": None}]
    assert edited.history()[0]["revision"] == 2
    edited.edit({**after, "c": "date"})
    assert edited.rows("select=c") == [{"c": "2026-01-02"}]


def test_using_and_backfill_are_applied_once(edited):
    """Check that later edits of the file do not run the expression or fill the values again."""
    edited.declare({"a": "integer", "s": S}, ROWS)
    after = {"a": field("string", using="a || '!'"), "s": field("string", backfill="b")}
    edited.edit(after)
    edited.edit(after, description="again")
    edited.edit({"a": "string", "s": "string"})
    edited.edit(after)

    assert edited.rows() == [{"a": "1!", "s": "x"}, {"a": "2!", "s": "b"}, {"a": "3!", "s": "long"}]


def test_applied_expression_is_not_run_for_later_rules(edited):
    """Check that a rule added later is checked against the converted values."""
    edited.declare({"a": "string"}, [{"a": "1000"}, {"a": "9000"}])
    using = "CAST(a AS BIGINT) // 10"
    edited.edit({"a": field("integer", using=using)})

    state = edited.edit({"a": field("integer", using=using, maximum=500)})

    assert "1 of 2 stored rows do not satisfy it (_id 2)" in state["findings"][0]["message"]
    assert [row["a"] for row in edited.rows()] == [100, 900]


# -- a former name


@pytest.mark.parametrize("required", [True, False])
def test_renamed_field_accepts_rows_with_both_names(edited, required):
    """Check rows of every format, which may use the former name until it is removed from the file, and not both names in one row."""
    kind = field("string", nullable=not required, max_length=3)
    edited.declare({"old": kind, "n": "integer"}, [{"old": "a", "n": 1}])
    post = lambda content, **headers: edited.server.client.post(edited.path, content=content, headers=headers)  # noqa: E731

    edited.edit({"new": {**kind, "renamed_from": "old"}, "n": "integer"})

    assert post(b'[{"old":"b","n":2},{"new":"c","n":3}]').status_code == 201
    assert (
        post(b'{"old":"d","n":4}\n{"n":5,"new":"e"}\n', content_type="application/x-ndjson").status_code
        == 201
    )
    assert post(b"old,n\nf,6\n", **{"Content-Type": "text/csv"}).status_code == 201
    assert (
        edited.server.client.post(f"{edited.path}?columns=old", json=[{"old": "g", "n": 0}]).status_code
        == 422
    )
    assert (
        edited.server.client.post(f"{edited.path}?columns=old,n", json=[{"old": "g", "n": 7}]).status_code
        == 201
    )
    assert [row["new"] for row in edited.rows()] == list("abcdefg")
    both = post(b'{"old":"x","new":"y","n":8}').json()
    assert "is the former name of" in both["message"]
    assert post(b"old,new,n\nx,y,8\n", **{"Content-Type": "text/csv"}).status_code == 400
    assert post(b'{"old":"long","n":8}').json()["errors"][0]["field"] == "new"
    assert post(b'{"n":8}').status_code == (422 if required else 201)

    edited.edit({"new": kind, "n": "integer"})
    assert post(b'{"old":"b","n":2}').json()["errors"][0]["code"] == "PGRST204"


@pytest.fixture
def renamed(edited):
    """A table whose fields `note` and `j` were called `remark` and `data` before."""
    edited.declare(
        {"id": "integer", "note": field("string", nullable=True), "j": field("json", nullable=True)},
        [
            {"id": 1, "note": "b", "j": {"k": [5]}},
            {"id": 2, "note": "a"},
            {"id": 3, "note": "a", "j": {"k": 7}},
        ],
    )
    edited.edit(
        {
            "id": "integer",
            "remark": field("string", nullable=True, renamed_from="note"),
            "data": field("json", nullable=True, renamed_from="j"),
        },
        access={"read": ["public"], "change": ["admin"]},
    )
    return edited


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select=note&id=eq.1", [{"note": "b"}]),
        ("select=*&id=eq.2", [{"id": 2, "remark": "a", "data": None}]),
        ("select=id,note,remark&id=eq.2", [{"id": 2, "note": "a", "remark": "a"}]),
        ("select=*,note&id=eq.2", [{"id": 2, "remark": "a", "data": None, "note": "a"}]),
        ("select=x:note::text&id=eq.1", [{"x": "b"}]),
        ("select=id&note=eq.a&order=note,id.desc", [{"id": 3}, {"id": 2}]),
        ("select=id&note=eq.b", [{"id": 1}]),
        ("select=id&or=(note.eq.b,remark.is.null)", [{"id": 1}]),
        ("select=id&not.and=(note.eq.a,id.gt.2)&order=id", [{"id": 1}, {"id": 2}]),
        ("select=note,count()&order=note", [{"note": "a", "count": 2}, {"note": "b", "count": 1}]),
        ("select=note,count()&order=remark.desc", [{"note": "b", "count": 1}, {"note": "a", "count": 2}]),
        ("select=note.max()", [{"max": "b"}]),
        ("select=j->k,j->k->0&id=eq.1", None),
        ("select=j->k&id=eq.1", [{"k": [5]}]),
        ("select=k:j->k->0&j->k->0=eq.5", [{"k": 5}]),
        ("select=id&j->k=eq.7", [{"id": 3}]),
    ],
)
def test_renamed_field_answers_to_both_names(renamed, query, expected):
    answer = renamed.server.client.get(f"{renamed.path}?{query}")

    if expected is None:
        assert answer.status_code == 400
    else:
        assert (answer.status_code, answer.json()) == (200, expected)


def test_former_name_works_in_every_format_and_method(renamed):
    client, path = renamed.server.client, renamed.path
    assert client.get(f"{path}?select=id,note&format=csv&order=id").text.splitlines() == [
        "id,note",
        "1,b",
        "2,a",
        "3,a",
    ]
    page = client.get(f"{path}?select=note&order=note.desc&limit=1")
    following = client.get(page.links["next"]["url"])
    assert (page.json(), following.json()) == ([{"note": "b"}], [{"note": "a"}])
    shown = {"Prefer": "return=representation"}
    answer = client.post(f"{path}?columns=id,note&select=note", json=[{"id": 4, "note": "d"}], headers=shown)
    assert (answer.status_code, answer.json()) == (201, [{"note": "d"}])
    answer = client.patch(f"{path}?note=eq.d&select=note", json={"note": "e"}, headers=shown)
    assert (answer.status_code, answer.json()) == (200, [{"note": "e"}])
    assert client.delete(f"{path}?note=eq.e&select=note", headers=shown).json() == [{"note": "e"}]


def test_former_name_removed_from_file_is_unknown(renamed):
    client, path = renamed.server.client, renamed.path
    assert client.get(f"{path}?note=eq.a").is_success

    renamed.edit(
        {"id": "integer", "remark": field("string", nullable=True), "data": field("json", nullable=True)}
    )

    for query in ("note=eq.a", "select=note", "order=note", "select=j->k"):
        answer = client.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "42703")


def test_renamed_from_null_declares_a_new_field(edited):
    """Check a field that looks like a rename: with `renamed_from: null` it is new, and the removed one keeps its values."""
    text = field("string", nullable=True)
    edited.declare({"id": "integer", "note": text}, [{"id": 1, "note": "a"}])
    refused = edited.edit({"id": "integer", "other": text})
    assert "renamed_from: null" in refused["findings"][0]["hint"]

    edited.edit({"id": "integer", "other": {**text, "renamed_from": None}})

    assert edited.rows() == [{"id": 1, "other": None}]
    edited.edit({"id": "integer", "other": {**text, "renamed_from": None}, "note": text})
    assert edited.rows() == [{"id": 1, "other": None, "note": "a"}]


# -- without rows, and with rows that come in meanwhile


def test_connector_without_rows_accepts_any_change(edited):
    edited.declare(BEFORE)

    state = edited.edit({"a": "uuid", "t": S, "n": "date"})

    assert (state["state"], state["findings"]) == ("live", [])
    assert edited.rows() == []
    assert {change["verdict"] for change in edited.history()[0]["changes"]} == {"applied"}


def test_row_order_survives_every_change_of_a_table(server, name):
    """Check enough rows for several threads, because reads without an order depend on the order of the stored rows."""
    edited = Edited(server, name)
    edited.declare({"n": "integer", "l": "integer[]"})
    for start in range(0, 250_000, 50_000):
        lines = "".join(f'{{"n":{n},"l":[{n}]}}\n' for n in range(start, start + 50_000))
        server.client.post(edited.path, content=lines, headers={"Content-Type": "application/x-ndjson"})
    for after in (
        {"n": "integer", "l": "number[]"},
        {"n": "integer", "l": "number[]", "x": field("string[]", default=["x"])},
        {"n": "number", "l": "number[]", "x": "string[]", "y": field("string", default="y")},
        {"n": field("string", using="CAST(n AS VARCHAR)"), "l": "number[]", "x": "string[]", "y": "string"},
    ):
        assert edited.edit(after)["findings"] == []
        ids = server.client.get(f"{edited.path}?select=_id", headers={"Accept": "text/csv"}).text.split()[1:]
        assert ids == [str(n) for n in range(1, 250_001)], after


# -- removal


def test_removed_connector_is_410_with_its_date(server, name):
    """Check that it is 404 for clients that could not see the connector, and that it has its rows again when its file is restored."""
    path = server.declare(name, text({"n": "integer"}))
    server.declare(f"{name}-x", text({"n": "integer"}, access={}))
    server.client.post(path, json={"n": 1})
    for file in (name, f"{name}-x"):
        (server.connectors / f"{file}.yaml").unlink()
    server.reload()

    for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
        assert server.client.request(method, path).status_code == 410
    gone = httpx.get(server.url + path)
    assert (gone.status_code, gone.json()["code"]) == (410, "GW511")
    when = gone.json()["details"].removeprefix("It was removed at ")
    assert when.endswith("Z")
    assert when in gone.json()["message"]
    assert httpx.get(f"{server.url}/{name}-x").status_code == 404
    assert server.client.get(f"/{name}-x").status_code == 410

    server.declare(name, text({"n": "integer"}))
    assert server.client.get(path).json() == [{"n": 1}]
    assert [each["action"] for each in Edited(server, name).history()] == ["restored", "removed", "created"]


def test_restored_file_is_checked_against_its_rows(server, name):
    edited = Edited(server, name).declare(BEFORE, ROWS)
    (server.connectors / f"{name}.yaml").unlink()
    server.reload()

    assert edited.edit({"a": "string", "s": S})["state"] == "refused"
    assert server.client.get(edited.path).status_code == 410
    assert edited.edit({"a": "number", "s": S})["state"] == "live"
    assert [row["a"] for row in edited.rows()] == [1.0, 2.0, 3.0]


def test_path_of_a_removed_connector_can_be_reused(server, name):
    path = server.declare(name, text({"n": "integer"}))
    (server.connectors / f"{name}.yaml").unlink()

    server.declare(f"{name}-b", text({"n": "integer"}, path=path))

    assert server.client.get(path).json() == []


def test_purge_deletes_rows_and_reuses_no_number(own):
    edited = Edited(own, "a").declare(BEFORE, ROWS)
    other = own.declare("b", text({"n": "integer"}))
    assert own.client.post("/-/connectors/a/purge").status_code == 409
    (own.connectors / "a.yaml").unlink()
    own.reload()

    purged = own.client.post("/-/connectors/a/purge")

    assert (purged.status_code, purged.json()) == (200, {"connector": "a", "purged": 3})
    assert own.client.get("/a").status_code == 404
    assert own.client.post("/-/connectors/a/purge").status_code == 404
    assert "a.yaml" not in own.status()
    own.stop()
    own.start()
    assert own.client.post(other, json={"n": 1}).json()["batch"] == 2
    edited.declare({"a": "date"})
    assert edited.rows() == []
    receipt = own.client.post("/a", json={"a": "2026-01-02"}).json()
    assert (receipt["batch"], receipt["first_id"]) == (3, 4)
    assert [event["action"] for event in edited.history()] == ["created", "purged", "removed", "created"]


# -- copies


def test_copy_fills_an_empty_connector_of_equal_fields(server, name):
    """Check that the copy keeps the order of rows, and that a second copy or one to other fields is refused."""
    exact = {**BEFORE, "d": field("decimal(9,2)", default=1.5), "l": field("decimal(4, 1)[]", default=[0.5])}
    edited = Edited(server, name).declare(exact, ROWS)
    Edited(server, f"{name}-b").declare(exact)
    Edited(server, f"{name}-c").declare({"a": "integer"})
    copy = lambda to: server.client.post(f"/-/connectors/{name}/copy", json={"to": to})  # noqa: E731

    receipt = copy(f"{name}-b")

    assert receipt.status_code == 201
    assert receipt.json() | {"batch": 0} == {
        "batch": 0,
        "received": 3,
        "stored": 3,
        "rejected": 0,
        "duplicates": 0,
        "first_id": 1,
        "last_id": 3,
    }
    assert server.client.get(f"/{name}-b").json() == edited.rows()
    assert server.client.get(f"/{name}-b?select=_id&_batch=eq.{receipt.json()['batch']}").json() == [
        {"_id": n} for n in (1, 2, 3)
    ]
    assert server.client.post(f"/{name}-b", json=ROWS[0]).json()["first_id"] == 4
    assert (copy(f"{name}-b").status_code, copy(f"{name}-b").json()["code"]) == (409, "GW513")
    assert "does not have the fields" in copy(f"{name}-c").json()["message"]
    assert copy("nothing").status_code == 404
    assert server.client.post(f"/-/connectors/{name}/copy", json={}).status_code == 400
