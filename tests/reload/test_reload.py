"""What is live follows the directory, and nothing good goes down on the way."""

import json
import os
import shutil
import time

import httpx
import pytest

from gateway.errors import Code, GatewayError
from gateway.store.tables.store import Store
from tests.support.forked import SETTLE_SECONDS
from tests.support.in_process import inside
from tests.support.server import eventually, put, serving
from tests.support.tested_store import renewed

GOOD = "fields: {n: integer}\naccess: {read: [public]}\n"
WITH_FIELD = "fields: {n: integer, s: {type: string, default: new}, t: {type: date, nullable: true}}\naccess: {read: [public]}\n"
BROKEN = "fields: {n: integr}\n"


@pytest.fixture
def own(tmp_path):
    """A gateway of this test alone, which waits for files to settle as long as it does in operation."""
    with serving(tmp_path, **{SETTLE_SECONDS: ""}) as server:
        yield server


def get(server, path):
    return httpx.get(server.url + path)


def test_file_is_live_once_written_until_removed(own):
    put(own.connectors / "keeps.yaml", GOOD)
    put(own.connectors / "a.yaml", GOOD)
    eventually(lambda: get(own, "/a").status_code == 200)
    own.client.post("/a", json={"n": 1})

    (own.connectors / "a.yaml").unlink()
    eventually(lambda: get(own, "/a").status_code == 410)
    removed = own.status()["a.yaml"]
    assert (removed["state"], removed["connector"]) == ("removed", "a")
    assert get(own, "/keeps").status_code == 200

    put(own.connectors / "a.yaml", GOOD)
    eventually(lambda: get(own, "/a").status_code == 200)
    assert get(own, "/a").json() == [{"n": 1}]


def test_invalid_file_keeps_last_good_version(own):
    """Check that the last good version stores rows while the file is invalid, also after a restart."""
    file = own.connectors / "a.yaml"
    own.declare("a", GOOD)
    own.client.post("/a", json={"n": 1})

    put(file, BROKEN)
    status = own.reload()["a.yaml"]
    assert status["state"] == "last good"
    (finding,) = status["findings"]
    assert (finding["file"], finding["line"], finding["column"], finding["code"]) == (
        "a.yaml",
        1,
        13,
        "GW505",
    )
    assert "did you mean 'integer'?" in finding["message"]
    assert own.client.post("/a", json={"n": 2}).status_code == 201

    own.stop()
    own.start()
    assert own.status()["a.yaml"]["state"] == "last good"
    assert own.client.post("/a", json={"n": 3}).status_code == 201

    put(file, WITH_FIELD)
    assert own.reload()["a.yaml"]["state"] == "live"
    own.client.post("/a", json={"n": 4, "t": "2026-01-01"})
    assert get(own, "/a").json() == [
        *({"n": n, "s": "new", "t": None} for n in (1, 2, 3)),
        {"n": 4, "s": "new", "t": "2026-01-01"},
    ]


def test_file_that_was_never_valid_is_refused_alone(own):
    put(own.connectors / "bad.yaml", BROKEN)
    put(own.connectors / "good.yaml", GOOD)

    states = {file: each["state"] for file, each in own.reload().items()}

    assert states == {"bad.yaml": "refused", "good.yaml": "live"}
    assert get(own, "/good").status_code == 200
    assert httpx.get(own.url + "/-/ready").status_code == 200


ADDED_DEFAULTS = {
    "string": ("it's", "it's"),
    "integer": (-5, -5),
    "number": (1.5, 1.5),
    "decimal(9, 2)": (1.05, 1.05),
    "boolean": (True, True),
    "date": ("2026-01-02", "2026-01-02"),
    "time": ("01:02:03.5", "01:02:03.5"),
    "timestamp": ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
    "datetime": ("2026-01-02T03:04:05", "2026-01-02T03:04:05"),
    "uuid": ("0190D6B2-7B7E-7C3A-9F2E-3C1D5A6B7C8D", "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d"),
    "json": ({"a": ["it's", None]}, {"a": ["it's", None]}),
    "string[]": (["a'b", "c"], ["a'b", "c"]),
    "integer[]": ([], []),
}


