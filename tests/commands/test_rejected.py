"""`gateway rejected`, and `gateway load` into connectors that keep bad rows or have a primary key."""

import os

import pytest

from tests.support import verbs
from tests.support.server import ROOT, Server

FIELDS = (
    "fields: {id: integer, name: {type: string, max_length: 5}}\non_invalid: keep\naccess: {read: [public]}\n"
)


@pytest.fixture
def run(server, tmp_path):
    def run(*arguments: str, code: int = 0) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GATEWAY_URL": server.url,
            "GATEWAY_TOKEN": server.admin["Authorization"].removeprefix("Bearer "),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        ran = verbs.run(arguments, environment, tmp_path)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    return run


def test_bad_rows_are_listed_shown_replayed_and_discarded(server: Server, name, run, tmp_path):
    path = server.declare(name, FIELDS)
    (tmp_path / "rows.csv").write_text("id,name\n1,a\nx,b\ny,too long\n4,d\nz,c\n")

    loaded = run("load", name, "rows.csv")
    assert "2 rows are stored" in loaded
    assert f"3 bad rows are kept; see gateway rejected ls {name}." in loaded
    assert f"0 rows are stored at {path}. 5 were stored before" in run("load", name, "rows.csv")

    listed = run("rejected", "ls", name)
    assert f"{name}: 3 kept, 0 replayed, 0 discarded" in listed
    assert "3 × id 22P02, such as: 'x' is not an integer of 64 bits" in listed
    assert [line.split()[0] for line in listed.splitlines()[1:4]] == ["3", "2", "1"]
    assert [line.split()[0] for line in run("rejected", "ls", name, "--field", "name").splitlines()[1:2]] == [
        "2"
    ]
    shown = run("rejected", "show", name, "2")
    assert "line 4 of batch" in shown
    assert "y,too long" in shown
    assert "name: 23514" in shown
    assert "has no rejected row 99" in run("rejected", "show", name, "99", code=1)

    (tmp_path / "edited.ndjson").write_text('{"_id": 1, "id": 2, "name": "b"}\n')
    checked = run("rejected", "replay", name, "--check", code=1)
    assert "3 rows were checked: 0 valid, 3 still bad." in checked
    assert "id 1, id: 'x' is not an integer" in checked
    rehearsed = run("rejected", "replay", name, "--edited", "edited.ndjson", "--check")
    assert "1 row was checked: 1 valid, 0 still bad." in rehearsed
    assert "1 row was tried: 1 stored" in run("rejected", "replay", name, "--edited", "edited.ndjson")
    assert "2 rows were tried: 0 stored" in run("rejected", "replay", name, code=1)
    assert "1 row is discarded" in run("rejected", "discard", name, "--id", "2", "--reason", "a test")
    assert "because: a test" in run("rejected", "show", name, "2")
    assert "1 row is discarded" in run("rejected", "discard", name, "--yes", "--reason", "the rest")
    assert [row["id"] for row in server.client.get(f"{path}?select=id").json()] == [1, 4, 2]


def test_load_names_rows_with_existing_keys(server, name, run, tmp_path):
    path = server.declare(name, "fields: {id: integer}\nprimary_key: [id]\naccess: {read: [public]}\n")
    server.client.post(path, json={"id": 2})
    (tmp_path / "rows.csv").write_text("id\n1\n2\n3\n")

    told = run("load", name, "rows.csv", code=1)
    assert "row 2, line 3, field 'id': Key (id)=(2) already exists." in told

    server.declare(
        name, "fields: {id: integer}\nprimary_key: [id]\non_conflict: ignore\naccess: {read: [public]}\n"
    )
    told = run("load", name, "rows.csv")
    assert "2 rows are stored" in told
    assert "1 have primary keys that existed already." in told
