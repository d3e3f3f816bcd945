"""Filters, and trees of filters, to Conditions."""

import re
from typing import Literal

from gateway.connectors import literals
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError, nearest, not_implemented
from gateway.query import patterns
from gateway.query.columns import ONE_TABLE, ColumnNames
from gateway.query.operators import IS_VALUES, NOT_IMPLEMENTED, OPERATORS, Operator, OperatorKind
from gateway.query.query import NULL, Column, Condition, Filter, Tree
from gateway.query.scanner import Scanner
from gateway.strictjson import Json, NumberTooLongError

MAX_LIST = 10_000
MAX_DEPTH = 50
#: Each value of the JSON in a filter is a condition in the SQL.
MAX_JSON_SIZE, MAX_JSON_DEPTH = 100, 8
#: The parameters that hold trees.
TREE_PARAMETERS = ("and", "or", "not.and", "not.or")


def parse_tree(key: str, text: str, columns: ColumnNames) -> Tree:
    """Parse `or=(a.eq.1,and(b.gt.2,c.is.null))`."""
    scanner = Scanner(key, text)
    scanner.blanks()
    tree = _branch(scanner, columns, key.startswith("not."), "or" if key.endswith("or") else "and", 1)
    scanner.blanks()
    if not scanner.is_at_end:
        raise scanner.error("nothing may follow the last )")
    return tree


def _branch(
    scanner: Scanner, columns: ColumnNames, is_negated: bool, operator: Literal["and", "or"], depth: int
) -> Tree:
    if depth > MAX_DEPTH:
        raise GatewayError(Code.QUERY_INVALID, f"the conditions nest deeper than {MAX_DEPTH}")
    scanner.blanks()
    if not scanner.skip("(") or scanner.text.startswith(")", scanner.place):
        raise scanner.error(f"write {operator}=(a.eq.1,b.gt.2)")
    terms: list[Condition] = []
    while True:
        scanner.blanks()
        if found := scanner.take(_BRANCH):
            word: Literal["and", "or"] = "and" if found[2] == "and" else "or"
            terms.append(_branch(scanner, columns, bool(found[1]), word, depth + 1))
        else:
            column = columns.parse(scanner)
            if not scanner.skip("."):
                raise scanner.error("a condition is COLUMN.OPERATOR.VALUE")
            terms.append(_operation(scanner, column, is_nested=True))
        scanner.blanks()
        if scanner.skip(")"):
            return Tree(operator, tuple(terms), is_negated)
        if not scanner.skip(","):
            raise scanner.error("separate conditions by commas, and end them with )")


_BRANCH = re.compile(r"(not\.)?(and|or)\s*(?=\()")


def parse_filter(key: str, text: str, columns: ColumnNames) -> Filter:
    """Parse `amount=gte.5`, with key and value already decoded."""
    column = _key(key, columns)
    return _operation(Scanner(str(column), text), column, is_nested=False)


_OPERATOR = re.compile(r"([a-z]+)(?:\(([^()]*)\))?(?=\.)")


def _operation(scanner: Scanner, column: Column, *, is_nested: bool) -> Filter:
    """Parse `not.`, the operator, and its value; `is_nested` means inside a tree."""
    is_negated = scanner.skip("not.")
    start = scanner.place
    found = scanner.take(_OPERATOR)
    if not found or (found[1] not in OPERATORS and found[1] not in NOT_IMPLEMENTED):
        scanner.place = start
        raise _no_operator(scanner)
    if found[1] in NOT_IMPLEMENTED:
        is_search = NOT_IMPLEMENTED[found[1]] == "full-text search"
        hint = (
            f"write {column}=ilike.*WORD*"
            if is_search
            else f"compare with {column}=gte.LOW and {column}=lt.HIGH"
        )
        raise not_implemented(f"the operator '{found[1]}' ({NOT_IMPLEMENTED[found[1]]})", hint)
    operator = OPERATORS[found[1]]
    quantifier = _quantifier(scanner, operator, found[2])
    if operator.name == "cd" and column.type.name == "json":
        raise not_implemented("the operator 'cd' on json", f"cs asks what '{column}' contains")
    if not operator.takes(column.type):
        message = f"'{operator.name}' is not defined for '{column}', which is {column.type.name}"
        raise GatewayError(Code.OPERATOR_UNDEFINED, message, hint=f"it needs {operator.wants}")
    scanner.skip(".")
    return Filter(
        column,
        operator.name,
        _values(scanner, operator, quantifier, column, is_nested),
        quantifier,
        is_negated,
    )


def _no_operator(scanner: Scanner) -> GatewayError:
    known = [*OPERATORS, "not"]
    word = re.split(r"[.(,]", scanner.rest, maxsplit=1)[0]
    guess = nearest(word, known)
    message = f"{scanner.parameter}={scanner.text[:200]} does not start with an operator"
    way = f"write {scanner.parameter}=OPERATOR.VALUE"
    if scanner.parameter in TREE_PARAMETERS:
        message = f"{scanner.parameter}={scanner.text[:200]} has no operator at {scanner.place + 1}"
        way = "a condition is COLUMN.OPERATOR.VALUE"
    hint = f"did you mean '{guess}'?" if guess else f"{way}; the operators are {', '.join(known)}"
    if word in known:
        hint = f"a . and a value come after {word}, and not. comes once"
    return GatewayError(Code.QUERY_INVALID, message, hint=hint)