def test_new_field_gives_stored_rows_its_default(server, name):
    """Check a default of every type."""
    path = server.declare(name, GOOD)
    server.client.post(path, json={"n": 1})
    fields = {
        f"f{n}": {"type": kind, "default": value}
        for n, (kind, (value, _)) in enumerate(ADDED_DEFAULTS.items())
    }

    server.declare(name, json.dumps({"fields": {"n": "integer", **fields}, "access": {"read": ["public"]}}))
    server.client.post(path, json={"n": 2})

    expected = {f"f{n}": got for n, (_, got) in enumerate(ADDED_DEFAULTS.values())}
    assert server.client.get(path).json() == [{"n": 1, **expected}, {"n": 2, **expected}]


def test_changes_without_effect_on_rows_are_applied(server, name):
    server.declare(name, GOOD)
    server.client.post(f"/{name}", json={"n": 1})

    path = server.declare(
        name, f"path: /moved/{name}\ndescription: x\nfields: {{n: {{type: integer, default: 3}}}}\n"
    )

    assert path == f"/moved/{name}"
    assert server.client.get(path).json() == [{"n": 1}]
    assert server.client.get(f"/{name}").status_code == 410
    assert get(server, f"/{name}").status_code == 404
    assert get(server, path).status_code == 404


def test_files_with_one_path_are_both_refused(own):
    """Check the same for two files with one name, and that a connector that was live keeps its last good version."""
    own.declare("a", "path: /x\n" + GOOD)
    own.client.post("/x", json={"n": 1})
    put(own.connectors / "b.yaml", "path: /x\n" + GOOD)
    put(own.connectors / "c.yaml", "name: a\npath: /c\n" + GOOD)
    put(own.connectors / "d.yaml", "path: /d\n" + GOOD)

    files = own.reload()

    assert {file: each["state"] for file, each in files.items()} == {
        "a.yaml": "last good",
        "b.yaml": "refused",
        "c.yaml": "refused",
        "d.yaml": "live",
    }
    assert {
        finding["code"] for file in ("a.yaml", "b.yaml", "c.yaml") for finding in files[file]["findings"]
    } == {"GW507"}
    assert get(own, "/x").json() == [{"n": 1}]
    (own.connectors / "b.yaml").unlink()
    (own.connectors / "c.yaml").unlink()
    assert own.reload()["a.yaml"]["state"] == "live"


def test_renamed_file_keeps_its_connector(own):
    own.declare("a", "name: kept\npath: /x\n" + GOOD)
    own.client.post("/x", json={"n": 1})

    (own.connectors / "a.yaml").rename(own.connectors / "b.yaml")

    files = own.reload()
    assert {file: each["state"] for file, each in files.items()} == {"b.yaml": "live"}
    assert get(own, "/x").json() == [{"n": 1}]


def test_missing_directory_keeps_connectors_live(own):
    """Check also a start without the directory, and the reload once it is back."""
    own.declare("a", GOOD)
    aside = own.connectors.with_name("aside")

    own.connectors.rename(aside)
    eventually(lambda: own.client.get("/-/status").json()["source"]["problem"])
    assert get(own, "/a").status_code == 200

    own.stop()
    own.start()
    assert own.client.get("/-/status").json()["source"]["problem"]
    assert own.status()["a.yaml"]["state"] == "last good"
    assert get(own, "/a").status_code == 200

    put(aside / "b.yaml", GOOD)
    aside.rename(own.connectors)
    eventually(lambda: get(own, "/b").status_code == 200)
    assert own.client.get("/-/status").json()["source"]["problem"] is None


def test_momentarily_empty_directory_removes_no_connector(own):
    own.declare("a", GOOD)

    shutil.rmtree(own.connectors)
    own.connectors.mkdir()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert get(own, "/a").status_code == 200
    put(own.connectors / "a.yaml", GOOD)
    put(own.connectors / "b.yaml", GOOD)

    eventually(lambda: get(own, "/b").status_code == 200)
    assert get(own, "/a").status_code == 200


