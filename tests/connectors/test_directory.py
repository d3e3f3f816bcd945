"""A look at a directory costs what has changed in it, and reads nothing that is not in it."""

import os
import time
from pathlib import Path

import pytest

from gateway.connectors.directory import Directory
from gateway.reload import watch
from tests.support.server import eventually, put


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "connectors.d"
    path.mkdir()
    for name in ("a.yaml", "b.yaml"):
        (path / name).write_text(name)
    return path


@pytest.fixture
def opened(monkeypatch):
    """What was opened, by its name."""
    names = []
    real = os.open

    def note(path, *arguments, **more):
        names.append(Path(path).name)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", note)
    return names


def later(monkeypatch, seconds=3600.0):
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)


def test_unchanged_file_is_not_opened_again(directory, opened, monkeypatch):
    watched = Directory(directory)
    later(monkeypatch)
    first = watched.read()
    opened.clear()

    assert watched.read() == first
    assert opened == []

    (directory / "b.yaml").write_text("new")
    assert watched.read().files["b.yaml"].text == b"new"
    assert opened == ["b.yaml"]


def test_recently_changed_file_is_read_again(directory, opened):
    """Check a file that may change again within the resolution of its modification time."""
    watched = Directory(directory)
    watched.read()
    opened.clear()
    watched.read()

    assert opened == ["a.yaml", "b.yaml"]


def test_links_are_followed_to_their_current_target(directory, monkeypatch):
    """Check also that a link that leads out of the directory is a problem of its file."""
    (directory / "one").write_text("one")
    (directory / "two").write_text("two")
    (directory / "c.yaml").symlink_to("one")
    watched = Directory(directory)
    later(monkeypatch)
    assert watched.read().files["c.yaml"].text == b"one"

    (directory / "c.yaml").unlink()
    (directory / "c.yaml").symlink_to("two")
    assert watched.read().files["c.yaml"].text == b"two"

    (directory / "c.yaml").unlink()
    (directory / "c.yaml").symlink_to("/etc/hostname")
    assert watched.read().files["c.yaml"].problem is not None


def test_file_replaced_by_link_during_read_is_refused(directory, tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    real = os.open

    def swap(path, *arguments, **more):
        if Path(path).name == "a.yaml":
            Path(path).unlink()
            Path(path).symlink_to(outside)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", swap)
    file = Directory(directory).read().files["a.yaml"]

    assert file.problem is not None
    assert file.text == b""


def test_writes_beside_the_directory_cause_no_events(tmp_path):
    told = []

    class Told(watch._Hints):
        def on_any_event(self, event):
            told.append((event.event_type, event.src_path))
            super().on_any_event(event)

    directory = tmp_path / "connectors.d"
    directory.mkdir()
    beside = (tmp_path / "gateway.log").open("a", buffering=1)
    hints = Told(lambda: None)
    hints.follow(directory)
    try:
        for number in range(100):
            print(number, file=beside)
        directory.rename(tmp_path / "moved")
        eventually(lambda: any(kind == "moved" for kind, _ in told), "the move was not told of")
    finally:
        hints.stop()
        beside.close()

    assert not [path for _, path in told if path.endswith("gateway.log")]


def test_ignored_files_are_named_in_status_and_log(own):
    """Check that files that look like connectors and are none are named, once in the log; those of editors and other programs are not."""
    own.declare("orders", "fields: {id: integer}\n")
    inner = own.connectors / "shop"
    inner.mkdir()
    put(inner / "a.yaml", "fields: {id: integer}\n")
    for name in ("X.YAML", "orders.yml.bak", "orders.yaml~", ".hidden.yaml", "orders.json"):
        put(own.connectors / name, "fields: {id: integer}\n")
    for name in (
        "README.md",
        ".gitkeep",
        ".orders.yaml.swp",
        ".#orders.yaml",
        "4913",
        "a.yaml.tmp",
        ".yamllint.yaml",
    ):
        (own.connectors / name).touch()
    expected = [".hidden.yaml", "X.YAML", "orders.json", "orders.yaml~", "orders.yml.bak", "shop"]

    def passed_over():
        return [each["file"] for each in own.client.get("/-/status").json()["passed_over"]]

    eventually(lambda: passed_over() == expected, "the files were not told of")
    own.reload()
    own.reload()

    assert passed_over() == expected
    for name in expected:
        assert own.log.read_text().count(f"{name}: warning GW514") == 1
    (own.connectors / "X.YAML").rename(own.connectors / "x.yaml")
    eventually(lambda: own.status().get("x.yaml", {}).get("state") == "live", "the file was not read")
    assert "X.YAML" not in passed_over()


def test_directories_of_a_configmap_cause_no_warning(directory):
    """Check the hidden directories, and the links into them, that a mounted ConfigMap has."""
    (directory / "..2026_11_29").mkdir()
    (directory / "..2026_11_29" / "orders.yaml").touch()
    (directory / "..data").symlink_to("..2026_11_29")
    (directory / "orders.yaml").symlink_to("..data/orders.yaml")

    listing = Directory(directory).read()

    assert "orders.yaml" in listing.files
    assert listing.warnings == ()
