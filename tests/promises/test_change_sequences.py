"""Random sequences of edits over stored rows: what is applied leaves rows that satisfy what the file says.

Through the plan and the store themselves, for hundreds of sequences would take a gateway too long.
"""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors import plan, schema
from gateway.connectors.change import Verdict
from gateway.connectors.directory import ConnectorFile
from gateway.errors import GatewayError
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from gateway.store.sql import expression
from gateway.store.sql.names import table_of
from gateway.store.tables import row_check
from gateway.store.tables.store import Store
from tests.support.reference_validator import exact, reference
from tests.support.sizes import examples

#: For each type: values, constraints it may be given, and SQL over `{}` that some other types are made by.
VALUES = {
    "integer": [0, 1, -5, 7, 100, 2**53 + 1],
    "number": [0, 1.5, -2, 1e300],
    "decimal(5, 2)": [0, 1.25, -999.99],
    "decimal(8, 4)": [0, 0.0001, 999.5],
    "string": ["", "a", "7", "abcdef", "2026-01-02"],
    "boolean": [True, False],
    "date": ["2026-01-02", "1999-12-31"],
    "datetime": ["2026-01-02T03:04:05"],
    "json": [{"a": 1}, [1, "x"], "s", 3],
    "integer[]": [[], [1, 2], [2**53 + 1]],
    "number[]": [[], [0.5]],
    "string[]": [["a"], ["a", "bb"]],
}
CONSTRAINTS = {
    "integer": [{"minimum": 0}, {"maximum": 50}, {"enum": [0, 1, 7, 100]}],
    "number": [{"minimum": -1}],
    "decimal(5, 2)": [{"exclusive_minimum": -1}],
    "string": [{"max_length": 3}, {"min_length": 1}, {"pattern": "^[a-z0-9]*$"}, {"enum": ["", "a", "7"]}],
    "string[]": [{"max_length": 1}],
}
USING = [
    "CAST({} AS VARCHAR)",
    "TRY_CAST(CAST({} AS VARCHAR) AS BIGINT)",
    "{}",
    "CAST({} AS DOUBLE)",
    "NULL",
    "[{}]",
]
NAMES = ["a", "b", "C", "c d"]


@st.composite
def field(draw, former):
    kind = draw(st.sampled_from(list(VALUES)))
    made = {"type": kind, "nullable": draw(st.booleans())}
    made |= draw(st.sampled_from([{}, *CONSTRAINTS.get(kind, [])]))
    values = st.sampled_from(VALUES[kind])
    for key in ("default", "backfill"):
        if draw(st.booleans()):
            made[key] = draw(values)
    if draw(st.booleans()):
        made["using"] = draw(st.sampled_from(USING)).format('"c d"' if former == "c d" else former)
    return made


@st.composite
def version(draw, before):
    """The next version: fields kept, changed, dropped, added, renamed and in another order."""
    fields = {}
    for name, made in before.items():
        fate = draw(st.sampled_from(["keep", "keep", "change", "drop", "rename", "loosen"]))
        if fate == "keep":
            fields[name] = made
        elif fate == "change":
            fields[name] = draw(field(name))
        elif fate == "loosen":
            fields[name] = {"type": made["type"], "nullable": True}
        elif fate == "rename":
            new = draw(st.sampled_from(NAMES))
            if new not in before and new not in fields:
                fields[new] = {**made, "renamed_from": name}
    for name in NAMES:
        if (
            name not in fields
            and name.lower() not in {each.lower() for each in fields}
            and draw(st.integers(0, 3)) == 0
        ):
            fields[name] = draw(field(name))
    former = {made.get("renamed_from") for made in fields.values()}
    fields = {name: made for name, made in fields.items() if name not in former} or {
        "a": {"type": "integer", "default": 0}
    }
    return dict(draw(st.permutations(list(fields.items()))))


_numbers = itertools.count()


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    store = file_store(DuckDBFile(tmp_path_factory.mktemp("store"), memory=2**29))
    yield store
    store.close()


