"""Deletes expired rows in small transactions, in the background."""

import logging
from datetime import UTC, datetime

from gateway.connectors.connector import Connector
from gateway.connectors.policy import Retention
from gateway.endpoints.live import Live
from gateway.errors import GatewayError, trace
from gateway.ingest.writer import Writer
from gateway.jobs.periodic_thread import PeriodicThread
from gateway.store.interface import EXPIRED_ROWS_MAX

_log = logging.getLogger(__name__)


class RetentionJob:
    """A thread that makes the writer delete expired rows and idempotency keys. Any other thread may call `stop`."""

    def __init__(self, writer: Writer, live: Live, *, seconds: float) -> None:
        """Start the thread; `seconds` pass between two runs."""
        self._writer = writer
        self._live = live
        self._thread = PeriodicThread("retention", self._run, lambda: seconds)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._thread.stop()

    def _run(self) -> None:
        try:
            self._writer.run(lambda store: store.forget_keys()).result()
            for endpoint in tuple(self._live.snapshot.endpoints.values()):
                if endpoint.connector.policy.retention != Retention():
                    self._expire(endpoint.connector)
        except GatewayError as error:
            _log.warning(
                "expired rows could not be deleted, and the next run tries again: %s", error.code.code
            )
        except Exception as error:  # noqa: BLE001  # the next run may succeed
            _log.error("expired rows could not be deleted: %s", trace(error))

    def _expire(self, connector: Connector) -> None:
        """Delete expired rows in steps, so that other calls of the writer run between two of them."""
        now, total, deleted = datetime.now(UTC), 0, EXPIRED_ROWS_MAX
        while deleted >= EXPIRED_ROWS_MAX and not self._thread.is_stopping:
            step = self._writer.run(lambda store: store.expire(connector, connector.policy.retention, now))
            deleted = step.result()
            total += deleted
        if total:
            _log.info("%s: deleted %d expired rows", connector.name, total)
