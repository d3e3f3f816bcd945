"""A TCP proxy before PostgreSQL that loses answers, holds back or drops a COMMIT, cuts, hangs, and delays.

It is a process of its own. In the process of a client it would share a GIL that DuckDB holds while it waits for PostgreSQL.
"""

import contextlib
from collections.abc import Iterator

from tests.support.lake.obedient import Obedient
from tests.support.lake.postgres import through
from tests.support.server import free_port

#: What DuckLake sends for a new snapshot: the transaction that has it changes the lake.
NEW_SNAPSHOT = r"(?i)ducklake_snapshot\W+(VALUES|FROM STDIN)"
COMMIT = r"(?i)^\s*COMMIT\W*$"


class PostgresProxy(Obedient):
    """A proxy at a port of its own, which passes on everything until it is told otherwise."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        super().__init__("tests.support.lake.proxy_process", self.port, target)
        self.ask("struck")

    def url(self, url: str) -> str:
        """The URL of the same database by way of the proxy."""
        return through(url, self.port)

    def lose_answers(self, count: int = 1, *, mark: str = NEW_SNAPSHOT, at: str = COMMIT) -> None:
        """Pass on the next statements like `at` of transactions that had one like `mark`, but no answer.

        PostgreSQL has done its work before the connection is cut.
        """
        self.ask("strike", "lose", count, mark, at, 0)

    def hold_back(
        self, seconds: float, count: int = 1, *, mark: str = NEW_SNAPSHOT, at: str = COMMIT
    ) -> None:
        """Cut the client off at the next such statements, and pass them on so many seconds later."""
        self.ask("strike", "hold", count, mark, at, seconds)

    def drop(self, count: int = 1, *, mark: str = NEW_SNAPSHOT, at: str = COMMIT) -> None:
        """Cut both ends at the next such statements, which never arrive."""
        self.ask("strike", "drop", count, mark, at, 0)

    def pass_all(self) -> None:
        """Strike no more."""
        self.ask("pass_all")

    @property
    def struck(self) -> int:
        """How many statements were lost, held back, or dropped so far. One held back counts once it was passed on."""
        return self.ask("struck")

    def cut(self, pattern: str = "") -> int:
        """Cut the connections that have ever sent a statement with the pattern, and say how many they were."""
        return self.ask("cut", pattern)

    def hang(self) -> None:
        """Pass on nothing, in no direction; new connections wait, too."""
        self.ask("hang", True)

    def resume(self) -> None:
        """Pass on what has waited, and all that follows."""
        self.ask("hang", False)

    def delay(self, seconds: float) -> None:
        """Keep every answer for so long."""
        self.ask("delay", seconds)

    def statements(self) -> list[list[str]]:
        """The beginnings of the statements of each open connection, each kind once."""
        return self.ask("statements")


@contextlib.contextmanager
def proxying_postgres(target: int) -> Iterator[PostgresProxy]:
    """A proxy before a port until the end of the block."""
    with PostgresProxy(target) as proxy:
        yield proxy
