"""Random queries, answered by the gateway and by `tests/support/dialect_model.py`."""

import json
import random
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import dialect_model
from tests.support.sizes import examples

CONNECTOR = """
fields:
  i: {type: integer, nullable: true}
  d: {type: "decimal(6, 2)", nullable: true}
  n: {type: number, nullable: true}
  s: {type: string, nullable: true}
  b: {type: boolean, nullable: true}
  t: {type: timestamp, nullable: true}
  l: {type: "string[]", nullable: true}
  j: {type: json, nullable: true}
access: {read: [public]}
"""
FIELDS = "idnsbtlj"
INTEGERS = [-3, 0, 1, 2, 10, 2**53 + 1, 2**63 - 1, -(2**63)]
DECIMALS = ["-9999.99", "-0.01", "0", "0.1", "1.5", "9999.99"]
NUMBERS = [-1.5, 0, 0.1, 2.5, 1e300, 5e-324]
STRINGS = [
    "",
    "a",
    "A",
    "ab",
    "a,b",
    'q"t',
    "x(y)",
    "50%",
    "a_b",
    "\\",
    "é",
    "日本",
    "null",
    "{a}",
    "a.b",
    "a\nb",
    " ",
]
TIMES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.000001Z",
    "1969-12-31T23:59:59Z",
    "9998-01-01T00:00:00Z",
]
LISTS = [[], ["a"], ["a", "b c"], ["a,b", 'q"t'], ["", "null"], ["a", "a"]]
JSONS = [
    1, 2.5, True, False, "a", "1", "true", [], {}, [1, "a", None], [[1], {"a": 1}],
    {"a": 1}, {"a": 1.0, "b": {"c": [1, 2]}}, {"a": "1"}, {"a": None}, {"a": True, "a/b": 2, "~": 3, 'q"': 4, "0": 5},
    {"a": [1, {"x": "y"}]}, {"b": {"c": []}}, {"a": -10}, {"a": "z"},
    2**60, 2**60 + 1, {"a": 2**60 + 1}, {"a": [2**70, -(2**60)]}, {"b": {"c": [1, 2**70 + 1]}},
]  # fmt: skip
POOLS = {
    "i": INTEGERS,
    "d": DECIMALS,
    "n": NUMBERS,
    "s": STRINGS,
    "b": [True, False],
    "t": TIMES,
    "l": LISTS,
    "j": JSONS,
}
PATHS = [
    ("a",),
    ("b", "c"),
    ("b", "c", 1),
    ("a/b",),
    ("~",),
    ('q"',),
    ("0",),
    (0,),
    (-1,),
    ("a", 0),
    ("nope",),
    (1, "a"),
]


def make_rows():
    chance = random.Random(20261123)
    rows = []
    for number in range(1, 81):
        row = {name: None if chance.random() < 0.2 else chance.choice(POOLS[name]) for name in FIELDS}
        rows.append({"_id": number, **row})
    return rows


ROWS = make_rows()


def declare_rows(server, name):
    """Declare a connector with `ROWS`, and give its path."""
    path = server.declare(name, CONNECTOR)
    sent = [{**row, "d": row["d"] and Number(row["d"])} for row in ROWS]
    body = b"\n".join(
        json.dumps({k: v for k, v in row.items() if k != "_id"}, cls=Exact).encode() for row in sent
    )
    kind = {"Content-Type": "application/x-ndjson"}
    assert server.client.post(path, content=body, headers=kind).status_code == 201
    return path


@pytest.fixture(scope="session")
def path(server):
    return declare_rows(server, "queries")


