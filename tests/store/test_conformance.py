"""The contract of `store/interface.py`, for every engine: a new engine is added to `ENGINES` and passes unchanged."""

import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from gateway.connectors import connector_comparison
from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.policy import Retention
from gateway.errors import Code, GatewayError
from gateway.figures import NO_FIGURES, RequestFigures
from gateway.store.activity import BatchCounts, HourlyFigures
from gateway.store.batch import NO_ROWS, BadRow, Batch, IdempotencyKey, Receipt, SmallRows
from gateway.store.definition import RowsArrived
from gateway.store.edit import Edit
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.errors import ConnectorChanged
from gateway.store.file_store import file_store
from gateway.store.interface import NO_VERSION, ReadTransaction, Select, StoreReader, StoreWriter
from gateway.store.rejection import Amendment, RejectedRow, RepairedRows
from gateway.store.selection import Selection
from gateway.store.sql.names import table_of
from gateway.store.tables.store import Store
from tests.support.lake import lakes
from tests.support.tested_store import IS_LAKE

#: Opens a store in a directory that may have one already, given the request of the fixture.
ENGINES: dict[str, Callable[[pytest.FixtureRequest, Path], Store]] = {
    "duckdb_file": lambda _, directory: file_store(DuckDBFile(directory, memory=2**28)),
    "lake": lambda request, directory: lakes.open_lake_store(request.getfixturevalue("postgres"), directory),
}
if not lakes.IS_HERE:
    del ENGINES["lake"]  # `tests/lake` runs this module in the environment of the lake.
elif IS_LAKE:
    del ENGINES["duckdb_file"]
FIELDS = "fields: {id: integer, name: {type: string, nullable: true}}\n"
_names = (f"c{number}" for number in itertools.count())


class Opened:
    """A store that tests may close and open again."""

    def __init__(self, open_store: Callable[[Path], Store], directory: Path) -> None:
        self._open, self._directory = open_store, directory
        self.store = open_store(directory)

    def reopen(self) -> None:
        self.store.close()
        self.store = self._open(self._directory)

    @property
    def writer(self) -> StoreWriter:
        return self.store

    @property
    def reader(self) -> StoreReader:
        return self.store


@pytest.fixture(scope="module", params=ENGINES)
def opened(request, tmp_path_factory) -> Iterator[Opened]:
    open_store = functools.partial(ENGINES[request.param], request)
    opened = Opened(open_store, tmp_path_factory.mktemp("store"))
    yield opened
    opened.store.close()


@pytest.fixture
def connector(opened) -> Connector:
    return declare(opened)


def parsed(text: str, name: str) -> Connector:
    connector, findings = parse_connector(text.encode(), f"{name}.yaml")
    assert connector is not None, findings
    return connector


def declare(opened: Opened, text: str = FIELDS) -> Connector:
    [connector] = opened.writer.apply([SchemaDiff(None, parsed(text, next(_names)))])
    return connector


def diff(opened: Opened, old: Connector, text: str) -> SchemaDiff:
    """Compare a version with the next one, and let the stored rows decide."""
    state = opened.reader.state_of(old)
    found = connector_comparison.compare(old, parsed(text, old.name), state.hidden, is_empty=state.is_empty)
    checked = opened.reader.check_rows(found)
    assert checked is not None
    return checked


def batch(connector: Connector, *ids: int, key: str | None = None, **options) -> Batch:
    values = [{"id": id, "name": f"n{id}"} for id in ids]
    rows = SmallRows(connector, values, 10 * len(ids))
    places = pa.table({"row": range(1, len(ids) + 1), "line": pa.nulls(len(ids), pa.int64())})
    known = IdempotencyKey(key, b"digest of the body") if key else None
    return Batch(connector, rows, 10, "etl", known, places=places, **options)


def bad_row(number: int) -> BadRow:
    errors = [{"field": "id", "code": "GW110", "message": "is not an integer"}]
    return BadRow(number, None, f'{{"id": "x{number}"}}', json.dumps(errors), '{"media": "application/json"}')


def stored(answer: Receipt | GatewayError) -> Receipt:
    assert isinstance(answer, Receipt), answer
    return answer


def append(opened: Opened, *batches: Batch) -> list[Receipt]:
    return [stored(answer) for answer in opened.writer.append(batches)]


def read(opened: Opened, connector: Connector, columns: str = "_id, id") -> list[tuple]:
    with closing(opened.reader.read()) as transaction:
        return transaction.fetch(f"SELECT {columns} FROM {table_of(connector)}", ())


def select_ids(connector: Connector, condition: str, *parameters: object) -> Selection:
    return Selection(f"SELECT _id FROM {table_of(connector)} WHERE {condition}", parameters)


