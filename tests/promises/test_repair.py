"""What a kill in the middle of a checkpoint damages is repaired at start and by the doctor; other damage is reported."""

import hashlib
import json
import os
from pathlib import Path

import duckdb
import pytest

from gateway.store.engine.open_file import FILE
from gateway.store.files import blocks, saved_files
from gateway.store.files.checksum_repair import WORD
from tests.support import torn, verbs
from tests.support.server import Server, serving

ROWS = "fields: {n: integer, text: {type: string, nullable: true}}\naccess: {read: [public]}\n"


def doctor(data: Path, *words: str) -> tuple[int, dict]:
    ran = verbs.run(["doctor", "--data", str(data), "--format", "json", *words], os.environ)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def stopped(directory: Path, rows: int = 1000) -> Server:
    """A gateway that was stopped, with rows in its file."""
    with serving(directory) as server:
        server.declare("a", ROWS)
        server.client.post("/a", json=[{"n": n, "text": f"text {n * 7919 % 1000}"} for n in range(rows)])
        server.stop()
    return server


def bytes_of(data: Path) -> dict[str, str]:
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in saved_files.siblings(data / FILE)
    }


def test_blocks_of_metadata_are_those_of_duckdb(tmp_path):
    file = tmp_path / FILE
    columns = ", ".join(f"hash(i + {number}) AS h{number}" for number in range(10))
    with duckdb.connect(str(file)) as connection:
        for number in range(100):
            connection.execute(f"CREATE TABLE t{number} AS SELECT i, {columns} FROM range(500) r(i)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE t1; DELETE FROM t2 WHERE i % 2 = 0; CHECKPOINT")
    with duckdb.connect(str(file)) as connection:
        named = {
            12288 + block * 262144
            for (block,) in connection.execute("SELECT block_id FROM pragma_metadata_info()").fetchall()
        }

    assert blocks.metadata(file) == named
    assert len(named) > 1
    for place in named:
        block = blocks.read(file, place)
        assert blocks.checksum(block) == blocks.checksum_of(block)


def test_start_repairs_torn_block_and_keeps_originals(tmp_path):
    """Check also that the log names the block, the folder of the copies, and the rows that were found."""
    server = stopped(tmp_path)
    place = torn.tear_checksum(server.data / FILE)
    before = bytes_of(server.data)

    with serving(tmp_path) as server:
        assert server.client.get("/a?select=count()").json() == [{"count": 1000}]
        assert server.client.post("/a", json={"n": 1}).json()["first_id"] == 1001
    (folder,) = saved_files.folders(server.data, WORD)
    assert bytes_of(folder) == before
    told = server.tail()
    assert f"the write of metadata at {place} had been cut off" in told
    assert str(folder) in told
    assert "have the 1000 rows of their batches" in told
    assert "Traceback" not in told


def test_doctor_changes_files_only_with_repair(tmp_path):
    server = stopped(tmp_path)
    place = torn.tear_checksum(server.data / FILE)
    before = bytes_of(server.data)

    code, told = doctor(server.data)
    assert (code, told["state"]) == (2, "repairable")
    assert "gateway doctor --repair" in told["message"]
    assert bytes_of(server.data) == before

    code, told = doctor(server.data, "--repair", "--aside", str(tmp_path))
    assert (code, told["state"], told["repaired"]["blocks"]) == (0, "sound", [place])
    assert bytes_of(Path(told["repaired"]["copies"])) == before
    assert Path(told["repaired"]["copies"]).parent == tmp_path

    after = bytes_of(server.data)
    code, told = doctor(server.data)
    assert (code, told["state"], told["repaired"]) == (0, "sound", None)
    assert told["connectors"] == [{"name": "a", "rows": 1000, "removed": False}]
    assert told["every_row_read"]
    assert bytes_of(server.data) == after


def test_killed_repair_is_repeated_from_the_start(tmp_path):
    """Check that a partial copy is removed, and that unchanged files are not copied twice."""
    server = stopped(tmp_path)
    torn.tear_checksum(server.data / FILE)
    before = bytes_of(server.data)
    half = server.data / f"{WORD}-2026-01-01T00-00-00Z.part"
    half.mkdir()
    (half / FILE).write_bytes(b"half")
    whole = saved_files.copied(
        saved_files.siblings(server.data / FILE),
        server.data,
        WORD,
        {"repaired": str(server.data / FILE), "block": 12288},
    )
    half.mkdir(exist_ok=True)

    assert doctor(server.data, "--repair")[0] == 0

    assert saved_files.folders(server.data, WORD) == [whole]  # Untouched files are not copied twice.
    assert bytes_of(whole) == before


