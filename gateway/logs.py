"""Log records to lines: one JSON object each, for machines, or text for a terminal.

Whatever a record holds, it stays one line (in text: one line and indented ones), and no more of an exception is shown
than its types and places: its message may hold row values.
"""

import asyncio
import contextlib
import functools
import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from gateway.errors import trace
from gateway.request_context import current

FORMATS = ("json", "text")

#: The name of what logs every request.
ACCESS = "gateway.access"
#: What a record may carry beside its message, as its attribute `fields`; None is left out.
Fields = Mapping[str, str | int | float | None]

#: What a record has that tells no place in the code, thread or process, as no line does.
_BLANK = {
    **vars(logging.LogRecord(ACCESS, logging.INFO, "", 0, "", None, None)),
    **dict.fromkeys(("process", "processName", "thread", "threadName")),
}
_access = logging.getLogger(ACCESS)


class _Access(logging.LogRecord):
    """A record of the access log, made without what `logging.LogRecord` finds out for each."""

    def __init__(self, message: str, fields: Fields) -> None:
        created = time.time()
        self.__dict__.update(_BLANK, msg=message, created=created, msecs=created % 1 * 1000, fields=fields)


def log_access(message: str, fields: Fields) -> None:
    """Log what became of a request."""
    # Not by `info`, which first looks for the line of code that calls it.
    if _access.isEnabledFor(logging.INFO):
        _access.handle(_Access(message, fields))


class BufferedHandler(logging.StreamHandler[TextIO]):
    """Writes records to stderr: the access log's, of which there may be many, all at once of a turn of the event loop.

    A line is as safe as the answer before it was: what is logged otherwise is written at once, and after them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or keep it for the end of the turn; the lock is held."""
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
        """Write what waits."""
        with self.lock or contextlib.nullcontext():
            self._write()
            super().flush()

    def _write(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        if text:
            self.stream.write(text)


def formatter(form: str) -> logging.Formatter:
    """Give what writes records in one of `FORMATS`."""
    return _Text() if form == "text" else _JsonLines()


def format_for(handler: logging.Handler) -> str:
    """Return the form of `FORMATS` for who reads a log: a person at a terminal, or a program."""
    return "text" if isinstance(handler, logging.StreamHandler) and handler.stream.isatty() else "json"


def _values(record: logging.LogRecord) -> dict[str, Any]:
    """Give what there is to say, in its order; None is left out."""
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


@functools.lru_cache(8)  # Most lines are of the second that the line before was of.
def _second(of: int) -> str:
    return datetime.fromtimestamp(of, UTC).isoformat()[:-6]


_encode = msgspec.json.Encoder(enc_hook=str).encode
_encode_in_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=str).encode


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # All but ASCII is escaped: no control character of any terminal, and no half of a surrogate pair from a
        # file's name, is ever written. The bodies' own writer does not do that, but nearly all lines need none of it,
        # and it takes an eighth of the time.
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
