"""Log records as lines: one JSON object each for programs, or text for a terminal.

Each record stays one line, in text with indented lines below it. Of an exception only types and places are logged,
because its message may hold row values.
"""

import asyncio
import contextlib
import functools
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from gateway.errors import trace
from gateway.request_context import current

#: The name of the logger of requests.
ACCESS = "gateway.access"
#: Values beside the message of a record, as its attribute `fields`; None is left out.
Fields = Mapping[str, str | int | float | None]


class BufferedHandler(logging.StreamHandler[TextIO]):
    """Writes records to stderr; the records of the access log together, once per iteration of the event loop.

    A record of another logger is written immediately, after the access records that wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or buffer it until the end of the iteration; the lock is held."""
        if record.name != ACCESS:
            self._write()
            super().emit(record)
            return
        self._waiting.append(self.format(record) + self.terminator)
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self._write()

    def flush(self) -> None:
        """Write the buffered records."""
        with self.lock or contextlib.nullcontext():
            self._write()
            super().flush()

    def _write(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        if text:
            self.stream.write(text)


def formatter(form: str) -> logging.Formatter:
    """Return the formatter of one of `LOG_FORMATS`."""
    return _Text() if form == "text" else _JsonLines()


def format_for(handler: logging.Handler) -> str:
    """Return the format of `LOG_FORMATS` for a handler: text at a terminal, else JSON."""
    return "text" if isinstance(handler, logging.StreamHandler) and handler.stream.isatty() else "json"


def _values(record: logging.LogRecord) -> dict[str, Any]:
    """Return the values of a record in order, without None."""
    second, millisecond = divmod(int(record.created * 1000), 1000)
    values: dict[str, Any] = {
        "time": f"{_second(second)}.{millisecond:03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if record.exc_info and record.exc_info[1]:
        values["exception"] = trace(record.exc_info[1])
    if context := current.get(None):
        values["request_id"] = context.request_id
        if context.traceparent is not None:
            values["traceparent"] = context.traceparent
    fields: Fields = getattr(record, "fields", {})
    for name, value in fields.items():
        if value is not None:
            values[name] = value  # noqa: PERF403  # a comprehension would be another call
    return values


@functools.lru_cache(8)  # Most records have the second of the record before.
def _second(of: int) -> str:
    return datetime.fromtimestamp(of, UTC).isoformat()[:-6]


_encode = msgspec.json.Encoder(enc_hook=str).encode
_encode_in_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # All but ASCII is escaped, so that no control character, and no half of a surrogate pair, is written.
        # PERF: msgspec does not escape, but takes an eighth of the time, and nearly all lines need no escape.
        values = _values(record)
        try:
            line = _encode(values)
        except UnicodeEncodeError:
            line = b"\x7f"
        if line.isascii() and b"\x7f" not in line:
            return line.decode("ascii")
        return _encode_in_ascii(values).replace("\x7f", "\\u007f")


class _Text(logging.Formatter):
    """`2026-11-23T08:30:00.123Z warning gateway.auth.credentials: the message name=value`, with ids last."""

    def format(self, record: logging.LogRecord) -> str:
        values = _values(record)
        head = [values.pop(name) for name in ("time", "level", "logger", "message")]
        exception = values.pop("exception", None)
        rest = "".join(f" {name}={value}" for name, value in values.items())
        text = "{} {} {}: {}".format(*head) + rest + (f"\n{exception}" if exception else "")
        return "\n    ".join(_printable(line) for line in text.split("\n"))


def _printable(text: str) -> str:
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