def test_file_written_slowly_is_never_read_partially(own):
    text = (
        "fields:\n  a: integer\n  b: integer\n  c: {type: string, nullable: true}\naccess: {read: [public]}\n"
    )
    seen = set()
    with (own.connectors / "slow.yaml").open("w") as file:
        for character in text:
            file.write(character)
            file.flush()
            seen.add(get(own, "/slow").status_code)

    assert seen == {404}
    eventually(lambda: get(own, "/slow").status_code == 200)
    assert own.status()["slow.yaml"]["findings"] == []


def test_irregular_files_are_refused_or_ignored_alone(own, tmp_path):
    """Check directories, pipes, links, and files that are too large or binary: other connectors are live."""
    (tmp_path / "elsewhere.yaml").write_text(GOOD)
    odd = {
        "directory": lambda path: path.mkdir(),
        "fifo": os.mkfifo,
        "dangling": lambda path: path.symlink_to(tmp_path / "nowhere.yaml"),
        "outside": lambda path: path.symlink_to(tmp_path / "elsewhere.yaml"),
        "huge": lambda path: path.write_bytes(b"#" * 300_000),
        "binary": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    }
    for name, make in odd.items():
        make(own.connectors / f"{name}.yaml")
    put(own.connectors / ".hidden.yaml", GOOD)
    own.declare("good", GOOD)

    files = own.reload()

    assert files.pop("good.yaml")["state"] == "live"
    assert {name: each["state"] for name, each in files.items()} == {
        f"{name}.yaml": "refused" for name in odd
    }
    assert all(each["findings"] for each in files.values())


POISON = {
    "escape.yaml": b'description: "\\UFFFFFFFF"\nfields: {n: integer}',
    "character.yaml": b'description: "\\U00110000"\nfields: {n: integer}',
    "version.yaml": b"%YAML 1." + b"1" * 5000 + b"\n---\nfields: {n: integer}",
    "default.yaml": b'fields: {a: {type: string, default: "\\ud800"}}',
    "key.yaml": b'fields: {"\\ud800": integer}',
    "unknown.yaml": b'"\\ud800": 1',
    os.fsdecode(b"caf\xe9.yaml"): b"fields: {n: integer}",
}


def test_invalid_files_do_not_affect_other_connectors(own):
    for name, text in POISON.items():
        (own.connectors / name).write_bytes(text)
    own.declare("good", GOOD)

    files = own.reload()

    assert len(files) == len(POISON) + 1
    assert {each["state"] for file, each in files.items() if file != "good.yaml"} == {"refused"}
    own.stop()
    own.start()
    assert own.status()["good.yaml"]["state"] == "live"


def test_connector_the_store_rejects_affects_no_other(tmp_path, monkeypatch):
    apply = Store.apply

    def fail(store, comparisons, authors):
        if any(each.new.name == "bad" for each in comparisons):
            raise GatewayError(Code.STORE_FAILED)
        return apply(store, comparisons, authors)

    monkeypatch.setattr(Store, "apply", fail)
    with inside(tmp_path, {"bad": GOOD, "good": GOOD}) as gateway:
        files = {
            each["file"]: each["state"]
            for each in json.loads(gateway.request("GET", "/-/status")[2])["files"]
        }
        assert files == {"bad.yaml": "refused", "good.yaml": "live"}
        assert gateway.request("GET", "/good")[0] == 200
        monkeypatch.undo()
        gateway.request("POST", "/-/reload")
        assert gateway.request("GET", "/bad")[0] == 200


def test_reloads_leave_no_open_files_or_threads(own):
    def held():
        (pid,) = own.workers()
        return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))

    own.declare("a", GOOD)
    before = held()
    for number in range(30):
        put(own.connectors / "a.yaml", GOOD + f"description: {number}\n")
        own.reload()
        get(own, "/a")

    assert all(after <= first + 3 for after, first in zip(held(), before, strict=True))


# -- a path that moved


def at(path, *, access="read: [public], change: [admin]"):
    return f"path: {path}\nfields: {{n: integer}}\naccess: {{{access}}}\n"


def moved_to(answer):
    return (answer.status_code, answer.json().get("code"), answer.headers.get("Location"))


