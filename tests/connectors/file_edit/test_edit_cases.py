"""Edits that show what changes in a file: `before.yaml` and the wanted values give `after.yaml`."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gateway import strictjson
from gateway.connectors.file_edit.edit import edit, model_of, with_name
from gateway.connectors.file_edit.new_text import write_new
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.yaml_text import document

CASES = sorted((Path(__file__).parent / "cases").iterdir())
FIELD = "fields:\n  a: {type: string, default: x}\n"
#: Values that other readers of YAML, or other places of a file, take for something else.
VALUES = [
    *["no", "On", "YES", "off", "true", "Null", "~", "", " ", " x", "x ", "\t", "012", "1_000", "1:30", "1:30:00", "0o7", "0x1F"],
    *["2026-11-30", "2026-11-30T10:00:00Z", ".5", "1.", "1e3", "+1", "-1", ".inf", ".NaN", "=", "<<", "-", "- a", "--", "---", "..."],
    *["?", "? a", "?a", ":", ":a", "a:", "a: b", "a:b", "#", "# x", "a #b", "a# b", "*a", "&a", "!a", "|", ">-", "%a", "@a", "`a", "'", '"'],
    *["{", "}", "[a", "a]", "a,b", "a, b", "{{ x }}", "{% x %}", "${X}", "\\", "\\d", "C:\\x", "it's", 'say "hi"', "'a'", '"a"', "a'b\"c"],
    *["a\nb", "a\n", "\na", "a\n\n", "a\n\nb\n", "  a\nb", "a\n  b", "a \nb", "\n", "a\r\nb", "a\rb", "a\tb", "\ta\nb", "#a\n#b", "- a\n- b"],
    *["\x00", "\x07", "\x1b[0m", "\x7f", "\x85", "\xa0", "\xad", "\u2028", "a\u2029b", "\u202e", "\ufeff", "\u200b", "\ufffe", "\U000e0001"],
    *["größe", "名前", "😀", "👨‍👩‍👧", "é", "“quoted”", "«a»", "//", "// a", "<a", "a" * 2000, "word " * 300],
    *[None, True, False, 0, -1, 10**18, 10**30, -(10**399), Decimal("1.50"), Decimal("0.0"), Decimal("-0.10"), Decimal("1E+3")],
    *[Decimal("1E-400"), Decimal("1.000000000000000000000000000001"), [], {}, [[]], [{}], {"": ""}, {"no": "no", "a b": [None]}],
]  # fmt: skip
PLACES = {
    "in braces": FIELD,
    "in braces with quotes": FIELD.replace(" x}", " 'x'}"),
    "in lines": "fields:\n  a:\n    type: string\n    default: x   # c\n    nullable: true\n",
    "in lines with quotes": 'fields:\n  a:\n    type: string\n    default: "x"\n',
    "in a block scalar": "fields:\n  a:\n    type: string\n    default: |   # c\n      x\n\n    nullable: true\n",
    "in a folded scalar": "fields:\n  a:\n    type: string\n    default: >-\n      x\n      y\n# c\n",
    "on the next line": "fields:\n  a:\n    type: string\n    default:   # c\n      x   # d\n",
    "nothing": "fields:\n  a:\n    type: string\n    default:   # c\n",
    "nothing in braces": "fields:\n  a: {type: string, default: }\n",
    "a bare key in braces": "fields:\n  a: {type: string, default}\n",
    "a map": "fields:\n  a:\n    type: string\n    default:   # c\n      # d\n      b: 1\n      c: 2\n# e\n",
    "a list": "fields:\n  a:\n    type: string\n    default:\n    - b\n    - c\n    nullable: true\n",
    "at the end": "fields:\n  a:\n    type: string\n    default: x",
    "in JSON": '{"fields": {"a": {"type": "string", "default": "x"}}}',
    "with CRLF": "fields:\r\n  a:\r\n    type: string\r\n    default: x # c\r\n    nullable: true\r\n",
}
REFUSED = {
    "an anchor": (b"fields:\n  a: &x integer\n  b: string\n", "anchor"),
    "an alias": (b"fields:\n  a: integer\n  b: *x\n", "alias"),
    "a tag": (b"fields:\n  a: !!str integer\n", "tag"),
    "a key twice": (b"fields:\n  a: integer\n  a: string\n", "stands here again"),
    "two documents": (b"fields:\n  a: integer\n---\nfields:\n  a: integer\n", "second document"),
    "a list": (b"- fields\n", "not a map of keys"),
    "a word": (b"fields\n", "not a map of keys"),
    "a question mark": (b"? fields\n: a: integer\n", "written with ?"),
    "no UTF-8": (b"fields:\n  \xff: integer\n", "not UTF-8"),
}
#: Texts next to which a careless edit would mean something else: the text, the changed keys of the top, the new text.
NEIGHBORS = {
    "a block scalar that ends the file": (
        "description: |\n  x",
        {"read_limit": 5},
        "description: |-\n  x\nread_limit: 5",
    ),
    "a block scalar that keeps the end of the file": (
        "description: |+ # c\n  x",
        {"read_limit": 5},
        "description: |- # c\n  x\nread_limit: 5",
    ),
    "a deeper comment below a new block scalar": (
        "description: x\n    # deep\npath: /x\n",
        {"description": "a\nb"},
        'description: "a\\nb"\n    # deep\npath: /x\n',
    ),
    "a deeper comment below a deleted key": (
        "description: |\n  x\nname: a\n    # deep\npath: /x\n",
        {"name": None},
        "description: |\n  x\n# deep\npath: /x\n",
    ),
    "a deeper comment below a new last key": (
        "path: /x\n    # deep\n",
        {"z": "a\nb"},
        'path: /x\nz: "a\\nb"\n    # deep\n',
    ),
    "a comment without a blank before it": (
        "limits: {rows_per_second: 1}# c\naccess: {read: ['a'#d\n]}\n",
        {"limits": "x", "access": {"read": ["b"]}},
        "limits: x # c\naccess: {read: ['b' #d\n]}\n",
    ),
    "a comment behind the last item": (
        "access: {read: [a] # c\n}\n",
        {"access": {"read": ["a"], "change": ["b"]}},
        "access: {read: [a], # c\n  change: [b]\n}\n",
    ),
    "a comment with a comma before a deleted key": (
        "retention: {\n  days: 1, # c, d\n  rows: 2 # e, f\n}\n",
        {"retention": {"days": 1}},
        "retention: {\n  days: 1 # c, d\n}\n",
    ),
    "a key in quotes with a colon": (
        "'a: b': 1\n\"c\\n\": 2\n",
        {"a: b": 3, "c\n": 4},
        "'a: b': 3\n\"c\\n\": 4\n",
    ),
    "the end of the document": ("---\nname: a\n...\n", {"path": "/x"}, "---\nname: a\npath: /x\n...\n"),
    "braces alone": ("# h\n{} # c\n", {"name": "a", "path": "/x"}, "# h\nname: a\npath: /x # c\n"),
    "a comment alone": ("# h", {"name": "a"}, "# h\nname: a\n"),
    "nothing": ("", {"name": None}, ""),
    "the header of the file": ("# h\nname: a\npath: /x\n", {"name": None}, "# h\npath: /x\n"),
    "the lines of a text": (
        "description: >\n  One two\n  three.\n\n  Four.\npath: /x\n",
        {"description": "One two three.\nFour five.\n"},
        "description: >\n  One two three.\n\n  Four five.\npath: /x\n",
    ),
}
UNWRITABLE = [
    Decimal("NaN"),
    Decimal("Infinity"),
    10**400,
    Decimal("1E+1000"),
    "\ud800",
    b"a",
    {1: 2},
    float("inf"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_edit_gives_the_text_of_case(case):
    asked = json.loads((case / "wanted.json").read_text(), parse_float=Decimal)

    text = edit((case / "before.yaml").read_bytes(), "orders.yaml", asked["wanted"], asked.get("renamed", {}))

    assert text.decode() == (case / "after.yaml").read_bytes().decode()


@pytest.mark.parametrize("place", PLACES)
def test_each_value_is_read_back(place):
    text = PLACES[place].encode()
    model = model_of(text, "orders.yaml")
    for value in VALUES:
        model["fields"]["a"]["default"] = value
        edited = edit(text, "orders.yaml", model, {})
        found = model_of(edited, "orders.yaml")
        assert (found, repr(found)) == (model, repr(model))
        again = edit(edited, "orders.yaml", model_of(text, "orders.yaml"), {})
        assert model_of(again, "orders.yaml") == model_of(text, "orders.yaml")
        assert all(comment in edited for comment in (b"# c", b"# e") if comment in text)
        if place == "in JSON":
            assert strictjson.is_valid(edited) or isinstance(value, Decimal)


def test_new_file_has_each_value():
    for value in VALUES:
        wanted = {"description": value, "fields": {"a": {"type": "json", "default": value, "enum": [value]}}}
        assert repr(model_of(write_new(wanted), "orders.yaml")) == repr(wanted)


def test_each_name_is_a_key():
    for name in (value for value in VALUES if isinstance(value, str) and len(value) < 1000):
        wanted = {"fields": {name: "integer", "z": {"type": "json", "default": {name: 1}}}}
        text = edit(b"fields:\n  z: {type: json, default: {a: 1}}\n", "orders.yaml", wanted, {})
        assert model_of(text, "orders.yaml") == wanted
        renamed = edit(
            FIELD.encode(), "orders.yaml", {"fields": {name: {"type": "string", "default": "x"}}}, {name: "a"}
        )
        assert list(model_of(renamed, "orders.yaml")["fields"]) == [name]


@pytest.mark.parametrize("what", NEIGHBORS)
def test_neighbors_keep_their_meaning(what):
    text, changed, expected = NEIGHBORS[what]
    model = (model_of(text.encode(), "orders.yaml") or {}) | changed
    wanted = {key: value for key, value in model.items() if value is not None}

    assert edit(text.encode(), "orders.yaml", wanted, {}).decode() == expected


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: repr(value)[:12])
def test_value_without_spelling_is_refused(value):
    with pytest.raises(EditRefusedError):
        edit(FIELD.encode(), "orders.yaml", {"fields": {"a": {"type": "string", "default": value}}}, {})


@pytest.mark.parametrize("what", REFUSED)
def test_text_that_is_no_connector_is_refused(what):
    text, why = REFUSED[what]

    with pytest.raises(EditRefusedError, match=why):
        edit(text, "orders.yaml", {"fields": {"a": "string"}}, {})


def test_edit_without_change_gives_same_bytes():
    for case in CASES:
        text = (case / "before.yaml").read_bytes()
        for spelled in (text, b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"), text.rstrip(b"\n")):
            assert edit(spelled, "orders.yaml", model_of(spelled, "orders.yaml"), {}) == spelled


def test_copy_has_its_own_name_and_path():
    text = b"name: 'orders' # x\npath: /shop/orders\n"

    assert (
        with_name(text + FIELD.encode(), "orders.yaml", "no")
        == b"name: 'no' # x\npath: /no\n" + FIELD.encode()
    )
    assert with_name(FIELD.encode(), "orders.yaml", "copy") == FIELD.encode()


def test_cases_without_libyaml_give_same_text(monkeypatch):
    """PyYAML's own parser marks values as libyaml does."""
    monkeypatch.setattr(document, "_FAST", yaml.SafeLoader)
    for case in CASES:
        test_edit_gives_the_text_of_case(case)
