"""Patterns of `like` and `match`, checked before a database meets them."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Code, GatewayError

MAX_REGEX = 512


def like(text: str) -> str:
    r"""Read a pattern of LIKE into a regular expression: `*` is `%`, and `\` takes the next as it is.

    Raises:
        GatewayError: Where it ends in a lone backslash.
    """
    if (len(text) - len(text.rstrip("\\"))) % 2:
        message = f"the pattern '{text[:200]}' ends in a backslash, which takes the next character as it is"
        raise GatewayError(Code.PATTERN_INVALID, message, hint="write \\\\ for a backslash")
    parts = [_WILDCARDS.get(part) or _escape(part.removeprefix("\\")) for part in _LIKE.findall(text)]
    # An end that may be anything is left open, which is faster than to match it.
    begun, ended = parts[:1] == [_ANYTHING], parts[-1:] == [_ANYTHING]
    middle = "".join(parts[begun : len(parts) - ended if len(parts) > begun else None])
    regex = f"{'' if begun else '^'}{middle}{'' if ended else '$'}"
    regex = _for_re2(regex)
    if _problem(regex):
        message = f"the pattern of {len(text)} characters is too large"
        raise GatewayError(Code.PATTERN_INVALID, message, hint="write a shorter one")
    return regex


_LIKE = re.compile(r"\\?.", re.DOTALL)
_ANYTHING = ".*"
_WILDCARDS = {"*": _ANYTHING, "%": _ANYTHING, "_": "."}


def _escape(mark: str) -> str:
    return f"\\{mark}" if mark.isascii() and not mark.isalnum() and mark.isprintable() else mark


def regex(text: str) -> str:
    """Read a regular expression.

    Raises:
        GatewayError: Where it is none.
    """
    if len(text) > MAX_REGEX:
        message = f"the regular expression has {len(text)} characters; at most {MAX_REGEX} are taken"
        raise GatewayError(Code.REGEX_INVALID, message)
    if problem := _problem(text):
        message = f"the regular expression '{text}' cannot be read: {problem}"
        hint = "close its brackets, and use no look-around and no back-reference"
        raise GatewayError(Code.REGEX_INVALID, message, hint=hint)
    return _for_re2(text)


def _for_re2(regex: str) -> str:
    """Keep a regular expression from being run as LIKE, which DuckDB does where it finds nothing but `.*` in it.

    Its LIKE tries every way to share a text out among several wildcards, and cannot be interrupted in that;
    RE2 takes linear time. An empty group changes nothing but that.
    """
    return regex if re.fullmatch(r"\^?[\w ]*\$?", regex) else f"{regex}()"


def _problem(regex: str) -> str | None:
    """Say what is wrong with a regular expression; Arrow has the engine that DuckDB has, RE2."""
    try:
        pc.match_substring_regex(pa.array([""]), regex)
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None
