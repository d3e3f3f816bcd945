"""A PostgreSQL of the tests: a cluster in a folder, on a free port of the loopback, run by an ordinary user."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.lake.leash import ORDINARY, Leash
from tests.support.server import DEADLINE, eventually, free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
USER, PASSWORD = "gateway", "catalog-password"
#: Unlike a server of a team, it keeps what it is told: fsync and synchronous_commit are on, as they are by default.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_line_prefix": "%m %p ",
    # With the files, where it is deleted with them.
    "dynamic_shared_memory_type": "mmap",
    "tcp_keepalives_idle": "5",
}


class PostgreSQL:
    """One cluster. `start`, `stop`, and `kill` may be called again and again on the same files."""

    def __init__(self) -> None:
        """Make the cluster, and start nothing."""
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self.log = self._folder / "log"
        self.data = self._folder / "data"
        self._leash: Leash | None = None
        self._names = (f"db{number}" for number in itertools.count(1))
        if os.geteuid() == 0:
            shutil.chown(self._folder, ORDINARY)
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        words = ["-D", str(self.data), "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}"]
        words += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        made = Leash([str(PROGRAMS / "initdb"), *words], self._folder, self.log, is_ordinary=True)
        made.wait(DEADLINE)
        assert (self.data / "PG_VERSION").exists(), self.log.read_text()

    def start(self) -> "PostgreSQL":
        """Start it, and wait until it takes connections."""
        assert self._leash is None, "it is running"
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command = [str(PROGRAMS / "postgres"), "-D", str(self.data), f"--port={self.port}", *settings]
        leash = self._leash = Leash(command, self._folder, self.log, is_ordinary=True)

        def ready() -> bool:
            assert leash.is_running, self.log.read_text()[-4000:]
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            return lines[0] == str(leash.pid) and len(lines) > 7 and lines[7].strip() == "ready"

        eventually(ready, "PostgreSQL did not become ready", pause=0.005)
        return self

    def stop(self) -> None:
        """End it as a restart does: connections are closed, and transactions rolled back."""
        self._running.send(signal.SIGINT)
        self._running.wait(DEADLINE)
        self._leash = None

    def kill(self) -> None:
        """SIGKILL to the postmaster and all of its children at one moment."""
        self._running.kill()
        self._leash = None

    def freeze(self) -> None:
        """Stop all of its processes, as if they got no processor."""
        self._running.freeze()

    def thaw(self) -> None:
        """Let all of its processes go on."""
        self._running.thaw()

    def processes(self) -> list[int]:
        """The postmaster and its children."""
        return self._running.processes()

    def close(self) -> None:
        """End it without a farewell, if it runs, and delete its files. SIGKILL would leave shared memory in the system."""
        if self._leash is not None:
            self.thaw()
            self._leash.send(signal.SIGQUIT)
            self._leash.wait(DEADLINE)
        shutil.rmtree(self._folder)

    @property
    def _running(self) -> Leash:
        assert self._leash is not None, "it is not running"
        return self._leash

    def database(self, name: str = "", template: str = "template1") -> str:
        """Make a database, under a name that no other has unless one is given, and give its URL.

        It is empty, or a copy of another database.
        """
        name = name or next(self._names)
        self.ask(self.url("postgres"), f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def ask(self, url: str, statement: str) -> None:
        """Run a statement in a database by `psql`."""
        _output_of(psql(url, statement))

    def rows(self, url: str, query: str) -> list[dict[str, Any]]:
        """The rows of a query by `psql`, with their values as JSON has them."""
        as_json = f"SELECT coalesce(json_agg(row), '[]') FROM ({query}) AS row"
        return json.loads(_output_of(psql(url, as_json)))


def psql(url: str, *statements: str) -> subprocess.Popen[str]:
    """Start `psql`, which sends the statements one by one in one connection."""
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    words = [word for statement in statements for word in ("--command", statement)]
    return subprocess.Popen(
        [PROGRAMS / "psql", *options, *words, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _output_of(process: subprocess.Popen[str]) -> str:
    output, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, error
    return output


def through(url: str, port: int) -> str:
    """The URL of the same database by another port, such as that of a proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL until the end of the block."""
    postgres = PostgreSQL()
    try:
        yield postgres.start()
    finally:
        postgres.close()
