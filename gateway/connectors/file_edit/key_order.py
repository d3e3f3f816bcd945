"""The order of keys: that of the tables for known keys, and that of the wanted values for all others."""

from collections.abc import Iterable, Mapping, Sequence

from gateway.connectors.connector_file import ACCESS_KEYS, CONNECTOR_KEYS
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.file_edit.same_value import is_same
from gateway.connectors.policy_keys import LIMIT_KEYS, RETENTION_KEYS
from gateway.strictjson import Json

#: Where a value stands in the tree: keys, and indices of lists.
Path = tuple[str | int, ...]

_TABLES: Mapping[Path, Mapping[str, str]] = {
    (): CONNECTOR_KEYS,
    ("access",): ACCESS_KEYS,
    ("retention",): RETENTION_KEYS,
    ("limits",): LIMIT_KEYS,
}
#: Descriptions and examples are long, so that they stand behind the rules.
_LONG = ("description", "examples")
_RULES = tuple(key for key in FIELD_KEYS if key not in _LONG)
_FIELD_KEYS = (*_RULES[: _RULES.index("backfill")], *_LONG, *_RULES[_RULES.index("backfill") :])


def known_keys(path: Path) -> tuple[str, ...]:
    """Return the known keys of the map at a path, in their order; none where the order of keys is the user's."""
    if len(path) == 2 and path[0] == "fields":
        return _FIELD_KEYS
    return tuple(_TABLES.get(path, ()))


def in_order(keys: Iterable[str], path: Path) -> list[str]:
    """Return keys in the order of the map at a path."""
    known = known_keys(path)
    return sorted(keys, key=lambda key: known.index(key) if key in known else len(known))


def merge(old: Sequence[str], wanted: Sequence[str], path: Path) -> list[str]:
    """Return the wanted keys in the order that they have in the file.

    Where the order is the user's, it is that of `wanted`. Elsewhere present keys stay where they are, and a new key
    stands behind the nearest key that comes before it in the table.
    """
    known = known_keys(path)
    if not known:
        return list(wanted)
    merged = [key for key in old if key in wanted]
    for key in in_order((key for key in wanted if key not in old), path):
        merged.insert(_place(key, merged, known), key)
    return merged


def _place(key: str, merged: Sequence[str], known: Sequence[str]) -> int:
    if key not in known:
        return len(merged)
    before = [each for each in known[: known.index(key)] if each in merged]
    return merged.index(before[-1]) + 1 if before else 0


def is_same_at(path: Path, one: Json, other: Json) -> bool:
    """Return whether two normalized values are the same at a place of the tree; known keys may have any order."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys() or (not known_keys(path) and list(one) != list(other)):
            return False
        return all(is_same_at((*path, key), item, other[key]) for key, item in one.items())
    return is_same(one, other)