def show_ids(connector: Connector) -> Callable[[Receipt, Select], bytes]:
    def show(_: Receipt, select: Select) -> bytes:
        batches = select(f"SELECT id FROM {table_of(connector)}", ())
        return json.dumps([id for each in batches for id in each.column(0).to_pylist()]).encode()

    return show


# -- append


def test_append_returns_receipt_and_keeps_order(opened, connector):
    [receipt] = append(opened, batch(connector, 5, 3, 4))

    assert (receipt.received, receipt.stored, receipt.first_id, receipt.last_id) == (3, 3, 1, 3)
    assert (receipt.status, receipt.is_replayed) == (201, False)
    assert read(opened, connector) == [(1, 5), (2, 3), (3, 4)]


def test_append_numbers_batches_and_rows_upward(opened, connector):
    other = declare(opened)
    first, second, third = append(
        opened, batch(connector, 1, 2), batch(other, 1), batch(replace(connector), 3)
    )

    numbers = [receipt.batch for receipt in (first, third, second)]
    assert len(set(numbers)) == 3
    assert first.batch is not None
    assert (third.first_id, second.first_id) == (3, 1)
    assert read(opened, connector) == [(1, 1), (2, 2), (3, 3)]


def test_append_of_arrow_table_equals_small_rows(opened, connector):
    table = pa.table({"id": pa.array([7, 8], pa.int64()), "name": ["a", None]})
    append(opened, Batch(connector, table))

    assert read(opened, connector, "_id, id, name") == [(1, 7, "a"), (2, 8, None)]


def test_append_of_no_rows_stores_nothing(opened, connector):
    assert append(opened, batch(connector)) == [NO_ROWS]
    assert opened.reader.batches.newest(connector.name, 9) == []


def test_append_for_old_version_fails_alone(opened, connector):
    [new] = opened.writer.apply(
        [diff(opened, connector, FIELDS.replace("}}", "}, more: {type: string, nullable: true}}"))]
    )
    other = declare(opened)
    old, good = opened.writer.append([batch(connector, 1), batch(other, 1)])

    assert new.revision > connector.revision
    assert isinstance(old, ConnectorChanged)
    assert stored(good).stored == 1
    assert read(opened, new) == []


def test_failed_append_stores_no_batch_of_its_group(opened, connector):
    other, before = declare(opened), opened.reader.version(connector.name)
    wrong = Batch(other, pa.table({"nonsense": [1]}))

    with pytest.raises(GatewayError):
        opened.writer.append([batch(connector, 1), wrong])
    [receipt] = append(opened, batch(connector, 2))

    assert (before, receipt.first_id) == (NO_VERSION, 1)
    assert read(opened, connector) == [(1, 2)]


# -- idempotency keys


def test_replay_by_key_returns_first_receipt(opened, connector):
    [first] = append(opened, batch(connector, 1, 2, key="k"))
    [again] = append(opened, batch(connector, 1, 2, key="k"))

    assert again == replace(first, is_replayed=True)
    assert read(opened, connector) == [(1, 1), (2, 2)]


def test_key_of_another_body_is_refused(opened, connector):
    append(opened, batch(connector, 1, key="k"))
    other = replace(batch(connector, 2), key=IdempotencyKey("k", b"another digest"))
    [answer] = opened.writer.append([other])

    assert isinstance(answer, GatewayError)
    assert answer.code is Code.KEY_REUSED
    with pytest.raises(GatewayError) as error:
        opened.reader.find_receipt(connector.name, "etl", other.key)
    assert error.value.code is Code.KEY_REUSED


def test_key_belongs_to_connector_and_token(opened, connector):
    key = IdempotencyKey("k", b"digest of the body")
    append(opened, batch(connector, 1, key="k"))

    assert opened.reader.find_receipt(connector.name, "etl", key) is not None
    assert opened.reader.find_receipt(connector.name, "other", key) is None
    assert opened.reader.find_receipt(connector.name, None, key) is None
    assert opened.reader.find_receipt(declare(opened).name, "etl", key) is None


def test_key_of_empty_batch_is_stored(opened, connector):
    [first] = append(opened, batch(connector, key="empty"))
    [again] = append(opened, batch(connector, key="empty"))

    assert (first.stored, again.is_replayed) == (0, True)


def test_key_survives_reopening_and_upkeep(opened, connector):
    [first] = append(opened, batch(connector, 1, key="k"))
    opened.writer.forget_keys()
    opened.reopen()
    [again] = append(opened, batch(connector, 1, key="k"))

    assert again == replace(first, is_replayed=True)


# -- primary keys


