"""Documents are valid OpenAPI 3.1, and say what the tables of the parsers say."""

import json
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from gateway import strictjson
from gateway.connectors import example_row
from gateway.connectors.connector import SYSTEM_FIELDS
from gateway.connectors.fieldtypes.lists import list_of
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.media_types import BINARY, RECEIVED, SERVED, Media
from gateway.openapi import document, filters
from gateway.openapi.body_examples import example_body
from gateway.openapi.shared_components import SCHEMAS
from gateway.query import dialect, preferences
from gateway.query.operators import OPERATORS
from gateway.store.batch import Receipt
from tests.openapi.samples import CLASHING, ORDERS, SAMPLES, connector_of, connectors
from tests.support.sizes import examples

ALL = document.EVERY_VERB
TYPES = [*SCALARS.values(), *(list_of(type) for name, type in SCALARS.items() if name != "json")]


def documented(*pairs, server="../"):
    """Give a document as its readers do."""
    return json.loads(strictjson.write(document.build(pairs, server)))


@pytest.fixture(scope="module")
def whole():
    return documented(*((connector, ALL) for connector in connectors()))


def operations(document):
    return {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for operation in item.values()
    }


def parameters(document, operation):
    names = [each["$ref"].rsplit("/", 1)[1] for each in operations(document)[operation]["parameters"]]
    return {
        document["components"]["parameters"][name]["name"]: document["components"]["parameters"][name]
        for name in names
    }


def test_whole_document_is_valid(whole):
    validate(whole)


@pytest.mark.parametrize("name", SAMPLES)
def test_one_connector_is_valid(name):
    validate(documented((connector_of(name, SAMPLES[name]), ALL)))


def test_no_connectors_are_valid():
    validate(documented())


@examples(25)
@given(
    names=st.sets(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), min_size=1, max_size=4),
    fields=st.dictionaries(
        st.text(
            st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"),
            min_size=1,
            max_size=8,
        ).filter(lambda name: name.isprintable() and not name.startswith("_")),
        st.sampled_from(TYPES),
        min_size=1,
        max_size=6,
    ),
    verbs=st.frozensets(st.sampled_from(sorted(ALL))),
)
def test_any_connectors_are_valid(names, fields, verbs):
    folded = {name.lower(): (name, type.name) for name, type in fields.items()}
    body = json.dumps({"fields": dict(folded.values()), "access": {"change": ["ops"]}})
    found = documented(*((connector_of(name, body), verbs) for name in names))

    validate(found)
    assert len(operations(found)) == sum(map(len, found["paths"].values()))


def test_components_are_all_used_and_found(whole):
    text = json.dumps(whole)
    found = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "headers", "responses")
        for name in whole["components"][kind]
    }
    used = set(re.findall(r'"\$ref": "(.+?)"', text))
    names = {f"#/components/schemas/{name}" for name in SAMPLES}

    # A whole row has no operation: it is there for programs that type their rows with it. "Ada" is an example.
    assert (used - found, found - used) == ({"Ada"}, names)


def test_clashing_names_get_a_number(whole):
    assert {"read_a_b", "read_a_b_2", "read_a_b_3"} <= operations(whole).keys()
    assert operations(whole)["read_a_b"]["tags"] == ["a_b"]
    assert operations(whole)["read_a_b_2"]["tags"] == ["a_b_2"]


@pytest.mark.parametrize(
    ("verbs", "methods"),
    [
        ({"read"}, ["get", "head"]),
        ({"ingest"}, ["post"]),
        ({"change"}, ["put", "patch", "delete"]),
        (ALL, ["get", "head", "post", "put", "patch", "delete"]),
        (set(), None),
    ],
)
def test_operations_follow_the_verbs(verbs, methods):
    found = documented((connector_of("orders", ORDERS), frozenset(verbs)))["paths"].get("/orders")

    assert (found and list(found)) == methods


def test_connector_that_nobody_changes_has_no_changes():
    found = documented((connector_of("x", CLASHING), ALL))

    assert list(found["paths"]["/x"]) == ["get", "head", "post"]


def test_security_says_what_is_public(whole):
    found = operations(whole)

    assert found["read_orders"]["security"] == [{}, {"token": []}]
    assert found["write_orders"]["security"] == [{"token": []}]


def test_rows_have_no_default_and_no_step(whole):
    keywords = set()

    def collect(schema):
        keywords.update(schema)
        for each in (
            *schema.get("properties", {}).values(),
            *([schema["items"]] if "items" in schema else []),
        ):
            collect(each)

    for name, schema in whole["components"]["schemas"].items():
        if not name.startswith("Gateway"):
            collect(schema)

    assert not keywords & {"default", "multipleOf", "not", "allOf", "anyOf"}


def test_default_is_named_in_the_description(whole):
    insert = whole["components"]["schemas"]["orders.insert"]

    assert insert["properties"]["paid"]["description"] == "Left out: false."
    assert insert["required"] == ["order_id", "customer", "amount", "placed_at"]
    assert whole["components"]["schemas"]["orders"]["required"] == list(insert["properties"])
    assert "required" not in whole["components"]["schemas"]["orders.part"]
    assert "required" not in whole["components"]["schemas"]["orders.update"]
    assert whole["components"]["schemas"]["orders"]["x-gateway-primary-key"] == ["order_id"]


@pytest.mark.parametrize("type", TYPES, ids=[type.name for type in TYPES])
def test_outline_accepts_the_example_of_its_type(type):
    jsonschema.validate(json.loads(strictjson.write(type.example)), type.outline)


