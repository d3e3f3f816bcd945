"""Aggregates in `select`: the types they accept, the type of their result, and their SQL."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS
from gateway.connectors.fieldtypes.decimals import decimal
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.errors import Code, GatewayError
from gateway.query.casts import COMPUTED_NUMBER


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate: its SQL with `{}` for the column, and its meaning for the docs."""

    sql: str
    meaning: str


AGGREGATES: Mapping[str, Aggregate] = {
    "count": Aggregate("count({})", "rows (`count()`), or values that are not null"),
    "sum": Aggregate("sum({})", "their sum, exact for integers and decimals"),
    "avg": Aggregate("avg({})", "their mean, a double"),
    "min": Aggregate("min({})", "the least"),
    "max": Aggregate("max({})", "the greatest"),
}


def result_type(name: str, type: FieldType) -> FieldType:
    """Return the type of an aggregate over values of a type.

    Raises:
        GatewayError: The aggregate is not defined for the type.
    """
    is_decimal = pa.types.is_decimal(type.arrow.type)
    if name == "count":
        return SCALARS["integer"]
    if name in ("min", "max") and type.item is None and type.name != "json":
        return type
    if name == "sum" and is_decimal:
        return decimal(DECIMAL_MAX_DIGITS, type.arrow.type.scale)
    if name == "sum" and type.name == "integer":
        return decimal(DECIMAL_MAX_DIGITS, 0)
    if name in ("sum", "avg") and (is_decimal or type.name in ("integer", "number")):
        return COMPUTED_NUMBER
    raise GatewayError(
        Code.OPERATOR_UNDEFINED,
        f"there is no {name}() of {type.name}",
        hint="cast it first, such as amount::float8.sum()",
    )


def sql(name: str, expression: str, type: FieldType) -> str:
    """Return the SQL of an aggregate whose result has the type."""
    call = AGGREGATES[name].sql.format(expression)
    # DuckDB sums integers as HUGEINT, which Arrow represents as a decimal.
    return f"CAST({call} AS {type.sql.column})" if name == "sum" else call
