"""The type `decimal(p, s)`: exact, from the text of a body to the column and back."""

import functools
from collections.abc import Sequence
from decimal import Context, Decimal

import pyarrow as pa

from gateway.connectors import literals
from gateway.connectors.fieldtypes.arrow_values import (
    DECIMAL_MAX_DIGITS,
    numeral,
    parse_strings,
    plain_decimal,
    write_digits,
)
from gateway.connectors.fieldtypes.field_type import (
    BOUND_CONSTRAINTS,
    ArrowForm,
    FieldType,
    SqlForm,
    TextForm,
)
from gateway.strictjson import Json


@functools.cache  # There are 779 of them; and two that are the same are one, for fields to be compared.
def decimal(precision: int, scale: int) -> FieldType:
    """Build `decimal(precision, scale)`: exact, from the body's text to the column and back."""
    context = Context(prec=DECIMAL_MAX_DIGITS * 2)
    step = Decimal(1).scaleb(-scale)
    most = Decimal(10**precision - 1).scaleb(-scale, context)
    arrow = pa.decimal128(precision, scale)
    plain = plain_decimal(precision - scale)
    # DuckDB writes 0.5 as `.5` where no digit fits before the point, which is not a JSON number.
    text = "regexp_replace({}::VARCHAR, '^(-?)[.]', '\\10.')" if precision == scale else "{}::VARCHAR"

    def operand(value: Json) -> Json:
        if Decimal(value).copy_abs() > most or Decimal(value) != Decimal(value).quantize(
            step, context=context
        ):
            raise OverflowError(value)
        return format(Decimal(value), "f")

    def array(values: Sequence[Json]) -> pa.Array:
        exact = [v if v is None else Decimal(v).quantize(step, context=context) for v in values]
        return pa.array(exact, arrow)

    return FieldType(
        name=f"decimal({precision}, {scale})",
        expects=f"a number with at most {precision - scale} digits before the point and {scale} after it",
        example=Decimal(5).scaleb(-scale) if scale else 5,
        # jsonschema-rs divides by a whole number as a double, and would take 9007199254740993.5 for a multiple of 1.
        schema={
            **({"type": "number", "multipleOf": step} if scale else {"type": "integer"}),
            "minimum": most.copy_negate(),
            "maximum": most,
        },
        # Without `multipleOf`: validators that divide doubles refuse one of nine values that have two decimals.
        outline={
            "type": "number" if scale else "integer",
            "format": "decimal",
            "minimum": most.copy_negate(),
            "maximum": most,
        },
        text=TextForm(parse=literals.number, read_strings=numeral, normalize=write_digits),
        arrow=ArrowForm(
            type=arrow,
            build=array,
            read_as=arrow,
            parse_strings=parse_strings(plain, arrow),
            plain=plain,
        ),
        sql=SqlForm(
            column=f"DECIMAL({precision}, {scale})",
            json=text,
            csv=text,
            pieces=text if precision == scale else "{0}",
            placeholder=f"CAST({{}} AS DECIMAL({precision}, {scale}))",
            parameter=operand,
        ),
        constraints=(*BOUND_CONSTRAINTS, "enum"),
    )
