"""gunicorn's settings as module variables, for a `gunicorn.conf.py`: `from gateway.gunicorn_conf import *`.

They follow from the environment as it is when this is imported. A `gunicorn.conf.py` that a team has keeps working
whatever else moves in the package.
"""

from gateway.gunicorn_settings import gunicorn_settings
from gateway.settings import Settings

globals().update(gunicorn_settings(Settings.read()))
