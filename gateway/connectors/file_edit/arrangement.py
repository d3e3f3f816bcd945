"""The arrangement of old keys or items in the order of the wanted ones."""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.connectors.file_edit.key_order import Path, merge
from gateway.strictjson import Json


class Slot(NamedTuple):
    """A wanted key or item.

    Attributes:
        old: The index of the old one that it is, None if it is new.
        value: The wanted value.
        key: The wanted key of a map.
        stays: Whether the old one stays in its place.
    """

    old: int | None
    value: Json
    key: str = ""
    stays: bool = False


class Step(NamedTuple):
    """The next part of the new text: the text before an old unit, or a unit."""

    free: int | None = None
    slot: Slot | None = None


def arrange_keys(
    old: Sequence[str], wanted: Mapping[str, Json], path: Path, renamed: Mapping[str, str]
) -> list[Slot]:
    """Order the keys of a map as the new text has them."""
    indices = {key: place for place, key in enumerate(old)}
    names: dict[str, str] = {}
    for key in sorted(wanted, key=lambda key: key not in renamed):  # A new name comes before one that stays.
        if (former := renamed.get(key, key)) in indices:
            names.setdefault(former, key)
    sources = {key: indices[former] for former, key in names.items()}
    order = merge([names[key] for key in old if key in names], list(wanted), path)
    return _with_stays([Slot(sources.get(key), wanted[key], key) for key in order])


def arrange_items(old: Sequence[Json], wanted: Sequence[Json]) -> list[Slot]:
    """Match the items of a list; an item that is like none of the old is put in the place of one that is gone."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for place, item in enumerate(old):
        places[repr(item)].append(place)
    matched = [places[repr(item)].popleft() if places[repr(item)] else None for item in wanted]
    slots = _with_stays([Slot(place, item) for place, item in zip(matched, wanted, strict=True)])
    unused = sorted(set(range(len(old))) - {place for place in matched if place is not None})
    return _with_replaced(slots, unused, old)


def _with_replaced(slots: list[Slot], unused: list[int], old: Sequence[Json]) -> list[Slot]:
    """Put new items in the places of unused old ones of their kind between the same neighbors."""
    limits = [len(old)] * len(slots)
    for place in range(len(slots) - 2, -1, -1):
        following = slots[place + 1]
        limits[place] = following.old if following.stays and following.old is not None else limits[place + 1]
    replaced: list[Slot] = []
    free = deque(unused)
    for slot, limit in zip(slots, limits, strict=True):
        if slot.stays and slot.old is not None:
            while free and free[0] < slot.old:
                free.popleft()
        elif slot.old is None and free and free[0] < limit:
            found = next(
                (each for each in free if each < limit and _kind(old[each]) is _kind(slot.value)), None
            )
            if found is not None:
                while free.popleft() != found:
                    pass
                replaced.append(slot._replace(old=found, stays=True))
                continue
        replaced.append(slot)
    return replaced


def _kind(value: Json) -> type:
    return type(value) if isinstance(value, dict | list) else str


def _with_stays(slots: list[Slot]) -> list[Slot]:
    """Mark the most slots that can stay: the longest increasing subsequence of their old places."""
    ends: list[int] = []
    last: list[int] = []
    before: dict[int, int | None] = {}
    for place, slot in enumerate(slots):
        if slot.old is not None:
            length = bisect_left(ends, slot.old)
            ends[length:] = [slot.old, *ends[length + 1 :]]
            last[length:] = [place, *last[length + 1 :]]
            before[place] = last[length - 1] if length else None
    staying: set[int] = set()
    place_: int | None = last[-1] if last else None
    while place_ is not None:
        staying.add(place_)
        place_ = before[place_]
    return [slot._replace(stays=place in staying) for place, slot in enumerate(slots)]


def is_in_place(slots: Sequence[Slot], count: int) -> bool:
    """Return whether the old units all stay, and nothing is new."""
    return [slot.old for slot in slots] == list(range(count))


def walk(slots: Sequence[Slot], count: int) -> Iterator[Step]:
    """Yield the new text in order; the text before an old unit stays where it is, also if the unit is gone."""
    free = 1
    for slot in slots:
        if slot.stays and slot.old is not None:
            while free <= slot.old:
                yield Step(free=free)
                free += 1
        yield Step(slot=slot)
    while free < count:
        yield Step(free=free)
        free += 1
