"""Filters of a connector: which operators a field has, how they are written, and their parameters in a document."""

import json
import re
from collections.abc import Mapping

from gateway import strictjson
from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.openapi.unique_names import unique_names
from gateway.query.filters import TREE_PARAMETERS
from gateway.query.operators import OPERATORS, Operator, OperatorKind
from gateway.query.parameters import READ_PARAMETERS, WRITE_PARAMETERS
from gateway.strictjson import Json

#: Names that are other parameters of a request. A field that is called so has no parameter in a document.
OTHER_PARAMETERS = frozenset((*READ_PARAMETERS, *WRITE_PARAMETERS, *TREE_PARAMETERS))
#: The kinds of operators that a document has examples of.
_SHOWN = (OperatorKind.COMPARE, OperatorKind.LIST, OperatorKind.PATTERN, OperatorKind.SET, OperatorKind.IS)


def operators_of(type: FieldType) -> tuple[Operator, ...]:
    """Return the operators that a type of fields has."""
    found = _BY_TYPE.get(type.name)
    if found is None:
        found = _BY_TYPE[type.name] = tuple(each for each in OPERATORS.values() if each.takes(type))
    return found


#: PERF: the operators by the names of types; a document asks for them with every field.
_BY_TYPE: dict[str, tuple[Operator, ...]] = {}


def filter_text(operator: Operator, value: Json) -> str:
    """Return a filter as a query string has it, before percent-encoding: `gte.42`."""
    text = _literal(value)
    match operator.kind:
        case OperatorKind.LIST:
            return f"{operator.name}.({_quoted(text)})"
        case OperatorKind.IS:
            return f"{operator.name}.null"
        case OperatorKind.PATTERN:
            return f"{operator.name}.{_escaped(text)}*"
        case OperatorKind.REGEX:
            return f"{operator.name}.^{re.escape(text)}"
        case _:
            return f"{operator.name}.{text}"


def parameters(connector: Connector, examples: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """Build the filter parameters of a connector, by their names among the components of a document.

    Args:
        connector: The connector.
        examples: A row of it, whose values are compared with in the examples.
    """
    fields = [field for field in connector.fields if field.name not in OTHER_PARAMETERS]
    names = unique_names((field.name for field in fields), kept="A-Za-z0-9_.-")
    own = {
        f"{connector.name}.{names[field.name]}": _parameter(field, examples.get(field.name))
        for field in fields
    }
    return {**own, **_SYSTEM_PARAMETERS}


def pattern_of(type: FieldType) -> str:
    """Return the pattern of a filter: an operator of the type, and a value of any text."""
    words = [
        operator.name + (r"(?:\((?:any|all)\))?" if operator.can_quantify else "")
        for operator in operators_of(type)
    ]
    return rf"^(?:not\.)?(?:{'|'.join(words)})\."


def _parameter(field: Field, value: Json) -> dict[str, Json]:
    names = ", ".join(operator.name for operator in operators_of(field.type))
    about = f"{field.description} " if field.description else ""
    return {
        "name": field.name,
        "in": "query",
        "description": f"{about}Filter by {field.type.name}: OPERATOR.VALUE, with one of {names}.",
        # Never the format of the field: tools would refuse `eq.…` for it.
        "schema": {"type": "string", "pattern": pattern_of(field.type)},
        "examples": _examples(field, field.type.example if value is None else value),
    }


def _examples(field: Field, value: Json) -> Mapping[str, Json]:
    """Return an example of an operator of each kind that the field has."""
    first: dict[OperatorKind, Operator] = {}
    for operator in operators_of(field.type):
        first.setdefault(operator.kind, operator)
    if not field.nullable:
        first.pop(OperatorKind.IS, None)
    return {
        operator.name: {"value": filter_text(operator, value)}
        for kind, operator in first.items()
        if kind in _SHOWN
    }


def _literal(value: Json) -> str:
    """Return a value as text of a query string."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "{" + ",".join(_quoted(_literal(each)) for each in value) + "}"
    return strictjson.write(value).decode()


def _quoted(text: str) -> str:
    """Return an item of a list, in quotes if it needs them."""
    return (
        text if re.fullmatch(r"[\w.:@/-]+", text) and text != "null" else json.dumps(text, ensure_ascii=False)
    )


def _escaped(text: str) -> str:
    """Return text whose characters stand for themselves in a pattern."""
    return re.sub(r"([\\%_*])", r"\\\1", text)


#: The gateway's own columns that consumers filter by, for what is new and for the rows of a receipt. No connector's name
#: begins with `_`, so these names are free.
_SYSTEM_PARAMETERS = {
    field.name: _parameter(field, field.type.example)
    for field in SYSTEM_FIELDS
    if field.name in ("_id", "_batch")
}
