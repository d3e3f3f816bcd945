"""Counts of rows and the memory of the database for the metrics, which cost queries and are therefore cached."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.connectors.connector import Connector
from gateway.errors import GatewayError
from gateway.store.interface import StoreReader
from gateway.store.usage import Usage

_log = logging.getLogger(__name__)

#: How old the figures of a scrape may be.
FRESH_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the store at one moment.

    Attributes:
        rows: The stored rows by connector name.
        rejected: The rejected rows by connector name and state.
        usage: The memory and disk of the database, None before the first query has succeeded.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[tuple[str, str], int] = field(default_factory=dict)
    usage: Usage | None = None


class StoredFigures:
    """The figures of the last query. Any thread may call it; one thread queries at a time."""

    def __init__(self, reader: StoreReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._clock = clock
        # The thread that queries holds the lock; it alone changes the next two.
        self._lock = threading.Lock()
        self._figures = Figures()
        self._read_at = -FRESH_SECONDS

    @property
    def usage(self) -> Usage | None:
        """The memory and disk of the database at the last query, None before the first."""
        return self._figures.usage

    def read(self, connectors: Sequence[Connector]) -> Figures:
        """Return figures that are at most `FRESH_SECONDS` old.

        They are those of the last successful query while another thread queries, the store cannot be read, or a table
        is being changed.
        """
        if self._is_due and self._lock.acquire(blocking=False):
            try:
                if self._is_due:  # Another thread may have queried in the meantime.
                    self._figures = self._query(connectors)
                    self._read_at = self._clock()
            except GatewayError as error:
                _log.debug("the metrics keep their figures of the store: %s", error)
            finally:
                self._lock.release()
        return self._figures

    @property
    def _is_due(self) -> bool:
        return self._clock() - self._read_at >= FRESH_SECONDS

    def _query(self, connectors: Sequence[Connector]) -> Figures:
        reader = self._reader
        return Figures(reader.counts(connectors), reader.rejected.all_states(), reader.usage())
