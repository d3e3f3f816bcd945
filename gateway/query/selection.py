"""`select` and `order` to the columns of a result and the order of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.connectors.connector import SYSTEM_FIELDS
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError, not_implemented
from gateway.query import aggregates, casts
from gateway.query.columns import ONE_TABLE, ColumnNames
from gateway.query.query import Column, Order, Selected
from gateway.query.scanner import Scanner

#: The most columns in `order`: the condition of coming after a row grows with their square.
MAX_ORDER = 16

_COUNT_OF_ROWS = Selected(
    "count", None, aggregates.result_type("count", SYSTEM_FIELDS[0].type), aggregate="count"
)


def parse_select(text: str, columns: ColumnNames) -> tuple[Selected, ...]:
    """Parse `select`; an empty text selects every field."""
    everything = [Selected(field.name, Column(field), field.type) for field in columns.all]
    if not text.strip():
        return tuple(everything)
    scanner = Scanner("select", text)
    selected: dict[str, Selected] = {}
    has_everything = False
    while True:
        scanner.blanks()
        if not scanner.skip("*"):
            _add(selected, _item(scanner, columns))
        elif not has_everything:
            has_everything = True
            for field in everything:
                _add(selected, field)
        scanner.blanks()
        if scanner.is_at_end:
            return tuple(selected.values())
        if not scanner.skip(","):
            raise scanner.error("separate columns by commas")


def _add(selected: dict[str, Selected], column: Selected) -> None:
    """Add a column under its name; no other column may have the same."""
    if selected.setdefault(column.name, column) != column:
        hint = f"give one of them an alias, such as other:{column.name}"
        raise GatewayError(Code.QUERY_INVALID, f"select has two columns called '{column.name}'", hint=hint)


def _item(scanner: Scanner, columns: ColumnNames) -> Selected:
    """Parse one item: `alias:column->path::cast.aggregate()::cast`."""
    if scanner.skip("..."):
        raise not_implemented(f"the spread '...{scanner.rest}' in select", ONE_TABLE)
    alias = None
    name = scanner.name()
    if not scanner.text.startswith("::", scanner.place) and scanner.skip(":"):
        alias, name = name, scanner.name()
    if name not in columns.fields and (name == "count" or scanner.text.startswith(("(", "!"), scanner.place)):
        return _count_of_rows(scanner, name, alias)
    column = columns.parse(scanner, name)
    cast = _cast(scanner, column.type, str(column))
    selected = Selected(alias or column.name, column, cast or column.type, cast)
    scanner.blanks()
    if not scanner.skip("."):
        return selected
    word = scanner.word()
    if word not in aggregates.AGGREGATES or not scanner.skip("()"):
        raise scanner.error(f"the aggregates are {', '.join(f'{name}()' for name in aggregates.AGGREGATES)}")
    type = aggregates.result_type(word, selected.type)
    return _cast_aggregate(scanner, replace(selected, name=alias or word, aggregate=word, type=type))


def _count_of_rows(scanner: Scanner, name: str, alias: str | None) -> Selected:
    """Parse what follows a name that is not a column: the `()` of `count()`, which older clients omit."""
    is_whole = scanner.skip("()")
    if name != "count" and name in aggregates.AGGREGATES:
        raise scanner.error(f"write column.{name}(), or count() for the number of rows")
    if name == "count" and not is_whole and scanner.text.startswith("(", scanner.place):
        raise scanner.error(
            "write count() for the number of rows, column.count() for those that are not null"
        )
    if name != "count":
        raise not_implemented(f"the embedded resource '{name}' in select", ONE_TABLE)
    return _cast_aggregate(scanner, replace(_COUNT_OF_ROWS, name=alias or name))


def _cast_aggregate(scanner: Scanner, selected: Selected) -> Selected:
    cast = _cast(scanner, selected.type, f"{selected.aggregate}()")
    return replace(selected, aggregate_cast=cast, type=cast) if cast else selected


def _cast(scanner: Scanner, source: FieldType, what: str) -> FieldType | None:
    """Parse the cast of a value that messages call `what`; None if there is none."""
    scanner.blanks()
    if not scanner.skip("::"):
        return None
    name = scanner.type_name()
    if name and scanner.skip("("):
        raise scanner.error(f"a cast takes no length and no digits: write ::{name}")
    if not name:
        raise scanner.error("write the name of a type after ::, such as ::text")
    return casts.find(name, source, what)


def parse_order(text: str, columns: ColumnNames, select: tuple[Selected, ...]) -> tuple[Order, ...]:
    """Parse `order`; groups can be ordered only by their columns, and by the aggregates of the result."""
    if not text.strip():
        return ()
    groups = [selected.column for selected in select if not selected.aggregate]
    aggregated = _aggregates(select, groups)
    terms = _order_terms(text, columns, aggregated)
    if aggregated:
        for term in terms:
            if isinstance(term.column, Column) and term.column not in groups:
                message = f"order={term.column}, but an aggregated result can be ordered only by its columns"
                names = ", ".join([*map(str, groups), *aggregated])
                raise GatewayError(Code.QUERY_INVALID, message, hint=f"the columns are {names}")
    return terms


def _aggregates(select: tuple[Selected, ...], groups: Sequence[Column | None]) -> dict[str, Selected]:
    """Return the aggregates of a result by the names that `order` may use; the columns of groups have theirs first."""
    taken = {str(column) for column in groups}
    return {each.name: each for each in select if each.aggregate and each.name not in taken}


def _order_terms(text: str, columns: ColumnNames, aggregated: Mapping[str, Selected]) -> tuple[Order, ...]:
    scanner = Scanner("order", text)
    terms = []
    while True:
        terms.append(_order_term(scanner, columns, aggregated))
        if len(terms) > MAX_ORDER:
            raise scanner.error(f"at most {MAX_ORDER} columns order the rows")
        scanner.blanks()
        if scanner.is_at_end:
            return tuple(terms)
        if not scanner.skip(","):
            raise scanner.error("separate columns by commas")


def _order_term(scanner: Scanner, columns: ColumnNames, aggregated: Mapping[str, Selected]) -> Order:
    column = _order_column(scanner, columns, aggregated)
    words = []
    while scanner.skip("."):
        words.append(scanner.word())
    match words:
        case []:
            direction, nulls = "asc", None
        case [("asc" | "desc") as direction]:
            nulls = None
        case [("nullsfirst" | "nullslast") as nulls]:
            direction = "asc"
        case [("asc" | "desc") as direction, ("nullsfirst" | "nullslast") as nulls]:
            pass
        case _:
            raise scanner.error("write NAME, NAME.desc, or NAME.desc.nullslast")
    is_descending = direction == "desc"
    return Order(column, is_descending, is_descending if nulls is None else nulls == "nullsfirst")


def _order_column(
    scanner: Scanner, columns: ColumnNames, aggregated: Mapping[str, Selected]
) -> Column | Selected:
    start = scanner.place
    if aggregated and (found := aggregated.get(scanner.name())):
        return found
    scanner.place = start
    return columns.parse(scanner)
