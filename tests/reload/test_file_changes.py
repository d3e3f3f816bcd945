"""Changes of files are all made or none, and a process that is killed in between loses no file."""

import contextlib
import errno
import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import atomic_files
from gateway.atomic_files import AtomicDirectory
from gateway.errors import Code, GatewayError
from gateway.reload.file_changes import FileChanges, write_changes
from tests.support.server import ROOT

OLD = {"a.yaml": b"old a", "b.yaml": b"old b", "gone.yaml": b"old gone"}
TEXTS = {"gone.yaml": None, "a.yaml": b"new a", "b.yaml": b"new b", "new.yaml": b"new"}
NEW = {"a.yaml": b"new a", "b.yaml": b"new b", "new.yaml": b"new"}


def changes() -> FileChanges:
    digests = {file: hashlib.sha256(text).hexdigest() for file, text in OLD.items()}
    return FileChanges(TEXTS, {file: digests.get(file) for file in TEXTS})


def fill(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    for file, text in OLD.items():
        (directory / file).write_bytes(text)
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    """The files of a directory, without those that `clean` deletes later."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix == ".yaml"}


def test_all_changes_are_made(tmp_path):
    directory = fill(tmp_path / "d")

    write_changes(directory, changes())

    assert {path.name for path in directory.iterdir()} == set(NEW)
    assert contents(directory) == NEW


#: Each method that changes the directory, and how often `changes` calls it.
STEPS = {"stage": 3, "create": 1, "exchange": 2, "set_aside": 1, "delete": 5, "sync": 1}


@pytest.mark.parametrize(
    ("method", "nth"), [(name, n) for name, count in STEPS.items() for n in range(count)]
)
def test_failure_undoes_what_was_done(tmp_path, monkeypatch, method, nth):
    """Fail one call as a broken disk does: no client can choose which."""
    directory, before = fill(tmp_path / "d"), getattr(AtomicDirectory, method)
    calls = itertools.count()

    def fail(*values):
        if next(calls) == nth:
            raise OSError(errno.EIO, "broken")
        return before(*values)

    monkeypatch.setattr(AtomicDirectory, method, fail)
    expected = NEW
    try:
        write_changes(directory, changes())
    except OSError:
        expected = OLD

    assert contents(directory) == expected
    assert expected == (NEW if method == "delete" else OLD), "a leftover fails nothing"


#: Makes the changes again and again in new directories, and is killed at the next system call each time.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.reload.test_file_changes import changes, fill
from gateway.reload.file_changes import write_changes

for place in range(100):
    directory = fill(Path(sys.argv[1]) / f"{place:02}")
    if not (child := os.fork()):
        left = [place]
        def watch(event, _):
            if event in ("open", "os.link", "os.rename", "os.remove"):
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
        sys.addaudithook(watch)
        write_changes(directory, changes())
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_kill_at_any_step_loses_nothing(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT, check=True)

    states = [contents(directory) for directory in sorted(tmp_path.iterdir())]
    assert len(states) > 10
    for state in states:
        assert {"gone.yaml", "new.yaml"} & state.keys(), "one of both names has the connector"
        for file, text in state.items():
            assert text in (OLD.get(file), NEW.get(file)), "a text is whole"
        assert {"a.yaml", "b.yaml"} <= state.keys()
    assert (states[0], states[-1]) == (OLD, NEW)


def replaced(directory: Path) -> None:
    directory.rename(directory.with_name("before"))
    fill(directory)


def changed(directory: Path) -> None:
    (directory / "b.yaml").write_bytes(b"other")


def created(directory: Path) -> None:
    (directory / "new.yaml").write_bytes(b"other")


@pytest.mark.parametrize("interfere", [replaced, changed, created])
def test_change_by_others_meanwhile_is_noticed(tmp_path, monkeypatch, interfere):
    """Change the directory after the texts are staged: what others wrote stays, and what was done is undone."""
    directory, stage = fill(tmp_path / "d"), AtomicDirectory.stage
    calls = itertools.count()

    def interfering(*values):
        if next(calls) == 2:
            interfere(directory)
        return stage(*values)

    monkeypatch.setattr(AtomicDirectory, "stage", interfering)
    with pytest.raises(GatewayError) as refused:
        write_changes(directory, changes())

    assert refused.value.code is Code.FILE_CHANGED
    others = (
        {"b.yaml": b"other"}
        if interfere is changed
        else {"new.yaml": b"other"}
        if interfere is created
        else {}
    )
    assert contents(directory) == {**OLD, **others}


@pytest.mark.parametrize(("method", "file"), [("exchange", "b.yaml"), ("set_aside", "gone.yaml")])
@pytest.mark.parametrize("text", [b"other", None])
def test_change_in_the_last_moment_is_kept(tmp_path, monkeypatch, method, file, text):
    """Write or delete a file between its last check and the change of it."""
    directory, before = fill(tmp_path / "d"), getattr(AtomicDirectory, method)

    def interfering(opened, *names):
        if file in names:
            (directory / file).unlink()
            if text is not None:
                (directory / file).write_bytes(text)
        return before(opened, *names)

    monkeypatch.setattr(AtomicDirectory, method, interfering)
    with pytest.raises(GatewayError) as refused:
        write_changes(directory, changes())

    assert refused.value.code is Code.FILE_CHANGED
    expected = {**OLD, file: text}
    assert contents(directory) == {name: each for name, each in expected.items() if each is not None}
    assert [path for path in directory.iterdir() if path.suffix != ".yaml"] == []


def test_program_that_opens_a_file_late_keeps_it(tmp_path, monkeypatch):
    directory, exchange = fill(tmp_path / "d"), AtomicDirectory.exchange
    with contextlib.ExitStack() as closing:

        def interfering(opened, *names):
            closing.enter_context((directory / names[1]).open("r+b"))
            return exchange(opened, *names)

        monkeypatch.setattr(AtomicDirectory, "exchange", interfering)
        with pytest.raises(GatewayError) as refused:
            write_changes(directory, changes())

    assert refused.value.code is Code.FILE_BUSY
    assert contents(directory) == OLD


def test_simple_file_system_works_too(tmp_path, monkeypatch):
    """Refuse hard links and exchanges, as FAT and some network file systems do."""
    monkeypatch.setattr(atomic_files, "_renameat2", None)

    def refuse(*_, **__):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refuse)
    directory = fill(tmp_path / "d")

    write_changes(directory, changes())

    assert contents(directory) == NEW
    with AtomicDirectory.opened(directory) as opened, pytest.raises(FileExistsError):
        opened.create(opened.stage(b"x"), "new.yaml")
