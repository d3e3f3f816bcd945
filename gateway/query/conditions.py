"""Conditions of a Query to SQL."""

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
    """Give the SQL of each condition."""
    return [_condition(each, parameters) for each in conditions]


def _condition(condition: Condition, parameters: Parameters) -> str:
    if isinstance(condition, Tree):
        joined = f" {condition.operator.upper()} ".join(where(condition.terms, parameters))
        sql = f"({joined})"
    else:
        sql = _filter(condition, parameters)
    return f"(NOT {sql})" if condition.negated else sql


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
    each = [
        _one(operator.kind, operator.sql, expression, type, value, parameters) for value in condition.values
    ]
    return f"({(' AND ' if condition.quantifier == 'all' else ' OR ').join(each)})"


def _one(
    kind: OperatorKind, sql: str, expression: str, type: FieldType, value: Json, parameters: Parameters
) -> str:
    if value is NULL:
        return "CAST(NULL AS BOOLEAN)"
    if kind in (OperatorKind.PATTERN, OperatorKind.REGEX):
        # PostgreSQL's dot matches a newline, too, which is what the option s says.
        return f"regexp_matches({expression}, {parameters.add(value)}, '{sql}')"
    return compare(expression, sql, type, value, parameters)


def _in(expression: str, type: FieldType, values: Sequence[Json], parameters: Parameters) -> str:
    if type.name == "json":
        return f"({' OR '.join(compare(expression, '=', type, each, parameters) for each in values)})"
    items = ", ".join(parameters.typed(each, type) for each in values if _is_exact(each, type))
    return f"({expression} IN ({items}))" if items else _constant(expression, holds=False)


def _set(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    if type.name == "json":
        return f"({jsonb.contains(expression, value, parameters)})"
    known = [each for each in value if each is not None]
    if sql == "@>" and len(known) < len(value):
        return _constant(expression, holds=False)  # No list here holds a null.
    return f"({expression} {sql} {parameters.typed(known, type)})"


def compare(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    """Give the SQL of a comparison with a JSON value of the expression's type."""
    if type.name == "json":
        return jsonb.compare(expression, sql, value, parameters)
    if not _is_exact(value, type):
        return _compare_between(expression, sql, type, value, parameters)
    compared = f"{expression} {sql} {parameters.typed(value, type)}"
    if type.item is not None:
        # DuckDB makes one BETWEEN of two bounds, and has none for lists.
        return f"(CASE WHEN {expression} IS NOT NULL THEN {compared} END)"
    return f"({compared})"


def _is_exact(value: Json, type: FieldType) -> bool:
    """Tell whether a column of the type could hold the value; only decimals are compared with what it cannot."""
    try:
        type.sql.parameter(value)
    except OverflowError:
        return False
    return True


def _compare_between(expression: str, sql: str, type: FieldType, value: Json, parameters: Parameters) -> str:
    """Compare a decimal with a value between those that its column can hold, or beyond them all.

    DuckDB would widen both to a type that holds them, for which 38 digits may not suffice.
    """
    if sql in ("=", "<>"):
        return _constant(expression, holds=sql == "<>")
    below = _below(Decimal(value), type)
    if below is None:  # The value is less than all that there can be.
        return _constant(expression, holds=sql in (">", ">="))
    sql = ">" if sql in (">", ">=") else "<="
    return f"({expression} {sql} {parameters.typed(below, type)})"


def _constant(expression: str, *, holds: bool) -> str:
    """Give the SQL of what is known of every value; of null nothing is."""
    return f"(CASE WHEN {expression} IS NOT NULL THEN {'true' if holds else 'false'} END)"


def _below(value: Decimal, type: FieldType) -> Decimal | None:
    """Give the greatest value of a decimal type that is not above a value."""
    most = Decimal(10**type.arrow.type.precision - 1).scaleb(-type.arrow.type.scale, _EXACT)
    if value > most:
        return most
    if value < most.copy_negate():
        return None
    return value.quantize(Decimal(1).scaleb(-type.arrow.type.scale), ROUND_FLOOR, _EXACT)


_EXACT = Context(prec=DECIMAL_MAX_DIGITS * 2)
