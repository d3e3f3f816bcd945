"""The operators of a filter: one table for the parser, the SQL, the docs, and the tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.connectors.fieldtypes.field_type import FieldType


class OperatorKind(Enum):
    """The kinds of operators, which decide how a value is parsed and which SQL it becomes."""

    COMPARE = "compare"
    PATTERN = "pattern"
    REGEX = "regex"
    DISTINCT = "distinct"
    LIST = "list"
    IS = "is"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of a filter.

    Attributes:
        name: The name in a query string.
        kind: The kind.
        sql: The SQL operator; for a pattern the options of `regexp_matches`.
        meaning: The condition in words, for the docs.
        takes: Whether the operator is defined for a type of columns.
        wants: Those types in words, to finish the sentence "it needs …".
        can_quantify: Whether `(any)` and `(all)` may follow the name.
    """

    name: str
    kind: OperatorKind
    sql: str
    meaning: str
    takes: Callable[[FieldType], bool] = lambda _: True
    wants: str = "any column"
    can_quantify: bool = False


def _is_text(type: FieldType) -> bool:
    return type.name == "string"


def _is_set(type: FieldType) -> bool:
    return type.item is not None


def _is_set_or_json(type: FieldType) -> bool:
    return _is_set(type) or type.name == "json"


_PATTERN = "`*` and `%` stand for any characters, `_` for one, `\\` takes the next as it is"
_REGEX = "a regular expression in RE2's syntax, which need not match the whole"

OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("eq", OperatorKind.COMPARE, "=", "equal", can_quantify=True),
        Operator("neq", OperatorKind.COMPARE, "<>", "not equal"),
        Operator("gt", OperatorKind.COMPARE, ">", "greater", can_quantify=True),
        Operator("gte", OperatorKind.COMPARE, ">=", "greater or equal", can_quantify=True),
        Operator("lt", OperatorKind.COMPARE, "<", "less", can_quantify=True),
        Operator("lte", OperatorKind.COMPARE, "<=", "less or equal", can_quantify=True),
        Operator(
            "isdistinct",
            OperatorKind.DISTINCT,
            "IS DISTINCT FROM",
            "not equal, and null is a value like any other",
        ),
        Operator("in", OperatorKind.LIST, "IN", 'one of a list: `in.(1,2,3)`, `in.("a,b",c)`'),
        Operator("is", OperatorKind.IS, "IS", "`null`, `not_null`; for a boolean `true`, `false`, `unknown`"),
        Operator(
            "like", OperatorKind.PATTERN, "s", f"like a pattern: {_PATTERN}", _is_text, "a string", True
        ),
        Operator(
            "ilike", OperatorKind.PATTERN, "si", "`like` without regard to case", _is_text, "a string", True
        ),
        Operator("match", OperatorKind.REGEX, "s", f"matches {_REGEX}", _is_text, "a string", True),
        Operator(
            "imatch", OperatorKind.REGEX, "si", "`match` without regard to case", _is_text, "a string", True
        ),
        Operator(
            "cs",
            OperatorKind.SET,
            "@>",
            'contains: `cs.{a,"b,c"}` for a list, `cs.{"a":1}` for JSON',
            _is_set_or_json,
            "a list or json",
        ),
        Operator("cd", OperatorKind.SET, "<@", "is contained in: `cd.{a,b}`", _is_set, "a list"),
        Operator("ov", OperatorKind.SET, "&&", "has an item in common with: `ov.{a,b}`", _is_set, "a list"),
    )
}
IS_VALUES: Mapping[str, str] = {
    "null": "IS NULL",
    "not_null": "IS NOT NULL",
    "true": "IS TRUE",
    "false": "IS FALSE",
    "unknown": "IS NULL",
}
#: Operators of PostgREST that are not implemented, and the feature that they belong to.
NOT_IMPLEMENTED: Mapping[str, str] = {
    **dict.fromkeys(("fts", "plfts", "phfts", "wfts"), "full-text search"),
    **dict.fromkeys(("sl", "sr", "nxr", "nxl", "adj"), "range types"),
}
