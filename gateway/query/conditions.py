"""The conditions of a Query to SQL."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Context, Decimal

from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.query import jsonb
from gateway.query.operators import IS_VALUES, OPERATORS, OperatorKind
from gateway.query.query import NULL, Condition, Filter, Tree
from gateway.query.sql import Parameters
from gateway.strictjson import Json


def where(conditions: Sequence[Condition], parameters: Parameters) -> list[str]:
    """Return the SQL of each condition."""
    return [_condition(condition, parameters) for condition in conditions]


def _condition(condition: Condition, parameters: Parameters) -> str:
    if isinstance(condition, Tree):
        joined = f" {condition.operator.upper()} ".join(where(condition.terms, parameters))
        sql = f"({joined})"
    else:
        sql = _filter(condition, parameters)
    return f"(NOT {sql})" if condition.is_negated else sql


def _filter(condition: Filter, parameters: Parameters) -> str:
    operator = OPERATORS[condition.operator]
    type = condition.column.type
    if not condition.values:
        return "true" if condition.quantifier == "all" else "false"
    expression = parameters.column(condition.column)
    if operator.kind is OperatorKind.IS:
        return f"({expression} {IS_VALUES[condition.values[0]]})"
    if operator.kind is OperatorKind.LIST:
        return _in(expression, type, condition.values, parameters)
    if operator.kind is OperatorKind.SET:
        return _set(expression, operator.sql, type, condition.values[0], parameters)
    if operator.kind is OperatorKind.DISTINCT:
        same = compare(expression, "=", type, condition.values[0], parameters)
        return f"(NOT coalesce({same}, false))"
    comparisons = [
        _compare(operator.kind, operator.sql, expression, type, value, parameters)
        for value in condition.values
    ]
    return f"({(' AND ' if condition.quantifier == 'all' else ' OR ').join(comparisons)})"


def _compare(
    kind: OperatorKind, sql: str, expression: str, type: FieldType, value: Json, parameters: Parameters
) -> str:
    if value is NULL:
        return "CAST(NULL AS BOOLEAN)"
    if kind in (OperatorKind.PATTERN, OperatorKind.REGEX):
        # PostgreSQL's dot also matches a newline, as it does with the option s.
        return f"regexp_matches({expression}, {parameters.add(value)}, '{sql}')"
    return compare(expression, sql, type, value, parameters)


def _in(expression: str, type: FieldType, values: Sequence[Json], parameters: Parameters) -> str:
    if type.name == "json":
        return f"({' OR '.join(compare(expression, '=', type, value, parameters) for value in values)})"
    items = ", ".join(parameters.add_typed(value, type) for value in values if _is_exact(value, type))
    return f"({expression} IN ({items}))" if items else _constant(expression, holds=False)


def _set(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    if type.name == "json":
        return f"({jsonb.contains(expression, value, parameters)})"
    items = [item for item in value if item is not None]
    if sql == "@>" and len(items) < len(value):
        return _constant(expression, holds=False)  # No stored list contains null.
    return f"({expression} {sql} {parameters.add_typed(items, type)})"


def compare(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    """Return the SQL of a comparison with a JSON value of the expression's type."""
    if type.name == "json":
        return jsonb.compare(expression, sql, value, parameters)
    if not _is_exact(value, type):
        return _compare_between(expression, sql, type, value, parameters)
    compared = f"{expression} {sql} {parameters.add_typed(value, type)}"
    if type.item is not None:
        # DuckDB combines two bounds into one BETWEEN, which it does not have for lists.
        return f"(CASE WHEN {expression} IS NOT NULL THEN {compared} END)"
    return f"({compared})"


def _is_exact(value: Json, type: FieldType) -> bool:
    """Return whether a column of the type could hold the value; decimals may be compared with other values."""
    try:
        type.sql.parameter(value)
    except OverflowError:
        return False
    return True


def _compare_between(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    """Return the SQL of a comparison of a decimal with a value that its column cannot hold.

    DuckDB would widen both to a common type, which may need more than 38 digits.
    """
    if sql in ("=", "<>"):
        return _constant(expression, holds=sql == "<>")
    below = _below(Decimal(value), type)
    if below is None:  # The value is less than every value of the column.
        return _constant(expression, holds=sql in (">", ">="))
    sql = ">" if sql in (">", ">=") else "<="
    return f"({expression} {sql} {parameters.add_typed(below, type)})"


def _constant(expression: str, *, holds: bool) -> str:
    """Return the SQL of a condition with the same result for every value, and NULL for null."""
    return f"(CASE WHEN {expression} IS NOT NULL THEN {'true' if holds else 'false'} END)"


def _below(value: Decimal, type: FieldType) -> Decimal | None:
    """Return the greatest value of a decimal type that is not above a value; None if there is none."""
    greatest = Decimal(10**type.arrow.type.precision - 1).scaleb(-type.arrow.type.scale, _EXACT)
    if value > greatest:
        return greatest
    if value < greatest.copy_negate():
        return None
    return value.quantize(Decimal(1).scaleb(-type.arrow.type.scale), ROUND_FLOOR, _EXACT)


_EXACT = Context(prec=DECIMAL_MAX_DIGITS * 2)
