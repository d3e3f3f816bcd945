"""An example row that the endpoint of a connector accepts."""

from collections.abc import Iterator
from decimal import Decimal

from gateway.connectors import schema
from gateway.connectors.connector import ABSENT, Connector, Field
from gateway.strictjson import Json

_FORMAT_EXAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T08:30:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "json-pointer": "/a",
    "time": "08:30:00Z",
    "uri": "https://example.com/",
    "uri-reference": "/a",
    "uuid": "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c00",
}


def build(connector: Connector) -> tuple[dict[str, Json], list[str]]:
    """Return a valid value for each field, and the names of the required fields for which none was found."""
    values = {field.name: _value(field) for field in connector.fields}
    missing = [field.name for field in connector.fields if values[field.name] is ABSENT and field.required]
    return {name: value for name, value in values.items() if value is not ABSENT}, missing


def _value(field: Field) -> Json:
    if not field.constraints or field.examples or field.default is not ABSENT:
        return next(_candidates(field))  # They were checked when the file was read.
    key = repr((field.type.name, field.nullable, field.constraints))
    if key not in _FOUND:
        if len(_FOUND) >= _MAX_FOUND:
            _FOUND.clear()
        _FOUND[key] = _valid_value(field)
    return _FOUND[key]


#: PERF: the values that satisfy constraints, which many fields have in common: a schema takes up to 1 ms to compile.
_FOUND: dict[str, Json] = {}
_MAX_FOUND = 4096


def _valid_value(field: Field) -> Json:
    validator = schema.compile_schema(schema.build_field(field))
    return next((value for value in _candidates(field) if validator.is_valid(value)), ABSENT)


def _candidates(field: Field) -> Iterator[Json]:
    yield from field.examples
    if field.default is not ABSENT:
        yield field.default
    if field.type.item is None:
        yield from _scalars(field.type.example, field)
    else:
        yield from ([value] for value in _scalars(field.type.item.example, field))
        yield []
    if field.nullable:
        yield None


def _scalars(example: Json, field: Field) -> Iterator[Json]:
    limits = field.constraints
    yield from limits.get("enum", ())
    yield example
    if "format" in limits:
        yield _FORMAT_EXAMPLES[limits["format"]]
    bounds = [limits[name] for name in ("minimum", "maximum") if name in limits]
    exclusive = [limits[name] for name in ("exclusive_minimum", "exclusive_maximum") if name in limits]
    yield from bounds
    is_numeric = all(isinstance(bound, int | Decimal) for bound in exclusive)
    for bound in exclusive if is_numeric else ():
        yield from (bound + 1, bound - 1)
    if len(exclusive) == 2 and is_numeric:
        yield (Decimal(exclusive[0]) + Decimal(exclusive[1])) / 2
    if isinstance(example, str):
        least = limits.get("min_length", 1)
        yield (example * least)[: max(least, min(limits.get("max_length", least), len(example)))]
