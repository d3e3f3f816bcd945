"""What bad rows cost: only what is shown of them is worked out, and nothing for a client that has left."""

import json
import threading

import pytest

from gateway.connectors.connector_file import parse_connector
from gateway.errors import GatewayError
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from tests.support.in_process import body, inside

NAMES = [f"customer_attribute_{number:03}" for number in range(1000)]
WIDE = "fields:\n" + "".join(f"  {name}: {{type: integer, nullable: true}}\n" for name in NAMES)
EIGHT = "fields: {" + ", ".join(f"f{n}: integer" for n in range(8)) + "}\n"
NARROW = "fields: {n: integer, s: {type: string, nullable: true}}\n"
CHANGE = "access: {read: [public], change: [admin]}\n"
KEEP = "on_invalid: keep\n"
MANY = {f"custmer_attribute_{number}": 1 for number in range(20_000)}


def test_listed_errors_of_unknown_names_have_a_guess(server, name):
    """Check a row of 20,000 unknown names: the 100 errors that are listed suggest a column, and the others are counted."""
    path = server.declare(name, WIDE + CHANGE)

    for answer in (
        server.client.post(path, json=[MANY]),
        server.client.post(path, json=MANY),
        server.client.patch(f"{path}?_id=eq.1", json=MANY),
    ):
        error = answer.json()
        assert (answer.status_code, error["code"], error["error_count"]) == (422, "PGRST204", 20_000)
        assert len(error["errors"]) == 100
        assert all("did you mean 'customer_attribute_" in each["message"] for each in error["errors"])


def test_rejected_row_keeps_at_most_100_errors(server, name):
    """Check that a rejected row is kept whole with as many of its errors as an answer lists."""
    path = server.declare(name, WIDE + CHANGE + KEEP)

    answer = server.client.post(path, json=[MANY, {NAMES[0]: 1}, MANY])

    assert (answer.status_code, answer.json()["stored"], answer.json()["rejected"]) == (207, 1, 2)
    assert len(answer.json()["errors"]) == 100
    kept = server.client.get(f"/-/connectors/{name}/rejected").json()
    assert [len(each["errors"]) for each in kept] == [100, 100]
    assert [len(json.loads(each["raw"])) for each in kept] == [20_000, 20_000]


def test_batch_of_many_errors_keeps_fields_and_codes(server, name):
    """Check a batch of 200,000 errors: each has its field and code, and its message may be a general one."""
    fields = [f"a_column_{number}" for number in range(20)]
    path = server.declare(
        name, "fields:\n" + "".join(f"  {each}: integer\n" for each in fields) + CHANGE + KEEP
    )
    rows = [dict.fromkeys(fields, f"not a number at all, {number}") for number in range(10_000)]

    answer = server.client.post(path, json=rows)

    assert (answer.status_code, answer.json()["rejected"]) == (207, 10_000), answer.text[:1000]
    assert len(answer.json()["errors"]) == 100
    summary = server.client.get(f"/-/connectors/{name}/rejected/summary").json()
    assert [(each["field"], each["code"], each["rows"]) for each in summary["errors"]] == [
        (each, "22P02", 10_000) for each in sorted(fields)
    ]
    assert all("is not an integer of 64 bits" in each["message"] for each in summary["errors"])
    (last,) = server.client.get(f"/-/connectors/{name}/rejected?order=_id.desc&limit=1").json()
    assert [each["field"] for each in last["errors"]] == fields
    assert {each["message"] for each in last["errors"]} == {"A value does not have the type of its field"}


def test_rejected_rows_of_many_unknown_columns_are_kept(server, name):
    """Check 20,000 rows with an unknown column each: every row is kept, and every column is counted."""
    path = server.declare(name, NARROW + CHANGE + KEEP)

    answer = server.client.post(path, json=[{"n": 1, f"new_{number}": 1} for number in range(20_000)])

    assert (answer.status_code, answer.json()["rejected"]) == (207, 20_000)
    summary = server.client.get(f"/-/connectors/{name}/rejected/summary").json()
    assert (summary["kept"], len(summary["errors"])) == (20_000, 20_000)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100_000, "x" * 99 + "…"),
        (["x" * 10] * 10_000, '["xxxxxxxxxx",' + '"xxxxxxxxxx",' * 6 + '"xxxxxx…'),
        ({"a": {"b": list(range(100_000))}}, None),
        ([[[{"k" * 1000: 1}]]], '[[[{"' + "k" * 94 + "…"),
        (10**300, "1" + "0" * 98 + "…"),
        ("short", "short"),
        ([1, {"a": None}], [1, {"a": None}]),
    ],
)
def test_error_shows_the_beginning_of_long_values(server, name, value, shown):
    path = server.declare(name, NARROW + CHANGE)

    (error,) = server.client.post(path, json={"n": value}).json()["errors"]

    if shown is not None:
        assert error["value"] == shown
    assert len(json.dumps(error, ensure_ascii=False)) < 600


def rows_looked_at(rows: list[dict], has_left, connector: str = NARROW) -> int:
    """Check rows for a client that may leave; return how many of the bad ones were counted."""
    text = json.dumps(rows).encode()
    validator = Validator(parse_connector(connector.encode(), "c.yaml")[0])
    with pytest.raises(GatewayError) as refused:
        validator.check(payload.parse(text, Media.JSON, validator.connector, 10_000), has_left=has_left)
    assert refused.value.row_errors is not None
    return refused.value.row_errors.count