@pytest.mark.parametrize("connector", connectors(), ids=lambda connector: connector.name)
def test_example_bodies_are_accepted(connector):
    row, missing = example_row.build(connector)

    assert missing == []
    for media in set(RECEIVED) - BINARY:
        body = example_body(media, row)
        data = body.encode() if isinstance(body, str) else strictjson.write(body)
        if media is not Media.FORM:
            rows = list(payload.parse(data, media, connector, 1 << 20))
            assert len(rows) == 1
            assert Validator(connector).published


def test_filters_name_the_operators_of_the_parser(whole):
    for type in TYPES:
        pattern = re.compile(filters.pattern_of(type))
        for operator in OPERATORS.values():
            assert bool(pattern.search(f"{operator.name}.x")) == operator.takes(type), (
                type.name,
                operator.name,
            )
        assert not pattern.search("x")


@pytest.mark.parametrize("connector", connectors(), ids=lambda connector: connector.name)
def test_example_filters_are_read_by_the_parser(connector):
    row, _ = example_row.build(connector)
    found = filters.parameters(connector, row)

    names = [each["name"] for each in found.values()]
    fields = [field.name for field in connector.fields if field.name not in filters.OTHER_PARAMETERS]
    assert names == [*fields, "_id", "_batch"]
    for parameter in found.values():
        assert parameter["examples"]
        for example in parameter["examples"].values():
            assert re.search(parameter["schema"]["pattern"], example["value"])
            dialect._parse([(parameter["name"], example["value"])], connector)


@pytest.mark.parametrize("type", TYPES, ids=[type.name for type in TYPES])
def test_every_operator_can_be_written_as_text(type):
    connector = connector_of("x", json.dumps({"fields": {"f": {"type": type.name, "nullable": True}}}))

    for operator in filters.operators_of(type):
        dialect._parse([("f", filters.filter_text(operator, type.example))], connector)


@pytest.mark.parametrize(
    ("operation", "method", "header", "is_taken"),
    [
        ("read_orders", "GET", "count=exact", True),
        ("read_orders", "GET", "count=exact, handling=strict", True),
        ("read_orders", "GET", "tx=rollback", False),
        ("write_orders", "POST", "resolution=merge-duplicates, missing=default", True),
        ("write_orders", "POST", "return=representation", False),
        ("write_every_type", "POST", "resolution=merge-duplicates", False),
        ("replace_orders", "PUT", "resolution=merge-duplicates", False),
        ("update_orders", "PATCH", "max-affected=3, tx=rollback", True),
        ("delete_orders", "DELETE", "max-affected=x", False),
    ],
)
def test_prefer_lists_what_the_parser_takes(whole, operation, method, header, is_taken):
    pattern = parameters(whole, operation)["Prefer"]["schema"]["pattern"]

    assert bool(re.search(pattern, header)) == is_taken
    if is_taken:
        assert preferences.parse(header, method).applied() != ""


def test_merge_is_offered_to_who_may_change():
    keyed = connector_of("x", "fields: {x: integer}\nprimary_key: [x]\naccess: {change: [ops]}\n")

    def resolutions(verbs):
        found = parameters(documented((keyed, frozenset(verbs))), "write_x")["Prefer"]["schema"]["pattern"]
        return {word for word in ("merge-duplicates", "ignore-duplicates") if word in found}

    assert resolutions({"ingest"}) == {"ignore-duplicates"}
    assert resolutions({"ingest", "change"}) == {"merge-duplicates", "ignore-duplicates"}


def test_responses_have_every_format_and_json_first(whole):
    content = operations(whole)["read_orders"]["responses"]["200"]["content"]

    assert list(content) == [media.media_type for media in SERVED]


def test_receipt_has_the_keys_of_receipts():
    receipt = Receipt(1, 3, 2, 1, 0, 1, 2, errors=({},), deleted=3, replaces_all=True)

    assert list(SCHEMAS["GatewayReceipt"]["properties"]) == list(receipt.body())


def test_required_key_is_required(whole):
    assert parameters(whole, "write_every_rule")["Idempotency-Key"]["required"]
    assert "required" not in parameters(whole, "write_orders")["Idempotency-Key"]


def test_link_leads_to_the_rows_of_a_batch():
    both = documented((connector_of("orders", ORDERS), ALL))
    alone = documented((connector_of("orders", ORDERS), frozenset({"ingest"})))

    (link,) = operations(both)["write_orders"]["responses"]["201"]["links"].values()
    assert (link["operationId"], link["parameters"]) == (
        "read_orders",
        {"query._batch": "eq.{$response.body#/batch}"},
    )
    assert "links" not in operations(alone)["write_orders"]["responses"]["201"]


def test_system_fields_are_in_rows_of_responses(whole):
    part = whole["components"]["schemas"]["orders.part"]["properties"]

    assert {field.name for field in SYSTEM_FIELDS} <= part.keys()


@pytest.mark.parametrize(
    ("server", "url", "docs"),
    [
        ("../", "../", "../-/docs"),
        ("/", "/", "/-/docs"),
        ("https://data.example.com/gw/", "https://data.example.com/gw", "https://data.example.com/gw/-/docs"),
    ],
)
def test_urls_follow_the_server(server, url, docs):
    found = documented((connector_of("orders", ORDERS), ALL), server=server)

    assert (found["servers"], found["externalDocs"]["url"]) == ([{"url": url}], docs)
    assert found["tags"][0]["externalDocs"]["url"] == docs.replace("docs", "connectors/orders/schema")