@pytest.mark.parametrize(
    ("on_conflict", "after", "duplicates", "deleted"),
    [
        ("ignore", [(1, 1, "old"), (2, 2, "n2")], 1, 0),
        ("replace", [(2, 2, "n2"), (3, 1, "n1")], 0, 1),
        ("merge", [(2, 2, None), (3, 1, "old")], 0, 1),
    ],
)
def test_conflict_of_primary_key_follows_on_conflict(opened, on_conflict, after, duplicates, deleted):
    connector = declare(opened, f"{FIELDS}primary_key: [id]\n")
    append(opened, Batch(connector, pa.table({"id": pa.array([1], pa.int64()), "name": ["old"]})))
    new = batch(connector, 2, 1, on_conflict=on_conflict)
    if on_conflict == "merge":  # The rows name `id` alone.
        values = [{"id": 2}, {"id": 1}]
        new = replace(new, rows=SmallRows(connector, values, 20), named=frozenset({"id"}))
    [receipt] = append(opened, new)

    assert (receipt.duplicates, receipt.deleted) == (duplicates, deleted)
    assert read(opened, connector, "_id, id, name") == after


def test_conflict_refuses_its_batch_alone(opened):
    connector = declare(opened, f"{FIELDS}primary_key: [id]\n")
    append(opened, batch(connector, 1))
    bad, good = opened.writer.append([batch(connector, 2, 1), batch(connector, 2)])

    assert isinstance(bad, GatewayError)
    assert bad.code is Code.KEY_CONFLICT
    assert stored(good).stored == 1
    assert read(opened, connector, "id") == [(1,), (2,)]


def test_replacing_all_rows_deletes_the_others(opened, connector):
    append(opened, batch(connector, 1, 2))
    [receipt] = append(opened, batch(connector, 3, replaces_all=True))

    assert (receipt.stored, receipt.deleted, receipt.replaces_all) == (1, 2, True)
    assert read(opened, connector) == [(3, 3)]


# -- show, rehearse


def test_append_and_show_sees_own_rows(opened, connector):
    receipt, shown = opened.writer.append_and_show(batch(connector, 1, 2, key="k"), show_ids(connector))
    again, unseen = opened.writer.append_and_show(batch(connector, 1, 2, key="k"), show_ids(connector))

    assert shown == b"[1, 2]"
    assert (again, unseen) == (replace(receipt, is_replayed=True), None)


def test_rehearsal_leaves_nothing_behind(opened, connector):
    append(opened, batch(connector, 1))
    version = opened.reader.version(connector.name)
    receipt, shown = opened.writer.append_and_show(
        batch(connector, 2, key="k"), show_ids(connector), is_rehearsal=True
    )
    [next_receipt] = append(opened, batch(connector, 3))

    assert (receipt.batch, receipt.stored, receipt.received, receipt.status) == (None, 0, 1, 200)
    assert shown == b"[1, 2]"
    assert version == (next_receipt.batch - 1, version[1])
    assert (
        opened.reader.find_receipt(connector.name, "etl", IdempotencyKey("k", b"digest of the body")) is None
    )
    assert read(opened, connector) == [(1, 1), (2, 3)]


def test_show_that_raises_stores_nothing(opened, connector):
    def fail(*_):
        raise GatewayError(Code.TOO_MANY_AFFECTED)

    with pytest.raises(GatewayError):
        opened.writer.append_and_show(batch(connector, 1), fail)

    assert read(opened, connector) == []
    assert opened.reader.version(connector.name) == NO_VERSION


# -- edit


def show_nothing(*_) -> None:
    return None


def edit(connector: Connector, values: dict | None, condition: str, *parameters: object) -> Edit:
    return Edit(connector, select_ids(connector, condition, *parameters), values, lambda _: None, "etl")


def test_edit_moves_changed_rows_to_the_end(opened, connector):
    append(opened, batch(connector, 1, 2, 3))
    receipt, shown = opened.writer.edit(edit(connector, {"name": "new"}, "id < $1", 3), show_ids(connector))

    assert (receipt.stored, receipt.deleted, receipt.first_id, receipt.last_id) == (2, 2, 4, 5)
    assert read(opened, connector, "_id, id, name") == [(3, 3, "n3"), (4, 1, "new"), (5, 2, "new")]
    assert shown == b"[3, 1, 2]"


def test_edit_deletes_and_shows_what_was_there(opened, connector):
    append(opened, batch(connector, 1, 2, 3))
    receipt, shown = opened.writer.edit(edit(connector, None, "id = 2"), show_ids(connector))

    assert (receipt.received, receipt.stored, receipt.deleted) == (1, 0, 1)
    assert shown == b"[1, 2, 3]"
    assert read(opened, connector) == [(1, 1), (3, 3)]


