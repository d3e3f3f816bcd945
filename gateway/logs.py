"""Log records to lines: one JSON object each, for machines, or text for a terminal.

Whatever a record holds, it stays one line (in text: one line and indented ones), and no more of an exception is shown
than its types and places: its message may hold row values.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from gateway.errors import trace
from gateway.exchange import current

FORMS = ("json", "text")

#: What a record may carry beside its message, as `extra={FIELDS: {…}}`.
FIELDS = "fields"


def formatter(form: str) -> logging.Formatter:
    """Give what writes records in one of `FORMS`."""
    return _Text() if form == "text" else _JsonLines()


def _values(record: logging.LogRecord) -> dict[str, Any]:
    values: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if record.exc_info and record.exc_info[1]:
        values["exception"] = trace(record.exc_info[1])
    if exchange := current.get():
        values["request_id"] = exchange.request_id
        values["traceparent"] = exchange.traceparent
    return values | getattr(record, FIELDS, {})


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # All but ASCII is escaped: no control character of any terminal, and no half of a surrogate pair from a
        # file's name, is ever written. The bodies' own writer does not do that.
        values = {name: value for name, value in _values(record).items() if value is not None}
        return json.dumps(values, ensure_ascii=True, separators=(",", ":"), default=str).replace(
            "\x7f", "\\u007f"
        )


class _Text(logging.Formatter):
    """`2026-11-23T08:30:00.123Z warning gateway.serve.access: the message name=value`, with ids last."""

    def format(self, record: logging.LogRecord) -> str:
        values = _values(record)
        head = [values.pop(name) for name in ("time", "level", "logger", "message")]
        exception = values.pop("exception", None)
        rest = "".join(f" {name}={value}" for name, value in values.items() if value is not None)
        text = "{} {} {}: {}".format(*head) + rest + (f"\n{exception}" if exception else "")
        return "\n    ".join(_printable(line) for line in text.split("\n"))


def _printable(text: str) -> str:
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
