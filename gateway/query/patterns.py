"""Patterns of `like` and `match`, checked before a database meets them."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Code, GatewayError

MAX_REGEX = 512
#: How large a regular expression may become once its counted repetitions are written out. Its time grows with
#: that and with the text, and DuckDB cannot be interrupted before it is through with some thousand rows.
MAX_SIZE = 1024
_WILDCARD_SIZE = 8


def like(text: str) -> str:
    r"""Read a pattern of LIKE into a regular expression: `*` is `%`, and `\` takes the next as it is.

    Raises:
        GatewayError: Where it ends in a lone backslash.
    """
    if (len(text) - len(text.rstrip("\\"))) % 2:
        message = f"the pattern '{text[:200]}' ends in a backslash, which takes the next character as it is"
        raise GatewayError(Code.PATTERN_INVALID, message, hint="write \\\\ for a backslash")
    if text.count("_") > MAX_SIZE // _WILDCARD_SIZE:
        message = f"the pattern has {text.count('_')} times _; at most {MAX_SIZE // _WILDCARD_SIZE} are taken"
        raise GatewayError(Code.PATTERN_INVALID, message)
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
    if (size := _size(text)) > MAX_SIZE:
        message = f"the regular expression has a size of {size} once its repetitions are written out"
        raise GatewayError(Code.REGEX_INVALID, message, hint=f"at most {MAX_SIZE} is taken: repeat less")
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
    """Estimate how large a regular expression is once its counted repetitions are written out."""
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
    """Keep a regular expression from being run as LIKE, which DuckDB does where it finds nothing but `.*` in it.

    Its LIKE tries every way to share a text out among several wildcards, and cannot be interrupted in that;
    RE2 takes time in proportion to the text. An empty group changes nothing but that.
    """
    return regex if re.fullmatch(r"\^?[\w ]*\$?", regex) else f"{regex}()"


def _problem(regex: str) -> str | None:
    """Say what is wrong with a regular expression; Arrow has the engine that DuckDB has, RE2."""
    try:
        pc.match_substring_regex(pa.array([""]), regex)
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None
