"""Reads the bytes of the tokens file; the arbiter does so before it starts the worker.

It stands apart from the parser of the file, which imports pyarrow: the arbiter imports neither that nor duckdb.
"""

from pathlib import Path

from gateway.connectors.finding import Finding, InvalidFileError
from gateway.errors import Code


def read_tokens_file(path: Path) -> bytes:
    """Return the bytes of the tokens file.

    Raises:
        Refused: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the tokens file cannot be read: {error.strerror}"
        finding = Finding(
            str(path),
            None,
            None,
            Code.FILE_UNREADABLE,
            message,
            "check the file that --tokens FILE or GATEWAY_TOKENS names",
        )
        raise InvalidFileError([finding]) from error
