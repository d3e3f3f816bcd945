"""Query: the parsed form of a query string, checked against its connector."""

import dataclasses
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.strictjson import Json


class _Null:
    """SQL's NULL in a list of values; None is JSON's null."""

    def __repr__(self) -> str:
        return "NULL"


NULL = _Null()


@dataclass(frozen=True, slots=True)
class Column:
    """A field, or a place inside its JSON: `data->items->0->>name`.

    Attributes:
        field: The field.
        path: The keys (str) and indexes (int) that lead to the place.
        is_text: Whether the last step is `->>`, which gives text instead of JSON.
        former_name: The former name of the field, if the query uses it.
    """

    field: Field
    path: tuple[str | int, ...] = ()
    is_text: bool = False
    former_name: str | None = dataclasses.field(default=None, compare=False)

    @property
    def type(self) -> FieldType:
        """The type of the values."""
        if not self.path:
            return self.field.type
        return SCALARS["string"] if self.is_text else SCALARS["json"]

    @property
    def name(self) -> str:
        """The name in a result: the last key of the path, or else the field's name."""
        keys = [step for step in self.path if isinstance(step, str)]
        return keys[-1] if keys else self._field_name

    @property
    def _field_name(self) -> str:
        return self.former_name or self.field.name

    def __str__(self) -> str:
        steps = [str(step) for step in self.path]
        arrows = ["->"] * len(steps)
        if self.is_text:
            arrows[-1] = "->>"
        return self._field_name + "".join(arrow + step for arrow, step in zip(arrows, steps, strict=True))


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition.

    Attributes:
        column: The column that is compared.
        operator: One of `operators.OPERATORS`.
        values: JSON values of the column's type; for `is` one of `operators.IS_VALUES`; NULL for one in a list.
        quantifier: `any` or `all`, if the operator is applied to each of the values.
        is_negated: Whether `not.` precedes it.
    """

    column: Column
    operator: str
    values: tuple[Json, ...]
    quantifier: Literal["any", "all"] | None = None
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Conditions joined by `and` or `or`."""

    operator: Literal["and", "or"]
    terms: "tuple[Condition, ...]"
    is_negated: bool = False


Condition: TypeAlias = Filter | Tree


@dataclass(frozen=True, slots=True)
class Selected:
    """One column of the result: a column of the table, cast, aggregated, and cast again.

    Attributes:
        name: The name in the result.
        column: The column that it is computed from; None for `count()`, which counts rows.
        cast: The type to which the column is cast first.
        aggregate: One of `aggregates.AGGREGATES`.
        aggregate_cast: The type to which the aggregate is cast.
        type: The type of the result.
    """

    name: str
    column: Column | None
    type: FieldType
    cast: FieldType | None = None
    aggregate: str | None = None
    aggregate_cast: FieldType | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One term of `order`.

    Attributes:
        column: The column; of an aggregated result also one of its aggregates.
        is_descending: Whether the greatest value comes first.
        has_nulls_first: Whether nulls come before all other values.
    """

    column: Column | Selected
    is_descending: bool = False
    has_nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """The selected columns, the conditions of the rows, their order, and the page.

    Attributes:
        select: The columns of the result.
        where: Conditions that must all hold.
        order: The order; empty is commit order, or the order of groups.
        limit: The most rows; None for all.
        offset: The number of rows that are skipped.
        cursor: The `_id` of the row after which the page begins.
        format: The value of `?format=`.
    """

    select: tuple[Selected, ...]
    where: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    cursor: int | None = None
    format: str | None = None

    @property
    def is_grouped(self) -> bool:
        """True if rows are aggregated; the other columns are the groups."""
        return any(selected.aggregate for selected in self.select)