def _quantifier(scanner: Scanner, operator: Operator, text: str | None) -> Literal["any", "all"] | None:
    if text is None:
        return None
    if operator.can_quantify and text in ("any", "all"):
        return "any" if text == "any" else "all"
    hint = f"{operator.name}(any).{{a,b}}" if operator.can_quantify else f"{operator.name} takes no ({text})"
    raise scanner.error(hint)


def _values(
    scanner: Scanner, operator: Operator, quantifier: str | None, column: Column, is_nested: bool
) -> tuple[Json, ...]:
    if operator.kind is OperatorKind.IS:
        return (_is_value(scanner, column, is_nested),)
    if operator.kind is OperatorKind.LIST:
        max_items = MAX_JSON_SIZE if column.type.name == "json" else MAX_LIST
        return tuple(
            parse_value(column, _unspaced(column, item)) for item in _list(scanner, is_nested, max_items)
        )
    text = _unspaced(column, scanner.value()) if is_nested else scanner.rest
    if quantifier:
        try:
            items = literals.array(text)
        except ValueError as error:
            raise scanner.error(f"write {operator.name}({quantifier}).{{a,b}}") from error
        return tuple(NULL if item is None else _operand(operator, column, item) for item in items)
    return (_operand(operator, column, text),)


def _unspaced(column: Column, text: str) -> str:
    """Return a value of a list or a tree without the blanks around it, which are significant only in text."""
    return text if column.type.name == "string" else text.strip()


def _operand(operator: Operator, column: Column, text: str) -> Json:
    if operator.kind is OperatorKind.PATTERN:
        return patterns.like(text)
    if operator.kind is OperatorKind.REGEX:
        return patterns.regex(text)
    return parse_value(column, text)


def _list(scanner: Scanner, is_nested: bool, max_items: int) -> list[str]:
    items = scanner.items()
    if not is_nested and not scanner.is_at_end:
        raise scanner.error('nothing may follow the ) of a list; put "quotes" around an item that has one')
    if len(items) > max_items:
        raise GatewayError(Code.QUERY_INVALID, f"the list of in. has more than {max_items} items")
    return items


def _is_value(scanner: Scanner, column: Column, is_nested: bool) -> str:
    text = scanner.value() if is_nested else scanner.rest
    value = text.strip().lower()
    if value not in IS_VALUES:
        raise GatewayError(
            Code.QUERY_INVALID, f"is.{text} cannot be read", hint=f"use is. with {', '.join(IS_VALUES)}"
        )
    if value not in ("null", "not_null") and column.type.name != "boolean":
        message = f"is.{value} needs a boolean, and '{column}' is {column.type.name}"
        raise GatewayError(Code.QUERY_INVALID, message, hint="use is.null or is.not_null")
    return value


def parse_value(column: Column, text: str) -> Json:
    """Parse a value by the column's type; the database never casts text of a request.

    Raises:
        GatewayError: The text is not a value of the type.
    """
    type = column.type
    try:
        value = type.text.parse_query(text)
        if type.name != "json" and not _is_decimal(type):
            type.sql.parameter(value)
    except (OverflowError, NumberTooLongError) as error:
        message = f"'{text}' in the filter on '{column}' is beyond what {type.name} can hold"
        raise GatewayError(Code.VALUE_OUT_OF_RANGE, message) from error
    except ValueError as error:
        expects = "a list as {a,b}" if type.item else type.expects
        message = f"'{text}' in the filter on '{column}' {type.why_not(text) or f'is not {expects}'}"
        hint = _literal_hint(column, text)
        raise GatewayError(Code.VALUE_INVALID, message, hint=hint) from error
    if type.name == "json" and (_depth(value) > MAX_JSON_DEPTH or _size(value) > MAX_JSON_SIZE):
        message = (
            f"the JSON in the filter on '{column}' is too large: at most {MAX_JSON_SIZE} values,"
            f" {MAX_JSON_DEPTH} deep, are compared"
        )
        raise GatewayError(Code.QUERY_INVALID, message)
    return value


def _literal_hint(column: Column, text: str) -> str | None:
    if text == "null":
        return f"to find what is null, write {column}=is.null"
    if column.type.name == "json":
        return 'JSON strings have quotes, as in eq."a"; after ->> text is compared, which has none'
    if column.type.item is not None:
        return f"each item is {column.type.item.expects}, as in {{a,b}}"
    return None


def _children(value: Json) -> list[Json]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _depth(value: Json) -> int:
    return 1 + max(map(_depth, _children(value)), default=0)


def _size(value: Json) -> int:
    return 1 + sum(map(_size, _children(value)))


def _is_decimal(type: FieldType) -> bool:
    """Return whether a column may be compared with a value that it cannot hold: `conditions` does so exactly."""
    return type.name.startswith("decimal") and not type.item


def _key(key: str, columns: ColumnNames) -> Column:
    """Parse the key of a filter, without the `[0]` by which some clients number repeated keys."""
    if key in columns.fields:
        return columns.column(key)
    scanner = Scanner("filter", re.sub(r"(?:\[[0-9]*\])+$", "", key))
    if scanner.text in columns.fields:
        return columns.column(scanner.text)
    name = scanner.name()
    if scanner.text.startswith(".", scanner.place):
        if name in columns.fields:
            hint = f'write {name}->key for a place inside JSON, and "a.b" for a name with a dot'
            raise GatewayError(Code.QUERY_INVALID, f"'{key}' is not a column", hint=hint)
        raise not_implemented(f"the embedded resource '{name}'", ONE_TABLE)
    column = columns.parse(scanner, name)
    scanner.blanks()
    if not scanner.is_at_end:
        raise scanner.error("a filter is COLUMN=OPERATOR.VALUE")
    return column