@pytest.mark.parametrize("values", [None, {"name": "new"}])
def test_rehearsed_and_empty_edits_change_nothing(opened, connector, values):
    append(opened, batch(connector, 1))
    version = opened.reader.version(connector.name)
    rehearsed, _ = opened.writer.edit(edit(connector, values, "true"), show_nothing, is_rehearsal=True)
    empty, _ = opened.writer.edit(edit(connector, values, "false"), show_nothing)

    assert (rehearsed.batch, rehearsed.received, empty.batch, empty.received) == (None, 1, None, 0)
    assert opened.reader.version(connector.name) == version
    assert read(opened, connector, "_id, id, name") == [(1, 1, "n1")]


def test_edit_refused_by_its_check_changes_nothing(opened, connector):
    append(opened, batch(connector, 1, 2))
    seen = []

    def check(rows: int) -> None:
        seen.append(rows)
        raise GatewayError(Code.TOO_MANY_AFFECTED)

    with pytest.raises(GatewayError):
        opened.writer.edit(replace(edit(connector, None, "true"), check=check), show_nothing)

    assert seen == [2]
    assert read(opened, connector, "id") == [(1,), (2,)]


def test_edit_to_a_stored_primary_key_is_refused(opened):
    connector = declare(opened, f"{FIELDS}primary_key: [id]\n")
    append(opened, batch(connector, 1, 2))

    with pytest.raises(GatewayError) as error:
        opened.writer.edit(edit(connector, {"id": 1}, "id = 2"), show_nothing)

    assert error.value.code is Code.KEY_CONFLICT
    assert read(opened, connector) == [(1, 1), (2, 2)]


def test_edit_for_old_version_is_refused(opened, connector):
    opened.writer.apply([diff(opened, connector, FIELDS.replace("string", "string, max_length: 9"))])

    with pytest.raises(ConnectorChanged):
        opened.writer.edit(edit(connector, None, "true"), show_nothing)


# -- rejected rows


def reject(opened: Opened, connector: Connector, *numbers: int) -> Connector:
    append(opened, batch(connector, 1, bad=tuple(bad_row(number) for number in numbers)))
    return opened.writer.ensure_rejected(connector)


def everything(rejected: Connector) -> Selection:
    return select_ids(rejected, "state = 'kept'")


def test_rejected_rows_are_kept_and_counted(opened, connector):
    assert not opened.reader.rejected.exists(connector)
    rejected = reject(opened, connector, 2, 3)
    rows = opened.reader.rejected

    assert rows.exists(connector)
    assert rows.counts([connector.name])[connector.name] == 2
    assert rows.states(connector) == {"kept": 2}
    assert rows.find_ids(connector, everything(rejected), None) == [1, 2]
    assert rows.find_ids(connector, everything(rejected), 1) == [1]
    [first, _] = rows.find(connector, everything(rejected), None)
    assert first == RejectedRow(1, 2, None, '{"id": "x2"}', {"media": "application/json"})
    count, size = rows.measure(connector, everything(rejected), None)
    assert (count, size) == (2, 2 * (len(first.raw) + len('{"media": "application/json"}')))
    assert rows.summary(connector, everything(rejected)) == [
        {
            "field": "id",
            "code": "GW110",
            "rows": 2,
            "first_id": 1,
            "last_id": 2,
            "message": "is not an integer",
        }
    ]


def test_replay_stores_repaired_rows_and_amends_the_others(opened, connector):
    rejected = reject(opened, connector, 2, 3)
    again = replace(bad_row(3), raw="still bad")
    [receipt] = opened.writer.replay(
        connector, [RepairedRows(batch(connector, 7), [1])], [Amendment(2, again)]
    )

    assert receipt.stored == 1
    assert read(opened, connector) == [(1, 1), (2, 7)]
    assert opened.reader.rejected.states(connector) == {"kept": 1, "replayed": 1}
    [left] = opened.reader.rejected.find(connector, everything(rejected), None)
    assert (left.id, left.raw) == (2, "still bad")


def test_replay_of_settled_rows_does_nothing(opened, connector):
    reject(opened, connector, 2, 3)
    opened.writer.discard(connector, [1], "test rows")

    with pytest.raises(GatewayError) as error:
        opened.writer.replay(connector, [RepairedRows(batch(connector, 7, 8), [1, 2])], [])
    with pytest.raises(GatewayError):
        opened.writer.discard(connector, [1, 2], "again")

    assert error.value.code is Code.REJECTED_CHANGED
    assert read(opened, connector) == [(1, 1)]
    assert opened.reader.rejected.states(connector) == {"kept": 1, "discarded": 1}


