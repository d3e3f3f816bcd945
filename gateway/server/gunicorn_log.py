"""gunicorn's logger class: its records and those of the gateway go to one place, in one form."""

import logging
from typing import Any

from gunicorn import glogging

from gateway import logs
from gateway.settings import Settings


class GunicornLogger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, and that of everything else in the process, in one form."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers; gunicorn calls it in the arbiter, whose workers inherit them."""
        super().setup(cfg)
        # No line tells which thread, process or task it is from, so no record has to find that out.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        form = Settings.read().log
        self.error_log.handlers = [
            logs.BufferedHandler() if type(each) is logging.StreamHandler else each
            for each in self.error_log.handlers
        ]
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(form or logs.format_for(handler)))
            handler._gunicorn = True  # noqa: SLF001  # It is replaced when this is done again.
        for name, level in ((None, logging.WARNING), ("gateway", self.error_log.level)):
            logger = logging.getLogger(name)
            logger.handlers = list(self.error_log.handlers)
            logger.propagate = False
            logger.setLevel(level)
        logging.captureWarnings(capture=True)

    def _compute_access_log_enabled(self) -> bool:
        # It would hold query strings, which hold values; `serve/edge.py` writes the access log.
        return False
