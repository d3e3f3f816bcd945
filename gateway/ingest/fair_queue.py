"""Lanes: what waits, a queue for each connector, taken in turns so that none waits for another's crowd."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")

#: How many bytes a lane is given at a turn. What is larger waits for as many turns as it takes.
QUANTUM = 2**20
#: What the smallest item costs, so that a lane of many small ones takes turns as well.
LEAST = 2**12


class _Lane(Generic[_T]):
    """One queue: its items with what each costs, and the bytes it may still take at its turn."""

    def __init__(self) -> None:
        self.items: deque[tuple[_T, int]] = deque()
        self.credit = QUANTUM


class Lanes(Generic[_T]):
    """Queues that take turns by bytes, not by items: deficit round robin (Shreedhar and Varghese, 1996).

    A lane that is never empty gets an equal share; one that has little to do waits for one turn of each of the
    others at most. Not safe for several threads: whoever owns it locks.
    """

    def __init__(self) -> None:
        self._lanes: OrderedDict[str, _Lane[_T]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def put(self, name: str, item: _T, cost: int) -> None:
        """Queue an item behind the others of its lane; its cost is in bytes."""
        self._lanes.setdefault(name, _Lane()).items.append((item, max(cost, LEAST)))

    def look(self, admits: Callable[[_T], bool] = lambda _: True) -> _T | None:
        """Give the next item, which `take` takes then; None where there is none.

        A lane whose first item is not admitted loses its turn: nothing overtakes inside a lane.
        """
        is_willing = True
        while is_willing:
            is_willing = False
            for name, lane in list(self._lanes.items()):
                item, cost = lane.items[0]
                is_admitted = admits(item)
                if is_admitted and cost <= lane.credit:
                    return item
                is_willing = is_willing or is_admitted
                lane.credit += QUANTUM if is_admitted else 0
                self._lanes.move_to_end(name)
        return None

    def take(self) -> None:
        """Take the item that `look` has just given."""
        name, lane = next(iter(self._lanes.items()))
        lane.credit -= lane.items.popleft()[1]
        if not lane.items:
            del self._lanes[name]

    def drain(self) -> Iterator[_T]:
        """Take everything."""
        while self._lanes:
            _, lane = self._lanes.popitem(last=False)
            for item, _ in lane.items:
                yield item