def test_excerpts_have_beginnings_of_texts_and_first_errors(opened, connector):
    errors = json.dumps([{"field": f"f{number}", "code": "22P02"} for number in range(5)])
    decoding = '{"media": "text/csv"}'
    bad = [BadRow(number, None, "é" * 10 * number, errors, decoding) for number in range(1, 6)]
    append(opened, replace(batch(connector), bad=tuple(bad)))
    rows, chosen = opened.reader.rejected, Selection.of_ids([5, 2, 9])

    second, fifth = rows.excerpts(connector, chosen, characters=15, errors=2)

    assert (second.id, fifth.id) == (2, 5)
    assert (fifth.text, fifth.text_bytes) == ("é" * 15, 100)
    assert [each["field"] for each in fifth.errors] == ["f0", "f1"]
    assert (fifth.error_count, fifth.state, fifth.token, fifth.settled_at) == (5, "kept", "etl", None)
    assert fifth.decoding == {"media": "text/csv"}
    assert [each["rows"] for each in rows.summary(connector, chosen)] == [2] * 5
    opened.writer.discard(connector, [5], "a test")
    [settled] = rows.excerpts(connector, Selection.of_ids([5]), characters=15, errors=2)
    assert (settled.state, settled.reason) == ("discarded", "a test")
    assert settled.settled_at > settled.arrived_at


def test_key_conflicts_are_found_without_a_write(opened):
    keyed = declare(opened, FIELDS + "primary_key: [id]\n")
    append(opened, batch(keyed, 1, 2))

    found = opened.reader.find_key_conflicts(batch(keyed, 3, 2, 3, 4, 3))

    assert found.places == (1, 2, 4)
    assert [each["message"] for each in found.errors] == [
        f"Key (id)=({id}) already exists." for id in (2, 3, 3)
    ]
    assert opened.reader.find_key_conflicts(batch(keyed, 3, 4)).places == ()
    assert opened.reader.find_key_conflicts(batch(keyed)).places == ()
    assert opened.reader.find_key_conflicts(batch(declare(opened), 1, 1)).places == ()


def test_rejected_ids_are_never_given_twice(opened, connector):
    rejected = reject(opened, connector, 2, 3)
    later = datetime.now(UTC) + timedelta(days=2)
    opened.writer.expire(connector, Retention(days=1), later)
    append(opened, batch(connector, 2, bad=(bad_row(9),)))

    assert opened.reader.rejected.find_ids(connector, everything(rejected), None) == [3]


# -- connectors


def test_apply_adds_a_field_to_stored_rows(opened, connector):
    append(opened, batch(connector, 1))
    text = "fields: {id: integer, name: {type: string, nullable: true}, more: {type: integer, backfill: 5}}\n"
    [new] = opened.writer.apply([diff(opened, connector, text)])

    assert new.revision == connector.revision + 1
    assert read(opened, new, "_id, id, name, more") == [(1, 1, "n1", 5)]
    with pytest.raises(ConnectorChanged):
        read(opened, connector)


def test_apply_hides_dropped_field_and_keeps_its_values(opened, connector):
    append(opened, batch(connector, 1))
    [new] = opened.writer.apply([diff(opened, connector, "fields: {id: integer}\n")])

    assert list(opened.reader.definitions.hidden(new)) == ["name"]
    assert not opened.reader.state_of(new).is_empty
    assert read(opened, new, "id, name") == [(1, "n1")]


def test_check_of_rows_refuses_a_change_with_examples(opened, connector):
    append(
        opened,
        Batch(connector, pa.table({"id": pa.array([1], pa.int64()), "name": pa.nulls(1, pa.string())})),
    )
    refused = diff(opened, connector, "fields: {id: integer, name: string}\n")

    [change] = refused.refused
    assert change.field == "name"
    assert [example.id for example in change.rows] == [1]


def test_apply_checks_rows_that_arrived_after_the_check(opened, connector):
    append(opened, batch(connector, 1))
    checked = diff(opened, connector, "fields: {id: integer, name: string}\n")
    assert not checked.refused
    append(
        opened,
        Batch(connector, pa.table({"id": pa.array([2], pa.int64()), "name": pa.nulls(1, pa.string())})),
    )

    with pytest.raises(InvalidFileError):
        opened.writer.apply([checked])
    assert append(opened, batch(connector, 3))[0].first_id == 3


def test_apply_refuses_a_table_no_longer_empty(opened, connector):
    checked = diff(opened, connector, "fields: {id: string}\n")
    append(opened, batch(connector, 1))

    with pytest.raises(RowsArrived):
        opened.writer.apply([checked])
    assert read(opened, connector) == [(1, 1)]


def test_apply_of_several_is_all_or_nothing(opened, connector):
    other = declare(opened)
    checked = [diff(opened, each, "fields: {id: string}\n") for each in (connector, other)]
    append(opened, batch(other, 1))

    with pytest.raises(RowsArrived):
        opened.writer.apply(checked)
    assert append(opened, batch(connector, 1))[0].stored == 1


