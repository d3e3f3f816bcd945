"""What bad rows cost: only what is shown of them is worked out, and nothing for a client that has left."""

import json
import threading

import pytest

from gateway.connectors.declaration import declare
from gateway.errors import GatewayError
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.media import Media
from tests.inside import body, inside

NAMES = [f"customer_attribute_{number:03}" for number in range(1000)]
WIDE = "fields:\n" + "".join(f"  {name}: {{type: integer, nullable: true}}\n" for name in NAMES)
NARROW = "fields: {n: integer, s: {type: string, nullable: true}}\n"
CHANGE = "access: {read: [public], change: [admin]}\n"
KEEP = "on_invalid: keep\n"
MANY = {f"custmer_attribute_{number}": 1 for number in range(20_000)}


def test_of_a_row_of_many_unknown_names_those_that_are_listed_get_a_guess(server, name):
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


def test_of_a_kept_row_as_many_errors_are_kept_as_an_answer_lists(server, name):
    path = server.declare(name, WIDE + CHANGE + KEEP)

    answer = server.client.post(path, json=[MANY, {NAMES[0]: 1}, MANY])

    assert (answer.status_code, answer.json()["stored"], answer.json()["rejected"]) == (207, 1, 2)
    assert len(answer.json()["errors"]) == 100
    kept = server.client.get(f"/-/connectors/{name}/rejected").json()
    assert [len(each["errors"]) for each in kept] == [100, 100]
    assert [len(json.loads(each["raw"])) for each in kept] == [20_000, 20_000]


def test_each_of_many_new_columns_is_counted_and_kept(server, name):
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
def test_of_a_long_value_the_beginning_is_shown(server, name, value, shown):
    path = server.declare(name, NARROW + CHANGE)

    (error,) = server.client.post(path, json={"n": value}).json()["errors"]

    if shown is not None:
        assert error["value"] == shown
    assert len(json.dumps(error, ensure_ascii=False)) < 600


def rows_looked_at(rows: list[dict], has_left, connector: str = NARROW) -> int:
    """Check rows for a client that may leave; return how many of the bad ones were counted."""
    text = json.dumps(rows).encode()
    validator = Validator(declare(connector.encode(), "c.yaml")[0])
    with pytest.raises(GatewayError) as refused:
        validator.check(payload.parse(text, Media.JSON, validator.connector, 10_000), has_left=has_left)
    assert refused.value.row_errors is not None
    return refused.value.row_errors.count


def test_rows_of_a_client_that_has_left_are_not_looked_at_once_they_are_refused():
    rows = [{"n": 1}] * 15_000 + [{"n": "x"}] * 15_000
    asked = []

    assert rows_looked_at(rows, lambda: False) == 15_000
    assert rows_looked_at(rows, lambda: True) == 1
    assert rows_looked_at(rows, lambda: asked.append(0) or len(asked) > 7) == 8


def test_the_threads_that_check_rows_ask_whether_the_client_has_left(tmp_path):
    rows = json.dumps([{"n": "x"}] * 30_000).encode()

    def has_left() -> bool:
        return threading.current_thread().name.startswith("checking")

    with inside(tmp_path, {"c": NARROW, "kept": NARROW + KEEP}) as gateway:
        status, _, text = gateway.request("POST", "/c", body(rows), has_gone=has_left)
        assert (status, json.loads(text)["error_count"]) == (422, 1)
        # What is to be stored is stored, whether or not its client waits for the answer.
        status, _, text = gateway.request("POST", "/kept", body(rows), has_gone=has_left)
        assert (status, json.loads(text)["rejected"]) == (207, 30_000)


@pytest.mark.parametrize("number", ["1e-7000", "-1.5E-401", "1e401", "0e-7000", "1e+7000"])
@pytest.mark.parametrize("type", ["integer", "number", "decimal(12, 2)", "json"])
def test_number_with_a_long_exponent_is_refused_before_the_schema_works_with_it(server, name, type, number):
    """A schema takes a time for it that grows with the square of the exponent."""
    path = server.declare(name, f'fields: {{n: {{type: "{type}"}}}}\n')

    bodies = ('{"n": %s}', '[{"n": 1}, {"n": %s}]', '{"n": 1}\n{"n": %s}')
    for text in (each % number for each in bodies):
        answer = server.client.post(path, content=text)
        assert answer.status_code in (400, 422), answer.text
        assert "a number has more than 400 digits" in answer.json()["message"], answer.text
