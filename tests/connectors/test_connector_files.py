"""Golden files: a connector, a line of dashes, then its row schema or its findings. A new case is a new file.

`python -m tests.connectors.test_connector_files` writes what is expected anew, to be read before it is committed.
"""

import json

import jsonschema
import pytest

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.file_schema import FILE_SCHEMA
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.yaml_text.document import load_document
from tests.support.server import ROOT

CASES = sorted((ROOT / "tests/data/connectors").glob("*.yaml"))
LINE = "----------\n"


def outcome(text: str, name: str) -> str:
    try:
        connector, warnings = parse_connector(text.encode(), name)
    except InvalidFileError as refused:
        return "\n".join(map(str, refused.findings)) + "\n"
    shown = json.dumps(json.loads(strictjson.write(schema.build(connector))), indent=2, ensure_ascii=False)
    return "".join(f"{warning}\n" for warning in warnings) + shown + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_connector_file_is_read_as_expected(case):
    text, _, expected = case.read_text().partition(LINE)

    assert outcome(text, "orders.yaml") == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_published_schema_accepts_readable_connector_files(case):
    """Check that the schema for editors accepts what the reader accepts; it cannot know all that the reader refuses."""
    text, _, expected = case.read_text().partition(LINE)

    if expected.partition("{")[0].count("error") == 0:
        value = json.loads(strictjson.write(load_document(text.encode(), "orders.yaml").plain()))
        jsonschema.Draft202012Validator(FILE_SCHEMA).validate(value)


if __name__ == "__main__":
    for each in CASES:
        source = each.read_text().partition(LINE)[0]
        each.write_text(source + LINE + outcome(source, "orders.yaml"))