def test_history_lists_every_change_of_a_connector(opened, connector):
    name, moved = connector.name, f"path: /moved-{connector.name}\n{FIELDS}"
    [new] = opened.writer.apply([diff(opened, connector, moved)])
    opened.writer.remove([new])
    removed = {each.name: each.removed_at for each in opened.reader.definitions.all()}[name]
    [back] = opened.writer.apply([replace(diff(opened, new, moved))])

    actions = [event.action for event in opened.reader.definitions.history(name, 9)]
    assert removed is not None
    assert back.revision == new.revision == connector.revision
    assert actions == ["restored", "removed", "changed", "created"]
    assert [event.action for event in opened.reader.definitions.history(name, 1)] == ["restored"]
    assert [move.text for move in opened.reader.definitions.moves() if move.name == name] == [FIELDS]


def test_purge_deletes_rows_and_reuses_no_number(opened, connector):
    rejected = reject(opened, connector, 2)
    [first] = append(opened, batch(connector, 2, key="k"))
    opened.writer.remove([connector])

    assert opened.writer.purge(connector) == 2
    assert connector.name not in {each.name for each in opened.reader.definitions.all()}
    assert opened.reader.version(connector.name) == NO_VERSION
    assert opened.reader.batches.newest(connector.name, 9) == []
    assert opened.reader.rejected.counts([connector.name]) == {}
    [again] = opened.writer.apply([SchemaDiff(None, replace(connector, revision=0))])
    [receipt] = append(opened, batch(again, 1, key="k"))
    assert again.revision > connector.revision
    assert not receipt.is_replayed
    assert receipt.batch > first.batch
    assert receipt.first_id > first.last_id
    assert rejected.name.startswith(connector.name)


def test_duplicate_copies_rows_in_order_once(opened, connector):
    append(opened, batch(connector, 3, 1))
    append(opened, batch(connector, 2))
    target = declare(opened)
    receipt = opened.writer.duplicate(connector, target, "ops")

    assert (receipt.stored, receipt.first_id, receipt.last_id) == (3, 1, 3)
    assert read(opened, target) == [(1, 3), (2, 1), (3, 2)]
    assert [each.action for each in opened.reader.batches.newest(target.name, 9)] == ["copy"]
    with pytest.raises(GatewayError) as error:
        opened.writer.duplicate(connector, target, "ops")
    assert error.value.code is Code.COPY_REFUSED


def test_duplicate_of_no_rows_has_no_batch(opened, connector):
    assert opened.writer.duplicate(connector, declare(opened), None) == NO_ROWS


# -- retention


def test_expire_deletes_the_oldest_rows_beyond_a_number(opened, connector):
    append(opened, batch(connector, 1, 2, 3))

    assert opened.writer.expire(connector, Retention(rows=2), datetime.now(UTC)) == 1
    assert opened.writer.expire(connector, Retention(rows=2), datetime.now(UTC)) == 0
    assert read(opened, connector) == [(2, 2), (3, 3)]
    newest, _ = opened.reader.batches.newest(connector.name, 9)
    assert (newest.action, newest.deleted) == ("retention", 1)


def test_expire_deletes_rows_and_rejected_rows_by_age(opened, connector):
    reject(opened, connector, 2, 3)
    now, later = datetime.now(UTC), datetime.now(UTC) + timedelta(days=3)

    assert opened.writer.expire(connector, Retention(days=2), now) == 0
    assert opened.writer.expire(connector, Retention(days=2), later) == 2
    assert opened.writer.expire(connector, Retention(days=2), later) == 0
    assert read(opened, connector) == []
    assert opened.reader.rejected.counts([connector.name]).get(connector.name, 0) == 0


def test_expire_of_a_changed_connector_waits(opened, connector):
    append(opened, batch(connector, 1, 2))
    opened.writer.apply([diff(opened, connector, FIELDS.replace("string", "string, max_length: 9"))])

    assert opened.writer.expire(connector, Retention(rows=1), datetime.now(UTC)) == 0


# -- the ledger


def test_ledger_accounts_for_every_row(opened, connector):
    append(opened, batch(connector, 1, 2, bad=(bad_row(3),)))
    append(opened, batch(connector, 4, replaces_all=True))
    opened.writer.edit(edit(connector, {"name": "x"}, "true"), show_nothing)
    opened.writer.edit(edit(connector, None, "true"), show_nothing)
    entries = opened.reader.batches.newest(connector.name, 9)

    assert [each.action for each in entries] == ["delete", "patch", "put", "post"]
    assert sum(each.rows - each.deleted for each in entries) == len(read(opened, connector)) == 0
    assert [each.batch for each in entries] == sorted((each.batch for each in entries), reverse=True)
    assert opened.reader.batches.latest()[connector.name] == entries[0]
    assert entries[-1].token == "etl"


