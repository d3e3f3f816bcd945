"""A fair queue: one queue for each connector, served in turns, so that no connector waits for another's backlog."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")

#: How many bytes a lane may take at each turn. A larger item waits for as many turns as it needs.
QUANTUM = 2**20
#: The cost of the smallest item, so that a lane of many small items also takes turns.
MIN_COST = 2**12


class _Lane(Generic[_T]):
    """One connector's queue: its items with their costs, and the bytes that it may still take at its turn."""

    def __init__(self) -> None:
        self.items: deque[tuple[_T, int]] = deque()
        self.credit = QUANTUM


class FairQueue(Generic[_T]):
    """Queues that take turns by bytes, not by items: deficit round robin (Shreedhar and Varghese, 1996).

    A lane that is never empty gets an equal share. A lane with few items waits for at most one turn of each of the
    others. It is not thread-safe: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, _Lane[_T]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __len__(self) -> int:
        return sum(len(lane.items) for lane in self._lanes.values())

    def heads(self) -> list[_T]:
        """Return the item of each lane that has waited longest."""
        return [lane.items[0][0] for lane in self._lanes.values()]

    def put(self, lane: str, item: _T, cost: int) -> None:
        """Append an item to its lane; the cost is in bytes."""
        self._lanes.setdefault(lane, _Lane()).items.append((item, max(cost, MIN_COST)))

    def peek(self, can_run: Callable[[_T], bool] = lambda _: True) -> _T | None:
        """Return the next item, which `pop` then removes; None if there is none.

        A lane whose first item cannot run yet loses its turn: no item overtakes another in its lane.
        """
        has_candidate = True
        while has_candidate:
            has_candidate = False
            for name, lane in list(self._lanes.items()):
                item, cost = lane.items[0]
                is_runnable = can_run(item)
                if is_runnable and cost <= lane.credit:
                    return item
                has_candidate = has_candidate or is_runnable
                lane.credit += QUANTUM if is_runnable else 0
                self._lanes.move_to_end(name)
        return None

    def pop(self) -> None:
        """Remove the item that `peek` has just returned."""
        name, lane = next(iter(self._lanes.items()))
        lane.credit -= lane.items.popleft()[1]
        if not lane.items:
            del self._lanes[name]

    def drain(self) -> Iterator[_T]:
        """Yield and remove all items."""
        while self._lanes:
            _, lane = self._lanes.popitem(last=False)
            for item, _ in lane.items:
                yield item
