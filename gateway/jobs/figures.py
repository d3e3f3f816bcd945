"""Stores the figures of each hour, once a minute and when the gateway stops."""

import logging
import time
from datetime import UTC, datetime, timedelta

from gateway.errors import GatewayError, trace
from gateway.ingest.writer import Writer
from gateway.instants import utc
from gateway.jobs.periodic_thread import PeriodicThread
from gateway.server.minute_figures import MinuteFigures
from gateway.store.activity import HourlyFigures

_log = logging.getLogger(__name__)

#: How long the figures of an hour are kept.
KEPT_DAYS = 400


class FiguresJob:
    """A thread that makes the writer store figures. Any other thread may call `stop`."""

    def __init__(self, writer: Writer, figures: MinuteFigures) -> None:
        """Start the thread."""
        self._writer = writer
        self._figures = figures
        self._thread = PeriodicThread("figures", self._run, lambda: 60 - time.time() % 60)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and store what is left; the writer must still accept calls."""
        self._thread.stop()
        self._store()

    def _run(self) -> None:
        self._figures.roll()
        self._store()

    def _store(self) -> None:
        """Store the figures that are new; those that cannot be stored are tried again a minute later."""
        taken = self._figures.begin_storing()
        if not taken:
            return
        hours = [HourlyFigures(name, utc(hour), figures) for (name, hour), figures in taken.items()]
        forget_before = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
        try:
            self._writer.run(lambda store: store.add_figures(hours, forget_before)).result()
        except Exception as error:  # noqa: BLE001  # figures never stop the gateway
            self._figures.end_storing(is_stored=False)
            code = error.code.code if isinstance(error, GatewayError) else trace(error)
            _log.warning("the figures could not be stored, and are tried again in a minute: %s", code)
        else:
            self._figures.end_storing(is_stored=True)
