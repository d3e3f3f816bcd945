"""A query string to a Query: PostgREST's dialect for one table.

https://docs.postgrest.org/en/stable/references/api/tables_views.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_plus

from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.errors import Code, GatewayError, nearest
from gateway.strictjson import Json

#: The comparison operators, and the SQL each stands for.
COMPARISONS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
IS_VALUES = ("null", "not_null", "true", "false", "unknown")
#: Operators of PostgREST that the gateway knows by name and does not have.
LEFT_OUT = frozenset(
    "like ilike match imatch isdistinct fts plfts phfts wfts cs cd ov sl sr nxr nxl adj".split()  # noqa: SIM905
)
MAX_PARAMETERS = 200
MAX_LIST = 10_000
MAX_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `values` holds JSON values of the field's type, or for `is` one of `IS_VALUES`."""

    field: Field
    operator: str
    values: tuple[Json, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One term of `order`."""

    field: Field
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What a GET asks for, checked against its connector."""

    select: tuple[Field, ...]
    filters: tuple[Filter, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(query_string: str, connector: Connector) -> Query:
    """Read a query string, still percent-encoded.

    Raises:
        GatewayError: Naming the parameter, the value and what would be right.
    """
    parameters = [part.partition("=") for part in query_string.split("&") if "=" in part]
    if len(parameters) > MAX_PARAMETERS:
        raise GatewayError(Code.QUERY_INVALID, f"{len(parameters)} parameters are more than {MAX_PARAMETERS}")
    columns = _Columns(connector)
    shape: dict[str, str] = {}
    filters: list[Filter] = []
    for key, value in ((unquote_plus(key), unquote_plus(value)) for key, _, value in parameters):
        if key in _SHAPE:
            shape.setdefault(key, value)  # The first wins, as upstream has it.
        elif key in _LEFT_OUT_KEYS:
            raise not_implemented(f"the parameter '{key}'")
        else:
            filters.append(_filter(columns.of_key(key), value))
    return Query(
        _select(shape.get("select", ""), columns),
        tuple(filters),
        _order(shape["order"], columns) if "order" in shape else (),
        _count("limit", shape["limit"]) if "limit" in shape else None,
        _count("offset", shape.get("offset", "0")),
    )


_SHAPE = ("select", "order", "limit", "offset")
_LEFT_OUT_KEYS = ("and", "or", "not.and", "not.or", "columns", "on_conflict")


def not_implemented(what: str) -> GatewayError:
    """Say that a feature of PostgREST is not here."""
    return GatewayError(Code.NOT_IMPLEMENTED, f"{what} is not supported", details=what)


class _Columns:
    """The names a query may use: the connector's fields and the gateway's own."""

    def __init__(self, connector: Connector) -> None:
        self._fields = {field.name: field for field in (*connector.fields, *SYSTEM_FIELDS)}
        self.all = connector.fields

    def named(self, name: str) -> Field:
        if name in self._fields:
            return self._fields[name]
        guess = nearest(name, self._fields)
        hint = f"did you mean '{guess}'?" if guess else f"the columns are {', '.join(self._fields)}"
        raise GatewayError(Code.COLUMN_UNKNOWN, f"there is no column '{name}'", hint=hint)

    def of_key(self, key: str) -> Field:
        """Find the column of a filter's key, past the `[0]` that some clients number repeated keys with."""
        if key in self._fields:
            return self._fields[key]
        bare = re.sub(r"(?:\[[0-9]*\])+$", "", key).strip()
        if "->" in bare and not bare.startswith('"'):
            raise not_implemented(f"the JSON path '{bare}'")
        return self.named(_unquote(bare))


def _unquote(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1], flags=re.DOTALL)
    return name


_TERM = re.compile(r'\s*("(?:[^"\\]|\\.)*+"|(?:[^",.:(-]|-(?!>))*+)((?:[.:(]|->)[^",]*+)?\s*(,|$)', re.DOTALL)


def _terms(parameter: str, text: str) -> Iterator[tuple[str, str]]:
    """Split a list of columns into names and what follows each; quotes keep a name whole."""
    place = 0
    while True:
        found = _TERM.match(text, place)
        if not found or not found[1].strip():
            hint = 'separate names by commas, and put "quotes" around a name that has a comma or a dot'
            raise GatewayError(
                Code.QUERY_INVALID, f"{parameter}={text} cannot be read at {place + 1}", hint=hint
            )
        yield _unquote(found[1].strip()), (found[2] or "").rstrip()
        if not found[3]:
            return
        place = found.end()


def _select(text: str, columns: _Columns) -> tuple[Field, ...]:
    if not text.strip():
        return columns.all
    selected: list[Field] = []
    for name, more in _terms("select", text):
        if more:
            raise not_implemented(f"'{name}{more}' in select")
        fields = columns.all if name == "*" else (columns.named(name),)
        selected += [field for field in fields if field not in selected]
    return tuple(selected)


def _order(text: str, columns: _Columns) -> tuple[Order, ...]:
    terms = []
    for name, more in _terms("order", text):
        if more.startswith("->"):
            raise not_implemented(f"'{name}{more}' in order")
        match more.split(".")[1:]:
            case []:
                direction, nulls = "asc", None
            case [("asc" | "desc") as direction]:
                nulls = None
            case [("nullsfirst" | "nullslast") as nulls]:
                direction = "asc"
            case [("asc" | "desc") as direction, ("nullsfirst" | "nullslast") as nulls]:
                pass
            case _:
                hint = "write NAME, NAME.desc or NAME.desc.nullslast"
                raise GatewayError(Code.QUERY_INVALID, f"'{name}{more}' in order cannot be read", hint=hint)
        field = columns.named(name)
        descending = direction == "desc"
        if field.type.name == "json" or field.type.item:
            raise not_implemented(f"ordering by {name}, which is {field.type.name},")
        terms.append(Order(field, descending, descending if nulls is None else nulls == "nullsfirst"))
    return tuple(terms)


def _count(key: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,19}", text.strip()) or int(text) > MAX_COUNT:
        raise GatewayError(Code.QUERY_INVALID, f"{key}={text} is not a whole number")
    if int(text) < 0:
        raise GatewayError(Code.RANGE_INVALID, f"{key}={text} is negative", hint="count from 0")
    return int(text)


def _filter(field: Field, text: str) -> Filter:
    negated = text.startswith("not.")
    operator, dot, operand = text.removeprefix("not.").partition(".")
    if operator == "is":
        return Filter(field, operator, (_is_value(field, operand),), negated)
    if operator in COMPARISONS and dot:
        return Filter(field, operator, (_literal(field, operand),), negated)
    if operator == "in" and dot:
        return Filter(field, operator, tuple(_literal(field, item) for item in _list(operand)), negated)
    base = operator.partition("(")[0]
    if base in LEFT_OUT or (base in COMPARISONS and "(" in operator):
        raise not_implemented(f"the operator '{operator}'")
    known = [*COMPARISONS, "in", "is", "not"]
    guess = nearest(operator, known)
    hint = (
        f"did you mean '{guess}'?"
        if guess
        else f"write {field.name}=OPERATOR.VALUE; there are {', '.join(known)}"
    )
    raise GatewayError(Code.QUERY_INVALID, f"{field.name}={text} does not start with an operator", hint=hint)


def _is_value(field: Field, text: str) -> str:
    value = text.lower()
    if value not in IS_VALUES:
        raise GatewayError(
            Code.QUERY_INVALID, f"is.{text} cannot be read", hint=f"use is. with {', '.join(IS_VALUES)}"
        )
    if value not in ("null", "not_null") and field.type.name != "boolean":
        message = f"is.{value} needs a boolean, and '{field.name}' is {field.type.name}"
        raise GatewayError(Code.QUERY_INVALID, message, hint="use is.null or is.not_null")
    return value


def _literal(field: Field, text: str) -> Json:
    """Read a value by the field's type; the database is never left to cast text."""
    if field.type.item or field.type.name == "json":
        raise not_implemented(f"comparing '{field.name}', which is {field.type.name},")
    try:
        return field.type.operand(field.type.literal(text))
    except ValueError as error:
        message = f"'{text}' in the filter on '{field.name}' is not {field.type.expects}"
        raise GatewayError(Code.VALUE_INVALID, message) from error
    except OverflowError as error:
        message = f"'{text}' in the filter on '{field.name}' is beyond what {field.type.name} can hold"
        raise GatewayError(Code.VALUE_OUT_OF_RANGE, message) from error


_ITEM = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(?=,|$)|([^,]*)', re.DOTALL)


def _list(text: str) -> list[str]:
    """Read `(a,"b,c",d)`: a quote that does not open an item is a character of it."""
    text = text.strip()
    if not text.startswith("(") or not text.endswith(")"):
        raise GatewayError(Code.QUERY_INVALID, f"in.{text} is not a list", hint="write in.(a,b,c)")
    inside = text[1:-1]
    if not inside:
        return []
    items: list[str] = []
    place = 0
    while len(items) <= MAX_LIST:
        found = _ITEM.match(inside, place)
        assert found  # Its second branch takes anything, even nothing.
        quoted = found[1]
        items.append(found[2] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        place = found.end() + 1
        if found.end() >= len(inside):
            return items
    raise GatewayError(Code.QUERY_INVALID, f"the list of in. has more than {MAX_LIST} items")