class Number(float):
    """A decimal that json writes as it stands."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __repr__(self):
        return self.text


class Exact(json.JSONEncoder):
    def iterencode(self, o, **_):
        return super().iterencode(o)  # Not the C encoder, which knows no Number.


# -- queries, each as its text and as the model's condition

_identifiers = st.sampled_from(FIELDS)


def spell_step(step):
    if isinstance(step, int):
        return str(step)
    return f'"{escape(step)}"' if not step.isalnum() or step.isdigit() else step


def spell(column):
    name, path, as_text = column
    steps = [spell_step(step) for step in path]
    arrows = ["->"] * len(steps)
    if as_text:
        arrows[-1] = "->>"
    return name + "".join(arrow + step for arrow, step in zip(arrows, steps, strict=True))


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def nested(text):
    """A value as it stands inside a tree."""
    return f'"{escape(text)}"' if text == "" or any(mark in text for mark in ',()"\\{} ') else text


@st.composite
def columns(draw):
    name = draw(_identifiers)
    if name != "j" and not (name == "l" and draw(st.booleans())):
        return (name, (), False)
    if name == "j" and draw(st.integers(0, 3)) == 0:
        return (name, (), False)
    path = draw(st.sampled_from([path for path in PATHS if name == "j" or len(path) == 1]))
    return (name, path, draw(st.booleans()))


def format_of(column):
    name, path, as_text = column
    return ("s" if as_text else "j") if path else name


def literal(kind, value):
    """A value as text, as a query string has it."""
    if kind == "j":
        return json.dumps(value)
    if kind == "l":
        return "{" + ",".join(f'"{escape(each)}"' for each in value) + "}"
    return {True: "true", False: "false"}.get(value, str(value)) if kind == "b" else str(value)


def operand_of(kind, value):
    return dialect_model.Json(value) if kind == "j" else value


SCALARS = [value for value in JSONS if not isinstance(value, dict | list)]


def operands(kind, operator):
    if operator in ("like", "ilike"):
        return st.sampled_from(["a*", "%b", "*", "_", "A_B", "50\\%", "", "*\\\\*", "é", "a.b"])
    if operator in ("match", "imatch"):
        return st.sampled_from(["^a", "b$", "a.b", "[0-9]+", "", "A|é", "\\\\", "^$"])
    if kind == "j" and operator in ("gt", "gte", "lt", "lte"):
        return st.sampled_from([None, *SCALARS])
    if kind == "j":
        return st.sampled_from([None, *JSONS])
    if kind == "d":
        return st.sampled_from([*DECIMALS, "0.005", "1.4999", "99999999", "-99999999", "1e40", "-1e-9"])
    return st.sampled_from(POOLS[kind])


@st.composite
def filters(draw):
    """Give (spelled operation at the top, spelled inside a tree, column, the model's condition)."""
    column = draw(columns())
    kind = format_of(column)
    names = ["eq", "neq", "gt", "gte", "lt", "lte", "isdistinct", "in", "is"]
    names += {
        "s": ["like", "ilike", "match", "imatch"] * 2,
        "l": ["cs", "cd", "ov"] * 2,
        "j": ["cs"] * 3,
    }.get(kind, [])
    operator = draw(st.sampled_from(names))
    negated = draw(st.booleans())
    prefix = "not." if negated else ""
    quantifier = None
    if operator == "is":
        operand = draw(
            st.sampled_from(["null", "not_null", *(("true", "false", "unknown") if kind == "b" else ())])
        )
        top = inside = f"is.{operand}"
    elif operator == "in":
        values = draw(st.lists(operands(kind, operator), max_size=4))
        operand = [operand_of(kind, each) for each in values]
        items = ",".join(f'"{escape(literal(kind, each))}"' for each in values)
        top = inside = f"in.({items})"
    elif draw(st.integers(0, 3)) == 0 and operator in (
        "eq",
        "gt",
        "gte",
        "lt",
        "lte",
        "like",
        "ilike",
        "match",
        "imatch",
    ):
        quantifier = draw(st.sampled_from(["any", "all"]))
        values = draw(st.lists(st.none() | operands(kind, operator), max_size=3))
        if kind == "j":
            values = [each for each in values if each is not None]
        operand = [None if each is None else operand_of(kind, each) for each in values]
        texts = ["NULL" if each is None else literal(kind, each) for each in values]
        items = ",".join(
            text if each is None else f'"{escape(text)}"' for text, each in zip(texts, values, strict=True)
        )
        top = f"{operator}({quantifier}).{{{items}}}"
        inside = f"{operator}({quantifier})." + nested(f"{{{items}}}")
    else:
        value = draw(operands(kind, operator))
        operand = operand_of(kind, value)
        top = f"{operator}.{literal(kind, value)}"
        inside = f"{operator}.{nested(literal(kind, value))}"
    return prefix + top, prefix + inside, column, ("is", negated, column, operator, quantifier, operand)


def trees(*, depth=2):
    terms = filters().map(lambda each: (f"{spell(each[2])}.{each[1]}", each[3]))
    if depth:
        terms = terms | trees(depth=depth - 1)
    return st.tuples(
        st.sampled_from(["and", "or"]), st.booleans(), st.lists(terms, min_size=1, max_size=3)
    ).map(
        lambda each: (
            f"{'not.' if each[1] else ''}{each[0]}({','.join(text for text, _ in each[2])})",
            (each[0], each[1], [condition for _, condition in each[2]]),
        )
    )


@st.composite
def orders(draw):
    terms = draw(st.lists(columns(), max_size=2))
    spelled, meant = [], []
    for column in terms:
        direction = draw(st.sampled_from(["", ".asc", ".desc"]))
        nulls = draw(st.sampled_from(["", ".nullsfirst", ".nullslast"]))
        descending = direction == ".desc"
        spelled.append(spell(column) + direction + nulls)
        meant.append((column, descending, descending if not nulls else nulls == ".nullsfirst"))
    return ",".join(spelled), meant


def quoted(parameters):
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in parameters)


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
