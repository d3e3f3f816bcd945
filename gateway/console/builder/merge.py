"""Two people change one file: the edits of the second are applied once more to what the first has saved."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.console.builder.controls import ABSENT
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Merged:
    """A tree with the edits of both.

    Attributes:
        model: The tree.
        conflicts: The places that both have changed, such as `fields.note.type`; those of the second person stay.
    """

    model: Json
    conflicts: tuple[str, ...] = ()


def merge(before: Json, wanted: Json, now: Json, renamed: Mapping[str, str]) -> Merged:
    """Apply the edits from `before` to `wanted` to another tree.

    Args:
        before: The tree of the file that the edits began with.
        wanted: The tree that they lead to.
        now: The tree of the file that was saved meanwhile.
        renamed: The former names of fields in `before`, by their names in `wanted`.
    """
    conflicts: list[str] = []
    model = _merge(_with_names(before, renamed), wanted, _with_names(now, renamed), (), conflicts)
    return Merged({} if model is ABSENT else model, tuple(conflicts))


def _with_names(model: Json, renamed: Mapping[str, str]) -> Json:
    """Rename the fields of a tree as the edits do, so that both edits of a field meet."""
    fields = model.get("fields") if isinstance(model, dict) else None
    if not isinstance(fields, dict):
        return model
    now = {was: name for name, was in renamed.items() if name not in fields}
    return {**model, "fields": {now.get(name, name): value for name, value in fields.items()}}


def _merge(before: Json, wanted: Json, now: Json, path: tuple[str, ...], conflicts: list[str]) -> Json:
    if is_same(wanted, before):
        return now
    if is_same(now, before) or is_same(now, wanted):
        return wanted
    trees = [_as_mapping(each, path) for each in (before, wanted, now)]
    if isinstance(trees[1], dict) and isinstance(trees[2], dict):
        former = trees[0] if isinstance(trees[0], dict) else {}
        keys = _order(former, trees[1], trees[2])
        merged = {
            key: _merge(
                former.get(key, ABSENT),
                trees[1].get(key, ABSENT),
                trees[2].get(key, ABSENT),
                (*path, key),
                conflicts,
            )
            for key in keys
        }
        return {key: value for key, value in merged.items() if value is not ABSENT}
    conflicts.append(".".join(path))
    return wanted


def _as_mapping(value: Json, path: tuple[str, ...]) -> Json:
    """Return the short form of a field as the mapping that it means."""
    is_field = len(path) == 2 and path[0] == "fields"
    return {"type": value} if is_field and isinstance(value, str) else value


def _order(before: Mapping[str, Json], wanted: Mapping[str, Json], now: Mapping[str, Json]) -> list[str]:
    """Order keys as the file has them now; as the edits have them, where they changed the order."""
    common = [key for key in before if key in wanted]
    is_moved = common != [key for key in wanted if key in before]
    first, second = (wanted, now) if is_moved else (now, wanted)
    keys = list(first)
    for key in second:
        if key not in keys:
            earlier = list(second)[: list(second).index(key)]
            keys.insert(max((keys.index(each) for each in earlier if each in keys), default=-1) + 1, key)
    return keys


def is_same(one: Json, other: Json) -> bool:
    """Return whether two trees are equal, with their keys in the same order; 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
