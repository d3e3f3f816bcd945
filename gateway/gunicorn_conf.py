"""gunicorn's settings as module variables, for a `gunicorn.conf.py`: `from gateway.gunicorn_conf import *`.

The import reads them from the environment. The name of this module is stable: a team's `gunicorn.conf.py` keeps
working when other modules of the package move.
"""

from gateway.gunicorn_settings import gunicorn_settings
from gateway.settings import Settings

globals().update(gunicorn_settings(Settings.read()))
