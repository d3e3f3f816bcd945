"""The text of the tokens file, or the one sentence that says why it cannot be read.

The arbiter imports this by way of the worker class, so nothing here may lead to duckdb.
"""

from pathlib import Path

from gateway.connectors.finding import Finding, InvalidFileError
from gateway.errors import Code


def read_tokens_file(path: Path) -> bytes:
    """Return the text of the tokens file.

    Raises:
        Refused: Where it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the tokens file cannot be read: {error.strerror}"
        finding = Finding(str(path), None, None, Code.FILE_UNREADABLE, message, "say --tokens FILE")
        raise InvalidFileError([finding]) from error
