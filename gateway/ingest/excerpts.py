"""Excerpts of values for messages and error lists, truncated if they are long."""

from collections.abc import Iterator

from gateway import strictjson
from gateway.printable import visible
from gateway.strictjson import Json

#: How many characters of a value a message shows.
SHOWN_CHARACTERS_MAX = 100


def shorten(value: Json) -> str:
    """Return a value for a message, truncated if it is long."""
    return _cut(
        f"'{visible(value[: SHOWN_CHARACTERS_MAX + 1])}'" if isinstance(value, str) else _beginning(value)
    )


def shown(value: Json) -> Json:
    """Return a value unchanged, or the beginning of its text if that is long."""
    if isinstance(value, str):
        return _cut(value)
    text = _beginning(value)
    return value if len(text) <= SHOWN_CHARACTERS_MAX else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[: SHOWN_CHARACTERS_MAX - 1]}…"


def _beginning(value: Json) -> str:
    """Return the JSON of a value, or a beginning of it that is longer than a message shows."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > SHOWN_CHARACTERS_MAX:
            break
    return text


def _pieces(value: Json) -> Iterator[str]:
    """Yield the JSON of a value in pieces; of a long string only the beginning."""
    if isinstance(value, dict):
        yield "{"
        for number, (name, child) in enumerate(value.items()):
            yield ("," if number else "") + next(_pieces(name)) + ":"
            yield from _pieces(child)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _pieces(item)
        yield "]"
    else:
        yield strictjson.write(
            value[: SHOWN_CHARACTERS_MAX + 1] if isinstance(value, str) else value
        ).decode()
