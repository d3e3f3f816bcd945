"""Query: what a GET asks for, checked against its connector."""

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
        as_text: Whether the last step is `->>`, which gives text instead of JSON.
        former_name: What the query calls the field, where that is what it was called before.
    """

    field: Field
    path: tuple[str | int, ...] = ()
    as_text: bool = False
    former_name: str | None = dataclasses.field(default=None, compare=False)

    @property
    def type(self) -> FieldType:
        """The type of its values."""
        if not self.path:
            return self.field.type
        return SCALARS["string"] if self.as_text else SCALARS["json"]

    @property
    def name(self) -> str:
        """What it is called in a result: the last key of its path, for an index names nothing."""
        keys = [step for step in self.path if isinstance(step, str)]
        return keys[-1] if keys else self._called

    @property
    def _called(self) -> str:
        return self.former_name or self.field.name

    def __str__(self) -> str:
        steps = [str(step) for step in self.path]
        arrows = ["->"] * len(steps)
        if self.as_text:
            arrows[-1] = "->>"
        return self._called + "".join(arrow + step for arrow, step in zip(arrows, steps, strict=True))


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition.

    Attributes:
        column: What is compared.
        operator: One of `operators.OPERATORS`.
        values: JSON values of the column's type; for `is` one of `operators.IS_VALUES`; NULL for one in a list.
        quantifier: `any` or `all` where the operator is applied to each of the values.
        negated: Whether `not.` stands before it.
    """

    column: Column
    operator: str
    values: tuple[Json, ...]
    quantifier: Literal["any", "all"] | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Conditions joined by `and` or `or`."""

    operator: Literal["and", "or"]
    terms: "tuple[Condition, ...]"
    negated: bool = False


Condition: TypeAlias = Filter | Tree


@dataclass(frozen=True, slots=True)
class Selected:
    """One column of the result: a column of the table, cast, aggregated and cast again.

    Attributes:
        name: What it is called in the result.
        column: What it is made of; None for `count()`, which counts rows.
        cast: The type the column is cast to before anything else.
        aggregate: One of `aggregates.AGGREGATES`.
        aggregate_cast: The type the aggregate is cast to.
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
    """One term of `order`."""

    column: Column
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is selected, from which rows, in which order, and which part of it.

    Attributes:
        select: The columns of the result.
        where: Conditions that must all hold.
        order: In commit order, or by group, where nothing is said.
        limit: At most so many rows; None is all of them.
        offset: So many rows are passed over.
        cursor: The `_id` of a row that the page comes after.
        format: What `?format=` says.
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
        """Whether rows are aggregated, grouped by the columns that are not."""
        return any(each.aggregate for each in self.select)
