"""The JSON Schema validators that others check rows with before they send them: jsonschema, Ajv and jsonschema-rs."""

import atexit
import functools
import json
import subprocess
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import jsonschema
import jsonschema_rs

from tests.support.reference_validator import reference

_AJV = Path(__file__).parent / "ajv"


@functools.cache
def _node() -> subprocess.Popen[str]:
    """One process of node for all that this process asks."""
    node = subprocess.Popen(
        ["node", "validate.js"], cwd=_AJV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def end() -> None:
        node.communicate()

    atexit.register(end)
    return node


def _ajv(schema: str, instances: Sequence[str]) -> list[bool]:
    node = _node()
    node.stdin.write(f'{{"schema": {schema}, "instances": [{", ".join(instances)}]}}\n')
    node.stdin.flush()
    return json.loads(node.stdout.readline())


def _jsonschema(schema: str, instances: Sequence[str]) -> list[bool]:
    validator = jsonschema.Draft202012Validator(json.loads(schema))
    return [validator.is_valid(json.loads(each)) for each in instances]


def _jsonschema_rs(schema: str, instances: Sequence[str]) -> list[bool]:
    validator = jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=False)
    return [validator.is_valid(json.loads(each)) for each in instances]


def exactly(schema: str, instances: Sequence[str]) -> list[bool]:
    """Ask the reference, which reads every number exactly."""
    validator = reference(schema)
    return [validator.is_valid(json.loads(each, parse_float=Decimal)) for each in instances]


#: By name: which of some instances, each a JSON text on one line, satisfy a schema that is one.
VALIDATORS: dict[str, Callable[[str, Sequence[str]], list[bool]]] = {
    "jsonschema": _jsonschema,
    "ajv": _ajv,
    "jsonschema-rs": _jsonschema_rs,
    "exact": exactly,
}