def test_ledger_finds_batches_and_their_unchanged_rows(opened, connector):
    first, second = (append(opened, each)[0].batch for each in (batch(connector, 1, 2), batch(connector, 3)))
    opened.writer.edit(edit(connector, None, "id = 1"), show_nothing)
    found = opened.reader.batches.find(connector, [first, second, 10**9])

    assert [(each.batch, left) for each, left in found] == [(first, 1), (second, 1)]
    assert opened.reader.batches.find(declare(opened), [first]) == []


# -- versions and read transactions


def test_version_changes_with_every_commit(opened, connector):
    other = declare(opened)
    assert opened.reader.version(connector.name) == NO_VERSION
    [receipt] = append(opened, batch(connector, 1))
    first = opened.reader.version(connector.name)
    opened.writer.edit(edit(connector, None, "true"), show_nothing)

    assert first[0] == receipt.batch
    assert opened.reader.version(connector.name)[0] > first[0]
    assert opened.reader.version(other.name) == NO_VERSION


def test_version_is_unknown_during_a_commit(opened, connector):
    other, seen = declare(opened), []

    def show(*_) -> None:
        seen.extend(opened.reader.version(each.name) for each in (connector, other))
        with closing(opened.reader.read()) as transaction:
            seen.append(opened.reader.version_in(transaction, connector.name))
            seen.append(transaction.fetch(f"SELECT count(*) FROM {table_of(connector)}", ()))

    opened.writer.append_and_show(batch(connector, 1), show)

    assert seen == [None, NO_VERSION, NO_VERSION, [(0,)]]


def test_read_transaction_sees_one_moment(opened, connector):
    append(opened, batch(connector, 1))
    with closing(opened.reader.read()) as transaction:
        version = opened.reader.version_in(transaction, connector.name)
        append(opened, batch(connector, 2))
        before = transaction.fetch(f"SELECT id FROM {table_of(connector)}", ())

    assert version != opened.reader.version(connector.name)
    assert before == [(1,)]
    assert read(opened, connector, "id") == [(1,), (2,)]


def stream(transaction: ReadTransaction) -> list:
    found = []
    while (rows := transaction.next()) is not None:
        found += rows.column(0).to_pylist()
    return found


def test_read_transaction_streams_all_rows_in_order(opened, connector):
    table = pa.table({"id": pa.array(range(10_000), pa.int64()), "name": pa.nulls(10_000, pa.string())})
    append(opened, Batch(connector, table))
    sql = f"SELECT id::VARCHAR FROM {table_of(connector)} WHERE id < $1"
    with closing(opened.reader.read()) as transaction:
        transaction.start(sql, (9_000,))
        started = stream(transaction)
        few = transaction.few(sql, (3,), most_rows=10, most_size=1000)
        many = transaction.few(sql, (5_000,), most_rows=10, most_size=1000)
        rest = stream(transaction)

    assert started == [str(number) for number in range(9_000)]
    assert few == [("0",), ("1",), ("2",)]
    assert many is None
    assert rest == [str(number) for number in range(5_000)]


def test_read_transaction_is_interrupted_by_another_thread(opened):
    endless = "SELECT max(sin(a.range + b.range))::VARCHAR FROM range(1000000) a, range(1000000) b"
    with closing(opened.reader.read()) as transaction:
        timer = threading.Timer(0.2, transaction.interrupt)
        timer.start()
        with pytest.raises(GatewayError) as error:
            transaction.fetch(endless, ())
        with pytest.raises(GatewayError):
            transaction.fetch("SELECT 1", ())
        timer.join()

    assert error.value.code is Code.QUERY_TIMEOUT


def test_readers_go_on_while_the_writer_commits(opened, connector):
    append(opened, batch(connector, 1))
    seen, errors = [], []

    def count() -> None:
        try:
            seen.extend(opened.reader.counts([connector])[connector.name] for _ in range(30))
        except Exception as error:  # noqa: BLE001  # asserted below
            errors.append(error)

    thread = threading.Thread(target=count)
    thread.start()
    for number in range(2, 12):
        append(opened, batch(connector, number))
    thread.join()

    assert errors == []
    assert seen == sorted(seen)
    assert opened.reader.counts([connector]) == {connector.name: 11}
    assert opened.reader.counts([]) == {}


# -- what is durable


def test_reopened_store_has_all_its_data(opened, connector):
    rejected = reject(opened, connector, 2)
    [receipt] = append(opened, batch(connector, 2, 3))
    state = lambda: (  # noqa: E731  # read twice
        opened.reader.id,
        read(opened, connector, "*"),
        opened.reader.version(connector.name),
        opened.reader.batches.newest(connector.name, 9),
        opened.reader.definitions.all(),
        opened.reader.definitions.history(connector.name, 9),
        opened.reader.rejected.find(connector, everything(rejected), None),
    )
    before = state()
    opened.reopen()

    assert state() == before
    [after] = append(opened, batch(connector, 4))
    assert after.batch > receipt.batch
    assert after.first_id == receipt.last_id + 1


