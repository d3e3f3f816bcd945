"""The dialect evaluated in plain Python over plain rows: what the property tests hold the gateway to.

Conditions are three-valued, None for unknown. It shares no code with the gateway.
"""

import functools
import json
import re
from datetime import datetime
from decimal import Decimal


#: A JSON value inside the model, so that JSON's null and SQL's are two things.
class Json:
    def __init__(self, value):
        self.value = value


def value_of(row, column):
    """The value at a column: (name, path, as_text)."""
    name, path, as_text = column
    value = row[name]
    if name == "j" or path:
        value = None if value is None else Json(value)
    for step in path:
        if value is None:
            return None
        inside = value.value
        if isinstance(step, int):
            there = isinstance(inside, list) and -len(inside) <= step < len(inside)
        else:
            there = isinstance(inside, dict) and step in inside
        value = Json(inside[step]) if there else None
    if as_text and value is not None:
        inside = value.value
        if inside is None:
            return None
        return inside if isinstance(inside, str) else json.dumps(inside, separators=(",", ":"))
    return value


def comparable(value, name):
    """A value that Python orders as the gateway does."""
    if isinstance(value, Json):
        return jsonb_key(value.value)
    if name == "t" and isinstance(value, str):
        return datetime.fromisoformat(value)
    if name in ("d", "n"):
        return Decimal(str(value))
    return value


def jsonb_key(value):
    if value is None:
        return (0,)
    if isinstance(value, str):
        return (1, value)
    if isinstance(value, bool):
        return (3, value)
    if isinstance(value, int | float):
        return (2, value)
    if isinstance(value, list):
        return (4, tuple(jsonb_key(each) for each in value))
    return (5, tuple(sorted((key, jsonb_key(each)) for key, each in value.items())))


COMPARE = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def contains(value, part):
    """jsonb's @>."""
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and contains(value[key], part[key]) for key in part
        )
    if isinstance(part, list):
        return isinstance(value, list) and all(any(contains(each, one) for each in value) for one in part)
    return jsonb_key(value) == jsonb_key(part)


def like(text, pattern, flags):
    pieces, place = [], 0
    while place < len(pattern):
        mark = pattern[place]
        if mark == "\\":
            place += 1
            pieces.append(re.escape(pattern[place]))
        else:
            pieces.append({"*": ".*", "%": ".*", "_": "."}.get(mark) or re.escape(mark))
        place += 1
    return re.fullmatch("".join(pieces), text, re.DOTALL | flags) is not None


def one(operator, value, operand, name):
    """A single comparison of a value that is not null."""
    if operator in COMPARE:
        return COMPARE[operator](comparable(value, name), comparable(operand, name))
    if operator in ("like", "ilike"):
        return like(value, operand, re.IGNORECASE if operator == "ilike" else 0)
    if operator in ("match", "imatch"):
        return (
            re.search(operand, value, re.DOTALL | (re.IGNORECASE if operator == "imatch" else 0)) is not None
        )
    if operator == "cs":
        if not isinstance(value, Json):
            return set(operand) <= set(value)
        is_scalar = not isinstance(operand.value, dict | list)
        return contains(value.value, operand.value) or (is_scalar and contains(value.value, [operand.value]))
    if operator == "cd":
        return set(value) <= set(operand)
    return bool(set(value) & set(operand))


def holds(row, condition):
    """A condition on a row: ("and"/"or", negated, terms) or ("is", negated, column, operator, quantifier, operand)."""
    kind, negated, *rest = condition
    result = _tree(row, kind, rest[0]) if kind in ("and", "or") else _filter(row, *rest)
    return result if result is None or not negated else not result


def _tree(row, kind, terms):
    results = [holds(row, each) for each in terms]
    decisive = kind == "or"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _filter(row, column, operator, quantifier, operand):
    value = value_of(row, column)
    name = column[0] if not column[1] else None
    if operator == "is":
        return {"null": value is None, "not_null": value is not None, "true": value is True, "false": value is False,
                "unknown": value is None}[operand]  # fmt: skip
    if operator == "isdistinct":
        return value is None or not one("eq", value, operand, name)
    if operator == "in":
        if not operand:
            return False
        return None if value is None else any(one("eq", value, each, name) for each in operand)
    if quantifier:
        results = [
            None if value is None or each is None else one(operator, value, each, name) for each in operand
        ]
        decisive = quantifier == "any"
        if decisive in results:
            return decisive
        return None if None in results else not decisive
    return None if value is None else one(operator, value, operand, name)


def ordered(rows, terms):
    """Rows in the order of (column, descending, nulls_first) terms, ties in commit order."""

    def compare(a, b):
        for column, descending, nulls_first in terms:
            name = column[0] if not column[1] else None
            left, right = value_of(a, column), value_of(b, column)
            if left is None or right is None:
                if left is None and right is None:
                    continue
                return (-1 if left is None else 1) * (1 if nulls_first else -1)
            left, right = order_key(left, name), order_key(right, name)
            if left != right:
                return (-1 if left < right else 1) * (-1 if descending else 1)
        return a["_id"] - b["_id"]

    return sorted(rows, key=functools.cmp_to_key(compare))


def order_key(value, name):
    if isinstance(value, Json):
        rank = jsonb_key(value.value)[0]
        # Arrays and objects are ordered among themselves by their text.
        inside = json.dumps(value.value, separators=(",", ":")) if rank >= 4 else jsonb_key(value.value)[1:]
        return (rank, inside)
    return comparable(value, name)
