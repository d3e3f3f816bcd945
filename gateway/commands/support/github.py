"""Workflow commands of GitHub, which annotate lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def annotation(level: str, path: str, text: str, *, line: int | None, column: int | None, title: str) -> str:
    """Format an annotation; `level` is `error`, `warning`, or `notice`."""
    place = f"file={_property(path)}"
    place += "" if line is None else f",line={line}"
    place += "" if column is None else f",col={column}"
    return f"::{level} {place},title={_property(title)}::{_data(text)}"


def finding_annotation(directory: Path | None, body: Mapping[str, Any]) -> str:
    """Format a finding in its JSON form. Without a directory, the finding names its own path."""
    text = body["message"] + (f" ({body['hint']})" if body["hint"] else "")
    path = f"{directory}/{body['file']}" if directory else str(body["file"])
    place = {"line": body["line"], "column": body["column"]}
    return annotation(body["level"], path, text, title=body["code"], **place)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
