"""The state of the lake as this gateway knows it: heads and revisions of connectors, by notifications of other gateways."""

import contextlib
import functools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import psycopg

from gateway.errors import GatewayError, trace
from gateway.store.interface import NO_VERSION, Version
from gateway.store.lake.postgres import CatalogSelect, Connection, PostgreSQL, fetch
from gateway.threads import called_after

_log = logging.getLogger(__name__)

#: Seconds between two looks at the gate without a notification, and until one must have an answer.
POLL_SECONDS, ANSWER_SECONDS = 1.0, 3.0
#: Seconds between two attempts to connect.
RECONNECT_SECONDS = 0.5

#: The number before that of the first commit.
NEVER = -1

_GATE = "SELECT number, definitions, (extract(epoch FROM at) * 1000000)::bigint FROM gw.gate"
#: Whether the commit of this number and time is in the history; the outcomes of older commits are forgotten after a day.
_HAS_COMMIT = (
    "SELECT number >= %(number)s AND (to_timestamp(0) + %(at)s * interval '1 microsecond' < now() - interval '23 hours'"
    " OR EXISTS (SELECT FROM gw.commits AS c WHERE c.number = %(number)s"
    " AND c.at = to_timestamp(0) + %(at)s * interval '1 microsecond')) FROM gw.gate"
)
_HEADS = (
    "SELECT connector, batch, (extract(epoch FROM committed_at) * 1000000)::bigint, number,"
    " (extract(epoch FROM sent_at) * 1000000)::bigint FROM gw.heads WHERE number > %s"
)
_REVISIONS = "SELECT name, revision FROM gw.connectors"


@dataclass(frozen=True, slots=True)
class Head:
    """The last batch of a connector.

    Attributes:
        version: The version of the rows after it.
        number: The number of its commit.
        sent_at: When the last batch that a client has sent was committed, in microseconds since 1970; None if none was.
    """

    version: Version
    number: int
    sent_at: int | None


@dataclass(frozen=True, slots=True)
class _Known:
    """A state of the lake after a commit.

    Attributes:
        number: The number of the commit; None while the state is unknown.
        definitions: The number of the last commit that changed connectors.
        heads: The head of each connector that has batches.
        revisions: The applied revision of each connector.
    """

    number: int | None = None
    definitions: int = NEVER
    heads: dict[str, Head] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)


