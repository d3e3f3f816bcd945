"""The forms that put a query together: their parameters to a query string of the dialect.

The forms are plain HTML. One sends a field, an operator, and a value as `_f`, `_o`, and `_v`, and one sends each column
as `_c`. No field has such a name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.connectors.fields import RESERVED_NAMES
from gateway.console.snippets import quoting
from gateway.errors import GatewayError
from gateway.query import dialect
from gateway.query.columns import ColumnNames
from gateway.query.operators import OPERATORS, Operator, OperatorKind
from gateway.query.paging import is_filter
from gateway.query.parameters import READ_PARAMETERS

FIELD, OPERATOR, VALUE, COLUMN = "_f", "_o", "_v", "_c"
#: The parameters that the form has a field for, under their own names.
FORM_PARAMETERS = ("select", "order", "limit")
#: The names that a filter must quote. `format` and `cursor` need none: an operator tells their filters apart.
_WORDS = {*RESERVED_NAMES, *READ_PARAMETERS} - {"format", "cursor"}
#: The parameters of a page of rows: another filter begins at the first page.
_PAGE = ("offset", "cursor")

_Pairs = Sequence[tuple[str, str]]
_FORM_FILTER = re.compile(r"((?:not\.)?[a-z]+)\.(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ActiveParameter:
    """A parameter of the page's query.

    Attributes:
        name: Its name.
        value: Its value.
        is_filter: Whether it chooses rows; the others are fields of the form.
        rest: The query string without it.
    """

    name: str
    value: str
    is_filter: bool
    rest: str


@dataclass(frozen=True, slots=True)
class WrongFilter:
    """A filter that is not valid, as the form shows it for correction.

    Attributes:
        pair: The parameter.
        operator: Its operator, after `not.` where it is negated.
        value: Its value.
    """

    pair: tuple[str, str]
    operator: str
    value: str


def combined(pairs: _Pairs, connector: Connector) -> str | None:
    """Return the query string that the parameters of a form stand for, None where they are not those of the form."""
    given = {key: value for key, value in pairs if key in (FIELD, OPERATOR, VALUE)}
    columns = [value for key, value in pairs if key == COLUMN]
    if not given and not columns:
        return None
    names = ColumnNames(connector)
    own = {*given, COLUMN}
    kept = [(key, value) for key, value in pairs if key not in own and not _is_dropped(key, value, names)]
    if field := given.get(FIELD):
        kept.insert(_last_filter(kept, names), (field, _filter(given, field, names)))
    if columns:
        kept = [pair for pair in kept if not (pair[0] == "select" and is_option(*pair, names))]
        if columns != [quoting.dialect_name(field.name) for field in connector.fields]:
            kept.append(("select", ",".join(columns)))
    return quoting.query_string(kept)


def active(pairs: _Pairs, connector: Connector) -> list[ActiveParameter]:
    """Return the parameters of a query, each with the query string that removes it."""
    names = ColumnNames(connector)
    return [
        ActiveParameter(
            key, value, not is_option(key, value, names), quoting.query_string(_without(pairs, number))
        )
        for number, (key, value) in enumerate(pairs)
    ]


def wrong_filter(pairs: _Pairs, connector: Connector) -> WrongFilter | None:
    """Return the first filter that is not valid by itself, None if none is, or if the form cannot show it."""
    keys = set(filterable(connector))
    for pair in pairs:
        found = _FORM_FILTER.fullmatch(pair[1])
        if pair[0] not in keys or not found or found[1].removeprefix("not.") not in OPERATORS:
            continue
        try:
            dialect.parse(quoting.query_string([pair]), connector)
        except GatewayError:
            return WrongFilter(pair, found[1], found[2])
    return None


def filterable(connector: Connector) -> Iterable[str]:
    """Yield the parameters that filter by a field, for all fields."""
    yield from (filter_key(field.name) for field in (*connector.fields, *SYSTEM_FIELDS))


def filter_key(name: str) -> str:
    """Return the parameter that filters by a field: quotes tell it from a word of the dialect."""
    return f'"{name}"' if name in _WORDS else name


def operators_of(connector: Connector) -> list[Operator]:
    """Return the operators that a field of a connector has."""
    types = {field.type.name: field.type for field in connector.fields}
    return [each for each in OPERATORS.values() if any(map(each.takes, types.values()))]


def without_format(pairs: _Pairs, connector: Connector) -> tuple[tuple[str, str], ...]:
    """Return parameters without `format`, for snippets choose the format themselves."""
    names = ColumnNames(connector)
    return tuple((key, value) for key, value in pairs if key != "format" or is_filter(key, value, names))


def is_option(key: str, value: str, names: ColumnNames) -> bool:
    """Return whether a parameter is no filter: one of the select, the order, the page, or the format."""
    return key in READ_PARAMETERS and not is_filter(key, value, names)


def _is_dropped(key: str, value: str, names: ColumnNames) -> bool:
    return is_option(key, value, names) and (key in _PAGE or not value.strip())


def _without(pairs: _Pairs, number: int) -> list[tuple[str, str]]:
    return [pair for place, pair in enumerate(pairs) if place != number]


def _last_filter(pairs: _Pairs, names: ColumnNames) -> int:
    """Return the place after the last filter, so that filters stay before the options."""
    places = [place for place, pair in enumerate(pairs) if not is_option(*pair, names)]
    return places[-1] + 1 if places else 0


def _filter(given: dict[str, str], field: str, names: ColumnNames) -> str:
    """Return the filter of a form: a list of values gets the brackets that its operator wants."""
    text, value = given.get(OPERATOR, "eq"), given.get(VALUE, "")
    operator = OPERATORS.get(text.removeprefix("not."))
    if operator is None:
        return f"{text}.{value}"
    if operator.kind is OperatorKind.LIST and not value.strip().startswith("("):
        value = f"({value})"
    fields = {filter_key(name): each for name, each in names.fields.items()}
    is_list = field in fields and fields[field].type.item is not None
    has_list = operator.kind is OperatorKind.SET or (is_list and operator.kind is OperatorKind.COMPARE)
    if is_list and has_list and not value.strip().startswith("{"):
        value = f"{{{value}}}"
    return f"{text}.{value}"