class Edits:
    """One connector in a store, edited without a gateway around it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = f"c{next(_numbers)}"
        self.live, self.stored = {}, {}

    def edit(self, fields) -> plan.Outcome | None:
        """Apply a version; None where the file itself is not one."""
        file = ConnectorFile.of(f"{self.name}.yaml", json.dumps({"fields": fields}).encode())
        declared = expression.check(plan.parse_file(file))
        if declared.connector is None:
            return None
        decided = plan.build_plan([declared], self.live, self.stored, self.store)
        for connector in self.store.apply(list(decided.diffs.values())):
            self.live[connector.name] = self.stored[connector.name] = connector
        return decided.outcomes[0]

    @property
    def connector(self):
        return self.live[self.name]

    def append(self, rows) -> None:
        """Store those rows that the connector takes."""
        validator = Validator(self.connector)
        good = [
            row
            for row in rows
            if schema.compile_schema(schema.build(self.connector)).is_valid(exact(json.dumps(row)))
        ]
        parsed = payload.parse(json.dumps(good).encode(), Media.JSON, self.connector, 2**20)
        batch = validator.check(parsed)
        if batch.table.num_rows:
            self.store.append([batch])

    def rows(self, columns=None):
        fields = columns or {each.name: each.type for each in self.connector.fields}
        texts = ", ".join(f"""{type.sql.json.format('"' + name + '"')}""" for name, type in fields.items())
        found = self.store._database.rows(f"SELECT _id, {texts} FROM {table_of(self.connector)}")
        return {
            id: dict(
                zip(
                    fields,
                    (None if each is None else strictjson.read(each.encode()) for each in values),
                    strict=True,
                )
            )
            for id, *values in found
        }

    def everything(self):
        """All columns, hidden ones too."""
        hidden = self.store.definitions.hidden(self.connector)
        return self.rows({each.name: each.type for each in self.connector.fields} | dict(hidden))


@pytest.mark.long
@examples(60)
@given(st.data())
def test_stored_rows_satisfy_the_served_version(store, data):
    """Check after random sequences of edits that rows keep their order and no stored value is lost."""
    edits = Edits(store)
    fields = {name: data.draw(field(name)) for name in "ab"}
    if edits.edit(fields) is None:
        fields = {"a": {"type": "integer"}, "b": {"type": "string", "nullable": True}}
        edits.edit(fields)
    for _ in range(data.draw(st.integers(1, 5))):
        values = {
            name: st.sampled_from(VALUES[made["type"]] + [None] * made.get("nullable", False))
            for name, made in fields.items()
        }
        edits.append(data.draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=6)))
        before, seen, old = edits.everything(), edits.rows(), edits.connector
        wanted = data.draw(version(fields))
        outcome = edits.edit(wanted)
        if outcome is None:
            assert edits.everything() == before
            continue
        _check(edits, outcome, before, seen, old)
        if outcome.state is plan.FileState.LIVE:
            fields = wanted


def _check(edits, outcome, before, seen, old) -> None:
    now = edits.rows()
    assert list(now) == list(before)  # The same rows, in the same order.
    if outcome.state is not plan.FileState.LIVE:
        assert edits.everything() == before
        assert outcome.findings
        return
    changes = outcome.diff.changes if outcome.diff else ()
    assert {change.verdict for change in changes} <= {Verdict.APPLIED}
    plain = {name: value for name, value in schema.build(edits.connector).items() if name != "allOf"}
    validator = reference(strictjson.write(plain))
    for row in now.values():
        assert list(validator.iter_errors(row)) == []
    if not before or outcome.diff is None:
        return
    for column in outcome.diff.columns:
        own = old.find_field(column.source) if column.source else None
        if own and own.type.name == column.field.type.name and column.using is None:
            values = [row[column.field.name] for row in now.values()]
            assert [
                new
                for new, was in zip(values, seen.values(), strict=True)
                if was[own.name] not in (None, new)
            ] == []
    # Nothing that was there is nowhere now.
    kept = list(edits.everything().values())
    for name in next(iter(before.values())):
        values = [row[name] for row in before.values()]
        assert any(
            all(
                old is None or new in (old, f"{old}T00:00:00")
                for old, new in zip(values, (row[other] for row in kept), strict=True)
            )
            for other in kept[0]
        ), name


@given(st.data())
def test_schema_of_renamed_fields_agrees_with_endpoint(data):
    """Check that the published schema, which has both names of a field, accepts the rows that the endpoint accepts."""
    kinds = st.sampled_from(["integer", "string", "json", "string[]"])
    fields = {
        name: {"type": data.draw(kinds), "nullable": data.draw(st.booleans())}
        | data.draw(st.sampled_from([{}, {"renamed_from": f"old {name}"}]))
        for name in "abc"
    }
    file = ConnectorFile.of("c.yaml", json.dumps({"fields": fields}).encode())
    connector = plan.parse_file(file).connector
    validator = Validator(connector)
    names = [*fields, *(f"old {name}" for name in fields), "other"]
    values = st.sampled_from([1, "s", None, ["s"], {"k": 1}])
    row = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=5))

    text = json.dumps([row]).encode()
    try:
        taken = validator.check(payload.parse(text, Media.JSON, connector, 2**20))
    except GatewayError:
        taken = None

    is_valid = not list(reference(strictjson.write(validator.published)).iter_errors(row))
    assert (taken is not None) == is_valid
    if taken is not None:
        (stored,) = taken.table.to_pylist()
        for name, made in fields.items():
            given_as = row.get(name, row.get(made.get("renamed_from")))
            kept = stored[name]
            assert (json.loads(kept) if made["type"] == "json" and kept is not None else kept) == given_as


def test_expression_over_the_time_limit_is_refused(store, monkeypatch):
    monkeypatch.setattr(row_check, "SECONDS", 0.02)
    edits = Edits(store)
    edits.edit({"a": "string"})
    edits.append([{"a": str(n)} for n in range(20_000)])

    chains = [f"{'md5(' * 40}a || '{n}'{')' * 40}" for n in range(7)]  # Alike, they would be one.
    using = f"concat({', '.join(chains)})"
    outcome = edits.edit({"a": {"type": "integer", "using": using}})

    assert "it takes the stored rows more than 0.02 seconds" in outcome.findings[0].message
    assert len(edits.rows()) == 20_000


def test_rows_are_checked_again_only_after_changes(store):
    """Check that the result of a check is reused until the rows or the connector file change."""
    edits = Edits(store)
    edits.edit({"a": "integer"})
    edits.append([{"a": 5}])
    tight = {"a": {"type": "integer", "maximum": 3}}

    first, again = edits.edit(tight), edits.edit(tight)
    edits.append([{"a": 6}])
    later = edits.edit(tight)
    other = edits.edit({"a": {"type": "integer", "maximum": 5}})

    assert again.diff is first.diff
    assert [
        each.findings[0].message.count(f"{rows} stored rows")
        for each, rows in ((first, "1 of 1"), (later, "2 of 2"), (other, "1 of 2"))
    ] == [1, 1, 1]
