"""The private names of gunicorn 27.0 that the server sets, in one place; `tests/server/test_server.py` holds them to exist."""

import logging

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.protocol import ASGIProtocol

_PARSER = "_h1c_protocol_class"
_FIND_PARSER = "_check_h1c_protocol_available"
_OWN_HANDLER = "_gunicorn"
_WORKERS = "_num_workers"


def use_parser(parser: type) -> None:
    """Use a class as the parser of requests on every connection of this process.

    gunicorn's own search stores its result in the class it is called on, and reads the result in `ASGIProtocol` only.
    """
    getattr(ASGIProtocol, _FIND_PARSER)()
    setattr(ASGIProtocol, _PARSER, parser)


def mark_handler(handler: logging.Handler) -> None:
    """Mark a log handler as one of gunicorn's, which it replaces when it sets up logging again."""
    setattr(handler, _OWN_HANDLER, True)


def keep_one_worker(arbiter: Arbiter) -> None:
    """Set the number of workers back to 1; gunicorn has no other way to reject a second one."""
    setattr(arbiter, _WORKERS, 1)