def test_upkeep_ends_and_changes_no_row(opened, connector):
    append(opened, batch(connector, 1))
    [new] = opened.writer.apply([diff(opened, connector, f"{FIELDS}primary_key: [id]\n")])
    for _ in range(20):
        if not opened.writer.maintain():
            break
    else:
        pytest.fail("upkeep is due forever")

    assert read(opened, new) == [(1, 1)]


def test_refused_append_does_not_report_failure(opened, connector):
    """Check that the callback is called only when the database can no longer be used."""
    calls = []
    opened.writer.on_failure(lambda: calls.append(True))
    with pytest.raises(GatewayError):
        opened.writer.append([Batch(connector, pa.table({"nonsense": [1]}))])

    assert calls == []


def test_backup_is_a_store_with_committed_rows(opened, connector, tmp_path):
    """Check that a backup has the committed rows; an engine without a file says that it has none."""
    if not opened.store._database.capabilities.has_file:
        with pytest.raises(GatewayError):
            opened.reader.backup()
        return
    append(opened, batch(connector, 1, 2))
    with opened.reader.backup() as copy:
        (tmp_path / "store.duckdb").write_bytes(copy.read())
    append(opened, batch(connector, 3))

    with duckdb.connect(str(tmp_path / "store.duckdb"), read_only=True) as copied:
        assert copied.execute(f"SELECT _id, id FROM {table_of(connector)}").fetchall() == [(1, 1), (2, 2)]
        assert copied.execute("SELECT id FROM gateway.identity").fetchall() == [(opened.reader.id,)]


# -- activity

HOUR = datetime(2026, 5, 4, 3, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def figures(opened, connector, step=3600, since=LONG_AGO):
    found = opened.reader.activity.figures([connector.name], since, datetime.now(UTC), step)
    return {start: each for (name, start), each in found.items() if name == connector.name}


def test_figures_of_an_hour_add_up(opened, connector):
    one, two = RequestFigures(1, 2, 3, 4, 5, 6), RequestFigures(reads=10)
    hours = [
        HourlyFigures(connector.name, HOUR, one),
        HourlyFigures(connector.name, HOUR + timedelta(hours=1), two),
    ]
    opened.writer.add_figures(hours, LONG_AGO)
    opened.writer.add_figures(hours[:1], LONG_AGO)
    opened.reopen()

    start = int(HOUR.timestamp())
    assert figures(opened, connector) == {start: one + one, start + 3600: two}
    assert figures(opened, connector, 24 * 3600) == {start // 86400 * 86400: one + one + two}
    assert figures(opened, connector, since=HOUR + timedelta(hours=1)) == {start + 3600: two}


def test_old_figures_are_forgotten(opened, connector):
    opened.writer.add_figures([HourlyFigures(connector.name, HOUR, RequestFigures(1))], LONG_AGO)
    opened.writer.add_figures(
        [HourlyFigures(connector.name, HOUR + timedelta(hours=9), RequestFigures(2))],
        HOUR + timedelta(hours=1),
    )

    assert list(figures(opened, connector).values()) == [RequestFigures(2)]


def test_purge_deletes_the_activity(opened, connector):
    append(opened, batch(connector, 1))
    opened.writer.add_figures([HourlyFigures(connector.name, HOUR, RequestFigures(1))], LONG_AGO)
    opened.writer.remove([connector])
    opened.writer.purge(connector)

    assert figures(opened, connector) == {}
    assert NO_FIGURES not in figures(opened, connector).values()
    assert connector.name not in opened.reader.commit_counts.by_connector


def test_batches_are_counted_by_period_and_token(opened, connector):
    now = datetime.now(UTC)
    append(opened, batch(connector, 1, 2))
    append(opened, replace(batch(connector, 3), token="other"))
    reject(opened, connector, 4)

    def counted(token=None, since=LONG_AGO, until=now + timedelta(hours=1), step=86400 * 365):
        found = opened.reader.activity.batches([connector.name], since, until, step, token)
        return sum(found.values(), BatchCounts())

    assert (counted().batches, counted().stored, counted().rejected) == (3, 4, 1)
    assert (counted("other").batches, counted("other").stored) == (1, 1)
    assert counted(since=now + timedelta(minutes=5)) == BatchCounts()
    assert counted(until=now - timedelta(minutes=5)) == BatchCounts()
    assert counted(step=60) == counted()
    assert opened.reader.batches.newest(connector.name, 9, "other")[0].received == 1
    assert opened.reader.rejected.counts([connector.name]) == {connector.name: 1}
    assert opened.reader.rejected.counts([connector.name], "nobody").get(connector.name, 0) == 0
    assert opened.reader.rejected.counts([]) == opened.reader.rejected.counts(["nothing"]) == {}
