"""The text of values that no text stands for yet: whole files, keys, and items."""

from typing import NamedTuple

from gateway.connectors.file_edit.block_text import write_block
from gateway.connectors.file_edit.key_order import Path, in_order
from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.connectors.file_edit.same_value import normalize
from gateway.connectors.file_edit.scalar_text import write_key, write_scalar
from gateway.strictjson import Json


class TextStyle(NamedTuple):
    """The style that a file is written in.

    Attributes:
        newline: Its line break.
        step: By how many blanks a block is indented below its key.
        is_block: Fields with rules have a line for each key, instead of one line with braces.
        is_json: Keys and text have double quotes, as JSON has.
        has_block_text: Text of several lines is a block scalar.
    """

    newline: str = "\n"
    step: int = 2
    is_block: bool = False
    is_json: bool = False
    has_block_text: bool = True


def write_new(wanted: Json) -> bytes:
    """Write a new connector file.

    Raises:
        EditRefusedError: A value has no spelling in YAML.
    """
    return write_file(normalize(wanted), TextStyle()).encode()


def write_file(wanted: Json, style: TextStyle) -> str:
    """Write a new connector file in a style."""
    if not isinstance(wanted, dict):
        raise EditRefusedError("a connector file is a map of keys")
    lines = [write_entry(key, wanted[key], (), 0, style) for key in in_order(wanted, ())]
    return "".join(line + style.newline for line in lines or ["{}"])


def write_entry(key: str, value: Json, path: Path, indent: int, style: TextStyle, gap: str = " ") -> str:
    """Write a key with its value, without the indentation of its first line and without the last line break.

    Args:
        key: The key.
        value: Its value.
        path: The path of the map that has the key.
        indent: The indentation of the key.
        style: The style of the file.
        gap: The blanks behind the colon of a value in the line of its key.
    """
    return f"{write_key(key)}:{write_value(value, (*path, key), indent, style, gap)}"


def write_value(
    value: Json, path: Path, indent: int, style: TextStyle, gap: str = " ", behind: str = ""
) -> str:
    """Write the text behind the colon of a key, with a comment `behind` it in its first line."""
    if isinstance(value, dict) and value and _is_block(path, style):
        inner = indent + style.step
        lines = (
            " " * inner + write_entry(key, value[key], path, inner, style) for key in in_order(value, path)
        )
        return style.newline.join([behind, *lines])
    block = None
    if isinstance(value, str) and "\n" in value and style.has_block_text:
        block = write_block(value, indent + style.step, style.newline)
    if block:
        header, _, rest = block.partition(style.newline)
        return f"{gap}{header}{behind}{style.newline}{rest}"
    return f"{gap}{write_inline(value, path, style)}{behind}"


def _is_block(path: Path, style: TextStyle) -> bool:
    """Return whether a map has a line for each of its keys."""
    return path == ("fields",) or (style.is_block and len(path) == 2 and path[0] == "fields")


def write_inline(value: Json, path: Path, style: TextStyle, *, in_brackets: bool = False) -> str:
    """Write a value in one line."""
    if isinstance(value, dict):
        pairs = (write_pair(key, value[key], path, style) for key in in_order(value, path))
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        items = (write_inline(item, (*path, 0), style, in_brackets=True) for item in value)
        return "[" + ", ".join(items) + "]"
    return write_scalar(value, in_brackets=in_brackets, is_json=style.is_json)


def write_pair(key: str, value: Json, path: Path, style: TextStyle) -> str:
    """Write a key with its value inside braces."""
    written = write_inline(value, (*path, key), style, in_brackets=True)
    return f"{write_key(key, is_json=style.is_json)}: {written}"
