"""Shapes: what questions that differ in nothing but the values of their filters have in common.

PERF: to understand a question and write its SQL takes longer than anything else that is done for a small answer outside
the database, and a client asks for one range of keys after another.
"""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import GatewayError
from gateway.query.filters import read_value
from gateway.query.query import Column, Filter
from gateway.query.sql import Sql
from gateway.query.statement import Statement

#: A query string without the values: of `id=gte.5` the key and the operator, and any other part as it stands.
TemplateKey: TypeAlias = tuple[str | tuple[str, str], ...]

#: A comparison of which nothing has to be decoded.
_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(eq|neq|gte?|lte?)\.([A-Za-z0-9_.:-]*)")


def split_values(query_string: str) -> tuple[TemplateKey, list[str]]:
    """Split a query string into its shape and the values, in their order."""
    shape: list[str | tuple[str, str]] = []
    texts: list[str] = []
    for part in query_string.split("&"):
        found = _COMPARISON.fullmatch(part)
        if found:
            key, operator, text = found.groups()
            shape.append((key, operator))
            texts.append(text)
        else:
            shape.append(part)
    return tuple(shape), texts


@dataclass(frozen=True, slots=True)
class Template:
    """A statement to be asked again with other values: they are its first parameters, and it has no other filters."""

    statement: Statement

    @classmethod
    def of(cls, shape: TemplateKey, statement: Statement) -> "Template | None":
        """Make one of what a query string of a shape became; None where more than parameters would differ."""
        where = statement.query.where
        comparisons = [each for each in shape if isinstance(each, tuple)]
        if len(comparisons) != len(where):
            return None
        operands = []
        for compared, one in zip(comparisons, where, strict=True):
            if not isinstance(one, Filter) or one != Filter(one.column, compared[1], one.values):
                return None
            if one.column != Column(one.column.field) or one.column.name != compared[0]:
                return None
            if not _is_one_parameter(one.column.type):
                return None
            try:
                operands.append(one.column.type.sql.parameter(one.values[0]))
            except OverflowError:
                return None
        return cls(statement) if statement.page.parameters[: len(where)] == tuple(operands) else None

    def filled(self, texts: list[str]) -> Statement | None:
        """Give the statement with other values; None where one is none, or makes other SQL."""
        query, page = self.statement.query, self.statement.page
        where, operands = [], []
        try:
            for one, text in zip(query.where, texts, strict=True):
                assert isinstance(one, Filter)
                value = read_value(one.column, text)
                operands.append(one.column.type.sql.parameter(value))
                where.append(Filter(one.column, one.operator, (value,)))
        except (GatewayError, OverflowError):
            return None
        return Statement(
            replace(query, where=tuple(where)),
            self.statement.connector,
            self.statement.output,
            known_page=Sql(page.text, (*operands, *page.parameters[len(operands) :])),
        )


def _is_one_parameter(type: FieldType) -> bool:
    """Tell whether a value of a type that a column could hold is one parameter, whatever it is."""
    return type.item is None and type.name != "json"
