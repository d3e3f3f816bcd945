"""Patterns of `like` and `match`, checked before the database gets them."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Code, GatewayError

MAX_REGEX = 512
#: The largest size of a regular expression with its counted repetitions expanded. Its time grows with this size and
#: with the text, and DuckDB cannot be interrupted within some thousand rows.
MAX_SIZE = 1024
_WILDCARD_SIZE = 8


def like(text: str) -> str:
    r"""Return the regular expression of a LIKE pattern: `*` is `%`, and `\` escapes the next character.

    Raises:
        GatewayError: The pattern ends in a single backslash, or is too large.
    """
    if (len(text) - len(text.rstrip("\\"))) % 2:
        message = f"the pattern '{text[:200]}' ends in a backslash, which takes the next character as it is"
        raise GatewayError(Code.PATTERN_INVALID, message, hint="write \\\\ for a backslash")
    if text.count("_") > MAX_SIZE // _WILDCARD_SIZE:
        message = (
            f"the pattern has {text.count('_')} times _; at most {MAX_SIZE // _WILDCARD_SIZE} are allowed"
        )
        raise GatewayError(Code.PATTERN_INVALID, message)
    parts = [_WILDCARDS.get(part) or _escape(part.removeprefix("\\")) for part in _LIKE.findall(text)]
    # PERF: an end that matches anything is left open, which is faster than matching it.
    is_open_start, is_open_end = parts[:1] == [_ANYTHING], parts[-1:] == [_ANYTHING]
    middle = "".join(parts[is_open_start : len(parts) - is_open_end if len(parts) > is_open_start else None])
    regex = f"{'' if is_open_start else '^'}{middle}{'' if is_open_end else '$'}"
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
    """Return a regular expression for DuckDB.

    Raises:
        GatewayError: It is invalid, or too large.
    """
    if len(text) > MAX_REGEX:
        message = f"the regular expression has {len(text)} characters; at most {MAX_REGEX} are allowed"
        raise GatewayError(Code.REGEX_INVALID, message)
    if (size := _size(text)) > MAX_SIZE:
        message = f"the regular expression has a size of {size} once its repetitions are written out"
        raise GatewayError(Code.REGEX_INVALID, message, hint=f"repeat less; at most {MAX_SIZE} is allowed")
    if problem := _problem(text):
        message = f"the regular expression '{text}' cannot be read: {problem}"
        hint = "close its brackets, and use no look-around and no back-reference"
        raise GatewayError(Code.REGEX_INVALID, message, hint=hint)
    return _for_re2(text)


_ATOM = re.compile(
    r"(?P<open>\(\??[^()]?:?)|(?P<close>\))|(?P<repeat>\{(?P<least>[0-9]{1,9})(?:,(?P<most>[0-9]{0,9}))?\})"
    r"|(?P<wildcard>\.|\\[dDsSwWpP]|\[\^?\]?(?:\\.|[^\]])*\])|\\.|.",
    re.DOTALL,
)


def _size(regex: str) -> int:
    """Return the estimated size of a regular expression with its counted repetitions expanded."""
    groups = [0]
    last = 0
    for found in _ATOM.finditer(regex):
        if found["open"]:
            groups.append(0)
            last = 0
        elif found["close"]:
            last = groups.pop() if len(groups) > 1 else 0
            groups[-1] += last
        elif found["repeat"]:
            times = max(int(found["least"]), int(found["most"] or 0), 1)
            groups[-1] += last * (times - 1)
            last *= times
        else:
            last = _WILDCARD_SIZE if found["wildcard"] else 1
            groups[-1] += last
    return sum(groups)


def _for_re2(regex: str) -> str:
    """Return a regular expression that DuckDB does not run as LIKE, as it does if only `.*` is special in it.

    Its LIKE tries every way to divide a text between several wildcards, and cannot be interrupted. RE2 takes time in
    proportion to the text. An empty group prevents LIKE, and changes nothing else.
    """
    return regex if re.fullmatch(r"\^?[\w ]*\$?", regex) else f"{regex}()"


def _problem(regex: str) -> str | None:
    """Return the error of a regular expression, or None. Arrow has the same engine as DuckDB, RE2."""
    try:
        pc.match_substring_regex(pa.array([""]), regex)
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None
