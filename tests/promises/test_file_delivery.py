"""Every way that files get into a directory: what they say is live soon, and nobody notices on the way.

Each delivers versions of a directory to a gateway under load. `steady.yaml` is in all of them; whatever else
comes and goes, no request to it may fail, and no half of a file may ever be live.
"""

import itertools
import mmap
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.support.clients import Load
from tests.support.forked import SETTLE_SECONDS
from tests.support.server import ROOT, Server, eventually, put

STEADY = "fields: {n: integer}\naccess: {read: [public]}\n"
#: Every prefix of it that is a connector is another one than the whole.
LONG = "fields:\n  n: integer\n" + "".join(
    f"  f{number}: {{type: string, nullable: true}}\n" for number in range(6)
)
VERSIONS = [
    {"steady.yaml": STEADY, "a.yaml": LONG},
    {"steady.yaml": STEADY, "a.yaml": LONG + "  g1: {type: date, nullable: true}\n", "b.yaml": LONG},
    {
        "steady.yaml": STEADY,
        "a.yaml": LONG + "  g1: {type: date, nullable: true}\n  g2: {type: json, nullable: true}\n",
        "b.yaml": LONG,
    },
    {"steady.yaml": STEADY, "a.yaml": LONG, "c.yaml": LONG},
    {"steady.yaml": STEADY, "a.yaml": LONG + "description: the last\n"},
]


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **more)


