"""The names that connectors and tokens may have."""

import re

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TOKEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
