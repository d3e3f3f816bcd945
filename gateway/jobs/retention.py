"""Retention: what is kept no longer goes, a little at a time, without anybody asking for it."""

import logging
import threading
from datetime import UTC, datetime

from gateway.connectors.connector import Connector
from gateway.connectors.policy import Retention
from gateway.endpoints.live import Live
from gateway.errors import GatewayError, trace
from gateway.ingest.writer import Writer
from gateway.store.interface import EXPIRED_ROWS_MAX

_log = logging.getLogger(__name__)


class Expiry:
    """A thread that has the writer delete old rows, and forget old keys. `stop` may be called from any other."""

    def __init__(self, writer: Writer, live: Live, *, seconds: float) -> None:
        """Start the thread, which looks every so many seconds."""
        self._writer = writer
        self._live = live
        self._seconds = seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._writer.run(lambda store: store.forget_keys()).result()
                for endpoint in tuple(self._live.snapshot.endpoints.values()):
                    if endpoint.connector.policy.retention != Retention():
                        self._expire(endpoint.connector)
            except GatewayError as error:
                _log.warning("old rows could not be deleted, and it is tried again: %s", error.code.code)
            except Exception as error:  # noqa: BLE001  # whatever it is, the next time may be better
                _log.error("old rows could not be deleted: %s", trace(error))

    def _expire(self, connector: Connector) -> None:
        """Delete until nothing is left to: others have their turn at the writer between two steps."""
        now, total, done = datetime.now(UTC), 0, EXPIRED_ROWS_MAX
        while done >= EXPIRED_ROWS_MAX and not self._stopping.is_set():
            step = self._writer.run(lambda store: store.expire(connector, connector.policy.retention, now))
            done = step.result()
            total += done
        if total:
            _log.info("%s: %d rows were kept long enough, and are deleted", connector.name, total)
