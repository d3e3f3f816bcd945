"""Query templates: reuse the SQL of an earlier query that differs only in its filter values.

PERF: parsing a query and writing its SQL is the largest cost of a small answer outside the database. Clients often ask
for one range of keys after another.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import GatewayError
from gateway.query.filters import parse_value
from gateway.query.query import Column, Condition, Filter
from gateway.query.sql import Sql
from gateway.query.statement import Statement

#: A query string without filter values: key and operator of `id=gte.5`, and any other part unchanged.
TemplateKey: TypeAlias = tuple[str | tuple[str, str], ...]

#: A comparison without percent-encoding.
_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(eq|neq|gte?|lte?)\.([A-Za-z0-9_.:-]*)")


def split_values(query_string: str) -> tuple[TemplateKey, list[str]]:
    """Split a query string into its template key and its values, in order."""
    parts: list[str | tuple[str, str]] = []
    texts: list[str] = []
    for part in query_string.split("&"):
        found = _COMPARISON.fullmatch(part)
        if found:
            key, operator, text = found.groups()
            parts.append((key, operator))
            texts.append(text)
        else:
            parts.append(part)
    return tuple(parts), texts


@dataclass(frozen=True, slots=True)
class Template:
    """A statement that can run again with other values, which are its first parameters. It has no other filters."""

    statement: Statement

    @classmethod
    def of(cls, key: TemplateKey, statement: Statement) -> "Template | None":
        """Return the template of a statement; None if other values could change more than parameters."""
        comparisons = [part for part in key if isinstance(part, tuple)]
        where = statement.query.where
        if len(comparisons) != len(where):
            return None
        operands = [
            _operand(condition, *comparison) for condition, comparison in zip(where, comparisons, strict=True)
        ]
        are_first = statement.page.parameters[: len(where)] == tuple(operands)
        return cls(statement) if are_first and all(operand is not None for operand in operands) else None

    def filled(self, texts: list[str]) -> Statement | None:
        """Return the statement with other values; None if one is invalid, or would change the SQL."""
        query, page = self.statement.query, self.statement.page
        where, operands = [], []
        try:
            for condition, text in zip(query.where, texts, strict=True):
                assert isinstance(condition, Filter)
                value = parse_value(condition.column, text)
                operands.append(condition.column.type.sql.parameter(value))
                where.append(Filter(condition.column, condition.operator, (value,)))
        except (GatewayError, OverflowError):
            return None
        return self.statement.with_query(
            replace(query, where=tuple(where)),
            Sql(page.text, (*operands, *page.parameters[len(operands) :])),
        )


def _operand(condition: Condition, name: str, operator: str) -> Any:
    """Return the parameter of a plain comparison of a column; None for any other condition."""
    if not isinstance(condition, Filter):
        return None
    column = condition.column
    is_plain = (
        condition == Filter(column, operator, condition.values)
        and column == Column(column.field)
        and column.name == name
    )
    if not is_plain or not _is_one_parameter(column.type):
        return None
    try:
        return column.type.sql.parameter(condition.values[0])
    except OverflowError:
        return None


def _is_one_parameter(type: FieldType) -> bool:
    """Return whether every value of a type is exactly one parameter."""
    return type.item is None and type.name != "json"