def test_damaged_block_of_rows_is_reported_and_unchanged(tmp_path):
    server = stopped(tmp_path, rows=50_000)
    file = server.data / FILE
    place = torn.damage_rows(file, "a@1", "text")
    before = bytes_of(server.data)

    code, told = doctor(server.data, "--repair")

    assert (code, told["state"]) == (1, "damaged")
    assert [each["about"] for each in told["findings"]] == ["a"]
    assert f"location {place}" in told["findings"][0]["message"]
    assert "gateway restore" in told["findings"][0]["hint"]
    assert bytes_of(server.data) == before
    assert not saved_files.folders(server.data, WORD)


def test_doctor_finds_no_fault_in_edited_rows(tmp_path):
    """Check a store whose rows were replaced, changed, and deleted."""
    keyed = "fields: {n: integer, tags: 'string[]'}\nprimary_key: [n]\non_conflict: replace\naccess: {change: [ops]}\n"
    with serving(tmp_path) as server:
        path = server.declare("a", keyed)
        ask = server.client.request
        for first in (0, 50):
            assert ask(
                "POST", path, json=[{"n": n, "tags": []} for n in range(first, first + 100)]
            ).is_success
        assert ask("PATCH", f"{path}?n=lt.20", json={"tags": ["x"]}).is_success
        assert ask("DELETE", f"{path}?n=gte.140").is_success
        path = server.declare("b", keyed)
        for size in (10, 5):
            assert ask("PUT", path, json=[{"n": n, "tags": []} for n in range(size)]).is_success
        server.stop()

    code, told = doctor(server.data)

    assert (code, told["findings"]) == (0, [])
    assert {each["name"]: each["rows"] for each in told["connectors"]} == {"a": 140, "b": 5}


@pytest.mark.parametrize(
    ("sql", "level", "about", "words"),
    [
        ('DELETE FROM rows."a@1" WHERE _id = 7', "error", "a", "it has 999 rows, and its batches have 1,000"),
        (
            'UPDATE rows."a@1" SET _id = 3 WHERE _id = 7',
            "error",
            "a",
            "1 of its rows have an _id that is not above",
        ),
        ('UPDATE rows."a@1" SET _id = 5000 WHERE _id = 1000', "error", "a", "a row with _id 5000"),
        ('ALTER TABLE rows."a@1" RENAME TO "a@2"', "error", "a", 'its table rows."a@1" is not there'),
        ('CREATE TABLE rows."lost@1" (_id BIGINT)', "warning", "rows.lost@1", "no connector is known"),
        ("DROP TABLE gateway.batches", "error", "file", "gateway.batches is not there"),
    ],
)
def test_doctor_reports_inconsistent_rows_and_tables(tmp_path, sql, level, about, words):
    server = stopped(tmp_path)
    with duckdb.connect(str(server.data / FILE)) as connection:
        connection.execute(sql)

    code, told = doctor(server.data)

    found = [(each["level"], each["about"], each["message"]) for each in told["findings"]]
    assert any((a, b) == (level, about) and words in message for a, b, message in found), found
    assert code == (1 if level == "error" else 0)


def test_doctor_does_not_examine_a_running_gateway(own, tmp_path):
    """Check that a directory without a store is not examined either, and is not made."""
    code, told = doctor(own.data)
    assert (code, told["state"]) == (3, "not examined")
    assert "is in use by process" in told["message"]
    assert doctor(tmp_path / "nothing")[0] == 3
    assert not (tmp_path / "nothing").exists()


def test_repair_with_missing_rows_is_undone(tmp_path):
    """Check that a start restores the files and fails, and that `gateway doctor --repair` keeps the rows there are."""
    server = stopped(tmp_path)
    with duckdb.connect(str(server.data / FILE)) as connection:
        connection.execute('DELETE FROM rows."a@1" WHERE _id = 7')
    torn.tear_checksum(server.data / FILE)
    before = bytes_of(server.data)

    for _ in range(2):
        server.start(wait=False)
        assert server.process.wait(30) != 0
        assert "it has 999 rows, and its batches have 1,000" in server.tail()
        assert "Traceback" not in server.tail()
        assert bytes_of(server.data) == before

    assert doctor(server.data, "--repair")[0] == 1  # Who asks for it gets what there is.
    with serving(tmp_path) as server:
        assert server.client.get("/a?select=count()").json() == [{"count": 999}]


@pytest.mark.parametrize(
    "content", [b"", b"not a database" * 1000, bytes(20_000)], ids=["empty", "something else", "zeros"]
)
def test_irreparable_file_ends_the_start_with_advice(tmp_path, content):
    server = Server(tmp_path, is_forked=True)
    server.data.mkdir()
    (server.data / FILE).write_bytes(content)

    server.start(wait=False)
    assert server.process.wait(30) != 0

    told = server.tail()
    assert "not a valid DuckDB database file" in told
    assert "gateway doctor --data" in told
    assert "gateway restore" in told
    assert "Traceback" not in told
    code, told = doctor(server.data)
    assert (code, told["state"]) == (1, "damaged")
    assert (server.data / FILE).read_bytes() == content