def write_all(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    for path in directory.glob("*.yaml"):
        if path.name not in files:
            path.unlink()


class Delivery:
    """A way of delivering: `directory` is what the gateway watches, below a place of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.directory = place / "connectors.d"
        self.numbers = itertools.count()

    def begin(self, files):
        write_all(self.directory, files)

    def deliver(self, files):
        raise NotImplementedError


class Rename(Delivery):
    def deliver(self, files):
        for name, text in files.items():
            put(self.directory / name, text)
        write_all(self.directory, files)


class Vim(Delivery):
    """vim's dance: the file is moved to a backup, written anew under its name, and the backup is removed."""

    def deliver(self, files):
        for name, text in files.items():
            source = self.place / "text"
            source.write_text(text)
            edit = ["-c", "%d _", "-c", f"0read {source}", "-c", "$d _", "-c", "write", "-c", "quit"]
            options = "set backup writebackup backupcopy=no nofixendofline swapfile"
            run(
                "vim", "-es", "-N", "-u", "NONE", "-i", "NONE", "--cmd", options, *edit, self.directory / name
            )
        write_all(self.directory, files)
        for path in self.directory.glob("*~"):
            path.unlink()


class ByteByByte(Delivery):
    """One byte at a time into the file itself, with rests that are longer than any settling."""

    def deliver(self, files):
        for name, text in files.items():
            path = self.directory / name
            if path.exists() and path.read_text() == text:
                continue
            with path.open("w") as file:
                for number, character in enumerate(text):
                    file.write(character)
                    file.flush()
                    threading.Event().wait(
                        0.4 if number in (len(LONG) - 60, len(LONG) - 1, len(LONG)) else 0.0005
                    )
        for path in self.directory.glob("*.yaml"):
            if path.name not in files:
                path.unlink()


class Rsync(Delivery):
    def deliver(self, files):
        source = self.place / f"source{next(self.numbers)}"
        write_all(source, files)
        run("rsync", "-a", "--delete", "--checksum", f"{source}/", f"{self.directory}/")


class Git(Delivery):
    """`git pull` of a commit that was pushed elsewhere, and `git checkout` of one that was there before."""

    def git(self, where, *words):
        who = ["-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false"]
        run("git", "-C", where, *who, *words)

    def begin(self, files):
        self.hub, self.theirs, self.ours = (self.place / name for name in ("hub.git", "theirs", "ours"))
        run("git", "init", "-q", "--bare", "-b", "main", self.hub)
        run("git", "clone", "-q", self.hub, self.theirs)
        self.push(files)
        run("git", "clone", "-q", self.hub, self.ours)
        self.directory = self.ours / "connectors.d"

    def push(self, files):
        write_all(self.theirs / "connectors.d", files)
        self.git(self.theirs, "checkout", "-q", "-B", "main")
        self.git(self.theirs, "add", "-A")
        self.git(self.theirs, "commit", "-q", "--allow-empty", "-m", "another")
        self.git(self.theirs, "push", "-q", "origin", "main")

    def deliver(self, files):
        self.push(files)
        if next(self.numbers) % 2:
            self.git(self.ours, "pull", "-q", "--rebase", "origin", "main")
        else:
            self.git(self.ours, "fetch", "-q", "origin")
            self.git(self.ours, "checkout", "-q", "--detach", "origin/main")


class GitSync(Delivery):
    """A link above the watched directory is flipped to another work tree, and the old one removed."""

    def begin(self, files):
        self.link = self.place / "current"
        self.directory = self.link / "deep" / "connectors.d"
        self.deliver(files)

    def deliver(self, files):
        tree = self.place / f"rev-{next(self.numbers)}"
        write_all(tree / "deep" / "connectors.d", files)
        old = self.link.resolve() if self.link.exists() else None
        (self.place / "next").symlink_to(tree)
        (self.place / "next").rename(self.link)
        if old:
            shutil.rmtree(old)


class ConfigMap(Delivery):
    """Kubernetes: the files are links into `..data`, which is a link that is flipped."""

    def begin(self, files):
        self.directory.mkdir(parents=True)
        self.deliver(files)

    def deliver(self, files):
        data = self.directory / f"..2026_{next(self.numbers)}"
        write_all(data, files)
        old = (self.directory / "..data").resolve() if (self.directory / "..data").exists() else None
        (self.directory / "..data_tmp").symlink_to(data.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        for name in files:
            if not (self.directory / name).is_symlink():
                (self.directory / name).symlink_to(f"..data/{name}")
        for path in self.directory.glob("*.yaml"):
            if path.name not in files:
                path.unlink()
        if old:
            shutil.rmtree(old)


class Replaced(Delivery):
    def deliver(self, files):
        new, old = self.place / "new.d", self.place / "old.d"
        write_all(new, files)
        self.directory.rename(old)
        new.rename(self.directory)
        shutil.rmtree(old)


class Recreated(Delivery):
    """`rm -rf`, and the files written into a new directory one after another."""

    def deliver(self, files):
        shutil.rmtree(self.directory)
        threading.Event().wait(0.3)
        self.directory.mkdir()
        threading.Event().wait(0.3)
        for name, text in sorted(files.items()):
            (self.directory / name).write_text(text)
            threading.Event().wait(0.2)  # It stands still for longer than it takes to be believed.


class Missing(Delivery):
    """The directory is away for a while, and comes back changed."""

    def deliver(self, files):
        away = self.place / "away"
        self.directory.rename(away)
        threading.Event().wait(1.2)
        write_all(away, files)
        away.rename(self.directory)


class Unreadable(Delivery):
    """The directory may not be read for a while, and then has changed."""

    def deliver(self, files):
        self.directory.chmod(0)
        threading.Event().wait(1.2)
        hidden = self.directory.stat()
        assert hidden.st_mode & 0o777 == 0
        self.directory.chmod(0o700)
        for name, text in files.items():
            put(self.directory / name, text)
        write_all(self.directory, files)


WAYS = [Rename, Vim, ByteByByte, Rsync, Git, GitSync, ConfigMap, Replaced, Recreated, Missing, Unreadable]
#: Root reads what nobody may: the gateway runs without those of its powers.
WITHOUT_POWERS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)


def live(server: Server) -> dict[str, str]:
    """What is live, as the text of each file."""
    listed = {
        each["name"] for each in server.client.get("/-/connectors").json() if each["state"] != "removed"
    }
    texts = {
        name: server.client.get(f"/-/connectors/{name}/history?limit=1").json()[0]["new"] for name in listed
    }
    return {f"{name}.yaml": text for name, text in texts.items()}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_delivered_files_are_live_without_failed_requests(way, tmp_path, tell):
    delivery = way(tmp_path / "place")
    delivery.place.mkdir()
    delivery.begin(VERSIONS[0])
    prefix = WITHOUT_POWERS if way is Unreadable and os.geteuid() == 0 else ()
    # The time that files settle is the one of operation: most of these ways write in place.
    server = Server(tmp_path / "server", prefix=prefix, is_forked=not prefix, **{SETTLE_SECONDS: ""})
    server.connectors = delivery.directory
    server.start()
    times = []
    try:
        with Load(server, "/steady", clients=2) as load:
            for files in VERSIONS[1:]:
                delivery.deliver(files)
                delivered = time.monotonic()
                eventually(lambda: live(server) == files, f"{way.__name__}: {sorted(files)} is not live")
                times.append(time.monotonic() - delivered)
        seen = {text for name in "abc" for text in every_text(server, name)}
    finally:
        server.stop()

    tell(
        f"{way.__name__}: live {', '.join(f'{each * 1000:.0f}' for each in times)} ms after it was there; {load.requests} requests, {len(load.failures)} failed"
    )
    assert load.failures == []
    assert load.requests > 20
    whole = {text for files in VERSIONS for text in files.values()} | {None}
    assert seen <= whole, "a half of a file was live"


def every_text(server: Server, name: str) -> set[str | None]:
    """Everything that a connector was ever declared as."""
    answer = server.client.get(f"/-/connectors/{name}/history?limit=1000")
    return {event["new"] for event in answer.json()} if answer.status_code == 200 else set()


@pytest.mark.parametrize("way", ["plain", "hard link", "link", "touched", "restarted", "mapped"])
def test_partly_written_file_is_never_served(own, way):
    """Check files that are written slowly in place, through links and through memory, also during a restart."""
    full = "fields:\n  a: integer\n  b: string\naccess: {read: [public]}\n"
    half = "fields:\n  a: integer\n"
    file = written = own.connectors / "a.yaml"
    if way == "hard link":
        written = own.data.parent / "a.yaml"
        written.write_text(full)
        os.link(written, file)
    elif way == "link":
        written = own.connectors / "below" / "a.yaml"
        written.parent.mkdir()
        written.write_text(full)
        file.symlink_to("below/a.yaml")
    else:
        file.write_text(full)
    own.reload()
    names = lambda: [each["name"] for each in own.client.get("/-/connectors/a").json()["fields"]]  # noqa: E731
    assert names() == ["a", "b"]

    with written.open("r+b") as writing:
        if way == "mapped":
            with mmap.mmap(writing.fileno(), len(full)) as memory:
                memory[:] = half.encode().ljust(len(full), b"\n")
                own.reload()
                assert names() == ["a", "b"]
                memory[:] = full.encode()
        else:
            writing.truncate()
            writing.write(half.encode())
            writing.flush()
            if way == "touched":
                with file.open("a"):
                    pass
            if way == "restarted":
                own.stop()
                own.start()
            own.reload()
            assert names() == ["a", "b"]
            writing.write(full.replace("b:", "c:").encode()[len(half) :])
    expected = ["a", "b"] if way == "mapped" else ["a", "c"]
    eventually(lambda: names() == expected, "the whole file is not live")


def test_one_change_among_500_connectors_is_live(tmp_path, tell):
    """Start with the shipped connectors, a hundred of each, and change one. Print the times."""
    server = Server(tmp_path, is_forked=True, **{SETTLE_SECONDS: ""})
    shipped = sorted((ROOT / "connectors.d").iterdir())
    for number in range(100):
        for path in shipped:
            put(server.connectors / f"{path.stem}-{number}.yaml", path.read_text())
    for what in ("first start", "start"):
        began = time.monotonic()
        server.start()
        tell(f"{what} with 500 connectors: {(time.monotonic() - began) * 1000:.0f} ms until ready")
        assert len(server.client.get("/-/connectors").json()) == 500
        if what == "first start":
            server.stop()
    times = []
    for number in range(5):
        text = shipped[0].read_text() + f"# {number}\n"
        put(server.connectors / f"{shipped[0].stem}-50.yaml", text)
        began = time.monotonic()
        history = f"/-/connectors/{shipped[0].stem}-50/history?limit=1"
        eventually(lambda: server.client.get(history).json()[0]["new"] == text)
        times.append(time.monotonic() - began)
    tell(f"one of 500 files changed: live after {', '.join(f'{each * 1000:.0f}' for each in times)} ms")
    server.stop()