def test_check_of_disconnected_client_ends_at_first_error():
    """Check that after the first bad row the check ends once the client has disconnected."""
    rows = [{"n": 1}] * 15_000 + [{"n": "x"}] * 15_000
    asked = []

    assert rows_looked_at(rows, lambda: False) == 15_000
    assert rows_looked_at(rows, lambda: True) == 1
    assert rows_looked_at(rows, lambda: asked.append(0) or len(asked) > 7) == 8


def test_threads_that_check_rows_notice_disconnected_clients(tmp_path):
    """Check that the batch of a disconnected client is still stored where rejected rows are kept."""
    rows = json.dumps([{"n": "x"}] * 30_000).encode()

    def has_left() -> bool:
        return threading.current_thread().name.startswith("parse")

    with inside(tmp_path, {"c": NARROW, "kept": NARROW + KEEP}) as gateway:
        status, _, text = gateway.request("POST", "/c", body(rows), has_left=has_left)
        assert (status, json.loads(text)["error_count"]) == (422, 1)
        # What is to be stored is stored, whether or not its client waits for the answer.
        status, _, text = gateway.request("POST", "/kept", body(rows), has_left=has_left)
        assert (status, json.loads(text)["rejected"]) == (207, 30_000)


@pytest.mark.parametrize("number", ["1e-7000", "-1.5E-401", "1e401", "1e+7000", "1e-99999999999999999999"])
@pytest.mark.parametrize("type", ["integer", "number", "decimal(12, 2)", "json"])
def test_number_with_long_exponent_is_refused_before_schema(server, name, type, number):
    """Refuse it early, because the schema takes a time that grows with the square of the exponent."""
    path = server.declare(name, f'fields: {{n: {{type: "{type}"}}}}\n')

    bodies = ('{"n": %s}', '[{"n": 1}, {"n": %s}]', '{"n": 1}\n{"n": %s}')
    for text in (each % number for each in bodies):
        answer = server.client.post(path, content=text)
        assert answer.status_code in (400, 422), answer.text
        said = f"field 'n': not valid JSON: a number has more than 400 digits, which only a string can hold: {number}"
        assert said.replace("not valid JSON: " * (text == bodies[0] % number), "") in answer.json()["message"]
    answer = server.client.post(path, content=f"n\n{number}\n", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422, answer.text
    assert "'n'" in answer.json()["message"]


def test_long_exponents_in_csv_reach_schema_as_text():
    """Check that the schema never gets one as a number: at 65 ms each, these rows would take two hours."""
    connector, _ = parse_connector(b"fields: {n: 'decimal(12, 2)'}\n", "c.yaml")
    text = b"n\n" + b"1e-9999\n" * 125_000

    values = [value for some in payload.parse(text, Media.CSV, connector, 10_000) for value in some.values]

    assert len(values) == 125_000
    assert {each["n"] for each in values} == {"1e-9999"}


@pytest.mark.parametrize(
    "zero", ["0e999", "0e-7000", "-0.000e99999", "0E+999999999", "0e-99999999999999999999999", "0e0005"]
)
@pytest.mark.parametrize(
    "type", ["integer", "number", "decimal(12, 2)", "json", "integer[]", "decimal(9, 0)[]"]
)
def test_zero_with_any_exponent_is_zero(server, name, type, zero):
    path = server.declare(name, f"fields: {{n: {{type: '{type}'}}, s: {{type: string, nullable: true}}}}\n")
    item = f"[{zero}]" if type.endswith("]") else zero
    plain = [0] if type.endswith("]") else 0
    bodies = [
        (f'{{"n":{item},"s":"{zero}"}}', "application/json"),
        (f'[{{"n":{item},"s":"\\"{zero}"}}]', "application/json"),
        (f'{{"n":{item},"s":"n:{zero}"}}\n', "application/x-ndjson"),
        (f"n,s\n{item},{zero}\n", "text/csv"),
    ]

    for text, media in bodies:
        answer = server.client.post(path, content=text, headers={"Content-Type": media})
        assert answer.status_code == 201, answer.text
    rows = server.client.get(path).json()
    assert [row["n"] for row in rows] == [plain] * 4
    assert [row["s"] for row in rows] == [zero, f'"{zero}', f"n:{zero}", zero]


@pytest.mark.parametrize("terms", ["", "keep_at_most: 10\n"])
def test_rejected_rows_use_bounded_memory(own, name, terms, tell):
    """Check a small body of many bad rows, rows of many errors, and a long header."""
    path = own.declare(name, EIGHT + CHANGE + KEEP + terms)
    own.client.post(path, json=[{"f0": "x"}] * 2000)
    before = own.memory()
    wide = json.dumps([{f"u{n}": 1 for n in range(5000)}] * 80).encode()
    header = ",".join(["f0", *(f"x{n:05}" for n in range(25_000))])
    bodies = [
        ("application/x-ndjson", "", b"{}\n" * 300_000),
        ("application/json", "", wide),
        ("text/csv", "?columns=f0", (header + "\n" + "z\n" * 3000).encode()),
    ]

    statuses = [
        own.client.post(path + query, content=body, headers={"Content-Type": kind}).status_code
        for kind, query, body in bodies
    ]

    grown = own.memory() - before
    tell(
        f"bad rows of {sum(len(body) for *_, body in bodies)} bytes: {statuses}, worker grew by {grown >> 20} MiB"
    )
    assert set(statuses) <= {207, 422}
    assert grown < 400 * 2**20