class CatalogWatch:
    """Follows the commits of all gateways on a thread of its own. Any thread may read it.

    PostgreSQL notifies it of each commit, and it looks at the gate each second besides. While PostgreSQL does not answer,
    no version is known, so that no cache answers a request. If PostgreSQL hangs, it cuts the connections of this process,
    so that no thread waits longer than `ANSWER_SECONDS`.
    """

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres
        # The lock guards the changes of the next; any thread may read it.
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._known = _Known()
        # The number and the time, in microseconds since 1970, of the last commit that this gateway has seen.
        self._seen = (0, 0)
        self._on_lost_commits: Callable[[], None] = _nothing
        self._on_definitions: Callable[[], None] = _nothing
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="catalog", daemon=True)

    def start(self) -> None:
        """Read the state, and follow it from now on.

        Raises:
            psycopg.Error: PostgreSQL cannot be asked.
        """
        with self._postgres.connect() as connection:
            self._refresh(functools.partial(fetch, connection))
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the thread of the watch after each change of connectors, by whichever gateway."""
        self._on_definitions = callback

    def on_lost_commits(self, callback: Callable[[], None]) -> None:
        """Call `callback` once PostgreSQL has lost a commit that this gateway has seen: it is an older copy."""
        self._on_lost_commits = callback

    @property
    def is_connected(self) -> bool:
        """True if PostgreSQL answers."""
        return self._known.number is not None

    @property
    def last_change(self) -> int:
        """The number of the last commit that changed connectors."""
        return self._known.definitions

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows, None while it is unknown."""
        known = self._known
        if known.number is None:
            return None
        head = known.heads.get(name)
        return head.version if head is not None else NO_VERSION

    def last_sent(self) -> dict[str, int]:
        """Return when the last batch that a client has sent was committed, in microseconds since 1970, by connector name."""
        heads = self._known.heads.items()
        return {name: head.sent_at for name, head in heads if head.sent_at is not None}

    def revision(self, name: str) -> int | None:
        """Return the applied revision of a connector, None if there is no such connector."""
        return self._known.revisions.get(name)

    def catch_up(self) -> None:
        """Load every commit that was answered before the call. The notification of one may come after its answer.

        The state is unknown afterwards if PostgreSQL cannot be asked.
        """
        if not self.is_connected:
            return
        try:
            self._refresh(self._postgres.rows)
        except GatewayError:
            self._forget()

    def note_heads(self, heads: dict[str, Head]) -> None:
        """Remember the heads that a commit of this gateway has made."""
        with self._lock:
            known = self._known
            self._known = replace(known, heads=_latest(known.heads, heads))
            self._seen = max([self._seen, *((head.number, head.version[1]) for head in heads.values())])

    def note_revisions(self, revisions: dict[str, int], gone: set[str]) -> None:
        """Remember the revisions that a commit of this gateway has applied, and the connectors that it has purged."""
        with self._lock:
            known = self._known
            kept = {name: each for name, each in (known.revisions | revisions).items() if name not in gone}
            heads = {name: each for name, each in known.heads.items() if name not in gone}
            self._known = _Known(known.number, known.definitions, heads, kept)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._postgres.connect() as connection:
                    self._follow(connection)
            except psycopg.Error as error:
                self._lose(error)
            except Exception as error:  # noqa: BLE001  # without this thread the gateway would never answer again
                _log.error("the watch of the catalog failed, and begins again: %s", trace(error))
                self._lose(error)
            self._stopping.wait(RECONNECT_SECONDS)

    def _follow(self, connection: Connection) -> None:
        with self._answering():
            connection.execute("LISTEN gw")
        if self._postgres.is_away:
            _log.warning("PostgreSQL answers again")
        asking = functools.partial(fetch, connection)
        number, at = self._seen
        if number and asking(_HAS_COMMIT, {"number": number, "at": at}) != [(True,)]:
            self._on_lost_commits()
            self._stopping.wait()  # The process ends; until then nothing may be answered.
        while not self._stopping.is_set():
            with self._answering():
                self._refresh(asking)
            for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass

    def _refresh(self, ask: CatalogSelect) -> None:
        # A state that was read before another one must not replace it.
        with self._refreshing:
            self._read(ask)

    def _read(self, ask: CatalogSelect) -> None:
        known = self._known
        ((number, definitions, at),) = ask(_GATE)
        if number == known.number:
            return
        rows = ask(_HEADS, [NEVER if known.number is None else known.number])
        heads = {name: Head((batch, at), made, sent_at) for name, batch, at, made, sent_at in rows}
        has_changed = definitions != known.definitions
        revisions = dict(ask(_REVISIONS)) if has_changed else known.revisions
        with self._lock:
            merged = _latest(self._known.heads, heads)
            if has_changed:
                merged = {name: each for name, each in merged.items() if name in revisions}
            self._known = _Known(number, definitions, merged, revisions)
            self._seen = max(self._seen, (number, at))
        self._postgres.is_away = False
        if has_changed and known.definitions != NEVER:
            self._on_definitions()

    def _answering(self) -> contextlib.AbstractContextManager[None]:
        """Cut the connections to PostgreSQL if a block waits longer than `ANSWER_SECONDS` for it."""
        return called_after(ANSWER_SECONDS, self._postgres.cut)

    def _forget(self) -> None:
        with self._lock:
            known = self._known
            self._known = _Known(definitions=known.definitions, revisions=known.revisions)

    def _lose(self, error: Exception) -> None:
        self._forget()
        if self._postgres.is_away:
            return
        self._postgres.is_away = True
        _log.error("PostgreSQL, which has the catalog of the lake, does not answer: %s", type(error).__name__)
        self._postgres.drop_idle()
        self._postgres.cut()


def _latest(old: dict[str, Head], new: dict[str, Head]) -> dict[str, Head]:
    """Return the heads of the later commits: a notification may come before or after the answer of a commit."""
    merged = dict(old)
    for name, head in new.items():
        known = old.get(name)
        if known is None or head.number >= known.number:
            sent_at = head.sent_at if head.sent_at is not None or known is None else known.sent_at
            merged[name] = replace(head, sent_at=sent_at)
    return merged


def _nothing() -> None:
    """Ignore the change."""
