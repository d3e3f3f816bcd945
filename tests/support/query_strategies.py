"""A connector with rows of every kind, and random queries of it: each as its text, and as the model's condition."""

import json
import random
from urllib.parse import quote

from hypothesis import strategies as st

from tests.support import dialect_model

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
