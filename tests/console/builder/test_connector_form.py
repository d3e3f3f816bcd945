"""Form to model and back: what is not edited stays, and every key that a file can have is there to be set."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.fieldtypes.type_names import TYPE_NAMES, parse_type
from gateway.connectors.policy_keys import LIMIT_KEYS, POLICY_KEYS, RETENTION_KEYS
from gateway.console.builder import connector_form, field_row
from gateway.console.builder.controls import BOUND_CONTROLS, CONNECTOR_CONTROLS, FIELD_CONTROLS
from gateway.console.builder.merge import is_same, merge

# -- every key


def test_every_field_key_has_an_input():
    assert {*FIELD_CONTROLS, "type"} == set(FIELD_KEYS)


def test_every_connector_key_has_an_input():
    assert {*CONNECTOR_CONTROLS, *BOUND_CONTROLS, "fields", "access"} == set(CONNECTOR_KEYS)
    assert set(POLICY_KEYS) <= {*CONNECTOR_CONTROLS, *BOUND_CONTROLS}


def test_every_key_of_a_mapping_has_an_input():
    assert {key: set(inner) for key, inner in BOUND_CONTROLS.items()} == {
        "retention": set(RETENTION_KEYS),
        "limits": set(LIMIT_KEYS),
    }


def test_every_type_is_offered():
    names = [name for name in field_row.SCALAR_CHOICES + field_row.LIST_CHOICES if "(" not in name]
    assert all(parse_type(name).name == name for name in names)
    assert field_row.SCALAR_CHOICES == TYPE_NAMES


#: One value of each key, which the inputs of a new form give.
FIELD_VALUES = {
    "type": "integer",
    "nullable": True,
    "default": 3,
    "description": "How many\nthere are.",
    "examples": [1, 2],
    "min_length": 1,
    "max_length": 2,
    "pattern": "^a",
    "format": "email",
    "enum": [1, 2],
    "minimum": 0,
    "maximum": Decimal("9.5"),
    "exclusive_minimum": -1,
    "exclusive_maximum": 10,
    "backfill": 7,
    "using": "CAST(a AS BIGINT)",
    "renamed_from": "b",
}
CONNECTOR_VALUES = {
    "name": "orders",
    "description": "Of the shop.",
    "path": "/shop/orders",
    "fields": {"a": "integer"},
    "access": {"ingest": ["etl"], "read": ["public", "guest"], "change": ["ops"]},
    "primary_key": ["a"],
    "on_conflict": "replace",
    "on_invalid": "keep",
    "keep_at_most": "10%",
    "idempotency": "required",
    "retention": {"days": 90, "rows": 1000},
    "limits": {"rows_per_second": 1000, "requests_per_second": Decimal("0.5")},
    "read_limit": 10_000,
}


def written_anew(model: dict) -> dict:
    """Type the inputs of a model into an empty form."""
    inputs = {
        name: text for name, text in connector_form.inputs_of(model).items() if not name.endswith(".was")
    }
    parsed = connector_form.parse(inputs, {})
    assert parsed.problems == {}
    return parsed.model


def test_every_field_key_can_be_set_anew():
    assert set(FIELD_VALUES) == set(FIELD_KEYS)
    assert written_anew({"fields": {"a": FIELD_VALUES}})["fields"]["a"] == FIELD_VALUES


def test_every_connector_key_can_be_set_anew():
    assert set(CONNECTOR_VALUES) == set(CONNECTOR_KEYS)
    assert set(CONNECTOR_VALUES["access"]) == set(ACCESS_KEYS)
    assert written_anew(CONNECTOR_VALUES) == CONNECTOR_VALUES


# -- a form without edits

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.text("abcxyz_ ,.:öß'\"[]{}<>&", min_size=1, max_size=6).map(str.strip).filter(bool)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(-1000, 1000, places=2),
    text,
    st.sampled_from(["null", "true", "1", '"', '"a"', "[1]", " a ", "", "10%"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
types = st.sampled_from(
    [
        *field_row.SCALAR_CHOICES,
        "decimal(12,2)",
        "decimal( 38, 0 )[]",
        "string[]",
        "varchar(20)",
        "decimal",
        " date",
    ]
)
fields = st.one_of(
    types,
    values,
    st.fixed_dictionaries({"type": types}, optional={key: values for key in FIELD_KEYS if key != "type"}),
    st.fixed_dictionaries({}, optional={"type": values, "unknown": values, "nullable": scalars}),
)
access = st.dictionaries(
    st.sampled_from([*ACCESS_KEYS, "other"]), st.lists(names | scalars, max_size=3) | scalars
)
models = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(CONNECTOR_KEYS, values),
        "fields": st.dictionaries(names, fields, max_size=5) | values,
        "primary_key": names | st.lists(names, max_size=3) | values,
        "access": access | values,
        "retention": st.dictionaries(st.sampled_from([*RETENTION_KEYS, "weeks"]), scalars) | values,
        "unknown": values,
    },
).flatmap(lambda model: st.permutations(list(model.items())).map(dict))


def as_a_browser_sends(inputs: dict[str, str]) -> dict[str, str]:
    """Break lines as forms do; an input that is left out is as an empty one."""
    return {name: text.replace("\n", "\r\n") for name, text in inputs.items()}


@given(models)
def test_form_without_edits_leaves_its_model(model):
    parsed = connector_form.parse(as_a_browser_sends(connector_form.inputs_of(model)), model, {"a", "b"})
    assert is_same(parsed.model, model)
    assert (parsed.renamed, parsed.removed, parsed.problems) == ({}, (), {})


@given(models)
def test_inputs_hold_no_character_that_browsers_drop(model):
    kept = "".join(connector_form.inputs_of(model).values())
    assert not any(character < " " for character in kept.replace("\n", "").replace("\t", ""))


typed = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "decimal(12, 2)": st.decimals(-1000, 1000, places=2).filter(lambda value: not value.is_zero()),
    "json": values.filter(lambda value: value is not None),
    "string[]": st.lists(st.text(max_size=3), max_size=3),
}


@given(
    st.sampled_from(sorted(typed)).flatmap(
        lambda name: st.tuples(st.just(name), typed[name], st.lists(typed[name], min_size=1, max_size=3))
    )
)
def test_typed_values_survive_a_new_form(chosen):
    type_name, default, examples = chosen
    field = {"type": type_name, "default": default, "examples": examples}
    assert is_same(written_anew({"fields": {"a": field}})["fields"]["a"], field)


# -- edits

ORDERS = {
    "fields": {"id": "integer", "note": {"type": "string", "nullable": True}},
    "primary_key": ["id"],
    "access": {"read": ["guest", "public"]},
    "retention": {"days": 5},
}


def edited(model: dict = ORDERS, stored=("id", "note"), **changes: str | None) -> connector_form.ParsedForm:
    inputs = connector_form.inputs_of(model)
    for name, value in changes.items():
        if value is None:
            inputs = {key: text for key, text in inputs.items() if not key.startswith(name)}
        else:
            inputs[name] = value
    return connector_form.parse(inputs, model, stored)


@pytest.mark.parametrize(
    ("changes", "place", "expected"),
    [
        (
            {"f2.max_length": "200"},
            ("fields", "note"),
            {"type": "string", "nullable": True, "max_length": 200},
        ),
        ({"f2.nullable": None}, ("fields", "note"), {"type": "string"}),
        ({"f1.type": "decimal(p, s)", "f1.precision": "9"}, ("fields", "id"), "decimal(9, 3)"),
        ({"f1.minimum": "0"}, ("fields", "id"), {"type": "integer", "minimum": 0}),
        ({"f9.name": "new", "f9.type": "date"}, ("fields", "new"), "date"),
        ({"f2.default": '""'}, ("fields", "note", "default"), ""),
        ({"f2.default": "null"}, ("fields", "note", "default"), None),
        ({"f2.default": "5"}, ("fields", "note", "default"), "5"),
        ({"f1.default": "5"}, ("fields", "id"), {"type": "integer", "default": 5}),
        ({"f1.enum": "1\r\n\r\n2\r\n"}, ("fields", "id"), {"type": "integer", "enum": [1, 2]}),
        ({"retention.days": ""}, ("retention",), None),
        ({"retention.days": "5.5"}, ("retention",), {"days": Decimal("5.5")}),
        ({"keep_at_most": "7"}, ("keep_at_most",), 7),
        ({"access.read:guest": None}, ("access",), {"read": ["public"]}),
        ({"access.read:": None}, ("access",), None),
        (
            {"access.new": "etl", "access.ingest:*": "on"},
            ("access",),
            {"read": ["guest", "public"], "ingest": ["etl"]},
        ),
        ({"primary_key": "id, note"}, ("primary_key",), ["id", "note"]),
        ({"primary_key": ""}, ("primary_key",), None),
    ],
)
def test_an_edit_changes_its_value_alone(changes, place, expected):
    model = edited(**changes).model
    for key in place:
        model = model.get(key)
    assert model == expected


def test_renamed_field_tells_its_former_name():
    parsed = edited(**{"f1.name": "order_id"})
    assert parsed.model["fields"]["order_id"] == {"type": "integer", "renamed_from": "id"}
    assert parsed.model["primary_key"] == ["order_id"]
    assert parsed.renamed == {"order_id": "id"}


RENAMED = {"fields": {"remark": {"type": "string", "renamed_from": "note"}}}


@pytest.mark.parametrize(
    ("stored", "new", "told"),
    [
        (["remark"], "comment", {"type": "string", "renamed_from": "remark"}),
        (["note"], "comment", {"type": "string", "renamed_from": "note"}),
        (["note"], "note", {"type": "string"}),
        ([], "comment", {"type": "string"}),
    ],
)
def test_chain_of_renames_tells_the_stored_name(stored, new, told):
    parsed = edited(RENAMED, stored, **{"f1.name": new})
    assert parsed.model["fields"] == {new: told}


def test_renamed_column_keeps_its_values():
    model, columns = {"fields": {"a": "string", "b": "string"}}, ("a", "b")
    inputs = {"f2.was": "b", "f2.type": "string"}
    kept = connector_form.parse({**inputs, "f2.name": "c"}, model, columns=columns)
    assert kept.model["fields"] == {"c": {"type": "string", "renamed_from": "b"}}
    taken = connector_form.parse({**inputs, "f2.name": "a"}, model, columns=columns)
    assert taken.problems == {
        "f2.name": "the file has a column 'a': rename this field once the rows are loaded"
    }


def test_former_name_that_is_typed_wins():
    parsed = edited(**{"f2.name": "remark", "f2.renamed_from": "null"})
    assert parsed.model["fields"]["remark"]["renamed_from"] is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"f2.name": "id"}, "f2.name"),
        ({"f2.name": " "}, "f2.name"),
        ({"f3.default": "x", "f3.type": "string"}, "f3.name"),
        ({"f3.name": "x"}, "f3.type"),
        ({"f2.type": "json", "f2.default": "{a"}, "f2.default"),
        ({"access.new": "bob"}, "access.new"),
        ({"access.ingest:*": "on"}, "access.new"),
    ],
)
def test_inputs_without_a_meaning_are_problems(changes, problem):
    assert list(edited(**changes).problems) == [problem]


def test_blank_row_is_no_field():
    parsed = edited(**{"f3.name": "", "f3.type": "string"})
    assert (parsed.model, parsed.problems) == (ORDERS, {})


def test_deleted_row_is_a_removed_field():
    parsed = edited(**{"f2.": None})
    assert (list(parsed.model["fields"]), parsed.removed) == (["id"], ("note",))


def test_rows_keep_the_order_of_the_page():
    inputs = connector_form.inputs_of(ORDERS)
    moved = {key: inputs[key] for key in sorted(inputs, reverse=True)}
    assert list(connector_form.parse(moved, ORDERS).model["fields"]) == ["note", "id"]


def test_what_no_input_shows_is_named():
    model = {"fields": {"a": {"type": "string", "size": 3}}, "access": {"read": "public"}, "owner": "me"}
    assert list(connector_form.kept_places(model)) == ["owner", "access.read", "a.size"]


# -- two people

BASE = {"fields": {"a": "integer", "b": "string"}, "description": "x"}


@pytest.mark.parametrize(
    ("wanted", "now", "renamed", "merged", "conflicts"),
    [
        (
            {**BASE, "path": "/p"},
            {**BASE, "description": "y"},
            {},
            {**BASE, "description": "y", "path": "/p"},
            (),
        ),
        (
            {**BASE, "description": "z"},
            {**BASE, "description": "y"},
            {},
            {**BASE, "description": "z"},
            ("description",),
        ),
        (
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            {**BASE, "fields": {"a": "integer", "b": {"type": "string", "nullable": True}}},
            {"c": "b"},
            {**BASE, "fields": {"a": "integer", "c": {"type": "string", "nullable": True}}},
            (),
        ),
        (
            {**BASE, "fields": {"b": "string"}},
            {**BASE, "fields": {"a": "integer", "b": "string", "d": "date"}},
            {},
            {**BASE, "fields": {"b": "string", "d": "date"}},
            (),
        ),
        (
            {**BASE, "fields": {"b": "string", "a": "integer"}},
            {**BASE, "fields": {"a": "integer", "b": "string", "d": "date"}},
            {},
            {**BASE, "fields": {"b": "string", "a": "integer", "d": "date"}},
            (),
        ),
        (
            {"fields": {"a": "integer", "b": "string"}},
            BASE,
            {},
            {"fields": {"a": "integer", "b": "string"}},
            (),
        ),
        pytest.param(
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            {**BASE, "fields": {"a": "integer", "d": {"type": "string", "renamed_from": "b"}}},
            {"c": "b"},
            {**BASE, "fields": {"a": "integer", "c": {"type": "string", "renamed_from": "b"}}},
            ("fields.b",),
            id="both-rename-a-field",
        ),
        pytest.param(
            {**BASE, "fields": {"a": "integer", "b": "date"}},
            {**BASE, "fields": {"a": "integer", "d": {"type": "string", "renamed_from": "b"}}},
            {},
            {**BASE, "fields": {"a": "integer", "d": {"type": "date", "renamed_from": "b"}}},
            (),
            id="they-rename-a-field-that-is-edited",
        ),
        pytest.param(
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            {**BASE, "fields": {"a": "integer"}},
            {"c": "b"},
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            ("fields.b",),
            id="they-delete-a-field-that-is-renamed",
        ),
        pytest.param(
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            {**BASE, "fields": {"a": "integer", "b": "string", "c": "date"}},
            {"c": "b"},
            {**BASE, "fields": {"a": "integer", "c": "string"}},
            ("fields.c",),
            id="they-add-a-field-of-the-new-name",
        ),
        pytest.param(
            {**BASE, "fields": {"b": "integer", "a": "string"}},
            {**BASE, "fields": {"a": "number", "b": "string"}},
            {"b": "a", "a": "b"},
            {**BASE, "fields": {"b": "number", "a": "string"}},
            (),
            id="names-are-swapped",
        ),
    ],
)
def test_edits_of_two_people_are_merged(wanted, now, renamed, merged, conflicts):
    found = merge(BASE, wanted, now, renamed)
    assert is_same(found.model, merged)
    assert found.conflicts == conflicts
