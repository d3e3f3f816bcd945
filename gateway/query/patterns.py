"""Patterns of `like` and `match`, checked before a database meets them."""

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Code, GatewayError

MAX_REGEX = 512


def like(text: str) -> str:
    r"""Read a pattern of LIKE: `*` is `%`, which needs no escape in a URL, and `\` takes the next as it is.

    Raises:
        GatewayError: Where it ends in a lone backslash.
    """
    if (len(text) - len(text.rstrip("\\"))) % 2:
        message = f"the pattern '{text[:200]}' ends in a backslash, which takes the next character as it is"
        raise GatewayError(Code.PATTERN_INVALID, message, hint="write \\\\ for a backslash")
    return text.replace("*", "%")


def regex(text: str) -> str:
    """Read a regular expression; Arrow has the engine that DuckDB has, RE2, and tells what is wrong with it.

    Raises:
        GatewayError: Where it is none.
    """
    if len(text) > MAX_REGEX:
        message = f"the regular expression has {len(text)} characters; at most {MAX_REGEX} are taken"
        raise GatewayError(Code.REGEX_INVALID, message)
    try:
        pc.match_substring_regex(pa.array([""]), text)
    except pa.ArrowInvalid as error:
        problem = str(error).removeprefix("Invalid regular expression: ")
        message = f"the regular expression '{text}' cannot be read: {problem}"
        hint = "close its brackets, and use no look-around and no back-reference"
        raise GatewayError(Code.REGEX_INVALID, message, hint=hint) from error
    return text
