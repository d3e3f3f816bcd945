"""What other tools call keys and types: every word of the tables leads to one that the gateway has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.fieldtypes.type_names import parse_type
from gateway.connectors.policy_keys import LIMIT_KEYS, RETENTION_KEYS
from gateway.connectors.synonyms import _TYPES, _WITH_KEYS, KEYS, key_hint, meant_by

KNOWN = {
    "connector": CONNECTOR_KEYS,
    "field": FIELD_KEYS,
    "access": ACCESS_KEYS,
    "retention": RETENTION_KEYS,
    "limits": LIMIT_KEYS,
}
WORDS = [(kind, word) for kind, table in KEYS.items() for word in table]

#: Types of databases, of dataframes, of programming languages, and what to write for each.
TYPES = {
    "varchar(20)": "{type: string, max_length: 20}",
    "character varying(20)": "{type: string, max_length: 20}",
    "VARCHAR(MAX)": "string",
    "nvarchar(50)": "{type: string, max_length: 50}",
    "char(3)": "{type: string, max_length: 3}",
    "string(20)": "{type: string, max_length: 20}",
    "text": "string",
    "String": "string",
    "str": "string",
    "bigint": "integer",
    "bigint unsigned": "integer",
    "INT": "integer",
    "int(11)": "integer",
    "int not null": "integer",
    "Int64Dtype": "integer",
    "uint64": "decimal(20, 0)",
    "serial": "integer",
    "float": "number",
    "double precision": "number",
    "float64": "number",
    "numeric(12,2)": "decimal(12, 2)",
    "NUMERIC(12)": "decimal(12, 0)",
    "Decimal(12, 2)": "decimal(12, 2)",
    "money": "decimal(18, 2)",
    "hugeint": "decimal(38, 0)",
    "bool": "boolean",
    "BOOLEAN": "boolean",
    "timestamptz": "timestamp",
    "timestamp with time zone": "timestamp",
    "timestamp(6) with time zone": "timestamp",
    "timestamp without time zone": "datetime",
    "datetime64[ns]": "datetime",
    "DateTime64(3, 'UTC')": "datetime",
    "datetime2": "datetime",
    "guid": "uuid",
    "jsonb": "json",
    "object": "json",
    "dict": "json",
    "struct<a: int>": "json",
    "map<string, int>": "json",
    "array": "string[]",
    "list[str]": "string[]",
    "List[int]": "integer[]",
    "Array(Nullable(Int64))": "integer[]",
    "int[]": "integer[]",
    "varchar(20)[]": "{type: string[], max_length: 20}",
    "list[list[int]]": "json",
    "string?": "{type: string, nullable: true}",
    "int | null": "{type: integer, nullable: true}",
    "str | None": "{type: string, nullable: true}",
    "Optional[float]": "{type: number, nullable: true}",
    "Nullable(String)": "{type: string, nullable: true}",
    "Nullable(Decimal(9, 2))": '{type: "decimal(9, 2)", nullable: true}',
    "LowCardinality(String)": "string",
    "enum": "{type: string, enum: [A, B]}",
    "enum('a','b')": "{type: string, enum: [a, b]}",
    "email": "{type: string, format: email}",
    "interval": "{type: string, format: duration}",
    "bytea": "{type: string, description: in base64}",
}


@pytest.mark.parametrize("text", TYPES)
def test_type_of_another_tool_is_translated(text):
    with pytest.raises(ValueError, match="is not a type; write ") as refused:
        parse_type(text)

    assert str(refused.value) == f"'{text}' is not a type; write {TYPES[text]}"


@pytest.mark.parametrize("text", ["decimal", "numeric"])
def test_decimal_without_digits_shows_how_digits_are_written(text):
    with pytest.raises(ValueError, match=r"write decimal\(18, 3\), or decimal\(p, s\)"):
        parse_type(text)


@pytest.mark.parametrize("word", [*_TYPES, *_WITH_KEYS])
def test_translated_type_is_one_of_ours(word):
    assert parse_type(meant_by(word).type)


@pytest.mark.parametrize(("kind", "word"), WORDS)
def test_key_of_another_tool_suggests_our_key(kind, word):
    hint = KEYS[kind][word]
    named = re.match(r"write (\w+)", hint)

    assert word not in {re.sub("_", "", key) for key in KNOWN[kind.rpartition(" ")[2]]}
    # A key that belongs elsewhere leads there, or is to be deleted.
    assert (
        not named
        or named[1] in {*KNOWN[kind.rpartition(" ")[2]], *CONNECTOR_KEYS, "it", "the"}
        or hint.startswith("write type")
    )


@pytest.mark.parametrize("kind", KNOWN)
def test_other_spelling_of_a_key_suggests_it(kind):
    for key in KNOWN[kind.rpartition(" ")[2]]:
        words = key.split("_")
        for spelled in ("".join(word.capitalize() for word in words), "-".join(words), key.upper()):
            if spelled != key:
                assert key_hint(spelled, KNOWN[kind.rpartition(" ")[2]], kind) == f"write {key}"


@given(st.text("abcdeintlsru0123456789()[]<>,'|? .", max_size=30))
def test_random_type_is_refused_or_translated(text):
    meant = meant_by(text)

    assert meant is None or parse_type(meant.type)
