"""Two people change one file: the edits of the second are applied once more to what the first has saved."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.console.builder.controls import ABSENT
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Merged:
    """A tree with the edits of both.

    Attributes:
        model: The tree.
        conflicts: The places that both have changed, such as `fields.note.type`; those of the second person stay.
        renamed: The names of fields in the tree that was saved, by their names in this one, where they differ.
    """

    model: Json
    conflicts: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


def merge(before: Json, wanted: Json, now: Json, renamed: Mapping[str, str]) -> Merged:
    """Apply the edits from `before` to `wanted` to another tree.

    Args:
        before: The tree of the file that the edits began with.
        wanted: The tree that they lead to.
        now: The tree of the file that was saved meanwhile.
        renamed: The former names of fields in `before`, by their names in `wanted`.
    """
    own = _renames(before, wanted) | {was: name for name, was in renamed.items()}
    taken = _fields(wanted)
    theirs = {was: name for was, name in _renames(before, now).items() if was in own or name not in taken}
    final = theirs | own
    present = {theirs.get(was, was): name for was, name in final.items()}
    conflicts = list(_rename_conflicts(own, theirs, _fields(before), _fields(now)))
    kept = {was: name for was, name in final.items() if theirs.get(was, was) in _fields(now)}
    model = _merge(
        _with_names(_without(before, own.keys() - kept.keys()), kept),
        _with_names(wanted, {was: name for was, name in theirs.items() if was not in own}),
        _with_names(now, present),
        (),
        conflicts,
    )
    moved = {name: was for was, name in present.items() if was != name and was in _fields(now)}
    return Merged({} if model is ABSENT else model, tuple(conflicts), moved)


def _fields(model: Json) -> Mapping[str, Json]:
    fields = model.get("fields") if isinstance(model, dict) else None
    return fields if isinstance(fields, dict) else {}


def _renames(before: Json, after: Json) -> dict[str, str]:
    """Return the new names of fields whose `renamed_from` tells their former one."""
    old, new = _fields(before), _fields(after)
    former = {name: value.get("renamed_from") for name, value in new.items() if isinstance(value, dict)}
    return {
        was: name
        for name, was in former.items()
        if name not in old and isinstance(was, str) and was in old and was not in new
    }


def _rename_conflicts(
    own: Mapping[str, str], theirs: Mapping[str, str], old: Mapping[str, Json], now: Mapping[str, Json]
) -> Iterator[str]:
    """Yield the fields that both renamed, or that one renamed and the other deleted, or whose new name both use."""
    for was, name in own.items():
        there = theirs.get(was, was)
        if there not in now or there not in (was, name):
            yield f"fields.{was}"
        elif name in now and name not in (there, *own) and not is_same(now[name], old.get(name, ABSENT)):
            yield f"fields.{name}"


def _without(model: Json, names: Collection[str]) -> Json:
    """Leave fields out of a tree."""
    if not names or not isinstance(model, dict):
        return model
    return {**model, "fields": {name: each for name, each in _fields(model).items() if name not in names}}


def _with_names(model: Json, names: Mapping[str, str]) -> Json:
    """Rename fields of a tree, so that both edits of a field meet; a renamed one replaces another of its name."""
    fields = _fields(model)
    if not fields or not isinstance(model, dict):
        return model
    taken = {name for was, name in names.items() if was in fields}
    named = {
        names.get(name, name): value for name, value in fields.items() if name in names or name not in taken
    }
    return {**model, "fields": named}


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
