"""Plain `gunicorn` in this directory starts the same service as `gateway serve`."""

from gateway.gunicorn_conf import *  # noqa: F403  # gunicorn reads the names of this module