def test_former_path_answers_with_the_current_one(own):
    own.declare("orders", at("/orders"))
    own.client.post("/orders", json={"n": 1})
    own.declare("orders", at("/sales/orders"))

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        answer = own.client.request(method, "/orders?n=eq.1", json={"n": 2})
        assert moved_to(answer) == (410, "GW515", "/sales/orders")
        assert "/orders moved to /sales/orders on 2" in answer.json()["message"]
        assert answer.json()["hint"] == "send the request to /sales/orders"
    assert own.client.head("/orders").status_code == 410
    assert get(own, "/sales/orders").json() == [{"n": 1}]

    own.declare("orders", at("/third"))
    for former in ("/orders", "/sales/orders"):
        assert moved_to(get(own, former)) == (410, "GW515", "/third")
    own.stop()
    own.start()
    for former in ("/orders", "/sales/orders"):
        assert moved_to(get(own, former)) == (410, "GW515", "/third")

    own.declare("orders", renewed(at("/orders")))
    assert get(own, "/orders").json() == [{"n": 1}]
    assert moved_to(get(own, "/third")) == (410, "GW515", "/orders")


def test_former_path_is_hidden_like_its_connector(own):
    """Check that a client that may not see the connector gets a 404 without the current path."""
    own.declare("orders", at("/orders", access="read: [public]"))
    own.declare("orders", at("/secret/orders", access="change: [admin]"))

    answer = get(own, "/orders")

    assert (answer.status_code, answer.json()["code"]) == (404, "PGRST205")
    assert "secret" not in answer.text
    assert "Location" not in answer.headers
    assert moved_to(own.client.get("/orders")) == (410, "GW515", "/secret/orders")


def test_former_path_can_be_reused(own):
    own.declare("orders", at("/orders"))
    own.declare("orders", at("/sales"))
    own.declare("other", at("/orders"))
    own.client.post("/orders", json={"n": 7})
    assert get(own, "/orders").json() == [{"n": 7}]

    (own.connectors / "other.yaml").unlink()
    own.reload()
    assert get(own, "/orders").json()["code"] == "GW511"  # What was there last says so.


def test_refused_restored_file_is_explained_to_admins(own):
    """Check that the path of a removed connector tells the admin alone why its restored file is refused."""
    own.declare("keeps", GOOD)
    own.declare("orders", at("/first"))
    own.declare("orders", at("/orders"))
    own.client.post("/orders", json={"n": 1})
    (own.connectors / "orders.yaml").unlink()
    own.reload()
    for path in ("/orders", "/first"):
        assert own.client.get(path).json()["hint"].startswith("restore orders.yaml")

    for text, told in (
        ("path: /orders\nfields: {n: intger}\n", "orders.yaml:2:13: error GW505: field 'n': 'intger'"),
        (at("/orders").replace("integer", "uuid"), "orders.yaml:2:"),
    ):
        put(own.connectors / "orders.yaml", text)
        assert own.reload()["orders.yaml"]["state"] == "refused"
        for path in ("/orders", "/first"):
            error = own.client.get(path).json()
            assert error["code"] == "GW511"
            assert error["details"].startswith(f"Its file is back, but it is rejected: {told}")
            assert error["hint"].startswith("correct orders.yaml;")
            others = get(own, path).json()
            assert "orders.yaml" not in str(others)
            assert others["details"].startswith("It was removed at 2")

    own.declare("orders", at("/orders"))
    assert get(own, "/orders").json() == [{"n": 1}]


def test_former_path_names_the_date_of_removal(own):
    own.declare("keeps", GOOD)
    own.declare("orders", at("/orders"))
    own.declare("orders", at("/sales"))
    (own.connectors / "orders.yaml").unlink()
    own.reload()

    for path, moved in (("/sales", ""), ("/orders", "moved to /sales on 2")):
        answer = get(own, path)
        assert moved_to(answer) == (410, "GW511", None)
        assert answer.json()["message"].startswith(f"{path} {moved}")
        assert "was removed on 2" in answer.json()["message"]

    assert own.client.post("/-/connectors/orders/purge").is_success
    assert get(own, "/orders").status_code == 404
    own.declare("orders", at("/new"))
    assert get(own, "/orders").status_code == 404
