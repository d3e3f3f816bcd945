"""`python -m tests.docs` writes the tables of the documentation and the published schema anew from the code.

`python -m tests.docs --sessions [PAGE ...]` also runs the console blocks and writes what they print.
"""

import sys
import tempfile
from pathlib import Path

from tests.docs import pages, sessions
from tests.docs.tables import PUBLISHED_SCHEMA, filled, published_schema


def _rewrite_sessions(names: list[str]) -> None:
    for path in pages.PATHS:
        if pages.has(path, "console") and (not names or path.stem in names):
            with tempfile.TemporaryDirectory() as name, sessions.gateway_for_pages(Path(name)) as own:
                path.write_text(sessions.rewritten(path, sessions.run(path, own)))


for path in pages.PATHS:
    path.write_text(filled(path.read_text()))
PUBLISHED_SCHEMA.write_text(published_schema())
if "--sessions" in sys.argv:
    _rewrite_sessions(sys.argv[2:])
