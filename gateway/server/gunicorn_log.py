"""gunicorn's logger class: its records and those of the gateway go to one place, in one form."""

import logging
from typing import Any

from gunicorn import glogging

from gateway import logs
from gateway.server import gunicorn_private
from gateway.settings import Settings


class GunicornLogger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Formats the records of gunicorn and of all other loggers alike."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers; gunicorn calls this in the arbiter, and its worker inherits them."""
        super().setup(cfg)
        # PERF: no line shows a thread, process, or task, so no record looks them up.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        form = Settings.read().log
        self.error_log.handlers = [
            logs.BufferedHandler() if type(each) is logging.StreamHandler else each
            for each in self.error_log.handlers
        ]
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(form or logs.format_for(handler)))
            gunicorn_private.mark_handler(handler)
        for name, level in ((None, logging.WARNING), ("gateway", self.error_log.level)):
            logger = logging.getLogger(name)
            logger.handlers = list(self.error_log.handlers)
            logger.propagate = False
            logger.setLevel(level)
        logging.captureWarnings(capture=True)

    def _compute_access_log_enabled(self) -> bool:
        # Its lines would hold query strings, and so values; `server/access_log.py` writes the access log.
        return False
