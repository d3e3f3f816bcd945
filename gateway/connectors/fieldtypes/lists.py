"""The type `T[]`: a list of scalars, whose constraints hold for each item; never null inside."""

import functools
from collections.abc import Callable, Sequence
from decimal import Decimal

import pyarrow as pa

from gateway import strictjson
from gateway.connectors import literals
from gateway.connectors.fieldtypes.field_type import ArrowForm, FieldType, SqlForm, TextForm
from gateway.strictjson import Json

#: One instance for each type of item, so that equal types are identical and fields can be compared.
_LISTS: dict[str, FieldType] = {}


def list_of(item: FieldType) -> FieldType:
    """Return the type `item[]`."""
    found = _LISTS.get(item.name)
    return found or _LISTS.setdefault(item.name, _list_of(item))


def _list_literal(item: FieldType, text: str) -> Json:
    """Read a list as JSON writes it, else as PostgreSQL or DuckDB does.

    The text of an item that cannot be read stays, for the schema to refuse it by its place.
    """

    def read(each: str | None) -> Json:
        try:
            return None if each is None else item.text.parse(each)
        except ValueError:
            return each

    if text.lstrip()[:1] == "{":
        return [read(each) for each in literals.array(text)]
    try:
        value = strictjson.read(text.encode())
    except ValueError:
        return [read(each) for each in literals.duckdb_list(text)]
    if not isinstance(value, list):
        raise ValueError(text)  # noqa: TRY004  # a literal has one way to fail
    # DuckDB writes the strings '1' and 'true' without quotes.
    are_bare = value and all(isinstance(each, bool | int | Decimal) for each in value)
    return literals.duckdb_list(text) if item.name == "string" and are_bare else value


def _each(written: Callable[[Json], Json] | None) -> Callable[[Json], Json] | None:
    return (lambda values: [written(each) for each in values]) if written else None


def _each_if_list(read: Callable[[Json], Json] | None) -> Callable[[Json], Json] | None:
    return (lambda value: list(map(read, value)) if isinstance(value, list) else value) if read else None


def _list_of(item: FieldType) -> FieldType:
    arrow = pa.list_(item.arrow.type)

    def query_literal(text: str) -> Json:
        return [None if each is None else item.text.parse_query(each) for each in literals.array(text)]

    def operand(value: Json) -> Json:
        return [each if each is None else item.sql.parameter(each) for each in value]

    def array(values: Sequence[Json]) -> pa.Array:
        offsets = [0]
        flat: list[Json] = []
        for value in values:
            flat.extend(value or ())
            offsets.append(len(flat))
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), item.arrow.build(flat), type=arrow, mask=mask
        )

    def each(convert: Callable[[pa.Array], pa.Array], to: pa.DataType) -> Callable[[pa.Array], pa.Array]:
        return lambda lists: pa.ListArray.from_arrays(
            lists.offsets, convert(lists.values), type=pa.list_(to), mask=lists.is_null()
        )

    text = (
        f"('[' || array_to_string(list_transform({{}}, lambda x: {item.sql.json.format('x')}), ',') || ']')"
    )
    strings, read_as = item.arrow.parse_strings, item.arrow.read_as
    return FieldType(
        name=f"{item.name}[]",
        expects=f"a list, each item {item.expects}",
        example=[item.example],
        schema={"type": "array", "items": dict(item.schema)},
        outline={"type": "array", "items": dict(item.outline)},
        text=TextForm(
            parse=functools.partial(_list_literal, item),
            query=query_literal,
            read_strings=_each_if_list(item.text.read_strings),
            normalize=_each(item.text.normalize),
        ),
        arrow=ArrowForm(
            type=arrow,
            build=array,
            # pyarrow takes decimals in quotes, which are not found inside a list.
            read_as=None if read_as is None or pa.types.is_decimal(item.arrow.type) else pa.list_(read_as),
            cast=each(item.arrow.cast, item.arrow.type),
            parse_strings=each(strings, read_as) if strings else None,
        ),
        sql=SqlForm(
            column=f"{item.sql.column}[]",
            json=text,
            csv=text,
            pieces=text,
            export="{}" if item.sql.export == "{}" else "{}::VARCHAR[]",
            from_text="from_json({}, '[\"VARCHAR\"]')",
            can_need_quotes=True,
            parameter=operand,
        ),
        constraints=item.constraints,
        item=item,
    )
