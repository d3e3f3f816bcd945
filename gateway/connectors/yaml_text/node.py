"""A YAML value and its place in the file."""

from typing import NamedTuple

from gateway.strictjson import Json


class Node(NamedTuple):
    """A YAML value and where it stands.

    `value` is a dict of key to Node, a list of Node, or a str, int, Decimal, bool or None;
    `keys` holds, for a dict, where each key stands.

    `start` and `end` are indices of the decoded text.
    A block collection has the end of its last item, because the parsers' own end is behind the comments that follow.
    """

    value: Json
    line: int
    column: int
    keys: "dict[str, Node] | None" = None
    start: int = 0
    end: int = 0

    def plain(self) -> Json:
        """Return the value without its places, as JSON."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value
