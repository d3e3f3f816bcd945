"""The spelling of types in YAML, and of their columns in DuckDB, to field types."""

import re

from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS
from gateway.connectors.fieldtypes.decimals import decimal
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.lists import list_of
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.connectors.synonyms import meant_by
from gateway.errors import nearest

_DECIMAL = re.compile(r"decimal\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)")

#: The names to write in YAML, in the order of the docs.
TYPE_NAMES = tuple("decimal(p, s)" if name.startswith("decimal") else name for name in SCALARS)


def parse_type(text: str) -> FieldType:
    """Parse a type as it is written in YAML: `integer`, `decimal(12, 2)`, `string[]`.

    Raises:
        ValueError: The text is not a type; the message is a sentence for the user.
    """
    text = text.strip()
    if text.endswith("[]"):
        item = _item_type(text)
        if item.item or item.name == "json":
            raise ValueError(f"'{text}' is a list of {item.name}; a list holds scalars, write json instead")
        return list_of(item)
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        if not 1 <= precision <= DECIMAL_MAX_DIGITS or scale > precision:
            raise ValueError(f"'{text}' needs 1 <= p <= {DECIMAL_MAX_DIGITS} and s <= p")
        return decimal(precision, scale)
    if text not in SCALARS:
        raise ValueError(f"'{text}' is not a type; {_type_hint(text)}")
    return SCALARS[text]


def _item_type(text: str) -> FieldType:
    try:
        return parse_type(text[:-2])
    except ValueError:
        if meant := meant_by(text):
            raise ValueError(f"'{text}' is not a type; write {meant}") from None
        raise


def is_cut_at_comma(text: str) -> bool:
    """Return whether a type ends inside its brackets: without quotes, a comma inside braces cuts it off."""
    return sum(map(text.count, "([<")) > sum(map(text.count, ")]>"))


def _type_hint(text: str) -> str:
    if found := re.fullmatch(r"(\w+)\(([0-9 ]*)", text):
        meant = meant_by(f"{found[1]}({found[2]}, 2)")
        shown = meant if meant and meant.type.startswith("decimal") else "decimal(12, 2)"
        return f'it was cut off at its comma; inside {{ }} put quotes around it: "{shown}"'
    if is_cut_at_comma(text):
        word = re.split(r"[(<\[]", text)[0].strip()
        shown = meant_by(word) or "it in quotes"
        return f"it was cut off at its comma, inside {{ }}; write {shown}"
    meant = meant_by(text)
    beside = ", and primary_key: [FIELD] beside fields:" if re.search(r"(?i)\bprimary key\b", text) else ""
    if meant and beside:
        return f"write {meant}{beside}"
    if meant and meant.type == "decimal(18, 3)":
        return f"write {meant}, or decimal(p, s) with the digits that you need"
    if meant:
        return f"write {meant}"
    known = [name for name in TYPE_NAMES if name != "decimal(p, s)"]
    guess = "decimal(p, s)" if text.startswith("decimal") else nearest(text, known)
    return f"did you mean '{guess}'?" if guess else f"use {', '.join(TYPE_NAMES)}"


def type_of_column(column: str) -> FieldType:
    """Return the type of a column as DuckDB describes it; no two types have the same column."""
    if column.endswith("[]"):
        return list_of(type_of_column(column.removesuffix("[]")))
    if column.startswith("DECIMAL"):
        return parse_type(column.lower())
    name = column.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    return next(each for each in SCALARS.values() if each.sql.column == name)
