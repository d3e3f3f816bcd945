"""Plain `gunicorn` in this directory starts the same service as `gateway serve`."""

from gateway.serve.worker import gunicorn_settings
from gateway.settings import Settings

globals().update(gunicorn_settings(Settings.read()))
