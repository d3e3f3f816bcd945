"""Drafts a connector file in a process of its own: `python -m gateway.uploads.draft_process`.

A draft takes seconds of a processor, and its file may be hostile. Here it neither holds the lock of the interpreter that
requests need, nor takes more memory than its limit. The request is JSON on the standard input, and so is the answer.
"""

import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from gateway.uploads.file_draft import draft_of
from gateway.uploads.reading import ReadingLimits, RowsFileError
from gateway.uploads.upload import UploadedFile

#: Memory of the process beside what its libraries have.
MEMORY_BYTES_MAX = 2**30
#: Requests come first.
_NICENESS = 10


def answer(request: bytes) -> dict[str, Any]:
    """Return the draft that a request asks for, or why there is none."""
    given = msgspec.json.decode(request)
    upload = UploadedFile.from_json(given["upload"])
    try:
        draft = draft_of(upload, Path(given["path"]), ReadingLimits(**given["limits"]))
    except RowsFileError as error:
        return {"message": error.message, "option": error.option}
    except MemoryError:
        return {"message": f"{upload.file} takes too much memory to read", "option": None}
    return {"draft": asdict(draft)}


def main() -> None:
    """Answer one request."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    sys.stdout.buffer.write(msgspec.json.encode(answer(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
